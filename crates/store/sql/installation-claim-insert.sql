-- Claims an installation, unless it is claimed.
INSERT INTO installation_claim (installation, made_by, reason, at) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (installation) DO NOTHING
