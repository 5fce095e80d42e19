-- What a principal owns in this database, each with its class as ALTER AUTHORIZATION names it.
SELECT N'SCHEMA' AS class, CONVERT(sysname, N'') COLLATE DATABASE_DEFAULT AS parent, s.name COLLATE DATABASE_DEFAULT AS name, s.principal_id AS owner FROM sys.schemas AS s
UNION ALL SELECT N'ROLE', N'', r.name, r.owning_principal_id FROM sys.database_principals AS r WHERE r.type = 'R'
UNION ALL SELECT N'OBJECT', SCHEMA_NAME(o.schema_id), o.name, o.principal_id FROM sys.objects AS o WHERE o.parent_object_id = 0
UNION ALL SELECT N'TYPE', SCHEMA_NAME(t.schema_id), t.name, t.principal_id FROM sys.types AS t WHERE t.is_user_defined = 1
UNION ALL SELECT N'XML SCHEMA COLLECTION', SCHEMA_NAME(x.schema_id), x.name, x.principal_id FROM sys.xml_schema_collections AS x
UNION ALL SELECT N'ASSEMBLY', N'', a.name, a.principal_id FROM sys.assemblies AS a
UNION ALL SELECT N'CERTIFICATE', N'', c.name, c.principal_id FROM sys.certificates AS c
UNION ALL SELECT N'ASYMMETRIC KEY', N'', k.name, k.principal_id FROM sys.asymmetric_keys AS k
UNION ALL SELECT N'SYMMETRIC KEY', N'', k.name, k.principal_id FROM sys.symmetric_keys AS k
UNION ALL SELECT N'MESSAGE TYPE', N'', m.name COLLATE DATABASE_DEFAULT, m.principal_id FROM sys.service_message_types AS m
UNION ALL SELECT N'CONTRACT', N'', c.name COLLATE DATABASE_DEFAULT, c.principal_id FROM sys.service_contracts AS c
UNION ALL SELECT N'SERVICE', N'', s.name COLLATE DATABASE_DEFAULT, s.principal_id FROM sys.services AS s
UNION ALL SELECT N'REMOTE SERVICE BINDING', N'', b.name, b.principal_id FROM sys.remote_service_bindings AS b
UNION ALL SELECT N'ROUTE', N'', r.name, r.principal_id FROM sys.routes AS r
UNION ALL SELECT N'FULLTEXT CATALOG', N'', f.name, f.principal_id FROM sys.fulltext_catalogs AS f
UNION ALL SELECT N'FULLTEXT STOPLIST', N'', f.name, f.principal_id FROM sys.fulltext_stoplists AS f
UNION ALL SELECT N'SEARCH PROPERTY LIST', N'', p.name, p.principal_id FROM sys.registered_search_property_lists AS p
