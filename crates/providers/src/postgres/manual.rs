//! The way out by hand on PostgreSQL: a shell script that runs psql, with plain SQL in it that any client takes.

use super::payload::{Account, Frozen, Membership};
use super::scope::{in_scope, ours, sessions_of_account};
use super::sql::{fill, literal, lock_key, shown};
use crate::leftovers::Leftovers;
use crate::manual::{comment, quoted};
use mayfly_domain::Failure;
use mayfly_engine::ports::ledger::ChangeRow;
use mayfly_engine::ports::provider::SessionScope;

/// What every part begins with: nothing of anybody else's is found by name.
const SETUP: &str = "SET search_path = pg_catalog, pg_temp;\n";

/// A script in the making.
struct Script<'a> {
    change: &'a ChangeRow,
    text: String,
}

/// The script for a change.
///
/// # Errors
/// When this build cannot read what was written down of it.
pub(super) fn by_hand(change: &ChangeRow) -> Result<String, Failure> {
    let frozen = Frozen::read(&change.payload)?;
    let mut script = Script { change, text: head(change) };
    match &frozen {
        Frozen::AccountV1(account) => script.account(account)?,
        Frozen::MembershipV1(membership) => script.membership(membership)?,
    }
    Ok(script.text)
}

fn head(change: &ChangeRow) -> String {
    let endpoint = &change.place.destination.endpoint;
    let mut text = String::from("#!/bin/sh\n");
    let group = change.group.as_deref().map_or_else(String::new, |group| format!(" in role {}", shown(group)));
    for line in [
        format!("What change {} of session {} takes to be undone by hand:", change.id, change.session),
        format!("{} {}{group}", change.kind.as_str(), shown(change.account.as_str())),
        format!("on {}, at {endpoint}.", change.target),
        "Run it where psql is, as a superuser of that server: PGUSER=postgres sh this-file. PGHOST, PGPORT and what else".to_owned(),
        "psql reads from the environment can be set too. What stands between the lines with MAYFLY is plain SQL for any client.".to_owned(),
    ] {
        text.push_str(&comment(&line));
    }
    text.push_str(&format!(
        "set -eu\n[ -n \"${{PGHOST-}}\" ] || PGHOST={}\n[ -n \"${{PGPORT-}}\" ] || PGPORT={}\nexport PGHOST PGPORT\n",
        quoted(&endpoint.host),
        quoted(&endpoint.port.to_string())
    ));
    text.push_str("run() {\n    PGDATABASE=$1 psql -X -q -v ON_ERROR_STOP=1\n}\n");
    text
}

