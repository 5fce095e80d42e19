//! How many clients there may be at once that have not signed in yet, in all and per source. What a stranger can make us
//! hold is bounded by this, whatever they do (SECURITY-CASES 75 and 80).

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// The limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Clients of one source: one IPv4 address, or one IPv6 network of 64 bits, which is what one client gets.
    pub per_source: usize,
    /// Clients in all.
    pub total: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { per_source: 50, total: 1_000 }
    }
}

/// There are too many clients that have not signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Full {
    /// From this source.
    #[error("too many connections from this source that have not signed in")]
    Source,
    /// In all.
    #[error("too many connections that have not signed in")]
    Total,
}

/// Counts clients that have not signed in.
#[derive(Debug)]
pub struct Admission {
    limits: Limits,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    total: usize,
    /// INVARIANT: no entry is 0, so that the map is never larger than `total`.
    sources: HashMap<IpAddr, usize>,
}

impl Admission {
    /// Nobody is here yet.
    #[must_use]
    pub fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self { limits, counts: Mutex::default() })
    }

    /// Lets one more client in, until the slot is dropped.
    ///
    /// # Errors
    /// [`Full`] if a limit is reached.
    pub fn admit(self: &Arc<Self>, source: IpAddr) -> Result<Slot, Full> {
        let source = network(source);
        let mut counts = self.lock();
        if counts.total >= self.limits.total {
            return Err(Full::Total);
        }
        let of_source = counts.sources.get(&source).copied().unwrap_or(0);
        if of_source >= self.limits.per_source {
            return Err(Full::Source);
        }
        counts.sources.insert(source, of_source + 1);
        counts.total += 1;
        drop(counts);
        Ok(Slot { admission: Arc::clone(self), source })
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        // Counts are whole after every statement, also if a panic poisoned the lock.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One client that has not signed in. Drop it when it has, or has gone.
#[derive(Debug)]
pub struct Slot {
    admission: Arc<Admission>,
    source: IpAddr,
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut counts = self.admission.lock();
        counts.total = counts.total.saturating_sub(1);
        let left = counts.sources.get(&self.source).map_or(0, |count| count.saturating_sub(1));
        if left == 0 {
            counts.sources.remove(&self.source);
        } else {
            counts.sources.insert(self.source, left);
        }
    }
}

/// What counts as one source.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn limits_hold_and_places_become_free() {
        let admission = Admission::new(Limits { per_source: 2, total: 3 });
        let one = admission.admit(address("10.0.0.1")).unwrap();
        let _two = admission.admit(address("::ffff:10.0.0.1")).unwrap();
        assert_eq!(admission.admit(address("10.0.0.1")).unwrap_err(), Full::Source);
        let _three = admission.admit(address("10.0.0.2")).unwrap();
        assert_eq!(admission.admit(address("10.0.0.3")).unwrap_err(), Full::Total);
        drop(one);
        assert!(admission.admit(address("10.0.0.1")).is_ok());
    }

    #[test]
    fn an_ipv6_network_is_one_source_and_nothing_stays_behind() {
        let admission = Admission::new(Limits { per_source: 1, total: 10 });
        let slot = admission.admit(address("2001:db8::1")).unwrap();
        assert_eq!(admission.admit(address("2001:db8::ffff:2")).unwrap_err(), Full::Source);
        assert!(admission.admit(address("2001:db8:0:1::1")).is_ok());
        drop(slot);
        assert!(admission.lock().sources.is_empty());
        assert_eq!(admission.lock().total, 0);
    }
}
