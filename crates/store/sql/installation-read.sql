-- Whose store this is.
SELECT id FROM installation WHERE one = 1
