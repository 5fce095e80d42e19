//! tedious: parameters, both forms of TLS, and giving a statement up.

use mayfly_testbed::{SqlServerStandIn, sqlclients};

use super::{PASSWORD, run, start};

/// What every script has: `open(user, password, encrypt)` gives `run(sql, parameters)` that gives rows.
const HEAD: &str = r"
const { Connection, Request, TYPES } = require('tedious');
const fs = require('fs');
const [port, ca, password] = process.argv.slice(1).filter(a => a !== '--');
const open = (user, secret, encrypt, more) => new Promise((resolve, reject) => {
  const options = { port: +port, encrypt, database: 'orders', trustServerCertificate: false, serverName: 'localhost',
    cryptoCredentialsDetails: { ca: fs.readFileSync(ca) }, ...more };
  const connection = new Connection({ server: 'localhost', options, authentication: { type: 'default', options: { userName: user, password: secret } } });
  connection.on('error', () => {});
  const run = (sql, parameters = []) => new Promise((resolve, reject) => {
    const rows = [];
    const request = new Request(sql, error => error ? reject(error) : resolve(rows));
    parameters.forEach(([name, type, value]) => request.addParameter(name, type, value));
    request.on('row', row => rows.push(row.map(column => column.value)));
    connection.execSql(request);
  });
  connection.connect(error => error ? reject(error) : resolve({ run, connection }));
});
const show = x => console.log(JSON.stringify(x));
";

fn node(server: &SqlServerStandIn, script: &str) -> String {
    let script =
        format!("{HEAD}(async () => {{ {script} }})().catch(e => {{ console.log('failed', e); process.exit(1); }});");
    let ca = server.ca_path().display().to_string();
    let arguments = [&server.port().to_string(), ca.as_str(), server.sa_password()];
    let (output, text) = run(sqlclients::tedious(&script, &arguments).unwrap(), "");
    assert!(output.status.success(), "{text}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn parameters_arrive_through_both_forms_of_tls() {
    let server = start();
    let script = format!(
        "for (const encrypt of [true, 'strict']) {{
           const {{ run, connection }} = await open('alice', '{PASSWORD}', encrypt, {{ readOnlyIntent: true, appName: 'test' }});
           show(await run('SELECT @a AS a, @b AS b, id FROM dbo.items WHERE id = @a', [['a', TYPES.Int, 1], ['b', TYPES.NVarChar, 'é'.repeat(5000)]]).then(rows => rows.map(([a, b, id]) => [a, b.length, id])));
           show(await run('SELECT is_disabled FROM sys.sql_logins WHERE name = SUSER_SNAME()'));
           connection.close();
         }}
         show(await open('alice', 'wrong', 'strict').catch(error => error.message));"
    );
    assert_eq!(
        node(&server, &script),
        "[[1,5000,1]]\n[[false]]\n[[1,5000,1]]\n[[false]]\n\"Login failed for user 'alice'.\"\n"
    );
    assert!(server.not_understood().is_empty(), "{:?}", server.not_understood());
}

#[test]
fn a_statement_can_be_given_up_and_the_session_goes_on() {
    let server = start();
    let script = format!(
        "const {{ run, connection }} = await open('alice', '{PASSWORD}', true);
         const waiting = run(\"WAITFOR DELAY '00:10:00'\").catch(error => error.code);
         setTimeout(() => connection.cancel(), 50);
         show(await waiting);
         show(await run('SELECT 7 AS seven'));
         await new Promise((resolve, reject) => connection.reset(error => error ? reject(error) : resolve()));
         show(await run('SELECT DB_NAME()'));
         connection.close();"
    );
    assert_eq!(node(&server, &script), "\"ECANCEL\"\n[[7]]\n[[\"orders\"]]\n");
}
