-- What an account owns or holds beyond membership: rows of pg_shdepend and prepared transactions.
SELECT r.oid, r.rolname,
    me.rolsuper OR pg_has_role(me.oid, r.oid, 'USAGE') AND {may_set},
    EXISTS (SELECT FROM pg_shdepend s WHERE s.refclassid = 'pg_authid'::regclass AND s.refobjid = r.oid
        AND s.deptype = 'o'),
    EXISTS (SELECT FROM pg_shdepend s WHERE s.refclassid = 'pg_authid'::regclass AND s.refobjid = r.oid
        AND s.dbid = 0 AND s.classid <> 'pg_auth_members'::regclass)
FROM pg_roles r JOIN pg_roles me ON me.rolname = current_user
WHERE {ours} ORDER BY r.rolname <> {name} LIMIT 1;
SELECT p.gid, p.database FROM pg_prepared_xacts p JOIN pg_roles r ON r.rolname = p.owner WHERE {ours};
SELECT DISTINCT d.datname FROM pg_shdepend s JOIN pg_roles r ON r.oid = s.refobjid JOIN pg_database d ON d.oid = s.dbid
WHERE s.refclassid = 'pg_authid'::regclass AND {ours} ORDER BY 1;
SELECT granted.rolname, member.rolname
FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.grantor
    JOIN pg_roles granted ON granted.oid = m.roleid JOIN pg_roles member ON member.oid = m.member
WHERE {ours};
