-- Whether the sessions of others are seen: without the right the view shows only our own, and a look would be blind.
CASE WHEN CONVERT(int, SERVERPROPERTY('EngineEdition')) = 5
        THEN ISNULL(HAS_PERMS_BY_NAME(QUOTENAME(DB_NAME()), 'DATABASE', 'VIEW DATABASE STATE'), 0)
    WHEN HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW SERVER STATE') = 1
        OR HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW SERVER PERFORMANCE STATE') = 1 THEN 1
    ELSE 0 END
