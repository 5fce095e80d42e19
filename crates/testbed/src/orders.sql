-- The tables of the database `orders`.
CREATE TABLE customers (
    id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL
);
CREATE TABLE orders (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer bigint NOT NULL REFERENCES customers,
    item     text NOT NULL,
    amount   numeric(10, 2) NOT NULL
);
INSERT INTO customers (name) VALUES ('Ada'), ('Grace'), ('Edsger');
INSERT INTO orders (customer, item, amount) VALUES
    (1, 'cards', 12.50), (1, 'loom', 950.00), (2, 'wire', 3.20), (3, 'pen', 8.00), (3, 'paper', 2.40);
