//! Which kind of work a target is given next: what cuts access before launches before the rest of removal, and as much of it
//! together as the target's pace says.

use crate::ports::provider::{CloseVerb, Pace};
use std::collections::BTreeMap;

/// The kinds of work, in the order in which they are preferred.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verb {
    Close(CloseVerb),
    Open,
    Look,
}

/// How urgent a kind of work is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Urgency {
    /// It takes access away.
    Cutting,
    /// Somebody waits for it.
    Opening,
    /// It can wait a little.
    Rest,
}

impl Verb {
    const fn urgency(self) -> Urgency {
        match self {
            Self::Close(CloseVerb::Disable | CloseVerb::EndSessions | CloseVerb::Withdraw) => Urgency::Cutting,
            Self::Open => Urgency::Opening,
            Self::Look | Self::Close(CloseVerb::HandOver | CloseVerb::Remove) => Urgency::Rest,
        }
    }

    /// Whether it changes accounts, which some targets do one after another. Handing over changes what accounts own, and may
    /// wait for whoever uses that.
    const fn changes_accounts(self) -> bool {
        match self {
            Self::Open | Self::Close(CloseVerb::Disable | CloseVerb::Withdraw | CloseVerb::Remove) => true,
            Self::Look | Self::Close(CloseVerb::EndSessions | CloseVerb::HandOver) => false,
        }
    }
}

/// What a target can take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Capacity {
    /// How it takes what waits at one moment.
    pub(super) pace: Pace,
    /// Batches at one time.
    pub(super) places: usize,
    /// The steps of a full batch.
    pub(super) batch: usize,
}

/// What is under way on a target, and what was last.
#[derive(Debug, Default)]
pub(super) struct Load {
    /// Workers, the one that asks included.
    pub(super) running: usize,
    /// Batches under way that keep others of their kind back.
    holding: BTreeMap<Verb, usize>,
    /// The verb of `Urgency::Rest` served last, so that a stream of one never starves another.
    rest_served: Option<Verb>,
    /// Whether the last change of accounts was a launch, so that a stream of launches does not starve removals where only one
    /// of both goes at a time.
    opened_last: bool,
}

impl Load {
    /// Takes note that a batch of that kind begins.
    pub(super) fn begin(&mut self, verb: Verb) {
        *self.holding.entry(verb).or_default() += 1;
        if verb.urgency() == Urgency::Rest {
            self.rest_served = Some(verb);
        }
        if verb.changes_accounts() {
            self.opened_last = verb == Verb::Open;
        }
    }

    /// Takes note that a batch of that kind is over, or takes so long that it keeps nothing back any more.
    pub(super) fn release(&mut self, verb: Verb) {
        if let Some(batches) = self.holding.get_mut(&verb) {
            *batches = batches.saturating_sub(1);
        }
    }

    fn holds(&self, verb: Verb) -> bool {
        self.holding.get(&verb).is_some_and(|batches| *batches > 0)
    }

    /// Whether what waits of that kind stays back, to go together with what is still to come.
    fn keeps_back(&self, verb: Verb, waiting: usize, capacity: Capacity) -> bool {
        match capacity.pace {
            Pace::Apart => false,
            Pace::InTurn if verb.changes_accounts() => {
                self.holding.iter().any(|(verb, batches)| verb.changes_accounts() && *batches > 0)
            }
            Pace::Together | Pace::InTurn => self.holds(verb) && waiting < capacity.batch,
        }
    }

