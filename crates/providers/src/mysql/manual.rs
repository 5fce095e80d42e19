//! The way out by hand on MySQL and MariaDB: a shell script that runs the server's own client.

use super::dialect::Dialect;
use super::payload::{Account, Frozen, Membership};
use super::sql::{account, ident, literal, shown};
use crate::leftovers::Leftovers;
use crate::manual::{comment, quoted};
use mayfly_domain::Failure;
use mayfly_engine::ports::ledger::ChangeRow;
use std::fmt::Write as _;

/// The script for a change.
///
/// # Errors
/// When this build cannot read what was written down of it.
pub(super) fn by_hand(dialect: Dialect, change: &ChangeRow) -> Result<String, Failure> {
    let frozen = Frozen::read(&change.payload, dialect)?;
    let mut script = Script { dialect, change, text: String::new() };
    script.head();
    match &frozen {
        Frozen::AccountV1(account) => script.account(account),
        Frozen::MembershipV1(membership) => script.membership(membership),
    }
    Ok(script.text)
}

/// A script in the making.
struct Script<'a> {
    dialect: Dialect,
    change: &'a ChangeRow,
    text: String,
}

impl Script<'_> {
    fn line(&mut self, line: &str) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.text, "{line}");
    }

    /// A statement that is run as it is; none ends the quotes of the shell early.
    fn statement(&mut self, sql: &str) {
        self.line(&format!("run {}", quoted(sql)));
    }

    fn head(&mut self) {
        let change = self.change;
        let endpoint = &change.place.destination.endpoint;
        let client = if self.dialect == Dialect::MariaDb { "mariadb" } else { "mysql" };
        let group = change.group.as_deref().map_or_else(String::new, |group| format!(" in role {}", shown(group)));
        self.line("#!/bin/sh");
        for line in [
            format!("What change {} of session {} takes to be undone by hand:", change.id, change.session),
            format!("{} {}{group}", change.kind.as_str(), shown(change.account.as_str())),
            format!("on {}, at {endpoint}.", change.target),
            "Run it where the server's own client is, as root of that server. CLIENT may name it with options, such as"
                .to_owned(),
            format!(
                "CLIENT='{client} --user=root --host=db --port=3306'; a password is read from MYSQL_PWD or from its files."
            ),
        ] {
            self.text.push_str(&comment(&line));
        }
        self.line("set -eu");
        self.line(&format!(": \"${{CLIENT:={client}}}\""));
        self.line(
            "run() { $CLIENT --batch --skip-column-names --raw --default-character-set=utf8mb4 --execute=\"$1\"; }",
        );
        let identity = match self.dialect {
            Dialect::MySql => "SELECT CONCAT('mysql:', @@GLOBAL.server_uuid)".to_owned(),
            Dialect::MariaDb => "SET time_zone = '+00:00'; SELECT CONCAT('mariadb:', @@GLOBAL.server_id, '-', \
                 UNIX_TIMESTAMP(MIN(CREATE_TIME))) FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'mysql' AND ENGINE = 'Aria'"
                .to_owned(),
        };
        self.line(&format!("[ \"$(run {})\" = {} ] || {{", quoted(&identity), quoted(change.target.as_str())));
        self.line("    echo 'this is another server than the one on which the change was made' >&2");
        self.line("    exit 1");
        self.line("}");
    }

    fn account(&mut self, frozen: &Account) {
        let (user, host) = (self.change.account.as_str(), frozen.host.as_str());
        let named = account(user, host);
        let ours = format!(
            "SELECT COUNT(*) FROM {} u WHERE u.User = {} AND u.Host = {} AND {}",
            if self.dialect == Dialect::MySql { "mysql.user" } else { "mysql.global_priv" },
            literal(user),
            literal(host),
            self.dialect.marked(Some(&frozen.mark))
        );
        self.line("\n# Only an account with our mark is ours; it may have been renamed, which is not looked for here.");
        self.line(&format!("ours=$(run {})", quoted(&ours)));
        self.line("if [ \"$ours\" = 1 ]; then");
        self.line("# No more log-in, and the sessions end.");
        self.statement(&format!("ALTER USER {named} ACCOUNT LOCK"));
        self.line("fi");
        self.line("# Not where somebody else has its name.");
        let all = format!("SELECT COUNT(*) FROM mysql.user u WHERE u.User = {}", literal(user));
        self.line(&format!("if [ \"$(run {})\" = \"$ours\" ]; then", quoted(&all)));
        self.end_sessions(&format!("USER = {}", literal(user)));
        self.line("fi");
        self.line("if [ \"$ours\" = 1 ]; then");
        if frozen.leftovers == Leftovers::Keep {
            self.line("# The record says that it stays, locked, if it has defined anything.");
            self.line(&format!("[ -z \"$(run {})\" ] || exit 0", quoted(&defined(user, host))));
        } else {
            self.hand_over(frozen, user, host);
        }
        self.line("# The account goes.");
        self.statement(&format!("DROP USER IF EXISTS {named}"));
        self.line("fi");
        if let Some(database) = &frozen.event_database {
            self.statement(&format!("DROP EVENT IF EXISTS {}.{}", ident(database), ident(user)));
        }
        self.line(&format!(
            "[ \"$(run {})\" = 0 ] || {{ echo 'the account is still there' >&2; exit 1; }}",
            quoted(&ours)
        ));
        self.line("echo 'the account is gone'");
    }

    /// Triggers are dropped, since without their definer they would fail every change of their table.
    fn hand_over(&mut self, frozen: &Account, user: &str, host: &str) {
        let definer = literal(&format!("{user}@{host}"));
        let grave = account(&frozen.graveyard_account, "localhost");
        let name = |schema: &str, name: &str| {
            format!("'`', REPLACE({schema}, '`', '``'), '`.`', REPLACE({name}, '`', '``'), '`'")
        };
        let drops = frozen.leftovers == Leftovers::Drop;
        let mut parts = vec![format!(
            "SELECT CONCAT('DROP TRIGGER ', {}) FROM information_schema.TRIGGERS WHERE DEFINER = {definer}",
            name("TRIGGER_SCHEMA", "TRIGGER_NAME")
        )];
        let (event, view, routine) = (
            name("EVENT_SCHEMA", "EVENT_NAME"),
            name("TABLE_SCHEMA", "TABLE_NAME"),
            name("ROUTINE_SCHEMA", "ROUTINE_NAME"),
        );
        let (to_event, to_view, to_routine) = if drops {
            (
                format!("'DROP EVENT ', {event}"),
                format!("'DROP VIEW ', {view}"),
                format!("'DROP ', ROUTINE_TYPE, ' ', {routine}"),
            )
        } else {
            let to = literal(&format!("ALTER DEFINER = {grave} "));
            (
                format!("{to}, 'EVENT ', {event}, ' DISABLE'"),
                format!("{to}, 'SQL SECURITY INVOKER VIEW ', {view}, ' AS ', VIEW_DEFINITION"),
                format!("'ALTER ', ROUTINE_TYPE, ' ', {routine}, ' SQL SECURITY INVOKER'"),
            )
        };
        for (what, table) in [(to_event, "EVENTS"), (to_view, "VIEWS"), (to_routine, "ROUTINES")] {
            parts.push(format!("SELECT CONCAT({what}) FROM information_schema.{table} WHERE DEFINER = {definer}"));
        }
        let fate = if drops { "goes with it" } else { "stays without its rights" };
        self.line(&format!("# What it has defined {fate}; its triggers go, and are shown."));
        let triggers = format!(
            "SELECT TRIGGER_SCHEMA, TRIGGER_NAME, EVENT_OBJECT_TABLE, ACTION_TIMING, EVENT_MANIPULATION, ACTION_STATEMENT \
             FROM information_schema.TRIGGERS WHERE DEFINER = {definer}"
        );
        self.statement(&triggers);
        if !drops {
            self.statement(&format!("CREATE USER IF NOT EXISTS {grave} ACCOUNT LOCK"));
        }
        for part in parts {
            // One statement a line: a definition that holds a line break is refused by the client, and is to be done by hand.
            self.line(&format!("run {} | while IFS= read -r statement; do run \"$statement\"; done", quoted(&part)));
        }
    }

    fn end_sessions(&mut self, which: &str) {
        let list = format!("SELECT ID FROM {} WHERE {which} AND ID <> CONNECTION_ID()", self.dialect.process_list().0);
        self.line("round=0");
        self.line(&format!("while sessions=$(run {}); [ -n \"$sessions\" ]; do", quoted(&list)));
        self.line("    [ \"$round\" -lt 100 ] || { echo 'sessions of the account still run' >&2; exit 1; }");
        self.line("    round=$((round + 1))");
        self.line("    for session in $sessions; do run \"KILL $session\" 2> /dev/null || :; done");
        self.line("    sleep 0.1");
        self.line("done");
    }

    fn membership(&mut self, membership: &Membership) {
        if self.change.prior {
            self.line("\n# It was there before Mayfly and stays: there is nothing to undo.");
            return;
        }
        let (user, role) = (self.change.account.as_str(), self.change.group.as_deref().unwrap_or_default());
        let edge = format!("SELECT {}", self.dialect.has_edge(user, &membership.host, role));
        self.line("\n# The role is taken back.");
        self.line(&format!("if [ \"$(run {})\" = 1 ]; then", quoted(&edge)));
        self.statement(&format!("REVOKE {} FROM {}", self.dialect.role(role), account(user, &membership.host)));
        self.line("fi");
        if self.change.end_other_sessions {
            self.line("# The sessions that had it end; those with lower numbers are older and go on.");
            self.end_sessions(&format!("USER = {} AND ID > {}", literal(user), membership.connections_before));
        }
    }
}

/// One row if an account is the definer of anything.
fn defined(user: &str, host: &str) -> String {
    let definer = literal(&format!("{user}@{host}"));
    let tables = ["TRIGGERS", "EVENTS", "VIEWS", "ROUTINES"];
    let any =
        tables.map(|table| format!("EXISTS (SELECT 1 FROM information_schema.{table} WHERE DEFINER = {definer})"));
    format!("SELECT 1 FROM (SELECT 1) one WHERE {}", any.join(" OR "))
}
