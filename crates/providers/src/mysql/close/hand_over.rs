//! What becomes of what an account has defined, by the policy frozen in its payload. Nothing that it wrote is run on the way, and
//! what stays runs with the rights of whoever uses it.
//!
//! A trigger is never left without its definer, and never given to the graveyard: it needs its definer's rights each time, and
//! the graveyard has none, so that every change of its table would fail for everybody. It is dropped, and its text told.
//!
//! The servers cannot change the definer of a routine; it is written anew. Texts of an account are sent on a connection that
//! takes one statement at a time, under the `sql_mode` that they were written for.

use super::definers::{Defined, Kind, list};
use super::{Step, misplaced};
use crate::leftovers::Leftovers;
use crate::mysql::accounts::{Found, Known};
use crate::mysql::connection::{Admin, first};
use crate::mysql::dialect::Dialect;
use crate::mysql::look::{candidates, judge, unclear};
use crate::mysql::payload::{Account, Frozen};
use crate::mysql::sql::{ident, literal, shown_account};
use crate::mysql::trouble::Trouble;
use crate::text::told;
use mayfly_domain::Failure;
use mayfly_engine::ports::provider::{CloseStep, Closed};

const DOING: &str = "handing over what the account has defined";
/// How many things one report names.
const NAMED_MOST: usize = 100;

/// Hands over, one account after the other.
pub(crate) async fn hand_over(admin: &Admin, steps: &[Step<'_>]) -> Vec<Result<Closed, Failure>> {
    let mut outcomes = Vec::with_capacity(steps.len());
    for (step, frozen) in steps {
        outcomes.push(one(admin, step, frozen).await);
    }
    outcomes
}

async fn one(admin: &Admin, step: &CloseStep, frozen: &Frozen) -> Result<Closed, Failure> {
    let Frozen::AccountV1(account) = frozen else { return Err(misplaced()) };
    let known = candidates(admin, &[(&step.change, frozen)], false).await?;
    let known = match judge(admin.facts.dialect, &known, &step.change, account) {
        Found::Ours(known) => known,
        Found::Nobody | Found::Stranger => return Ok(Closed::default()),
        Found::Unclear => return Err(unclear(&step.change)),
    };
    let defined = list(admin, &known.user, &known.host).await?;
    let mut closed = Closed::default();
    if account.leftovers == Leftovers::Keep {
        closed.stays = !defined.is_empty();
        if closed.stays {
            let name = shown_account(&known.user, &known.host);
            closed
                .report
                .push(format!("{name} stays, closed to log-in, because it is the definer of {} things", defined.len()));
        }
        return Ok(closed);
    }
    let hand = Hand { admin, account, known: &known };
    for thing in &defined {
        let fate = hand.over(thing).await.map_err(|trouble| hand.failure(thing, &trouble))?;
        if closed.report.len() < NAMED_MOST {
            let kind = thing.kind.word().to_lowercase();
            let name = shown_account(&known.user, &known.host);
            closed.report.push(format!("{kind} {} of {name} {fate}", told(&thing.quoted())));
        }
    }
    Ok(closed)
}

/// One account's things, and who gets them.
struct Hand<'a> {
    admin: &'a Admin,
    account: &'a Account,
    known: &'a Known,
}

