//! What people do all day, by real clients, on both versions of the server.

use std::{sync::atomic::Ordering::SeqCst, time::Duration};

use mayfly_brokers::{
    port::{Clock, Standing},
    postgres::Outcome,
};
use mayfly_domain::EndReason;
use mayfly_testbed::Flavour;
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

use crate::{
    door::USER,
    gateway::{Boot, Gateway, Target, eventually},
    programs::{end, newest_libpq, output, pg_dump, printed, psql, python, texts},
};

/// A target of each version, behind a broker.
async fn each() -> Vec<(Target, Gateway)> {
    let mut all = Vec::new();
    for flavour in Flavour::ALL {
        let (target, door) = Target::on(flavour);
        all.push((target, Gateway::start(door).await));
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn psql_runs_a_query_as_the_sessions_account() {
    for (target, gateway) in each().await {
        let query = "SELECT current_user, current_database(), current_setting('server_version_num')::int / 10000";
        let got = printed(output(psql(&gateway, &["-c", query])).await);
        assert_eq!(got, format!("{}|orders|{}", target.role, target.server.flavour().major()));
        assert_eq!(gateway.outcome().await, Outcome::ClientLeft);
        let seen = &gateway.door.seen;
        assert_eq!((seen.joined.load(SeqCst), seen.started.load(SeqCst), seen.closed.load(SeqCst)), (1, 1, 1));
        assert_eq!(target.sessions(), "");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_native_id_is_the_backends_process_id() {
    for (_target, gateway) in each().await {
        let pid = printed(output(psql(&gateway, &["-c", "SELECT pg_backend_pid()"])).await);
        assert_eq!(*gateway.door.seen.native_ids.lock().unwrap(), [pid]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn databases_and_settings_of_the_client_are_passed_on() {
    for (_target, gateway) in each().await {
        let mut command =
            psql(&gateway, &["-d", "billing", "-c", "SELECT current_database()", "-c", "SHOW search_path"]);
        command.env("PGOPTIONS", "-c search_path=elsewhere").env("PGAPPNAME", "a test");
        command.args(["-c", "SHOW application_name"]);
        assert_eq!(printed(output(command).await), "billing\nelsewhere\na test");
        let got = printed(output(psql(&gateway, &["-d", USER, "-c", "SELECT current_database()"])).await);
        assert_eq!(got, "orders");
        let switched = printed(output(psql(&gateway, &["-c", "\\c billing", "-c", "SELECT current_database()"])).await);
        assert!(switched.ends_with("billing"), "{switched}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_target_refuses_at_the_start_is_told() {
    for (_target, gateway) in each().await {
        let failed = output(psql(&gateway, &["-d", "nowhere", "-c", "SELECT 1"])).await;
        let (_, text) = texts(&failed);
        assert!(text.contains("FATAL:  database \"nowhere\" does not exist"), "{text}");
        assert_eq!(gateway.outcome().await, Outcome::TargetRefused("3D000".to_owned()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn copy_goes_both_ways_whole() {
    for (_target, gateway) in each().await {
        let script = r#"
import io, psycopg2, hashlib
c = psycopg2.connect("").cursor()
c.execute("CREATE TEMP TABLE t (n int, s text)")
text = "".join(f"{n}\t{'x' * (n % 300)}\n" for n in range(60000))
c.copy_expert("COPY t FROM STDIN", io.StringIO(text))
out = io.StringIO()
c.copy_expert("COPY (SELECT * FROM t ORDER BY n) TO STDOUT", out)
print(out.getvalue() == text, len(text) > 9000000)
"#;
        assert_eq!(printed(output(python(&gateway, script)).await), "True True");
    }
}

/// Notices come due in the middle of a large result and of a large COPY. Real libpq would report a lost synchronisation.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn notices_stand_between_messages_of_a_large_result() {
    for (_target, gateway) in each().await {
        let script = r#"
import io, psycopg2
db = psycopg2.connect("")
c = db.cursor()
out = io.StringIO()
total = 0
while len(db.notices) < 20 and total < 100:
    out = io.StringIO()
    c.copy_expert("COPY (SELECT n, repeat('x', n % 3000) FROM generate_series(1, 20000) n) TO STDOUT", out)
    lines = out.getvalue().split("\n")
    assert len(lines) == 20001 and all(len(l) == len(str(n + 1)) + 1 + (n + 1) % 3000 for n, l in enumerate(lines[:-1]))
    total += 1
assert all(n.startswith("NOTICE:  this session ends in ") for n in db.notices), db.notices
print(len(db.notices) >= 20)
"#;
        let child = python(&gateway, script).spawn().unwrap();
        let warnings = async {
            // Each new deadline is warned about anew.
            for extra in 0..1_000_000_u64 {
                let until = Boot.now().plus(Duration::from_secs(500) + Duration::from_millis(extra));
                gateway.door.standing.send_replace(Standing::Open { until });
                tokio::time::sleep(Duration::from_millis(7)).await;
            }
        };
        tokio::select! {
            done = end(child) => assert_eq!(printed(done), "True"),
            () = warnings => panic!("the client is not done"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn notifications_come_without_a_query() {
    for (_target, gateway) in each().await {
        let script = r#"
import psycopg2, select
a, b = psycopg2.connect(""), psycopg2.connect("")
for c in (a, b): c.set_session(autocommit=True)
a.cursor().execute("LISTEN news")
for n in range(50):
    b.cursor().execute("SELECT pg_notify('news', %s)", (str(n),))
got = []
while len(got) < 50:
    assert select.select([a], [], [], 30)[0]
    a.poll()
    got += [n.payload for n in a.notifies]
    a.notifies.clear()
print(got == [str(n) for n in range(50)])
"#;
        assert_eq!(printed(output(python(&gateway, script)).await), "True");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupt_in_psql_cancels_the_query() {
    for (target, gateway) in each().await {
        let child = psql(&gateway, &["-c", "SELECT pg_sleep(300)"]).spawn().unwrap();
        let sleeping = format!(
            "SELECT count(*) FROM pg_stat_activity WHERE usename = '{}' AND wait_event = 'PgSleep'",
            target.role
        );
        eventually("the query to run", || target.server.psql(&["-c", &sleeping]).unwrap().trim() == "1").await;
        kill_process(Pid::from_raw(i32::try_from(child.id().unwrap()).unwrap()).unwrap(), Signal::INT).unwrap();
        let (_, text) = texts(&end(child).await);
        assert!(text.contains("canceling statement due to user request"), "{text}");
        let outcomes = gateway.outcomes(2).await;
        assert!(outcomes.contains(&Outcome::Cancel { passed_on: true }), "{outcomes:?}");
    }
}

/// Issue 2, part 4: protocol 3.2, by the library that speaks it, with its long cancel keys.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn protocol_3_2_works_and_cancels() {
    for (_target, gateway) in each().await {
        let script = r#"
import ctypes, os
pq = ctypes.CDLL("libpq.so.5")
pq.PQconnectdb.restype = pq.PQexec.restype = pq.PQcancelCreate.restype = ctypes.c_void_p
pq.PQerrorMessage.restype = pq.PQgetvalue.restype = pq.PQresultErrorMessage.restype = ctypes.c_char_p
for f in (pq.PQerrorMessage, pq.PQfullProtocolVersion, pq.PQcancelCreate, pq.PQstatus): f.argtypes = [ctypes.c_void_p]
pq.PQexec.argtypes = pq.PQsendQuery.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
pq.PQgetvalue.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_int]
pq.PQresultErrorMessage.argtypes = pq.PQcancelBlocking.argtypes = pq.PQgetResult.argtypes = [ctypes.c_void_p]
pq.PQgetResult.restype = ctypes.c_void_p
for direct in (b"", b" sslnegotiation=direct"):
    c = pq.PQconnectdb(b"max_protocol_version=3.2 min_protocol_version=3.2" + direct)
    assert pq.PQstatus(c) == 0, pq.PQerrorMessage(c)
    print(pq.PQfullProtocolVersion(c), pq.PQgetvalue(pq.PQexec(c, b"SELECT 41 + 1"), 0, 0).decode())
    assert pq.PQsendQuery(c, b"SELECT pg_sleep(300)")
    # A request may overtake the query, as the manual says, so it is repeated until the query has ended.
    while pq.PQconsumeInput(ctypes.c_void_p(c)) and pq.PQisBusy(ctypes.c_void_p(c)):
        assert pq.PQcancelBlocking(pq.PQcancelCreate(c)) == 1
    print(pq.PQresultErrorMessage(pq.PQgetResult(c)).decode().strip())
"#;
        let mut command = python(&gateway, script);
        command.env("LD_LIBRARY_PATH", newest_libpq());
        let line = "30002 42\nERROR:  canceling statement due to user request";
        assert_eq!(printed(output(command).await), format!("{line}\n{line}"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pg_dump_dumps_what_it_dumps_directly() {
    for (target, gateway) in each().await {
        if target.server.flavour() != Flavour::Debian15 {
            continue; // Debian's pg_dump refuses a newer server.
        }
        target.server.psql(&["-c", &format!("GRANT pg_read_all_data TO {}", target.role)]).unwrap();
        let through = printed(output(pg_dump(&gateway, &["-d", "orders"])).await);
        let mut direct = pg_dump(&gateway, &["-d", "orders"]);
        direct.env("PGHOST", target.server.socket_dir()).env("PGPORT", target.server.port().to_string());
        direct.env("PGUSER", "postgres").env("PGSSLMODE", "disable").env_remove("PGCHANNELBINDING");
        let lines =
            |text: &str| text.lines().filter(|line| !line.contains("restrict")).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(lines(&through), lines(&printed(output(direct).await)));
        assert!(through.contains("COPY public.orders"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_connections_at_once_share_the_door() {
    for (target, gateway) in each().await {
        let script = r#"
import psycopg2, threading
done = []
barrier = threading.Barrier(30)
def work(n):
    db = psycopg2.connect("")
    c = db.cursor()
    barrier.wait(60)
    for k in range(50):
        c.execute("SELECT %s::int * 1000 + %s::int", (n, k))
        assert c.fetchone()[0] == n * 1000 + k
    done.append(n)
threads = [threading.Thread(target=work, args=(n,)) for n in range(30)]
for t in threads: t.start()
for t in threads: t.join()
print(len(done))
"#;
        assert_eq!(printed(output(python(&gateway, script)).await), "30");
        assert_eq!(gateway.outcomes(30).await, vec![Outcome::ClientLeft; 30]);
        assert_eq!(gateway.door.seen.closed.load(SeqCst), 30);
        assert_eq!(target.sessions(), "");
    }
}

/// FAILURES 63: who waits longer than a second is told what for. libpq prints notices that come after AuthenticationOk.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_for_the_launch_is_told() {
    let (_target, mut door) = Target::on(Flavour::Debian15);
    door.launch = Duration::from_millis(1500);
    let gateway = Gateway::start(door).await;
    let (stdout, stderr) = texts(&output(psql(&gateway, &["-c", "SELECT 1"])).await);
    assert_eq!((&*stdout, &*stderr), ("1", "NOTICE:  waiting for the session on orders to be ready"));
}

/// The reason stands on the person's screen, and the session ends at the target too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_ends_an_idle_psql_with_the_reason() {
    for (target, gateway) in each().await {
        let mut command = psql(&gateway, &[]);
        command.stdin(std::process::Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(b"SELECT 'there';\n").await.unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert_eq!(lines.next_line().await.unwrap().unwrap(), "there");
        gateway.door.cut(EndReason::Expired);
        assert_eq!(gateway.outcome().await, Outcome::Cut(EndReason::Expired));
        eventually("the end of the session on the target", || target.sessions().is_empty()).await;
        stdin.write_all(b"SELECT 'still';\n").await.unwrap();
        drop(stdin);
        let (_, text) = texts(&end(child).await);
        assert!(text.contains("FATAL:  the time granted for this session is over"), "{text}");
        assert!(!text.contains("still"));
    }
}
