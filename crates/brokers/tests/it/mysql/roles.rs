//! Sessions of existing accounts, lifted into a role that is not one of their default roles.

use mayfly_brokers::{
    mysql::Outcome,
    port::{MysqlService, Service},
};
use mayfly_protocol::mysql::Command;
use mayfly_testbed::mysql::Flavour;

use super::{
    gateway::{Gateway, Target, service},
    programs::{client, complaint, families, output, printed},
    raw::Raw,
};

/// The account has `readonly` by default, and the session gets `readwrite`.
async fn each_lifted() -> Vec<(Target, Gateway)> {
    let mut all = Vec::new();
    for flavour in Flavour::ALL {
        let Some((target, mut door)) = Target::on(flavour) else { continue };
        target.sql(&format!("GRANT readwrite TO {}@'127.0.0.1'", target.user));
        door.service = lifted("readwrite");
        all.push((target, Gateway::start(door).await));
    }
    all
}

fn lifted(role: &str) -> Service {
    service(MysqlService { role: Some(role.to_owned()), ..MysqlService::default() })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_role_is_active_before_the_first_command_and_default_roles_stay() {
    for (target, gateway) in each_lifted().await {
        // MySQL has several active roles; MariaDB has one, which takes the place of the default.
        let active = match target.server.flavour() {
            Flavour::MariaDb => "readwrite",
            Flavour::MySql => "`readonly`@`%`,`readwrite`@`%`",
        };
        for family in families() {
            let got = printed(output(client(&gateway, family, &["-e", "SELECT CURRENT_ROLE()"])).await);
            assert_eq!(got, active, "{family:?}");
        }
        let mut direct = target.server.session(&target.login(&gateway), "orders").unwrap();
        assert_eq!(direct.ask("SELECT CURRENT_ROLE()").unwrap(), [target.role("readonly")]);
    }
}

/// A database that only the role may use is the session's all the same, the record's own and one that the client names.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_may_be_open_to_the_role_alone() {
    for (target, gateway) in each_lifted().await {
        let user = format!("{}@'127.0.0.1'", target.user);
        match target.server.flavour() {
            Flavour::MariaDb => target.sql(&format!("SET DEFAULT ROLE NONE FOR {user}; REVOKE readonly FROM {user}")),
            Flavour::MySql => target.sql(&format!("SET DEFAULT ROLE NONE TO {user}; REVOKE readonly FROM {user}")),
        };
        for family in families() {
            assert_eq!(printed(output(client(&gateway, family, &["-e", "SELECT DATABASE()"])).await), "orders");
            let args = ["--database=billing", "-e", "SELECT DATABASE()"];
            assert_eq!(printed(output(client(&gateway, family, &args)).await), "billing");
            let text = complaint(output(client(&gateway, family, &["--database=mysql", "-e", "SELECT 1"])).await);
            assert!(text.contains("ERROR 1044 (42000)"), "{text}");
        }
    }
}

/// Pools reset a connection before they give it to somebody else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reset_connection_has_the_role_again() {
    for (_target, gateway) in each_lifted().await {
        let mut client = Raw::ready(&gateway).await;
        let active = client.value("SELECT CURRENT_ROLE()").await;
        assert!(active.contains("readwrite"), "{active}");
        for _ in 0..3 {
            client.ask("SET ROLE NONE").await.unwrap();
            client.ask("SET @left = 'behind'").await.unwrap();
            client.command(Command::ResetConnection, b"").await;
            assert_eq!(client.next().await.unwrap().payload[0], 0);
            assert_eq!(client.value("SELECT CURRENT_ROLE()").await, active);
            assert_eq!(client.value("SELECT @left").await, "NULL");
        }
        // Sent at once behind it, without waiting.
        client.command(Command::ResetConnection, b"").await;
        client.command(Command::Query, b"SELECT CURRENT_ROLE() = ''").await;
        let mut kinds = Vec::new();
        for _ in 0..5 {
            kinds.push(super::raw::packet(&mut client.stream).await.unwrap().payload[0]);
        }
        assert_eq!((kinds[0], kinds[1], kinds[4]), (0, 1, 0xfe), "{kinds:?}");
        client.command(Command::Quit, b"").await;
        assert!(super::raw::packet(&mut client.stream).await.is_none());
        assert_eq!(gateway.outcome().await, Outcome::ClientLeft);
    }
}

/// Nobody is told that they are connected without what they were promised.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_that_is_not_granted_refuses_the_connection() {
    for flavour in Flavour::ALL {
        let Some((_target, mut door)) = Target::on(flavour) else { continue };
        door.service = lifted("no`such, role");
        let gateway = Gateway::start(door).await;
        let text = complaint(output(client(&gateway, Flavour::MariaDb, &["-e", "SELECT 1"])).await);
        assert!(text.contains("the role of this session could not be activated"), "{text}");
        assert!(matches!(gateway.outcome().await, Outcome::TargetRefused(_)));
    }
}
