-- Whether a change speaks for an account.
SELECT EXISTS (SELECT 1 FROM change WHERE kind = 'account' AND target = ?1 AND account = ?2)
