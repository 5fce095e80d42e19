-- Demands another trust of whoever answers where changes are administered: ?1 is the destination as it was, ?2 the new trust.
UPDATE change SET place = json_set(place, '$.destination.trust', json(?2))
WHERE json_extract(place, '$.destination') = json(?1)
