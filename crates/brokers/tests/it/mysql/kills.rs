//! Ending queries and connections: by an interrupt, as the clients do it, and by the statement.

use mayfly_brokers::mysql::Outcome;
use mayfly_protocol::mysql::Command;
use mayfly_testbed::mysql::Flavour;
use rustix::process::{Pid, Signal, kill_process};

use super::{
    gateway::each,
    programs::{client, end, families, texts},
    raw::Raw,
};
use crate::gateway::eventually;

/// Ctrl-C in a client: it opens a second connection and names the first by the number that it was greeted with.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupt_ends_the_query() {
    for (target, gateway) in each().await {
        for (number, family) in families().into_iter().enumerate() {
            let sleeping = format!("SELECT SLEEP(300), {number}");
            let child = client(&gateway, family, &["-e", &sleeping]).spawn().unwrap();
            eventually("the query to run", || target.executing("SELECT SLEEP%")).await;
            kill_process(Pid::from_raw(i32::try_from(child.id().unwrap()).unwrap()).unwrap(), Signal::INT).unwrap();
            let (stdout, stderr) = texts(&end(child).await);
            // SLEEP itself says 1 where it was interrupted, and no error comes.
            let ended = stdout.starts_with('1')
                || stdout.contains("query killed")
                || stdout.contains("query aborted")
                || stderr.contains("ERROR 1317 (70100)");
            assert!(ended, "{family:?}: {stdout} {stderr}");
            let outcomes = gateway.outcomes(2 * (number + 1)).await;
            assert!(outcomes.iter().all(|outcome| *outcome == Outcome::ClientLeft), "{outcomes:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn numbers_of_the_greeting_and_of_the_server_both_lead_there() {
    for (target, gateway) in each().await {
        let mut other = Raw::ready(&gateway).await;
        for way in 0..4 {
            let mut victim = Raw::ready(&gateway).await;
            let native = victim.value("SELECT CONNECTION_ID()").await;
            assert_ne!(victim.id.to_string(), native);
            match way {
                0 => drop(other.ask(&format!("KILL {}", victim.id)).await.unwrap()),
                1 => drop(other.ask(&format!("kill connection {};", victim.id)).await.unwrap()),
                2 => drop(other.ask(&format!("KILL {native}")).await.unwrap()),
                // The command is gone from MySQL 9.
                _ if target.server.flavour() == Flavour::MySql => continue,
                _ => {
                    other.command(Command::ProcessKill, &victim.id.to_le_bytes()).await;
                    assert_eq!(other.next().await.unwrap().payload[0], 0);
                }
            }
            // The server may have a last word about it.
            while victim.next_unchecked().await.is_some() {}
        }
        // Numbers that nobody has are the server's to refuse.
        let error = other.ask("KILL 2147483600").await.unwrap_err();
        assert_eq!(error.number, 1094, "{error:?}");
    }
}
