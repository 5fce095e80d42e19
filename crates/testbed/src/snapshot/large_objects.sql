-- The content of large objects; their owners and rights are in pg_largeobject_metadata.
SELECT json_build_object('loid', loid::text, 'hash', md5(string_agg(data, ''::bytea ORDER BY pageno)))::text
  FROM pg_largeobject GROUP BY loid
