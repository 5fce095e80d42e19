-- Every table of pg_catalog with its columns, and which catalogue a column refers to by object id.
-- Left out: statistics, and large objects' pages, which have a query of their own.
SELECT c.relname::text, c.relisshared, a.attname::text, format_type(a.atttypid, NULL), f.pktable::regclass::text,
       coalesce(f.is_array, false)
  FROM pg_class c
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN pg_get_catalog_foreign_keys() f
         ON f.fktable = c.oid AND f.fkcols = ARRAY[a.attname::text] AND f.pkcols = '{oid}'
 WHERE c.relnamespace = 'pg_catalog'::regnamespace AND c.relkind = 'r'
   AND c.relname NOT IN ('pg_statistic', 'pg_statistic_ext_data', 'pg_largeobject')
 ORDER BY c.relname, a.attnum
