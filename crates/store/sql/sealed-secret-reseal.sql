-- Keeps what was sealed anew, unless somebody has set the secret meanwhile.
UPDATE sealed_secret SET sealed = ?3 WHERE user = ?1 AND sealed = ?2
