"""Opens 20 connections at once, a 21st, and then 200 one after the other by four threads."""
import concurrent.futures
import time

import psycopg2


def opened(_):
    """A connection and the account that it came in with."""
    connection = psycopg2.connect("")
    cursor = connection.cursor()
    cursor.execute("select current_user")
    return connection, cursor.fetchone()[0]


with concurrent.futures.ThreadPoolExecutor(20) as pool:
    everything = list(pool.map(opened, range(20)))
print(len(everything), "connections,", len({account for _, account in everything}), "account")
try:
    opened(None)
    print("a 21st connection was opened")
except psycopg2.OperationalError as error:
    print(str(error).strip().replace("\n", " "))
accounts = {account for _, account in everything}
for connection, _ in everything:
    connection.close()
# The target frees a place when the backend has ended, a moment after the client has left.
for _ in range(500):
    try:
        opened(None)[0].close()
        break
    except psycopg2.OperationalError:
        time.sleep(0.01)


def once(_):
    """Opens, asks and closes."""
    connection, account = opened(None)
    connection.close()
    return account


with concurrent.futures.ThreadPoolExecutor(4) as pool:
    again = list(pool.map(once, range(200)))
print(len(again), "times,", len(accounts | set(again)), "account")
