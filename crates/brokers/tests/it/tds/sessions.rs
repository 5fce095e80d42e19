//! Sessions of clients that are not ours.

use std::sync::atomic::Ordering::SeqCst;

use mayfly_brokers::tds::Outcome;
use mayfly_domain::Trust;
use mayfly_testbed::sqlserver::Options;
use tiberius::{AuthMethod, Client, Config, EncryptionLevel};
use tokio_util::compat::TokioAsyncWriteCompatExt as _;

use super::{
    gateway::{ACCOUNT, Gateway, Target},
    programs::{node, python, tsql},
    raw::{Raw, strict},
};
use crate::{
    door::{SECRET, USER},
    gateway::eventually,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn freetds_works_through_it_in_every_version() {
    let (target, door) = Target::start();
    let gateway = Gateway::start(door).await;
    let versions = ["7.1", "7.2", "7.3", "7.4"];
    for version in versions {
        let script = "SELECT SUSER_SNAME(), DB_NAME(), name FROM dbo.items\nGO\nSELECT 1/0\nGO\nSELECT 5\nGO\n";
        let said = tsql(&gateway, (USER, SECRET), "", version, script).await;
        assert!(said.contains("keeper_test\torders\té"), "{version}: {said}");
        assert!(said.contains("Msg 8134") && said.contains("\n5\n"), "{version}: {said}");
    }
    assert_eq!(gateway.outcomes(versions.len()).await, vec![Outcome::ClientLeft; versions.len()]);
    assert_eq!(gateway.door.seen.closed.load(SeqCst), versions.len());
    eventually("the end of the sessions on the target", || target.sessions().is_empty()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_client_says_of_itself_and_wants_is_kept() {
    let (target, door) = Target::start();
    let gateway = Gateway::start(door).await;
    // It stays until the session was looked at.
    let looked = gateway.directory.path().join("looked");
    let script = format!(
        "
c = connect(database='other', read_only=True, appname='report')
k = c.cursor()
k.execute('SELECT SUSER_SNAME(), DB_NAME(), @@SPID, APP_NAME()')
print(k.fetchall())
import os, time
while not os.path.exists('{}'):
    time.sleep(0.02)
",
        looked.display()
    );
    let looking = async {
        eventually("the session on the target", || target.sessions().len() == 1).await;
        let session = target.sessions().remove(0);
        std::fs::write(&looked, "").unwrap();
        session
    };
    let (printed, session) = tokio::join!(python(&gateway, &script), looking);
    let spid = session.id;
    assert_eq!(printed, format!("[('{ACCOUNT}', 'other', {spid}, 'report')]\n"));
    assert_eq!((session.database.as_str(), session.program.as_str()), ("other", "report"));
    assert!(session.read_only && session.encrypted, "{session:?}");
    assert_eq!(*gateway.door.seen.native_ids.lock().unwrap(), [spid.to_string()]);
    assert_eq!(gateway.door.seen.started.load(SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tedious_works_through_both_forms_of_tls() {
    let (target, door) = Target::start();
    let gateway = Gateway::start(door).await;
    let script = "
for (const encrypt of [true, 'strict']) {
  const { run, connection } = await open({ encrypt, packetSize: 16384 });
  show(await run('SELECT @a AS a, name, DB_NAME() FROM dbo.items WHERE id = @a', [['a', TYPES.Int, 1]]));
  // More than a packet in each direction.
  show((await run('SELECT @b AS b', [['b', TYPES.NVarChar, 'é'.repeat(60000)]]))[0][0].length);
  await new Promise(resolve => { connection.on('end', resolve); connection.close(); });
}
show(await open({ database: 'nowhere' }).catch(error => error.message));
show(await open({ encrypt: 'strict' }, { userName: user, password: 'wrong' }).catch(error => error.message));
";
    let printed = node(&gateway, script).await;
    let lines: Vec<&str> = printed.lines().collect();
    assert_eq!(lines[..4], ["[[1,\"é\",\"orders\"]]", "60000", "[[1,\"é\",\"orders\"]]", "60000"], "{printed}");
    assert!(lines[4].contains("Cannot open database"), "{printed}");
    assert!(lines[5].contains("sign-in failed: the connect secret is wrong"), "{printed}");
    assert!(target.server.not_understood().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tiberius_works_through_the_strict_form() {
    let (_target, door) = Target::start();
    let gateway = Gateway::start(door).await;
    let stream = strict(&gateway, &[b"tds/8.0"]).await.unwrap();
    let mut config = Config::new();
    config.authentication(AuthMethod::sql_server(USER, SECRET));
    // TLS is there already.
    config.encryption(EncryptionLevel::NotSupported);
    config.readonly(true);
    let mut client = Client::connect(config, stream.compat_write()).await.unwrap();
    let query = "SELECT SUSER_SNAME(), name FROM dbo.items WHERE id = @P1";
    let rows = client.query(query, &[&1i32]).await.unwrap().into_first_result().await.unwrap();
    assert_eq!((rows[0].get::<&str, _>(0), rows[0].get::<&str, _>(1)), (Some(ACCOUNT), Some("é")));
    client.close().await.unwrap();
    assert_eq!(gateway.outcome().await, Outcome::ClientLeft);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_connections_of_one_session_do_not_disturb_each_other() {
    let (target, door) = Target::start();
    let gateway = Gateway::start(door).await;
    let mut clients = Vec::new();
    for _ in 0..8 {
        clients.push(Raw::ready(&gateway).await);
    }
    assert_eq!(target.sessions().len(), 8);
    for (number, client) in clients.iter_mut().enumerate() {
        let rows = client.rows(&format!("SELECT {number}")).await;
        assert_eq!(rows, [format!("[Int({number})]")]);
    }
    drop(clients);
    assert_eq!(gateway.outcomes(8).await, vec![Outcome::ClientLeft; 8]);
}

/// A record may say that its target has no TLS; then none is asked for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_in_clear_is_only_one_where_the_record_says_so() {
    let (target, door) = Target::with(Options { encrypts: false, ..Options::default() }, |_| Trust::Plaintext);
    let gateway = Gateway::start(door).await;
    let said = tsql(&gateway, (USER, SECRET), "", "7.4", "SELECT SUSER_SNAME()\nGO\n").await;
    assert!(said.contains(ACCOUNT), "{said}");
    let (_kept, mut door) = Target::start();
    door.destination.endpoint.port = target.server.port();
    let gateway = Gateway::start(door).await;
    let said = tsql(&gateway, (USER, SECRET), "", "7.4", "SELECT 1\nGO\n").await;
    assert!(said.contains("the target does not offer TLS"), "{said}");
    assert_eq!(gateway.outcome().await, Outcome::Unreachable);
    let (_kept, mut door) = Target::start();
    door.destination.trust = Trust::Plaintext;
    let gateway = Gateway::start(door).await;
    let said = tsql(&gateway, (USER, SECRET), "", "7.4", "SELECT 1\nGO\n").await;
    assert!(said.contains("the target demands TLS"), "{said}");
    // Another server than the one that is trusted gets nothing.
    let (other, _) = Target::start();
    let (_kept, mut door) = Target::start();
    door.destination.endpoint.port = other.server.port();
    let gateway = Gateway::start(door).await;
    let said = tsql(&gateway, (USER, SECRET), "", "7.4", "SELECT 1\nGO\n").await;
    assert!(said.contains("certificate"), "{said}");
    assert!(other.sessions().is_empty());
}
