-- How the last search of each record's target went.
SELECT record, at, target, failure FROM orphan_scan ORDER BY record
