-- What still keeps an account from being dropped, with the grantor, for the failure's text.
SELECT i.type, i.identity, s.deptype, (
    SELECT string_agg(DISTINCT quote_ident(pg_get_userbyid(x.grantor)), ', ')
    FROM aclexplode(CASE
        WHEN s.classid = 'pg_class'::regclass AND s.objsubid = 0 THEN (SELECT relacl FROM pg_class WHERE oid = s.objid)
        WHEN s.classid = 'pg_class'::regclass
            THEN (SELECT attacl FROM pg_attribute WHERE attrelid = s.objid AND attnum = s.objsubid)
        WHEN s.classid = 'pg_proc'::regclass THEN (SELECT proacl FROM pg_proc WHERE oid = s.objid)
        WHEN s.classid = 'pg_namespace'::regclass THEN (SELECT nspacl FROM pg_namespace WHERE oid = s.objid)
        WHEN s.classid = 'pg_type'::regclass THEN (SELECT typacl FROM pg_type WHERE oid = s.objid)
        WHEN s.classid = 'pg_language'::regclass THEN (SELECT lanacl FROM pg_language WHERE oid = s.objid)
        WHEN s.classid = 'pg_largeobject'::regclass THEN (SELECT lomacl FROM pg_largeobject_metadata WHERE oid = s.objid)
        WHEN s.classid = 'pg_database'::regclass THEN (SELECT datacl FROM pg_database WHERE oid = s.objid)
        WHEN s.classid = 'pg_tablespace'::regclass THEN (SELECT spcacl FROM pg_tablespace WHERE oid = s.objid)
        WHEN s.classid = 'pg_foreign_server'::regclass THEN (SELECT srvacl FROM pg_foreign_server WHERE oid = s.objid)
        WHEN s.classid = 'pg_foreign_data_wrapper'::regclass
            THEN (SELECT fdwacl FROM pg_foreign_data_wrapper WHERE oid = s.objid)
        WHEN s.classid = 'pg_default_acl'::regclass THEN (SELECT defaclacl FROM pg_default_acl WHERE oid = s.objid)
    END) x
    WHERE x.grantee = s.refobjid)
FROM pg_shdepend s CROSS JOIN LATERAL pg_identify_object(s.classid, s.objid, s.objsubid) i
WHERE s.refclassid = 'pg_authid'::regclass AND s.refobjid = {oid}
    AND s.dbid IN (0, (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()))
ORDER BY s.classid, s.objid, s.objsubid LIMIT 20;
