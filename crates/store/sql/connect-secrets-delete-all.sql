-- Voids every connect secret: a new epoch begins.
DELETE FROM connect_secret
