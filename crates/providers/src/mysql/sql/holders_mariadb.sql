-- Accounts that can log in and may do anything, or have the role for good. Roles are listed beside accounts here.
SELECT h.User, h.Host, h.held FROM (
    SELECT u.User, u.Host, 'SUPER' AS held FROM mysql.user u WHERE u.Super_priv = 'Y' AND u.is_role = 'N'
    UNION ALL
    SELECT u.User, u.Host, 'CREATE USER' FROM mysql.user u WHERE u.Create_user_priv = 'Y' AND u.is_role = 'N'
    UNION ALL
    SELECT u.User, u.Host, 'GRANT OPTION' FROM mysql.user u WHERE u.Grant_priv = 'Y' AND u.is_role = 'N'
    UNION ALL
    SELECT e.User, e.Host, '' FROM mysql.roles_mapping e WHERE e.Role = {elevated} AND e.Host <> ''
) h
WHERE NOT EXISTS (SELECT 1 FROM mysql.global_priv g
    WHERE g.User = h.User AND g.Host = h.Host AND JSON_VALUE(g.Priv, '$.account_locked') = 1)
ORDER BY h.User, h.Host, h.held DESC LIMIT {most};
