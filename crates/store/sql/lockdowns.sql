-- Every lockdown that holds.
SELECT lockdown, reason, made_by, since FROM lockdown ORDER BY lockdown
