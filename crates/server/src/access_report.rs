//! Who may open what, and who did: the rows of an access review. What is granted and whether it would open is asked of the one
//! decision, what was used of the history.

use crate::context::Context;
use crate::owed::ReadError;
use mayfly_access::objects::{Launch, Object, Person, Record};
use mayfly_access::store::Objects;
use mayfly_domain::{Login, PersonName, RecordName};
use mayfly_engine::ports::history::{History, Use, UseAsked};
use mayfly_wire::reports::AccessRow;
use std::collections::{BTreeMap, BTreeSet};

/// A person and a record.
type Pair = (PersonName, RecordName);

/// What there is.
struct Kept {
    people: BTreeMap<PersonName, Person>,
    records: BTreeMap<RecordName, Record>,
    logins: BTreeMap<RecordName, String>,
}

impl Kept {
    async fn read(context: &Context) -> Result<Self, ReadError> {
        let mut kept = Self { people: BTreeMap::new(), records: BTreeMap::new(), logins: BTreeMap::new() };
        for object in Objects::snapshot(&*context.store).await?.objects {
            let record = match object {
                Object::Person(person) => {
                    kept.people.insert(person.name.clone(), person);
                    continue;
                }
                Object::User(user) => {
                    kept.logins.insert(user.name, user.login);
                    continue;
                }
                Object::Database(record) => Record::Database(record),
                Object::Machine(record) => Record::Machine(record),
                Object::Directory(_) => continue,
            };
            kept.records.insert(record.resource().name.clone(), record);
        }
        Ok(kept)
    }

    /// The pairs that are granted, of those asked for.
    fn granted(&self, asked: &UseAsked) -> BTreeSet<Pair> {
        let of = |person: &Person| {
            let name = person.name.clone();
            let theirs: Vec<Pair> = person.may_launch.iter().map(|record| (name.clone(), record.clone())).collect();
            theirs
        };
        let wanted = |(person, record): &Pair| {
            asked.person.as_ref().is_none_or(|only| only == person)
                && asked.record.as_ref().is_none_or(|only| only == record)
        };
        self.people.values().flat_map(of).filter(wanted).collect()
    }

    fn row(&self, context: &Context, (person, record): Pair, granted: bool, used: Option<&Use>) -> AccessRow {
        let known = self.records.get(&record);
        let refusal = context.decide(self.people.get(&person), known).err();
        let jit = known.map(|known| &known.resource().jit);
        let account = match jit.map(|jit| &jit.launch) {
            Some(Launch::Existing { user }) => Some(self.logins.get(user).cloned().unwrap_or_else(|| user.to_string())),
            Some(Launch::Ephemeral) | None => None,
        };
        AccessRow {
            person: person.to_string(),
            record: record.to_string(),
            kind: known.map(|known| known.kind().to_string()).unwrap_or_default(),
            granted,
            opens: refusal.is_none(),
            why_not: refusal.filter(|_| granted).map(|refusal| refusal.to_string()),
            ephemeral: jit.is_some_and(|jit| matches!(jit.launch, Launch::Ephemeral)),
            account,
            elevated_into: jit.and_then(|jit| jit.elevate.as_ref()).map(|grant| grant.role.clone()),
            longest_s: known.map_or(0, |known| known.resource().session.duration_s),
            sessions: used.map_or(0, |used| used.sessions),
            first: used.map(|used| used.first.to_string()),
            last: used.map(|used| used.last.to_string()),
            lasted_s: used.map_or(0, |used| used.lasted.as_secs()),
        }
    }
}

/// A page of the report: the rows after a pair, by person and record, and where the next page goes on.
///
/// # Errors
/// [`ReadError`] when the store does not answer.
pub(crate) async fn page(
    context: &Context,
    asked: &UseAsked,
    after: Option<Login>,
    limit: u32,
) -> Result<(Vec<AccessRow>, Option<String>), ReadError> {
    let after = after.map(|login| (login.person, login.record));
    let kept = Kept::read(context).await?;
    let granted = kept.granted(asked);
    let used = context.store.used(asked, after.as_ref(), limit).await?;
    let used: BTreeMap<Pair, Use> =
        used.into_iter().map(|used| ((used.person.clone(), used.record.clone()), used)).collect();
    let all: BTreeSet<&Pair> = granted.iter().chain(used.keys()).collect();
    let later = all.into_iter().filter(|pair| after.as_ref().is_none_or(|after| *pair > after));
    let pairs: Vec<&Pair> = later.take(limit as usize).collect();
    let next = pairs.last().filter(|_| pairs.len() == limit as usize);
    let next = next.map(|(person, record)| Login { person: person.clone(), record: record.clone() }.to_string());
    let row = |pair: &Pair| kept.row(context, pair.clone(), granted.contains(pair), used.get(pair));
    Ok((pairs.into_iter().map(row).collect(), next))
}