impl Script<'_> {
    /// A part that runs in one database, whose name is a word for the shell.
    fn part(&mut self, what: &str, database: &str, sql: &str) {
        // No name ends the text early.
        let mut end = format!("MAYFLY_{}", self.change.id);
        while sql.contains(&end) {
            end.push('_');
        }
        self.text.push('\n');
        self.text.push_str(&comment(what));
        self.text.push_str(&format!("run {database} << '{end}'\n{SETUP}{sql}{end}\n"));
    }

    fn account(&mut self, account: &Account) -> Result<(), Failure> {
        let database = quoted(&account.maintenance_database);
        let (ours, name) = (ours(self.change, &account.mark)?, literal(self.change.account.as_str()));
        let stays = account.leftovers == Leftovers::Keep;
        let filled = |template: &str| {
            let values = [
                ("target", literal(self.change.target.as_str())),
                ("ours", ours.clone()),
                ("name", name.clone()),
                ("stays", stays.to_string()),
                ("key", lock_key(&self.change.id).to_string()),
            ];
            fill(template, &values.each_ref().map(|(name, value)| (*name, value.as_str())))
        };
        let (begin, remove) =
            (filled(include_str!("sql/manual_begin.sql")), filled(include_str!("sql/manual_remove.sql")));
        let sessions = sessions_of_account(self.change, &account.mark)?;
        let end = end_sessions(&sessions, "true");
        self.part("No more log-in, and the sessions end.", &database, &format!("{}{}", block(&begin), block(&end)));
        if !stays {
            self.hand_over(account, &ours, &name);
        }
        self.part("The account goes.", &database, &block(&remove));
        Ok(())
    }

    /// In each database that lets anybody in.
    fn hand_over(&mut self, account: &Account, ours: &str, name: &str) {
        let drops = account.leftovers == Leftovers::Drop;
        // The body of the block, without the comment that stands above it.
        let quarantine = include_str!("sql/quarantine.sql");
        let quarantine = quarantine.find("DECLARE").map_or("", |at| &quarantine[at..]);
        let quarantine = fill(quarantine, &[("oid", "id")]);
        let sql = fill(
            include_str!("sql/manual_hand_over.sql"),
            &[
                ("ours", ours),
                ("name", name),
                ("drops", if drops { "true" } else { "false" }),
                ("grave", &literal(&account.graveyard_role)),
                ("quarantine", &format!("{};", quarantine.trim_end())),
            ],
        );
        let prepared = format!(
            "SELECT format('ROLLBACK PREPARED %L', p.gid) FROM pg_prepared_xacts p JOIN pg_roles r ON r.rolname = p.owner\n\
             WHERE p.database = current_database() AND {ours}\n\\gexec\n"
        );
        self.text.push_str(&format!(
            "\n# In every database, what the account prepared is rolled back and what it owns goes {}.\n\
             PGDATABASE={} psql -X -A -t -c 'SELECT datname FROM pg_catalog.pg_database WHERE datallowconn ORDER BY 1' |\n\
             while IFS= read -r database; do",
            if drops { "with it" } else { "to the graveyard" },
            quoted(&account.maintenance_database)
        ));
        self.part("In this database.", "\"$database\"", &format!("{prepared}{}", block(&sql)));
        self.text.push_str("done\n");
    }

    fn membership(&mut self, membership: &Membership) -> Result<(), Failure> {
        if self.change.prior {
            self.text.push_str("\n# It was there before Mayfly and stays: there is nothing to undo.\n");
            return Ok(());
        }
        let database = quoted(&membership.maintenance_database);
        let guard = "BEGIN\n    IF 'postgresql:' || (SELECT system_identifier FROM pg_catalog.pg_control_system()) <> {target} \
                     THEN\n        RAISE EXCEPTION 'this is another server than the one on which the change was made';\n    \
                     END IF;\nEND\n";
        let guard = fill(guard, &[("target", &literal(self.change.target.as_str()))]);
        let withdraw = fill(
            include_str!("sql/withdraw.sql"),
            &[
                ("key", &lock_key(&self.change.id).to_string()),
                ("member", &membership.member_oid.to_string()),
                ("role", &membership.role_oid.to_string()),
                ("grantor", &membership.grantor_oid.to_string()),
            ],
        );
        self.part("The role is taken back.", &database, &format!("{}{}", block(&guard), block(&withdraw)));
        if self.change.end_other_sessions {
            let scope = in_scope(&SessionScope::Between { from: self.change.held_since, until: None })?;
            let end = end_sessions(&format!("a.usesysid = {}", membership.member_oid), &scope);
            self.part("The sessions that had it end; older ones go on.", &database, &block(&end));
        }
        Ok(())
    }
}

/// An anonymous block in dollar quotes (manual, 4.1.2.4), so that people can read it. No name ends it early.
fn block(body: &str) -> String {
    let mut tag = "$mayfly$".to_owned();
    while body.contains(&tag) {
        tag.insert(1, '_');
    }
    format!("DO LANGUAGE plpgsql {tag}\n{body}{tag};\n")
}

fn end_sessions(of: &str, scope: &str) -> String {
    fill(include_str!("sql/manual_end_sessions.sql"), &[("of", of), ("scope", scope)])
}
