"""What programs do with PostgreSQL, through psycopg2. Each part prints its name when all of it was as expected."""
import io
import select
import threading
import time

import psycopg2
import psycopg2.errors
import psycopg2.extensions
import psycopg2.extras

LIMIT = 30
connection = psycopg2.connect("")
cursor = connection.cursor()


def ready(sql_connection):
    """Waits until something came or LIMIT is over."""
    return select.select([sql_connection], [], [], LIMIT) != ([], [], [])


def wait(sql_connection):
    """Drives an asynchronous connection until it is idle."""
    while True:
        state = sql_connection.poll()
        if state == psycopg2.extensions.POLL_OK:
            return
        reads = [sql_connection] if state == psycopg2.extensions.POLL_READ else []
        writes = [sql_connection] if state == psycopg2.extensions.POLL_WRITE else []
        assert select.select(reads, writes, [], LIMIT) != ([], [], []), "waited in vain"


cursor.execute("select %s, %s, %s, %s", (1, "it's a \"test\"; --", None, [1, 2, 3]))
assert cursor.fetchone() == (1, "it's a \"test\"; --", None, [1, 2, 3])
psycopg2.extras.execute_values(
    cursor,
    "insert into orders (customer, item, amount) values %s returning id",
    [(1, "it's a \"test\"; --", "1.00")],
    fetch=True,
)
cursor.execute("prepare p as select $1::bytea")
binary = bytes(range(256)) * 1000
cursor.execute("execute p (%s)", (psycopg2.Binary(binary),))
assert bytes(cursor.fetchone()[0]) == binary
connection.commit()
print("parameters")

cursor.execute("insert into orders (customer, item, amount) values (2, 'rolled back', 1)")
connection.rollback()
cursor.execute("insert into orders (customer, item, amount) values (2, 'kept', 1)")
cursor.execute("savepoint s")
try:
    cursor.execute("insert into orders (customer, item, amount) values (99, 'no such customer', 1)")
    raise AssertionError("a foreign key was ignored")
except psycopg2.errors.ForeignKeyViolation as error:
    assert error.diag.constraint_name == "orders_customer_fkey", error.diag.constraint_name
    cursor.execute("rollback to s")
connection.commit()
print("transactions")

rows = "".join(f"{number}\ttext {number} \\\\ \\t ä\n" for number in range(20000))
cursor.execute("create temp table copied (id int, body text)")
cursor.copy_expert("copy copied from stdin", io.StringIO(rows))
assert cursor.rowcount == 20000
out = io.StringIO()
cursor.copy_expert("copy (select * from copied order by id) to stdout", out)
assert out.getvalue() == rows
try:
    cursor.copy_expert("copy copied from stdin", io.StringIO("not a number\tx\n"))
    raise AssertionError("a bad row was taken")
except psycopg2.errors.InvalidTextRepresentation:
    connection.rollback()
print("copy")

listener = psycopg2.connect("")
listener.set_isolation_level(psycopg2.extensions.ISOLATION_LEVEL_AUTOCOMMIT)
listener.cursor().execute("listen news")
connection.set_isolation_level(psycopg2.extensions.ISOLATION_LEVEL_AUTOCOMMIT)
for number in range(3):
    cursor.execute("select pg_notify('news', %s)", (f"number {number}",))
    deadline = time.monotonic() + LIMIT
    while len(listener.notifies) <= number:
        assert time.monotonic() < deadline and ready(listener)
        listener.poll()
assert [note.payload for note in listener.notifies] == ["number 0", "number 1", "number 2"]
listener.close()
print("listen")

connection.set_isolation_level(psycopg2.extensions.ISOLATION_LEVEL_READ_COMMITTED)
named = connection.cursor("on_the_server")
named.itersize = 100
named.execute("select n, repeat('x', 100) from generate_series(1, 5000) n")
assert sum(number for number, _ in named) == 5000 * 5001 // 2
named.close()
connection.commit()
print("cursor")


def cancel_when_it_runs():
    """Cancels once the query is seen to run."""
    watcher = psycopg2.connect("")
    deadline = time.monotonic() + LIMIT
    looking = watcher.cursor()
    while time.monotonic() < deadline:
        looking.execute("select count(*) from pg_stat_activity where query = 'select pg_sleep(600)' and state = 'active'")
        watcher.commit()
        if looking.fetchone()[0] == 1:
            break
    watcher.close()
    connection.cancel()


thread = threading.Thread(target=cancel_when_it_runs)
thread.start()
try:
    cursor.execute("select pg_sleep(600)")
    raise AssertionError("the query was not cancelled")
except psycopg2.errors.QueryCanceled:
    connection.rollback()
thread.join()
cursor.execute("select 1")
assert cursor.fetchone() == (1,)
connection.commit()
print("cancel")

asynchronous = psycopg2.connect("", async_=1)
wait(asynchronous)
running = asynchronous.cursor()
running.execute("select count(*) from generate_series(1, 100000)")
wait(asynchronous)
assert running.fetchone() == (100000,)
asynchronous.close()
print("async")

large = connection.lobject(0, "wb")
large.write(binary)
identity = large.oid
large.close()
assert connection.lobject(identity, "rb").read() == binary
connection.lobject(identity).unlink()
connection.commit()
print("large object")

cursor.execute("do $$ begin raise notice 'told %', 7; end $$")
assert any("told 7" in notice for notice in connection.notices), connection.notices
connection.close()
print("notices")
