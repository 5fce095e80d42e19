-- Whether a change speaks for an account: by its name, or, if it was renamed, by the session of its mark and its identity.
SELECT EXISTS (SELECT 1 FROM change WHERE kind = 'account' AND target = ?1 AND account = ?2)
  OR EXISTS (SELECT 1 FROM change WHERE session = ?3 AND kind = 'account' AND target = ?1 AND native_id = ?4)
