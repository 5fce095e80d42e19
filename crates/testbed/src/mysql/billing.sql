-- The table of the database `billing`, as PostgreSQL's of that name.
CREATE TABLE invoices (
    id     bigint NOT NULL AUTO_INCREMENT PRIMARY KEY,
    orders bigint NOT NULL,
    paid   boolean NOT NULL DEFAULT false
);
INSERT INTO invoices (orders, paid) VALUES (1, true), (2, false), (3, true);
