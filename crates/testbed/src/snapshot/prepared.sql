-- Prepared transactions; the view of that name shows nothing of one whose owner or database is gone.
SELECT json_build_object('gid', p.gid,
                         'owner', coalesce(r.rolname::text, 'dangling oid ' || p.ownerid),
                         'database', coalesce(d.datname::text, 'dangling oid ' || p.dbid))::text
  FROM pg_prepared_xact() p
  LEFT JOIN pg_authid r ON r.oid = p.ownerid
  LEFT JOIN pg_database d ON d.oid = p.dbid
