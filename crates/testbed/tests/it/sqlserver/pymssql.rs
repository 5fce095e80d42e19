//! pymssql: a driver, with transactions.

use mayfly_testbed::{SqlServerStandIn, sqlclients};

use super::{column, run, start};

/// What a script prints, with `connect()` at hand.
fn python(server: &SqlServerStandIn, script: &str) -> String {
    let head = format!(
        "import pymssql
def connect(user='sa', password='{}', database='master', **more):
    return pymssql.connect(server='localhost', port='{}', user=user, password=password, database=database, encryption='require', **more)
",
        server.sa_password(),
        server.port()
    );
    let (output, text) = run(sqlclients::pymssql(&(head + script)).unwrap(), "");
    assert!(output.status.success(), "{text}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn values_of_all_types_arrive() {
    let server = start();
    let script = "
c = connect()
k = c.cursor()
k.execute(\"SELECT name, principal_id, sid, is_disabled, type, create_date FROM sys.server_principals WHERE name = %s\", ('sa',))
name, number, sid, disabled, kind, created = k.fetchall()[0]
print(name, number, sid, disabled, kind, created.year > 2000)
k.execute('SELECT NULL, CAST(1 AS bit), CAST(-5 AS smallint), 3000000000, %s', ('h\\xe9 \\U0001d11e',))
print(ascii(k.fetchall()))
";
    let printed = python(&server, script);
    assert_eq!(printed, "sa 1 b'\\x01' False S True\n[(None, True, -5, 3000000000, 'h\\xe9 \\U0001d11e')]\n");
}

#[test]
fn a_transaction_is_taken_back_and_others_wait_for_it() {
    let server = start();
    let script = "
c, other = connect(), connect(autocommit=True)
k = c.cursor()
k.execute(\"CREATE LOGIN bob WITH PASSWORD = N'Secret-123'\")
try:
    k.execute('KILL 60')
except pymssql.Error as e:
    print(e.args[0])
c.rollback()
k.execute(\"SELECT COUNT(*) FROM sys.server_principals WHERE name = 'bob'\")
print(k.fetchall())
k.execute(\"CREATE LOGIN eve WITH PASSWORD = N'Secret-123'\")
c.commit()
o = other.cursor()
o.execute(\"SELECT COUNT(*) FROM sys.server_principals WHERE name = 'eve'\")
print(o.fetchall())
";
    assert_eq!(python(&server, script), "6115\n[(0,)]\n[(1,)]\n");
    assert_eq!(column(&server, "master", "SELECT name FROM sys.sql_logins WHERE name IN ('bob', 'eve')"), ["eve"]);
}

#[test]
fn whoever_is_killed_notices() {
    let server = start();
    let script = "
c = connect(user='alice', password='Secret-123', database='orders', autocommit=True)
k = c.cursor()
k.execute('SELECT @@SPID')
spid = k.fetchone()[0]
admin = connect(autocommit=True)
a = admin.cursor()
a.execute(\"SELECT session_id FROM sys.dm_exec_sessions WHERE login_name = 'alice'\")
print(a.fetchall() == [(spid,)])
for number in (spid, spid):
    try:
        a.execute('KILL %d' % number)
        while True:
            a.execute(\"SELECT COUNT(*) FROM sys.dm_exec_sessions WHERE login_name = 'alice'\")
            if a.fetchone()[0] == 0:
                break
        print('killed')
    except pymssql.Error as e:
        print(e.args[0])
try:
    k.execute('SELECT 1')
    print('alive')
except pymssql.Error as e:
    print('cut')
a.execute('SELECT @@SPID')
try:
    a.execute('KILL %d' % a.fetchone()[0])
except pymssql.Error as e:
    print(e.args[0])
";
    assert_eq!(python(&server, script), "True\nkilled\n6106\ncut\n6104\n");
}

#[test]
fn rows_of_bulk_copies_and_requests_to_the_manager_of_transactions_are_not_taken_for_done() {
    let server = start();
    let script = "
c = connect(database='orders', autocommit=True)
try:
    c.bulk_copy('items', [(3, 'x')])
    print('done')
except Exception as e:
    print('59999' in str(e))
";
    assert_eq!(python(&server, script), "True\n");
    assert_eq!(column(&server, "orders", "SELECT COUNT(*) FROM dbo.items"), ["2"]);
}
