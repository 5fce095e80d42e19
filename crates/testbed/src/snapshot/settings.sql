-- What configuration files set, thus also what ALTER SYSTEM wrote.
SELECT json_build_object('name', name, 'setting', setting, 'file', sourcefile)::text FROM pg_file_settings
