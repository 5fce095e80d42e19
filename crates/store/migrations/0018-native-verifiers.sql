-- What old clients of MySQL and MariaDB prove: the hash of a hash of a connect secret, for records of those alone.
ALTER TABLE connect_secret ADD COLUMN native BLOB;