impl Hand<'_> {
    /// The graveyard as statements name it.
    fn grave(&self) -> String {
        format!("{}@`localhost`", ident(&self.account.graveyard_account))
    }

    /// Deals with one thing, and says what became of it.
    async fn over(&self, thing: &Defined) -> Result<String, Trouble> {
        if thing.kind == Kind::Trigger {
            return self.drop_trigger(thing).await;
        }
        if self.account.leftovers == Leftovers::Drop {
            self.run(&format!("DROP {} IF EXISTS {}", thing.kind.word(), thing.quoted())).await?;
            return Ok("was dropped".to_owned());
        }
        let to = shown_account(&self.account.graveyard_account, "localhost");
        match thing.kind {
            Kind::Event => {
                self.run(&format!("ALTER DEFINER = {} EVENT {} DISABLE", self.grave(), thing.quoted())).await?;
                Ok(format!("was handed to {to} and disabled"))
            }
            Kind::View => {
                let text = self.shown(thing, 1).await?;
                self.run(&self.view(&text)?).await?;
                Ok(format!("was handed to {to} and reads with the rights of its reader"))
            }
            Kind::Procedure | Kind::Function => {
                let lost = self.routine(thing).await?;
                let lost = match lost.is_empty() {
                    true => String::new(),
                    false => format!("; who could use it cannot any more, until: {}", told(&lost.join(" "))),
                };
                Ok(format!("was handed to {to} and runs with the rights of its caller{lost}"))
            }
            Kind::Trigger => Err(Trouble::Garbled),
        }
    }

    /// Drops a trigger, and tells its text.
    async fn drop_trigger(&self, thing: &Defined) -> Result<String, Trouble> {
        let text = self.shown(thing, 2).await?;
        self.run(&format!("DROP TRIGGER IF EXISTS {}", thing.quoted())).await?;
        let table = format!("{}.{}", ident(&thing.schema), ident(&thing.table));
        Ok(format!(
            "on {} was dropped, since it would have failed every change of it; it was: {}",
            told(&table),
            told(&text)
        ))
    }

    /// The statement that made a thing, as the server writes it, from a column of `SHOW CREATE`.
    async fn shown(&self, thing: &Defined, column: usize) -> Result<String, Trouble> {
        let answers = self.run(&format!("SHOW CREATE {} {}", thing.kind.word(), thing.quoted())).await?;
        let text = first(answers.first().ok_or(Trouble::Garbled)?)?.text(column)?.to_owned();
        // Without the right to see it, the text is missing.
        if text.is_empty() { Err(Trouble::Refused { number: 1142, done: 0 }) } else { Ok(text) }
    }

    /// A view with the graveyard as definer, that reads with the rights of its reader.
    fn view(&self, text: &str) -> Result<String, Trouble> {
        let (before, after) = self.split(text)?;
        let algorithm = before.strip_prefix("CREATE ").ok_or(Trouble::Garbled)?;
        if !["", "ALGORITHM=UNDEFINED ", "ALGORITHM=MERGE ", "ALGORITHM=TEMPTABLE "].contains(&algorithm) {
            return Err(Trouble::Garbled);
        }
        let rest =
            [" SQL SECURITY DEFINER VIEW ", " SQL SECURITY INVOKER VIEW "].iter().find_map(|s| after.strip_prefix(s));
        let rest = rest.ok_or(Trouble::Garbled)?;
        Ok(format!("ALTER {algorithm}DEFINER={} SQL SECURITY INVOKER VIEW {rest}", self.grave()))
    }

    /// What stands before and behind the definer in a statement that made a thing. The server writes names in backticks, or in
    /// double quotes under some modes.
    fn split<'t>(&self, text: &'t str) -> Result<(&'t str, &'t str), Trouble> {
        let (before, after) = text.split_once("DEFINER=").ok_or(Trouble::Garbled)?;
        let quoted = |quote: char| {
            let one = |name: &str| format!("{quote}{}{quote}", name.replace(quote, &format!("{quote}{quote}")));
            format!("{}@{}", one(&self.known.user), one(&self.known.host))
        };
        let after = ['`', '"'].into_iter().find_map(|quote| after.strip_prefix(&quoted(quote)));
        Ok((before, after.ok_or(Trouble::Garbled)?))
    }

    /// Writes a routine anew, and grants it again to whom it was granted. Returns the statements of that which we may not run.
    async fn routine(&self, thing: &Defined) -> Result<Vec<String>, Trouble> {
        let word = thing.kind.word();
        // From here on it has no rights of its definer any more.
        self.run(&format!("ALTER {word} {} SQL SECURITY INVOKER", thing.quoted())).await?;
        let answers = self.run(&format!("SHOW CREATE {word} {}", thing.quoted())).await?;
        let row = first(answers.first().ok_or(Trouble::Garbled)?)?;
        let (mode, text) = (row.text(1)?.to_owned(), row.text(2)?.to_owned());
        if text.is_empty() {
            return Err(Trouble::Refused { number: 1370, done: 0 });
        }
        let (before, after) = self.split(&text)?;
        if before != "CREATE " {
            return Err(Trouble::Garbled);
        }
        self.run(&format!("USE {}", ident(&thing.schema))).await?;
        self.run(&format!("SET SESSION sql_mode = {}", literal(&mode))).await?;
        let written = match self.admin.facts.dialect {
            Dialect::MariaDb => {
                let written = self.run(&format!("CREATE OR REPLACE DEFINER={}{after}", self.grave())).await;
                written.map(|_| Vec::new())
            }
            Dialect::MySql => self.anew(thing, after).await,
        };
        // The rest of this connection's work is written for our own mode.
        let dialect = self.admin.facts.dialect;
        for statement in dialect.setup().split_inclusive(";\n") {
            self.run(statement).await?;
        }
        written
    }

    /// Drops a routine and makes it again. That it can be made is tried under another name before.
    async fn anew(&self, thing: &Defined, after: &str) -> Result<Vec<String>, Trouble> {
        let word = thing.kind.word();
        let named = ['`', '"']
            .map(|quote| format!(" {word} {quote}{}{quote}", thing.name.replace(quote, &format!("{quote}{quote}"))));
        let rest = named.iter().find_map(|name| after.strip_prefix(name.as_str())).ok_or(Trouble::Garbled)?;
        let trial = ident("mayfly_trial_of_a_routine");
        self.run(&format!("DROP {word} IF EXISTS {trial}")).await?;
        self.run(&format!("CREATE DEFINER={} {word} {trial}{rest}", self.grave())).await?;
        self.run(&format!("DROP {word} {trial}")).await?;
        let rights = self.routine_rights(thing).await?;
        self.run(&format!("DROP {word} {}", thing.quoted())).await?;
        self.run(&format!("CREATE DEFINER={} {word} {}{rest}", self.grave(), thing.quoted())).await?;
        let mut lost = Vec::new();
        for grant in rights {
            // From here on nothing may fail: the routine is as it should be, and would not be found again.
            if self.run(&grant).await.is_err() {
                lost.push(format!("{grant};"));
            }
        }
        Ok(lost)
    }

    /// The statements that grant a routine again to whom it is granted.
    async fn routine_rights(&self, thing: &Defined) -> Result<Vec<String>, Trouble> {
        let word = thing.kind.word();
        let query = format!(
            "SELECT p.User, p.Host, p.Proc_priv FROM mysql.procs_priv p WHERE p.Db = {} AND p.Routine_name = {} \
             AND p.Routine_type = '{word}' AND NOT (p.User = {} AND p.Host = {})",
            literal(&thing.schema),
            literal(&thing.name),
            literal(&self.known.user),
            literal(&self.known.host)
        );
        let answers = self.run(&query).await?;
        let mut grants = Vec::new();
        for row in answers.first().map(Vec::as_slice).unwrap_or_default() {
            let given: Vec<&str> =
                row.text(2)?.split(',').filter(|right| ["Execute", "Alter Routine"].contains(right)).collect();
            if given.is_empty() {
                continue;
            }
            let to = crate::mysql::sql::account(row.text(0)?, row.text(1)?);
            let option = if row.text(2)?.contains("Grant") { " WITH GRANT OPTION" } else { "" };
            grants.push(format!("GRANT {} ON {word} {} TO {to}{option}", given.join(", "), thing.quoted()));
        }
        Ok(grants)
    }

    async fn run(&self, sql: &str) -> Result<Vec<crate::mysql::connection::Rows>, Trouble> {
        self.admin.run(sql).await
    }

    /// What helps when a right is missing: whoever writes a view anew has to be able to read what it reads.
    fn failure(&self, thing: &Defined, trouble: &Trouble) -> Failure {
        let me = self.admin.facts.me();
        let rights = match thing.kind {
            Kind::Trigger => "TRIGGER",
            Kind::Event => "EVENT",
            Kind::View => "SELECT, SHOW VIEW, CREATE VIEW, DROP",
            Kind::Procedure | Kind::Function => "CREATE ROUTINE, ALTER ROUTINE",
        };
        let definer = match self.admin.facts.dialect {
            Dialect::MySql => format!("GRANT SHOW_ROUTINE, SET_ANY_DEFINER ON *.* TO {me};"),
            Dialect::MariaDb => format!("GRANT SET USER ON *.* TO {me};"),
        };
        let fix = format!("GRANT {rights} ON {}.* TO {me}; {definer}", ident(&thing.schema));
        trouble.failure(&format!("{DOING}, {} {},", thing.kind.word().to_lowercase(), told(&thing.quoted())), &fix)
    }
}
