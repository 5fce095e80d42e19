//! What the suite needs to know of one kind of target. Everything that changes or asks the target does so with the target's
//! own tools, never through the provider that is being tested.

use async_trait::async_trait;
use mayfly_domain::{Secret, WallTime};
use mayfly_engine::ports::provider::{AccountWish, Provider, Wish};
use std::sync::Arc;
use std::time::Duration;

/// A target that can be tested on. A method that cannot do what it says panics: a broken rig is a failed test.
#[async_trait]
pub trait Rig: Send + Sync {
    /// The provider that is being tested.
    fn provider(&self) -> Arc<dyn Provider>;

    /// A number that differs between rigs on the same server: the names that the suite draws come from it.
    fn seed(&self) -> u64;

    /// A wish with everything filled in: the provider's name, the place, settings under which what an account owns is handed
    /// over or dropped and the account then goes.
    fn wish(&self, account: AccountWish, group: Option<&str>) -> Wish;

    /// Makes an account that can log in, with a password that [`Rig::log_in`] knows.
    async fn create_account(&self, name: &str);

    /// Makes a group or role that accounts can be lifted into.
    async fn create_group(&self, name: &str);

    /// Puts an account into a group as another administrator would.
    async fn add_member(&self, account: &str, group: &str);

    /// Whether an account is in a group, whoever put it there.
    async fn is_member(&self, account: &str, group: &str) -> bool;

    /// Removes an account as an administrator would who does not look for its sessions.
    async fn remove_account(&self, name: &str);

    /// Renames an account; `false` where the target cannot.
    async fn rename_account(&self, from: &str, to: &str) -> bool;

    /// Whether an account of that name exists.
    async fn has_account(&self, name: &str) -> bool;

    /// Lets an account that logs in with `secret` own something that stands in the way of its removal.
    async fn own_something(&self, account: &str, secret: &Secret);

    /// Logs in, with `secret` or as an account that [`Rig::create_account`] made; `None` when the target refuses.
    async fn log_in(&self, account: &str, secret: Option<&Secret>) -> Option<Box<dyn Visitor>>;

    /// The target's clock.
    async fn now(&self) -> WallTime;

    /// Everything on the target that somebody could have changed, as text that is equal when nothing was. Sessions do not
    /// belong in it.
    async fn snapshot(&self) -> String;

    /// The deadline that the target itself holds for an account; `None` where it holds none.
    async fn deadline_of(&self, account: &str) -> Option<WallTime>;

    /// A name for accounts and groups that only survives where it is quoted properly.
    fn awkward_name(&self) -> String {
        r#"o'hara "x"; drop -- \"#.to_owned()
    }

    /// How far apart two log-ins have to be for the target to tell them apart.
    fn log_in_resolution(&self) -> Duration {
        Duration::from_millis(20)
    }
}

/// Somebody who is logged in to the target. Dropping it logs out.
#[async_trait]
pub trait Visitor: Send {
    /// What the target calls this session (PostgreSQL: the backend's pid).
    fn native(&self) -> String;

    /// Whether the session still lives and can do something on the target.
    async fn is_alive(&mut self) -> bool;
}
