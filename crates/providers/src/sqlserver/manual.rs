//! The way out by hand on SQL Server: a shell script that runs sqlcmd, with plain Transact-SQL in it that any client takes.

use super::payload::{Account, Frozen, Membership};
use super::scope::{account_sid, job, sid};
use super::sql::{frame, hex, literal, shown};
use super::texts;
use crate::leftovers::Leftovers;
use crate::manual::{comment, quoted};
use mayfly_domain::Failure;
use mayfly_engine::ports::ledger::ChangeRow;

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
        "Run it where sqlcmd is, as a member of sysadmin: SQLCMDUSER=sa sh this-file, which asks for the password unless SQLCMDPASSWORD".to_owned(),
        "holds it. What stands between the lines with MAYFLY is plain Transact-SQL for any client.".to_owned(),
    ] {
        text.push_str(&comment(&line));
    }
    let server = format!("tcp:{},{}", endpoint.host, endpoint.port);
    text.push_str(&format!(
        "set -eu\n[ -n \"${{SQLCMDSERVER-}}\" ] || SQLCMDSERVER={}\nexport SQLCMDSERVER\n",
        quoted(&server)
    ));
    // -x: nothing in a name is taken for a variable of sqlcmd's; -I: quoted identifiers; -b: an error ends it.
    text.push_str("run() {\n    sqlcmd -x -I -b -d \"$1\"\n}\n");
    text
}

/// A script in the making.
struct Script<'a> {
    change: &'a ChangeRow,
    text: String,
}

/// A value of a call, as an expression.
type Given<'a> = (&'a str, &'a str, String);

impl Script<'_> {
    /// A part that runs in one database, after it has told whether it is on the right target.
    fn part(&mut self, what: &str, database: &str, sql: &str) {
        let guard = by_hand_call(
            include_str!("sql/manual_guard.sql"),
            &[("target", "nvarchar(400)", line(self.change.target.as_str()))],
        );
        // One batch: what looks where it is ends it, whatever the client does after an error.
        let sql = format!("SET XACT_ABORT ON;\nSET QUOTED_IDENTIFIER ON;\n{guard}{sql}GO\n");
        // No name ends the text early.
        let mut end = format!("MAYFLY_{}", self.change.id);
        while sql.contains(&end) {
            end.push('_');
        }
        self.text.push('\n');
        self.text.push_str(&comment(what));
        self.text.push_str(&format!("run {} << '{end}'\n{sql}{end}\n", quoted(database)));
    }

    fn account(&mut self, account: &Account) -> Result<(), Failure> {
        let Some(sid) = account_sid(self.change, account)? else {
            self.text.push_str(
                "\n# Nobody knows whether the server has made it: look for a user with this name and the property `mayfly`.\n",
            );
            return Ok(());
        };
        let sid: Given<'_> = ("sid", "varbinary(85)", hex(&sid));
        let ours = vec![
            sid.clone(),
            ("name", "sysname", line(self.change.account.as_str())),
            ("mark", "nvarchar(200)", line(&account.mark)),
        ];
        let mut removal = ours.clone();
        let (close, hand_over, remove) = if account.contained {
            (&texts::USER_DISABLE, &texts::MANUAL_USER_HAND_OVER, &texts::USER_REMOVE)
        } else {
            removal.push(("job", "sysname", line(&job(self.change))));
            (&texts::DISABLE, &texts::MANUAL_HAND_OVER, &texts::REMOVE)
        };
        self.part("No more log-in.", &account.database, &by_hand_call(close, &ours));
        let end =
            by_hand_call(include_str!("sql/manual_end.sql"), &[sid.clone(), ("since", "bigint", "NULL".to_owned())]);
        self.part("The sessions end.", &account.database, &end);
        if account.leftovers != Leftovers::Keep {
            let handed = by_hand_call(hand_over, &[sid, ("heir", "sysname", line(&account.graveyard))]);
            self.part("What it owns goes to the graveyard; what it granted is taken back.", &account.database, &handed);
        }
        let what = "The account goes. Where it owns something still, and the record says that it stays then, this fails, and it stays closed.";
        self.part(what, &account.database, &frame(&by_hand_call(remove, &removal)));
        Ok(())
    }

    fn membership(&mut self, membership: &Membership) -> Result<(), Failure> {
        if self.change.prior {
            self.text.push_str("\n# It was there before Mayfly and stays: there is nothing to undo.\n");
            return Ok(());
        }
        let (member, role) = (hex(&sid(&membership.member_sid)?), hex(&sid(&membership.role_sid)?));
        let text = if membership.within.is_some() {
            include_str!("sql/revoke_database.sql")
        } else {
            include_str!("sql/revoke_server.sql")
        };
        let database = membership.within.as_ref().unwrap_or(&membership.database);
        let given = [("member", "varbinary(85)", member.clone()), ("role", "varbinary(85)", role)];
        self.part("The role is taken back.", database, &by_hand_call(text, &given));
        if self.change.end_other_sessions {
            let since = ("since", "bigint", self.change.held_since.micros().to_string());
            let end = by_hand_call(include_str!("sql/manual_end.sql"), &[("sid", "varbinary(85)", member), since]);
            self.part("The sessions that had it end; older ones go on.", &membership.database, &end);
        }
        Ok(())
    }
}

/// A text of ours behind its values, each declared under the name that it has there.
fn by_hand_call(text: &str, given: &[Given<'_>]) -> String {
    let mut sql = String::new();
    for (name, kind, value) in given {
        sql.push_str(&format!("DECLARE @{name} {kind} = {value};\n"));
    }
    sql.push_str(text.trim_end());
    sql.push('\n');
    sql
}

/// A text as an expression on one line: at the beginning of a line, in a literal too, sqlcmd looks for commands of its own.
fn line(text: &str) -> String {
    let lines: Vec<String> = text
        .split('\n')
        .map(|line| {
            let parts: Vec<String> = line.split('\r').map(literal).collect();
            parts.join(" + NCHAR(13) + ")
        })
        .collect();
    lines.join(" + NCHAR(10) + ")
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn no_name_begins_a_line() {
        assert_eq!(line("a\nGO\r\n:r x"), "N'a' + NCHAR(10) + N'GO' + NCHAR(13) + N'' + NCHAR(10) + N':r x'");
        assert_eq!(line("plain"), "N'plain'");
    }
}
