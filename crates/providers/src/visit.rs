//! Logging in to a target as a session of ours does, and doing something harmless there: how an administrator sees that a
//! record works without taking anybody's place.

use async_trait::async_trait;
use mayfly_dial::Credential;
use mayfly_dial::ssh::UserCertificate;
use mayfly_domain::{Authorised, Destination, Failure};

/// A log-in that is to be tried.
#[derive(Debug, Clone, Copy)]
pub struct VisitRequest<'a> {
    /// The proof that its session may be opened.
    pub permit: &'a Authorised,
    /// Where sessions go.
    pub destination: &'a Destination,
    /// The session's account.
    pub credential: &'a Credential,
    /// Whether it was made for the session, and is logged in to with what is derived from the session's secret where the kind of
    /// target has such.
    pub made: bool,
    /// What an authority of ours says of its key, where the target asks for that.
    pub certificate: Option<&'a UserCertificate>,
    /// The database that is opened, where the target has databases.
    pub database: Option<&'a str>,
    /// The group or role that the account was lifted into.
    pub elevate: Option<&'a str>,
}

/// Somebody who is logged in. Dropping it logs out.
#[async_trait]
pub trait Visit: Send {
    /// What the target calls this session, where it says so.
    fn native(&self) -> Option<String>;

    /// Does something that changes nothing, and says in a sentence what was seen, the group or role included.
    ///
    /// # Errors
    /// A [`Failure`] when it cannot be done, or shows that the account is not what the record says.
    async fn look_around(&mut self) -> Result<String, Failure>;
}
