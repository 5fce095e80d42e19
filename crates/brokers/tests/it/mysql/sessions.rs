//! What people do all day, by the clients of both families, on both servers.

use std::sync::atomic::Ordering::SeqCst;

use mayfly_brokers::{mysql::Outcome, port::MysqlService};
use mayfly_domain::EndReason;
use mayfly_testbed::mysql::Flavour;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

use super::{
    gateway::{each, each_with},
    programs::{client, complaint, end, families, output, printed, program, texts},
    raw::Raw,
};
use crate::gateway::eventually;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_clients_run_a_query_as_the_sessions_account() {
    for (target, gateway) in each().await {
        for (number, family) in families().into_iter().enumerate() {
            let query = "SELECT CURRENT_USER(), DATABASE(), VERSION(), CURRENT_ROLE()";
            let got = printed(output(client(&gateway, family, &["-e", query])).await);
            let version = target.sql("SELECT VERSION()");
            let role = target.role("readonly");
            assert_eq!(got, format!("{}@127.0.0.1\torders\t{version}\t{role}", target.user), "{family:?}");
            assert_eq!(gateway.outcomes(number + 1).await[number], Outcome::ClientLeft);
            let seen = &gateway.door.seen;
            let counted = (seen.joined.load(SeqCst), seen.started.load(SeqCst), seen.closed.load(SeqCst));
            assert_eq!(counted, (number + 1, number + 1, number + 1));
        }
        eventually("the end of the session on the target", || target.connections().is_empty()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_native_id_is_the_servers_number() {
    for (_target, gateway) in each().await {
        let id = printed(output(client(&gateway, Flavour::MariaDb, &["-e", "SELECT CONNECTION_ID()"])).await);
        assert_eq!(*gateway.door.seen.native_ids.lock().unwrap(), [id]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn databases_and_what_the_client_says_of_itself_are_passed_on() {
    for (target, gateway) in each().await {
        for family in families() {
            let args = ["--database=billing", "-e", "SELECT DATABASE(), @@character_set_client"];
            assert_eq!(printed(output(client(&gateway, family, &args)).await), "billing\tutf8mb4");
            let args = ["-e", "USE billing; SELECT DATABASE()"];
            assert_eq!(printed(output(client(&gateway, family, &args)).await), "billing");
            let failed = complaint(output(client(&gateway, family, &["--database=nowhere", "-e", "SELECT 1"])).await);
            // Who may not use a database is not told whether it is there.
            assert!(failed.contains("ERROR 1044 (42000)") || failed.contains("ERROR 1049 (42000)"), "{failed}");
            // The collation that MySQL's client begins with is none of MariaDB's.
            let mut command = client(&gateway, family, &["-e", "SELECT CONVERT(UNHEX('C3A9') USING utf8mb4), 'é'"]);
            command.arg("--default-character-set=utf8mb4");
            assert_eq!(printed(output(command).await), "é\té", "{family:?} on {}", target.server.version());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_results_and_statements_go_both_ways_whole() {
    for (target, gateway) in each().await {
        target.sql("SET GLOBAL max_allowed_packet = 64 * 1024 * 1024");
        for family in families() {
            // Two packets up and two down: a value of 17 MB.
            let script = gateway.path("large.sql");
            let value = "x".repeat(17 << 20);
            std::fs::write(&script, format!("SELECT LENGTH('{value}'), CRC32('{value}');")).unwrap();
            let mut command = client(&gateway, family, &["--max-allowed-packet=64M"]);
            command.stdin(std::fs::File::open(&script).unwrap());
            let through = printed(output(command).await);
            assert!(through.starts_with(&(17 << 20).to_string()), "{}", target.server.version());
            let sql = "SELECT REPEAT('y', 17825792)";
            let got = printed(output(client(&gateway, family, &["--max-allowed-packet=64M", "-e", sql])).await);
            assert!(got.len() == 17 << 20 && got.bytes().all(|byte| byte == b'y'));
            let sql = "SELECT GROUP_CONCAT(a.n) FROM (WITH RECURSIVE c AS (SELECT 1 n UNION ALL SELECT n + 1 FROM c WHERE n < 900) \
                       SELECT n FROM c) a; SELECT NULL, 'second'";
            let got = printed(output(client(&gateway, family, &["-e", sql])).await);
            assert!(got.ends_with("NULL\tsecond"), "{got}");
        }
    }
}

/// Rows that begin with NULL have the byte with which a server asks for a file.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_look_like_something_else_pass() {
    for (_target, gateway) in each().await {
        let sql =
            "SELECT NULL, 1 UNION ALL SELECT NULL, 2; SELECT '' UNION ALL SELECT NULL; SELECT REPEAT('a', 252), NULL";
        for family in families() {
            let got = printed(output(client(&gateway, family, &["-e", sql])).await);
            assert_eq!(got, format!("NULL\t1\nNULL\t2\n\nNULL\n{}\tNULL", "a".repeat(252)));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_of_the_client_are_sent_only_where_the_record_allows_it() {
    for allowed in [false, true] {
        for (target, gateway) in each_with(MysqlService { local_files: allowed, ..MysqlService::default() }).await {
            target.sql("SET GLOBAL local_infile = 1");
            target.sql(&format!("CREATE DATABASE {0}; GRANT ALL ON {0}.* TO {0}@'127.0.0.1'", target.user));
            let file = gateway.path("rows.txt");
            // What looks like commands, at the beginning of a packet too.
            let rows: String = (0..40_000).map(|n| format!("\x11\x01{n}\n")).collect();
            std::fs::write(&file, &rows).unwrap();
            for family in families() {
                let sql = format!(
                    "CREATE OR REPLACE VIEW v AS SELECT 1; DROP TABLE IF EXISTS t; CREATE TABLE t (s TEXT); \
                     LOAD DATA LOCAL INFILE '{}' INTO TABLE t; SELECT COUNT(*), MIN(LENGTH(s)) FROM t",
                    file.display()
                );
                let database = format!("--database={}", target.user);
                let ended = output(client(&gateway, family, &["--local-infile=1", &database, "-e", &sql])).await;
                if allowed {
                    assert_eq!(printed(ended), "40000\t3", "{family:?} on {}", target.server.version());
                } else {
                    let text = complaint(ended);
                    assert!(
                        text.contains("ERROR 3948 ") || text.contains("ERROR 4166 ") || text.contains("ERROR 1148 "),
                        "{text}"
                    );
                }
            }
            target.sql(&format!("DROP DATABASE {}", target.user));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dump_is_what_it_is_directly_and_can_be_restored() {
    for (target, gateway) in each().await {
        // Each server's own tool: they do not dump each other's servers whole.
        let family = target.server.flavour();
        let name = match family {
            Flavour::MariaDb => "mariadb-dump",
            Flavour::MySql => "mysqldump",
        };
        let schema = target.user.clone();
        target.sql(&format!(
            "CREATE DATABASE {schema} CHARACTER SET utf8mb4; GRANT ALL ON {schema}.* TO {schema}@'127.0.0.1'"
        ));
        target.sql("SET GLOBAL log_bin_trust_function_creators = 1");
        // Made by the account, so that what is dumped may be read, and restored, by it.
        let sequence = if family == Flavour::MariaDb { "; CREATE SEQUENCE numbers START WITH 7" } else { "" };
        let file = gateway.path("schema.sql");
        std::fs::write(&file, format!("{SCHEMA}{sequence};")).unwrap();
        let mut making = client(&gateway, family, &[&format!("--database={schema}")]);
        making.stdin(std::fs::File::open(&file).unwrap());
        printed(output(making).await);
        // The binary log and its transactions are an administrator's.
        let own = if family == Flavour::MySql { "--set-gtid-purged=OFF" } else { "--skip-comments" };
        let args = ["--skip-dump-date", "--routines", "--events", "--no-tablespaces", own, &schema];
        let mut through = program(&gateway, family, name);
        through.args(args);
        let dumped = printed(output(through).await);
        assert!(dumped.contains("CREATE TABLE `orders`") && dumped.contains("TRIGGER"), "{dumped}");
        let direct = target.dump(&args);
        assert_eq!(lines(&dumped), lines(&direct));
        // Into an empty database, through the broker.
        let copy = format!("{schema}_copy");
        target.sql(&format!(
            "CREATE DATABASE {copy} CHARACTER SET utf8mb4; GRANT ALL ON {copy}.* TO {schema}@'127.0.0.1'"
        ));
        let file = gateway.path("dump.sql");
        std::fs::write(&file, &dumped).unwrap();
        let mut restoring = client(&gateway, family, &[&format!("--database={copy}")]);
        restoring.stdin(std::fs::File::open(&file).unwrap());
        printed(output(restoring).await);
        let look = "SELECT COUNT(*), SUM(amount), MAX(note) FROM";
        assert_eq!(target.sql(&format!("{look} {copy}.orders")), target.sql(&format!("{look} {schema}.orders")));
        let dumped_again = target.dump(&["--skip-dump-date", "--routines", "--events", "--no-tablespaces", own, &copy]);
        assert_eq!(lines(&dumped_again.replace(&copy, &schema)), lines(&direct));
        target.sql(&format!("DROP DATABASE {schema}; DROP DATABASE {copy}"));
    }
}

/// A schema with what real ones have.
const SCHEMA: &str = "CREATE TABLE customers (id INT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(60) NOT NULL, UNIQUE (name)); \
    CREATE TABLE orders (id INT PRIMARY KEY AUTO_INCREMENT, customer INT, amount DECIMAL(10, 2), note TEXT, data JSON, blob_ BLOB, \
    at DATETIME(6), FOREIGN KEY (customer) REFERENCES customers (id)); \
    CREATE VIEW totals AS SELECT customer, SUM(amount) AS total FROM orders GROUP BY customer; \
    CREATE TRIGGER checked BEFORE INSERT ON orders FOR EACH ROW SET NEW.note = CONCAT(NEW.note, '!'); \
    CREATE PROCEDURE counted() SELECT COUNT(*) FROM orders; \
    INSERT INTO customers (name) VALUES ('Anna'), ('Björn'), ('チヨ'); \
    INSERT INTO orders (customer, amount, note, data, blob_, at) VALUES \
    (1, 12.50, 'it''s', '{\"a\": 1}', x'00ff1a0d0a', '2026-01-01 10:00:00.5'), (2, NULL, 'x\\\\y', NULL, NULL, NULL), \
    (3, 7, '漢字', '[]', x'', '2026-02-02 00:00:00')";

/// The lines of a dump without those that name the server.
fn lines(dump: &str) -> Vec<&str> {
    dump.lines().filter(|line| !line.starts_with("-- ") && !line.contains("sandbox mode")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_clients_at_once_share_the_door() {
    for (target, gateway) in each().await {
        let family = target.server.flavour();
        let name = match family {
            Flavour::MariaDb => "mariadb-slap",
            Flavour::MySql => "mysqlslap",
        };
        let mut slap = program(&gateway, family, name);
        slap.args(["--concurrency=30", "--number-of-queries=1500", "--create-schema=orders"]);
        slap.args(["--no-drop", "--query=SELECT 1 + 1", "--iterations=1", "--csv"]);
        let (stdout, stderr) = texts(&output(slap).await);
        assert!(stdout.contains(",30,50"), "{stdout}\n{stderr}");
        let outcomes = gateway.outcomes(31).await;
        assert!(outcomes.iter().all(|outcome| *outcome == Outcome::ClientLeft), "{outcomes:?}");
        eventually("the end of the sessions on the target", || target.connections().is_empty()).await;
    }
}

/// The reason stands on the person's screen at their next command, and the session ends at the target at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_ends_an_idle_client_with_the_reason() {
    for family in families() {
        for (target, gateway) in each().await {
            let mut command = client(&gateway, family, &["--unbuffered", "--skip-reconnect"]);
            command.stdin(std::process::Stdio::piped());
            let mut child = command.spawn().unwrap();
            let mut stdin = child.stdin.take().unwrap();
            stdin.write_all(b"SELECT 'there';\n").await.unwrap();
            let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
            assert_eq!(lines.next_line().await.unwrap().unwrap(), "there");
            gateway.door.cut(EndReason::Expired);
            assert_eq!(gateway.outcome().await, Outcome::Cut(EndReason::Expired));
            eventually("the end of the session on the target", || target.connections().is_empty()).await;
            stdin.write_all(b"SELECT 'still';\n").await.unwrap();
            drop(stdin);
            let (_, text) = texts(&end(child).await);
            assert!(text.contains("the time granted for this session is over"), "{family:?}: {text}");
            assert_eq!(lines.next_line().await.unwrap(), None);
        }
    }
}

/// What is not in the two families' clients: prepared statements, cursors, several results, resetting.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_of_drivers_pass() {
    use mayfly_protocol::mysql::Command;
    for (_target, gateway) in each().await {
        let mut client = Raw::ready(&gateway).await;
        client.command(Command::Ping, b"").await;
        assert_eq!(client.next().await.unwrap().payload[0], 0);
        client.command(Command::Statistics, b"").await;
        assert!(client.next().await.unwrap().payload.starts_with(b"Uptime"));
        client.command(Command::StmtPrepare, b"SELECT ? + 1").await;
        let prepared = client.next().await.unwrap();
        let id = prepared.payload[1..5].to_vec();
        // A parameter and a column.
        client.next().await.unwrap();
        client.next().await.unwrap();
        // One parameter, of type LONGLONG, and no cursor.
        let execute = [&id[..], &[0, 1, 0, 0, 0, 0, 1, 8, 0, 41, 0, 0, 0, 0, 0, 0, 0]].concat();
        client.command(Command::StmtExecute, &execute).await;
        client.next().await.unwrap();
        client.next().await.unwrap();
        let row = client.next().await.unwrap();
        assert_eq!(row.payload[..2], [0, 0]);
        assert_eq!(client.next().await.unwrap().payload[0], 0xfe);
        client.command(Command::StmtClose, &id).await;
        client.command(Command::InitDb, b"billing").await;
        assert_eq!(client.next().await.unwrap().payload[0], 0);
        assert_eq!(client.value("SELECT DATABASE()").await, "billing");
        client.command(Command::ResetConnection, b"").await;
        assert_eq!(client.next().await.unwrap().payload[0], 0);
        assert_eq!(client.value("SELECT 'still here'").await, "still here");
        client.command(Command::ChangeUser, b"root\0\0\0").await;
        let error = client.error().await;
        assert_eq!(error.number, 1047);
        assert!(error.message().contains("ChangeUser is not supported"), "{error:?}");
        assert!(client.next().await.is_none());
        assert_eq!(gateway.outcome().await, Outcome::Unsupported("command"));
    }
}
