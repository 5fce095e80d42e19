//! The providers of this build, by name. Adding one is its folder and one line here.

use crate::check::Check;
use crate::descriptor::Descriptor;
use crate::linux::Linux;
use crate::postgres::Postgres;
use crate::services::Services;
use mayfly_engine::ports::provider::{Provider, Providers};
use std::sync::Arc;

/// A provider that this build has.
struct Entry {
    descriptor: &'static Descriptor,
    build: fn(&Services) -> Built,
}

/// A provider in its two roles.
struct Built {
    provider: Arc<dyn Provider>,
    check: Arc<dyn Check>,
}

/// The same thing in both roles.
fn both<P: Provider + Check>(provider: P) -> Built {
    let provider = Arc::new(provider);
    Built { provider: Arc::clone(&provider) as Arc<dyn Provider>, check: provider }
}

/// Every provider of this build.
const ALL: &[Entry] = &[
    Entry { descriptor: &crate::linux::DESCRIPTOR, build: |services| both(Linux::new(services.clone())) },
    Entry { descriptor: &crate::postgres::DESCRIPTOR, build: |services| both(Postgres::new(services.clone())) },
];

/// The providers, built once for a server.
pub struct Registry {
    built: Vec<(&'static str, Built)>,
}

impl Registry {
    /// Builds every provider.
    pub fn new(services: &Services) -> Self {
        Self { built: ALL.iter().map(|entry| (entry.descriptor.name, (entry.build)(services))).collect() }
    }

    /// What checks records of the provider of that name.
    pub fn check(&self, name: &str) -> Option<Arc<dyn Check>> {
        self.find(name).map(|built| Arc::clone(&built.check))
    }

    fn find(&self, name: &str) -> Option<&Built> {
        self.built.iter().find(|(known, _)| *known == name).map(|(_, built)| built)
    }

    /// What each provider says of itself.
    pub fn descriptors() -> impl Iterator<Item = &'static Descriptor> {
        ALL.iter().map(|entry| entry.descriptor)
    }

    /// What the provider of that name says of itself.
    pub fn descriptor(name: &str) -> Option<&'static Descriptor> {
        Self::descriptors().find(|descriptor| descriptor.name == name)
    }
}

impl Providers for Registry {
    fn provider(&self, name: &str) -> Option<Arc<dyn Provider>> {
        self.find(name).map(|built| Arc::clone(&built.provider))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_found() {
        let names: Vec<_> = Registry::descriptors().map(|descriptor| descriptor.name).collect();
        for name in &names {
            assert_eq!(names.iter().filter(|other| *other == name).count(), 1, "{name}");
            assert_eq!(Registry::descriptor(name).map(|found| found.name), Some(*name));
        }
        assert_eq!(Registry::descriptor("nothing"), None);
    }
}
