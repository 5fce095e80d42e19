-- mayfly belongings
-- What an account has beyond its users: of the server first, then where its users are, then where nobody could look.
{find}
DECLARE @since datetime = NULL, @job sysname = N'', @inner nvarchar(max) = {inner};
DECLARE @users TABLE (in_database sysname, name sysname, owns int);
{jobs}
{each}
SELECT @login WHERE @login IS NOT NULL;
SELECT o.class, o.name, N'' FROM ({server_owned}) AS o WHERE o.owner = @sid
UNION ALL SELECT N'JOB', j.name COLLATE DATABASE_DEFAULT, j.job_id FROM @jobs AS j WHERE j.owner = @sid;
SELECT u.in_database, u.name, u.owns FROM @users AS u;
SELECT d.name FROM sys.databases AS d WHERE d.state <> 0 OR ISNULL(HAS_DBACCESS(d.name), 0) <> 1;
