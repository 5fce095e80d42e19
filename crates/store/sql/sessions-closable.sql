-- Ending sessions to which no unfinished change belongs: none made for them that is no membership, none that they hold.
SELECT made, id, run, person, record, target, account, state, opened_at, deadline, since, end_reason FROM session
WHERE state = 'ending'
  AND NOT EXISTS (
    SELECT 1 FROM change
    WHERE change.session = session.id AND change.kind <> 'membership'
      AND change.state IN ('intended', 'present', 'withdrawing'))
  AND NOT EXISTS (
    SELECT 1 FROM hold JOIN change ON change.id = hold.change
    WHERE hold.session = session.id AND change.kind = 'membership' AND change.state IN ('intended', 'present', 'withdrawing'))
ORDER BY id LIMIT ?1
