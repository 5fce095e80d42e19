-- Installations whose leavings are ours to remove.
SELECT installation, made_by, reason, at FROM installation_claim ORDER BY id
