-- The table of the database `billing`.
CREATE TABLE invoices (
    id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    orders bigint NOT NULL,
    paid   boolean NOT NULL DEFAULT false
);
INSERT INTO invoices (orders, paid) VALUES (1, true), (2, false), (3, true);
