-- Every object.
SELECT kind, name, json FROM object
