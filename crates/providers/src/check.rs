//! What a check of a record found, in a form that is the same for every kind of target: each finding says what it is
//! about and, where something has to be done, the exact statements that do it.

use crate::holders::{Holders, HoldersRequest};
use crate::scan::{Scan, ScanRequest};
use crate::visit::{Visit, VisitRequest};
use async_trait::async_trait;
use mayfly_dial::ssh::UserAuthority;
use mayfly_domain::{Administration, Failure, InstallationId, Place, Prefix, RecordName, TargetId, WallTime};
use serde::Serialize;
use std::net::IpAddr;

/// How a finding is to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// As it should be.
    Ok,
    /// Something that Mayfly needs, or that its promise rests on, is not there.
    Missing,
    /// The administrative account may do more than Mayfly needs, or the target lets more happen than it should.
    Excess,
    /// It could not be tried here, and why.
    NotTried,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How it is to be taken.
    pub level: Level,
    /// A sentence for a person.
    pub what: String,
    /// The statements or configuration lines that set it right, in the target's own language, in their order.
    pub fix: Vec<String>,
}

/// Everything that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct CheckReport {
    /// The findings, in the order in which they were looked at.
    pub findings: Vec<Finding>,
}

impl CheckReport {
    /// Adds a finding that needs nothing.
    pub fn ok(&mut self, what: impl Into<String>) {
        self.add(Level::Ok, what, Vec::new());
    }

    /// Adds a finding with the statements that set it right.
    pub fn add(&mut self, level: Level, what: impl Into<String>, fix: Vec<String>) {
        self.findings.push(Finding { level, what: what.into(), fix });
    }

    /// The findings of one level.
    pub fn of(&self, level: Level) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(move |finding| finding.level == level)
    }
}

/// What is checked.
#[derive(Debug, Clone)]
pub struct CheckRequest {
    /// The record.
    pub record: RecordName,
    /// Where the target is administered, and with which credential.
    pub place: Place,
    /// The group or role that sessions of the record are lifted into, if any.
    pub elevate: Option<String>,
    /// The database that sessions open unless their client names another, where the target has databases.
    pub database: Option<String>,
    /// Whether existing accounts are lifted, which needs more rights than making accounts.
    pub lifts_existing: bool,
    /// The provider's own settings of the record, as JSON.
    pub settings: serde_json::Value,
    /// What the names of accounts start with.
    pub prefix: Prefix,
    /// The record's authority for the keys of users, for targets that are logged in to with one.
    pub authority: Option<UserAuthority>,
    /// The address from which our sessions reach the target, if it is known.
    pub our_address: Option<IpAddr>,
    /// Another address of this machine, from which an ephemeral account must not get in.
    pub second_address: Option<IpAddr>,
    /// Now, by our wall clock.
    pub now: WallTime,
}

/// For whom a helper on a target is installed.
#[derive(Debug, Clone)]
pub struct HelperRequest {
    /// The record that was asked for.
    pub record: RecordName,
    /// Where the target is administered, and with which credential.
    pub place: Place,
    /// What the names of accounts start with.
    pub prefix: Prefix,
    /// Whose marks accounts carry.
    pub installation: InstallationId,
    /// Other installations whose leavings are ours to remove.
    pub claimed: Vec<InstallationId>,
    /// The address from which the target sees us come, where the administrator gave it.
    pub from: Option<IpAddr>,
    /// What each record that leads to the place needs.
    pub served: Vec<Served>,
}

/// What one record needs of the helper of its target.
#[derive(Debug, Clone)]
pub struct Served {
    /// The group that its sessions are lifted into, if any.
    pub elevate: Option<String>,
    /// The existing account that its sessions use, if it names one.
    pub existing: Option<String>,
    /// The provider's own settings of the record, as JSON.
    pub settings: serde_json::Value,
}

/// The check of a record against its target. It changes nothing there.
#[async_trait]
pub trait Check: Send + Sync + 'static {
    /// Which target answers at this place now, as it identifies itself. `settings` are the provider's own of the record.
    ///
    /// # Errors
    /// A [`Failure`] when the target cannot be asked.
    async fn identify(
        &self,
        by: &Administration,
        place: &Place,
        settings: &serde_json::Value,
    ) -> Result<TargetId, Failure>;

    /// Whether it can work with these settings of a record, before they are saved.
    ///
    /// # Errors
    /// A [`Failure`] that names the field.
    fn accepts(&self, settings: &serde_json::Value) -> Result<(), Failure>;

    /// Looks at everything that a launch and its removal need.
    ///
    /// # Errors
    /// A [`Failure`] when the target cannot be asked at all; whatever can be asked is a finding.
    async fn check(&self, by: &Administration, request: &CheckRequest) -> Result<CheckReport, Failure>;

    /// Searches the target for accounts whose name begins with our prefix or that carry a mark, whosever they are.
    ///
    /// # Errors
    /// A [`Failure`] when the target cannot be asked, or lets us not look.
    async fn scan(&self, by: &Administration, request: &ScanRequest) -> Result<Scan, Failure>;

    /// Looks who on the target holds for good what sessions of the record are given for a time.
    ///
    /// # Errors
    /// A [`Failure`] when the target cannot be asked.
    async fn holders(&self, by: &Administration, request: &HoldersRequest) -> Result<Holders, Failure>;

    /// Logs in as a session of the record does, so that an administrator sees that it works. `None` where this kind of target is
    /// not logged in to from here.
    ///
    /// # Errors
    /// A [`Failure`] that says how far it came and what to do.
    async fn visit(&self, _request: &VisitRequest<'_>) -> Result<Option<Box<dyn Visit>>, Failure> {
        Ok(None)
    }

    /// A shell script that installs on a target the one program that the administrative credential may run there from then on, and
    /// limits it to that. `None` where this kind of target has none.
    ///
    /// # Errors
    /// A [`Failure`] when the credential is none that could be limited, or a setting none that could be kept.
    async fn helper(&self, _by: &Administration, _request: &HelperRequest) -> Result<Option<String>, Failure> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_serialises_as_the_api_shows_it() {
        let mut report = CheckReport::default();
        report.ok("fine");
        report.add(Level::NotTried, "from elsewhere", vec!["do this".to_owned()]);
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["findings"][0]["level"], "ok");
        assert_eq!(json["findings"][1]["level"], "not_tried");
        assert_eq!(json["findings"][1]["fix"][0], "do this");
        assert_eq!(report.of(Level::Ok).count(), 1);
    }
}
