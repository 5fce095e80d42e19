-- Notes a pass that did not conclude.
UPDATE change SET next_try = ?2, tries = ?3, failure = ?4 WHERE id = ?1
