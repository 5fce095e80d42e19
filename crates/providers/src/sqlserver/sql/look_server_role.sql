-- mayfly look {what}
-- A membership, and whether the member can log in.
SELECT l.name, {enabled}
FROM {members} AS l WHERE l.sid = @member AND l.type <> 'R';
SELECT COUNT(*) FROM sys.server_role_members AS m JOIN sys.server_principals AS r ON r.principal_id = m.role_principal_id
    JOIN sys.server_principals AS p ON p.principal_id = m.member_principal_id WHERE r.sid = @role AND p.sid = @member;
