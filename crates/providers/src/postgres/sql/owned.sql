-- What an account owns in this database, by kind, for the report and the hand-over.
SELECT i.type, i.identity,
    coalesce((SELECT p.prosecdef FROM pg_proc p WHERE s.classid = 'pg_proc'::regclass AND p.oid = s.objid), false)
FROM pg_shdepend s CROSS JOIN LATERAL pg_identify_object(s.classid, s.objid, s.objsubid) i
WHERE s.refclassid = 'pg_authid'::regclass AND s.refobjid = {oid} AND s.deptype = 'o'
    AND s.dbid IN (0, (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()))
ORDER BY s.classid, s.objid;
SELECT e.evtname, p.oid::regprocedure
FROM pg_event_trigger e JOIN pg_proc p ON p.oid = e.evtfoid JOIN pg_roles o ON o.oid = p.proowner
WHERE e.evtenabled <> 'D' AND NOT o.rolsuper;
