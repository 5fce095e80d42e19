-- Lifts a lockdown.
DELETE FROM lockdown WHERE lockdown = ?1
