-- Accounts whose name begins with our prefix or whose comment looks like a mark, whoever made them.
SELECT {now};
SELECT r.oid, r.rolname,
    r.rolcanlogin AND (r.rolvaliduntil IS NULL OR r.rolvaliduntil > clock_timestamp()),
    CASE WHEN isfinite(r.rolvaliduntil) THEN {until} END,
    d.description,
    (SELECT count(*) FROM pg_stat_activity a WHERE a.usesysid = r.oid)
FROM pg_roles r
    LEFT JOIN pg_shdescription d ON d.objoid = r.oid AND d.classoid = 'pg_authid'::regclass
WHERE starts_with(r.rolname::text, {prefix}) OR starts_with(d.description, 'mayfly ins_')
ORDER BY r.rolname LIMIT {most};
