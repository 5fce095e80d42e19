-- The users of this database that carry the mark, as their SIDs.
SELECT u.sid FROM sys.extended_properties AS e JOIN sys.database_principals AS u ON u.principal_id = e.major_id
WHERE e.class = 4 AND e.name = N'mayfly' AND CONVERT(nvarchar(200), e.value) COLLATE Latin1_General_BIN2 = @mark
