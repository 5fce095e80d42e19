-- mayfly user disable
{find}
DECLARE @statement nvarchar(max) = N'DENY CONNECT TO ' + QUOTENAME(@user) + N';';
IF @user IS NOT NULL
    EXEC (@statement);