    /// Chooses the kind of work to do next, of what waits, so many steps of each. A place is always left for what cuts access,
    /// and one more for launches.
    pub(super) fn choose(&self, waiting: &BTreeMap<Verb, usize>, capacity: Capacity) -> Option<Verb> {
        let ready: Vec<Verb> = waiting
            .iter()
            .filter(|(verb, steps)| **steps > 0 && !self.keeps_back(**verb, **steps, capacity))
            .map(|(verb, _)| *verb)
            .collect();
        let first = |urgency: Urgency| ready.iter().copied().find(|verb| verb.urgency() == urgency);
        let fits = |reserved: usize| self.running <= capacity.places.saturating_sub(reserved).max(1);
        if let Some(verb) = first(Urgency::Cutting) {
            return Some(verb);
        }
        let remove = Verb::Close(CloseVerb::Remove);
        if capacity.pace == Pace::InTurn && self.opened_last && ready.contains(&remove) && fits(1) {
            return Some(remove);
        }
        if let Some(verb) = first(Urgency::Opening).filter(|_| fits(1)) {
            return Some(verb);
        }
        let rest = || ready.iter().copied().filter(|verb| verb.urgency() == Urgency::Rest);
        let after = self.rest_served.and_then(|served| rest().find(|verb| *verb > served));
        after.or_else(|| rest().next()).filter(|_| fits(2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use CloseVerb::{Disable, EndSessions, HandOver, Remove};

    const PLACES: usize = 4;
    const FULL: usize = 8;
    const REMOVE: Verb = Verb::Close(Remove);
    const DISABLE: Verb = Verb::Close(Disable);

    const fn paced(pace: Pace) -> Capacity {
        Capacity { pace, places: PLACES, batch: FULL }
    }

    fn one_each(verbs: &[Verb]) -> BTreeMap<Verb, usize> {
        verbs.iter().map(|verb| (*verb, 1)).collect()
    }

    /// What is chosen while one step of each of these waits and so many workers run, the one that asks included.
    fn chosen(waiting: &[Verb], running: usize) -> Option<Verb> {
        Load { running, ..Load::default() }.choose(&one_each(waiting), paced(Pace::Apart))
    }

    /// DESIGN §4, "Limits": cutting access comes first, then launches, then the rest of removal.
    #[test]
    fn what_cuts_access_comes_first_then_launches_then_the_rest() {
        assert_eq!(chosen(&[REMOVE, Verb::Open, DISABLE], 1), Some(DISABLE));
        assert_eq!(chosen(&[REMOVE, Verb::Open], 1), Some(Verb::Open));
        assert_eq!(chosen(&[REMOVE], 1), Some(REMOVE));
        assert_eq!(chosen(&[], 1), None);
    }

    /// One place is never taken by anything but what cuts access, and one more by nothing but that and launches.
    #[test]
    fn places_are_kept_for_what_is_urgent() {
        assert_eq!(chosen(&[REMOVE], PLACES - 2), Some(REMOVE));
        assert_eq!(chosen(&[REMOVE], PLACES - 1), None);
        assert_eq!(chosen(&[REMOVE, Verb::Open], PLACES - 1), Some(Verb::Open));
        assert_eq!(chosen(&[REMOVE, Verb::Open], PLACES), None);
        assert_eq!(chosen(&[REMOVE, Verb::Open, DISABLE], PLACES), Some(DISABLE));
    }

    /// A stream of looks does not starve removals.
    #[test]
    fn the_rest_takes_turns() {
        let all = [Verb::Close(HandOver), REMOVE, Verb::Look];
        let mut load = Load { running: 1, ..Load::default() };
        let mut order = Vec::new();
        for _ in 0..4 {
            let verb = load.choose(&one_each(&all), paced(Pace::Apart)).unwrap();
            load.begin(verb);
            order.push(verb);
        }
        assert_eq!(order, [Verb::Close(HandOver), REMOVE, Verb::Look, Verb::Close(HandOver)]);
    }

    /// Where steps go together, a batch under way keeps back what would make a small one of its kind, and nothing else.
    #[test]
    fn a_batch_keeps_small_ones_of_its_kind_back() {
        let capacity = paced(Pace::Together);
        let mut load = Load { running: 1, ..Load::default() };
        load.begin(Verb::Open);
        assert_eq!(load.choose(&one_each(&[Verb::Open]), capacity), None);
        assert_eq!(load.choose(&one_each(&[Verb::Open, REMOVE]), capacity), Some(REMOVE));
        assert_eq!(load.choose(&[(Verb::Open, FULL)].into(), capacity), Some(Verb::Open), "a full one can go");
        load.release(Verb::Open);
        assert_eq!(load.choose(&one_each(&[Verb::Open]), capacity), Some(Verb::Open));
    }

    /// Where accounts are changed in turn, only one kind of change is under way; ending sessions and looking wait for none.
    #[test]
    fn changes_of_accounts_go_in_turn() {
        let capacity = paced(Pace::InTurn);
        let mut load = Load { running: 1, ..Load::default() };
        load.begin(Verb::Open);
        assert_eq!(load.choose(&[(DISABLE, FULL), (Verb::Open, FULL), (REMOVE, FULL)].into(), capacity), None);
        let ending = Verb::Close(EndSessions);
        assert_eq!(load.choose(&one_each(&[DISABLE, ending]), capacity), Some(ending));
        assert_eq!(load.choose(&one_each(&[DISABLE, Verb::Look]), capacity), Some(Verb::Look));
        load.release(Verb::Open);
        assert_eq!(load.choose(&one_each(&[DISABLE, Verb::Open, REMOVE]), capacity), Some(DISABLE));
    }

    /// ... and then a stream of launches leaves every other turn to removals.
    #[test]
    fn launches_do_not_starve_removals() {
        let capacity = paced(Pace::InTurn);
        let mut load = Load { running: 1, ..Load::default() };
        let mut order = Vec::new();
        for _ in 0..4 {
            let verb = load.choose(&one_each(&[Verb::Open, REMOVE]), capacity).unwrap();
            load.begin(verb);
            load.release(verb);
            order.push(verb);
        }
        assert_eq!(order, [Verb::Open, REMOVE, Verb::Open, REMOVE]);
    }
}
