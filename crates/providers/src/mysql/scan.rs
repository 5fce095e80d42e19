//! Searching a server for accounts of ours without the ledger. It only reads.

use super::MySql;
use super::accounts::{Known, read_accounts};
use super::connection::{Facts, Purpose, Row, Rows};
use super::payload::{Account, Frozen};
use super::sessions::{read_reading, reading};
use super::settings::Settings;
use super::sql::literal;
use super::trouble::Trouble;
use crate::scan::{FOUND_MOST, Found, Scan, ScanRequest};
use mayfly_domain::{AccountName, Administration, ChangeKind, Failure, Mark, Permit, WallTime};
use mayfly_engine::ports::provider::PlannedChange;

const DOING: &str = "searching the server for accounts";

/// Searches.
pub(super) async fn scan(provider: &MySql, by: &Administration, request: &ScanRequest) -> Result<Scan, Failure> {
    let settings = Settings::read(&request.settings)?;
    let purpose = Purpose::Accounts.with(provider.dialect);
    let lease = provider.pool.lease(Permit::Inspect(by), &request.place, purpose).await?;
    let facts = lease.facts.clone();
    let answers = lease.run(&query(&facts, &settings, request)).await.map_err(|trouble| trouble.failure(DOING, ""))?;
    lease.give_back();
    let read = || -> Result<Scan, Trouble> {
        let [reading, accounts, events, sessions] = answers.as_slice() else { return Err(Trouble::Garbled) };
        let target_now = read_reading(reading)?.now;
        let mut known = read_accounts(accounts)?;
        known.retain(|known| !known.is_role);
        known.truncate(FOUND_MOST);
        let reader = Reader { facts: &facts, settings: &settings, events, sessions, now: target_now };
        let found = known.iter().map(|known| reader.found(known)).collect::<Result<_, _>>()?;
        Ok(Scan { target: facts.target.clone(), target_now, found })
    };
    read().map_err(|trouble| trouble.failure(DOING, ""))
}

fn query(facts: &Facts, settings: &Settings, request: &ScanRequest) -> String {
    let dialect = facts.dialect;
    let prefix = request.prefix.as_str();
    // An underscore stands for any character in a pattern.
    let named = format!("LEFT(u.User, {}) = {}", prefix.chars().count(), literal(prefix));
    let accounts = dialect.accounts(&format!("{named} OR {} ORDER BY u.User LIMIT {FOUND_MOST}", dialect.marked(None)));
    let processes = dialect.process_list().0;
    format!(
        "{}{accounts}\
         SELECT e.EVENT_NAME, UNIX_TIMESTAMP(CONVERT_TZ(e.EXECUTE_AT, e.TIME_ZONE, '+00:00')) FROM information_schema.EVENTS e \
         WHERE e.EVENT_SCHEMA = {} AND LEFT(e.EVENT_NAME, {}) = {};\n\
         SELECT p.USER, COUNT(*) FROM {processes} p WHERE p.ID <> CONNECTION_ID() GROUP BY p.USER;\n",
        reading(dialect),
        literal(&settings.event_database),
        prefix.chars().count(),
        literal(prefix)
    )
}

struct Reader<'a> {
    facts: &'a Facts,
    settings: &'a Settings,
    /// Deadlines, by account.
    events: &'a Rows,
    /// How many sessions each account has.
    sessions: &'a Rows,
    now: WallTime,
}

impl Reader<'_> {
    fn of<'r>(rows: &'r Rows, name: &str) -> Option<&'r Row> {
        rows.iter().find(|row| row.text(0) == Ok(name))
    }

    fn found(&self, known: &Known) -> Result<Found, Trouble> {
        let account = AccountName::existing(&known.user);
        let deadline = match Self::of(self.events, &known.user) {
            // With decimals, which are none.
            Some(row) => row.number::<f64>(1).ok().map(|seconds| WallTime::from_micros((seconds * 1e6) as i64)),
            None => None,
        };
        let mark = known.mark(self.facts.dialect).and_then(|text| Mark::parse(&text));
        let changes = match &mark {
            Some(mark) => vec![self.change(known, &account, mark, deadline)?],
            None => Vec::new(),
        };
        let sessions = Self::of(self.sessions, &known.user).map_or(Ok(0), |row| row.number(1))?;
        Ok(Found {
            account,
            mark,
            native_id: format!("{}@{}", known.user, known.host),
            deadline,
            // The servers do not know.
            made: None,
            last_log_in: None,
            can_log_in: !known.locked,
            sessions,
            changes,
        })
    }

    /// What the removal needs, from the settings of today.
    fn change(
        &self,
        known: &Known,
        account: &AccountName,
        mark: &Mark,
        deadline: Option<WallTime>,
    ) -> Result<PlannedChange, Trouble> {
        let frozen = Frozen::AccountV1(Account {
            host: known.host.clone(),
            mark: mark.to_string(),
            connections: self.settings.connections,
            requires_tls: true,
            role: None,
            deadline: deadline.unwrap_or(self.now),
            event_database: deadline.map(|_| self.settings.event_database.clone()),
            leftovers: self.settings.leftovers,
            graveyard_account: self.settings.graveyard_account.clone(),
        });
        Ok(PlannedChange {
            kind: ChangeKind::Account,
            account: account.clone(),
            group: None,
            prior: false,
            payload: frozen.payload(self.facts.dialect)?,
            depends_on: Vec::new(),
            native_ids: None,
        })
    }
}
