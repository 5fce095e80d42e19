-- mayfly disable
-- Not under the lock of the change: whoever holds that lock on the server must not be able to keep the account open.
{find}
DECLARE @statement nvarchar(max) = N'ALTER LOGIN ' + QUOTENAME(@login) + N' DISABLE;';
IF @login IS NOT NULL
    EXEC (@statement);
