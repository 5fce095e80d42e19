"""Drives the newer libpq without a driver: protocol 3.2, and both ways to cancel (`PQcancelBlocking`, `PQcancel`)."""
import ctypes
import time

LIMIT = 30
lib = ctypes.CDLL("libpq.so.5")
pointer, text = ctypes.c_void_p, ctypes.c_char_p
for name, result, arguments in [
    ("PQconnectdb", pointer, [text]),
    ("PQstatus", ctypes.c_int, [pointer]),
    ("PQerrorMessage", text, [pointer]),
    ("PQfullProtocolVersion", ctypes.c_int, [pointer]),
    ("PQdb", text, [pointer]),
    ("PQexec", pointer, [pointer, text]),
    ("PQgetvalue", text, [pointer, ctypes.c_int, ctypes.c_int]),
    ("PQclear", None, [pointer]),
    ("PQsendQuery", ctypes.c_int, [pointer, text]),
    ("PQgetResult", pointer, [pointer]),
    ("PQresultErrorField", text, [pointer, ctypes.c_int]),
    ("PQcancelCreate", pointer, [pointer]),
    ("PQcancelBlocking", ctypes.c_int, [pointer]),
    ("PQcancelErrorMessage", text, [pointer]),
    ("PQcancelFinish", None, [pointer]),
    ("PQgetCancel", pointer, [pointer]),
    ("PQcancel", ctypes.c_int, [pointer, ctypes.c_char_p, ctypes.c_int]),
    ("PQfreeCancel", None, [pointer]),
    ("PQfinish", None, [pointer]),
]:
    function = getattr(lib, name)
    function.restype, function.argtypes = result, arguments


def connect():
    """A connection."""
    connection = lib.PQconnectdb(b"")
    assert lib.PQstatus(connection) == 0, lib.PQerrorMessage(connection)
    return connection


def value(connection, query):
    """The first value of a query's result."""
    result = lib.PQexec(connection, query)
    answer = lib.PQgetvalue(result, 0, 0)
    assert answer is not None, lib.PQerrorMessage(connection)
    lib.PQclear(result)
    return answer


def encrypted(connection):
    """Cancels over a connection that is encrypted like the first one."""
    request = lib.PQcancelCreate(connection)
    assert lib.PQcancelBlocking(request) == 1, lib.PQcancelErrorMessage(request)
    lib.PQcancelFinish(request)


def old(connection):
    """Cancels in clear, as libpq always did."""
    request = lib.PQgetCancel(connection)
    why = ctypes.create_string_buffer(256)
    assert lib.PQcancel(request, why, 256) == 1, why.value
    lib.PQfreeCancel(request)


main, watcher = connect(), connect()
version = lib.PQfullProtocolVersion(main)
print(f"{version // 10000}.{version % 10000}: {value(main, b'select current_database()').decode()}")
RUNS = b"select count(*) from pg_stat_activity where query = 'select pg_sleep(600)' and state = 'active'"
for name, cancel in [("encrypted", encrypted), ("of old", old)]:
    assert lib.PQsendQuery(main, b"select pg_sleep(600)") == 1
    deadline = time.monotonic() + LIMIT
    while value(watcher, RUNS) != b"1":
        assert time.monotonic() < deadline
    cancel(main)
    state = lib.PQresultErrorField(lib.PQgetResult(main), ord("C"))
    assert state == b"57014", state
    while lib.PQgetResult(main):
        pass
    assert value(main, b"select 41 + 1") == b"42"
    print(f"request {name}: canceled, and on it goes")
lib.PQfinish(main)
lib.PQfinish(watcher)
