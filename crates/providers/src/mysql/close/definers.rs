//! What an account is the definer of. It runs with the account's rights, so that without the account most of it fails for
//! everybody, and a trigger stands in the way of every change of its table.

use crate::mysql::connection::{Admin, Row, first};
use crate::mysql::sql::{ident, literal};
use crate::mysql::trouble::Trouble;
use mayfly_domain::Failure;

const DOING: &str = "looking what the account has defined";

/// The kinds of things that have a definer, in the order in which they are dealt with: what stands in everybody's way first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Trigger,
    Event,
    View,
    Procedure,
    Function,
}

impl Kind {
    /// The word of statements.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Trigger => "TRIGGER",
            Self::Event => "EVENT",
            Self::View => "VIEW",
            Self::Procedure => "PROCEDURE",
            Self::Function => "FUNCTION",
        }
    }
}

/// One thing that an account has defined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Defined {
    pub(super) kind: Kind,
    pub(super) schema: String,
    pub(super) name: String,
    /// The table of a trigger.
    pub(super) table: String,
}

impl Defined {
    /// As statements name it.
    pub(super) fn quoted(&self) -> String {
        format!("{}.{}", ident(&self.schema), ident(&self.name))
    }
}

/// The parts of the query, each with `{definer}` for the account as the information schema writes it: nothing is escaped there.
const PARTS: [&str; 4] = [
    "SELECT 'TRIGGER', TRIGGER_SCHEMA, TRIGGER_NAME, EVENT_OBJECT_TABLE FROM information_schema.TRIGGERS WHERE DEFINER = ",
    "SELECT 'EVENT', EVENT_SCHEMA, EVENT_NAME, '' FROM information_schema.EVENTS WHERE DEFINER = ",
    "SELECT 'VIEW', TABLE_SCHEMA, TABLE_NAME, '' FROM information_schema.VIEWS WHERE DEFINER = ",
    "SELECT ROUTINE_TYPE, ROUTINE_SCHEMA, ROUTINE_NAME, '' FROM information_schema.ROUTINES WHERE DEFINER = ",
];

fn definer(user: &str, host: &str) -> String {
    literal(&format!("{user}@{host}"))
}

/// Whether an account is the definer of anything that we see.
pub(crate) async fn has_leftovers(admin: &Admin, user: &str, host: &str) -> Result<bool, Failure> {
    let definer = definer(user, host);
    let any: Vec<String> = PARTS.iter().map(|part| format!("EXISTS ({part}{definer})")).collect();
    let answers = admin.run(&format!("SELECT {};", any.join(" OR "))).await;
    let found = answers.and_then(|answers| first(answers.first().ok_or(Trouble::Garbled)?)?.yes(0));
    found.map_err(|trouble| trouble.failure(DOING, ""))
}

/// Everything that an account is the definer of, as far as we see it.
pub(super) async fn list(admin: &Admin, user: &str, host: &str) -> Result<Vec<Defined>, Failure> {
    let definer = definer(user, host);
    let mut all = Vec::new();
    for part in PARTS {
        let answers = admin.run(&format!("{part}{definer} ORDER BY 2, 3;")).await;
        let rows = answers.map_err(|trouble| trouble.failure(DOING, ""))?;
        for row in rows.first().map(Vec::as_slice).unwrap_or_default() {
            all.push(read(row).map_err(|trouble| trouble.failure(DOING, ""))?);
        }
    }
    Ok(all)
}

fn read(row: &Row) -> Result<Defined, Trouble> {
    let kind = match row.text(0)? {
        "TRIGGER" => Kind::Trigger,
        "EVENT" => Kind::Event,
        "VIEW" => Kind::View,
        "PROCEDURE" => Kind::Procedure,
        "FUNCTION" => Kind::Function,
        _ => return Err(Trouble::Garbled),
    };
    let text = |column| row.text(column).map(str::to_owned);
    Ok(Defined { kind, schema: text(1)?, name: text(2)?, table: text(3)? })
}
