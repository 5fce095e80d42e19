-- Accounts that can log in and may do anything, or have the role for good.
SELECT h.User, h.Host, h.held FROM (
    SELECT u.User, u.Host, 'SUPER' AS held FROM mysql.user u WHERE u.Super_priv = 'Y' AND u.account_locked = 'N'
    UNION ALL
    SELECT u.User, u.Host, 'CREATE USER' FROM mysql.user u WHERE u.Create_user_priv = 'Y' AND u.account_locked = 'N'
    UNION ALL
    SELECT u.User, u.Host, 'GRANT OPTION' FROM mysql.user u WHERE u.Grant_priv = 'Y' AND u.account_locked = 'N'
    UNION ALL
    SELECT u.User, u.Host, '' FROM mysql.role_edges e
        JOIN mysql.user u ON u.User = e.TO_USER AND u.Host = e.TO_HOST
    WHERE e.FROM_USER = {elevated} AND e.FROM_HOST = '%' AND u.account_locked = 'N'
) h
ORDER BY h.User, h.Host, h.held DESC LIMIT {most};
