-- The tables of the database `orders`, as PostgreSQL's of that name.
CREATE TABLE customers (
    id   bigint NOT NULL AUTO_INCREMENT PRIMARY KEY,
    name varchar(100) NOT NULL
);
CREATE TABLE orders (
    id       bigint NOT NULL AUTO_INCREMENT PRIMARY KEY,
    customer bigint NOT NULL,
    item     varchar(100) NOT NULL,
    amount   numeric(10, 2) NOT NULL,
    FOREIGN KEY (customer) REFERENCES customers (id)
);
INSERT INTO customers (name) VALUES ('Ada'), ('Grace'), ('Edsger');
INSERT INTO orders (customer, item, amount) VALUES
    (1, 'cards', 12.50), (1, 'loom', 950.00), (2, 'wire', 3.20), (3, 'pen', 8.00), (3, 'paper', 2.40);
