-- How many sessions are in each state; those that are over are in the history.
SELECT state, count(*) FROM session GROUP BY state ORDER BY state
