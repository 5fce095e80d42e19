-- Targets on which something is written off.
SELECT DISTINCT target FROM change WHERE state = 'written_off' ORDER BY target
