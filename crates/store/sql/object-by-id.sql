-- One object.
SELECT json FROM object WHERE kind = ?1 AND name = ?2
