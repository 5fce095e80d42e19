-- Who holds a membership.
SELECT session FROM hold WHERE change = ?1 ORDER BY session
