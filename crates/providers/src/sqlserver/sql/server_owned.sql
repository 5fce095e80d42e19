-- What a log-in owns of the server, each with its class as ALTER AUTHORIZATION names it.
SELECT N'DATABASE' AS class, d.name COLLATE DATABASE_DEFAULT AS name, d.owner_sid AS owner FROM sys.databases AS d
UNION ALL SELECT N'SERVER ROLE', r.name, p.sid FROM sys.server_principals AS r
    JOIN sys.server_principals AS p ON p.principal_id = r.owning_principal_id WHERE r.type = 'R'
UNION ALL SELECT N'ENDPOINT', e.name, p.sid FROM sys.endpoints AS e JOIN sys.server_principals AS p ON p.principal_id = e.principal_id
UNION ALL SELECT N'AVAILABILITY GROUP', g.name, r.owner_sid FROM sys.availability_replicas AS r
    JOIN sys.availability_groups AS g ON g.group_id = r.group_id WHERE r.replica_server_name = @@SERVERNAME
