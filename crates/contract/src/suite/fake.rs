//! The suite run against the fake: a fake that breaks the contract would prove nothing about the engine.

use super::rig::{Rig, Visitor};
use crate::clock::SimClock;
use crate::faults::Faults;
use crate::provider::FakeProvider;
use crate::target::FakeTarget;
use async_trait::async_trait;
use mayfly_domain::{CredentialRef, Destination, Endpoint, Place, RecordName, Secret, Trust, WallTime};
use mayfly_engine::ports::provider::{AccountWish, Provider, Wish};
use std::collections::BTreeMap;
use std::sync::Arc;

struct FakeRig {
    target: Arc<FakeTarget>,
    provider: Arc<dyn Provider>,
}

struct FakeVisitor {
    target: Arc<FakeTarget>,
    id: u64,
}

async fn rig() -> FakeRig {
    tokio::time::pause();
    let clock = Arc::new(SimClock::default());
    clock.attach();
    let target = Arc::new(FakeTarget::new("one", clock, 7_000_000));
    let targets = BTreeMap::from([("one".to_owned(), Arc::clone(&target))]);
    let provider = Arc::new(FakeProvider::new(targets, Arc::new(Faults::default())));
    FakeRig { target, provider }
}

#[async_trait]
impl Rig for FakeRig {
    fn provider(&self) -> Arc<dyn Provider> {
        Arc::clone(&self.provider)
    }
    fn seed(&self) -> u64 {
        1
    }
    fn wish(&self, account: AccountWish, group: Option<&str>) -> Wish {
        Wish {
            provider: "fake".to_owned(),
            place: Place {
                destination: Destination {
                    endpoint: Endpoint { host: "one".to_owned(), port: 1 },
                    trust: Trust::Plaintext,
                },
                credential: CredentialRef { record: RecordName::parse("admin").unwrap() },
            },
            account,
            elevate: group.map(str::to_owned),
            exclusive: true,
            end_other_sessions: true,
            settings: serde_json::Value::Null,
        }
    }
    async fn create_account(&self, name: &str) {
        self.target.add_account(name);
    }
    async fn create_group(&self, name: &str) {
        self.target.add_group(name, &[]);
    }
    async fn add_member(&self, account: &str, group: &str) {
        self.target.add_group(group, &[account]);
    }
    async fn is_member(&self, account: &str, group: &str) -> bool {
        self.target.is_member(account, group)
    }
    async fn remove_account(&self, name: &str) {
        self.target.remove_account(name);
    }
    async fn rename_account(&self, from: &str, to: &str) -> bool {
        self.target.rename_account(from, to);
        true
    }
    async fn has_account(&self, name: &str) -> bool {
        self.target.has_account(name)
    }
    async fn own_something(&self, account: &str, _secret: &Secret) {
        self.target.own(account);
    }
    async fn log_in(&self, account: &str, _secret: Option<&Secret>) -> Option<Box<dyn Visitor>> {
        let id = self.target.log_in(account, 0)?;
        Some(Box::new(FakeVisitor { target: Arc::clone(&self.target), id }))
    }
    async fn now(&self) -> WallTime {
        self.target.now()
    }
    async fn snapshot(&self) -> String {
        let mut snapshot = self.target.snapshot();
        snapshot.sessions.clear();
        format!("{snapshot:#?}")
    }
    async fn deadline_of(&self, _account: &str) -> Option<WallTime> {
        None
    }
}

#[async_trait]
impl Visitor for FakeVisitor {
    fn native(&self) -> String {
        self.id.to_string()
    }
    async fn is_alive(&mut self) -> bool {
        self.target.is_logged_in(self.id)
    }
}

impl Drop for FakeVisitor {
    fn drop(&mut self) {
        self.target.log_out(self.id);
    }
}

crate::provider_contract!(rig());
