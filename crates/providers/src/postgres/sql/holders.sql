-- Roles that can log in and hold, themselves or through others, what Mayfly is there to give for a time: one row for each right.
-- Attributes are not inherited, but whoever is a member can SET ROLE to where they are.
WITH RECURSIVE reach (member, role) AS (
    SELECT m.member, m.roleid FROM pg_auth_members m
    UNION SELECT r.member, m.roleid FROM reach r JOIN pg_auth_members m ON m.member = r.role
), have (holder, role) AS (
    SELECT oid, oid FROM pg_roles UNION SELECT member, role FROM reach
)
SELECT l.oid, l.rolname, l.rolname = current_user, CASE WHEN isfinite(l.rolvaliduntil) THEN {until} END, w.attribute,
    CASE WHEN g.oid <> l.oid THEN g.rolname END
FROM have h JOIN pg_roles l ON l.oid = h.holder JOIN pg_roles g ON g.oid = h.role
    CROSS JOIN LATERAL (VALUES ('SUPERUSER', g.rolsuper), ('CREATEROLE', g.rolcreaterole), ('BYPASSRLS', g.rolbypassrls),
        ('REPLICATION', g.rolreplication),
        ('', g.oid <> l.oid AND g.rolname IN ({elevated}, 'pg_execute_server_program', 'pg_write_server_files',
            'pg_read_server_files', 'pg_write_all_data', 'pg_read_all_data'))) w (attribute, has)
WHERE w.has AND l.rolcanlogin AND (l.rolvaliduntil IS NULL OR l.rolvaliduntil > clock_timestamp())
ORDER BY l.rolname, l.oid, g.oid = l.oid DESC, g.rolname, w.attribute LIMIT {most};
