-- mayfly lock
DECLARE @granted int;
EXEC @granted = sys.sp_getapplock @Resource = @resource, @LockMode = @mode, @LockOwner = 'Transaction', @LockTimeout = 2000;
IF @granted < 0
    THROW 51003, N'the lock of the change is held by another session', 1;
IF SYSUTCDATETIME() >= @until
    THROW 51001, N'past its last moment', 1;
