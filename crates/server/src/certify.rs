//! The certificate for the key of a session, where what was frozen at its launch says that the host trusts the authority of its
//! record.

use crate::context::Context;
use mayfly_dial::ssh::{SshKey, UserCertificate};
use mayfly_domain::{Failure, RecordName};
use mayfly_engine::Joined;
use mayfly_providers::linux::certificate_terms;

impl Context {
    /// The certificate by which a session of that record logs in; `None` where it logs in without one.
    ///
    /// # Errors
    /// A [`Failure`] when it cannot be made.
    pub(crate) fn certificate(&self, record: &RecordName, joined: &Joined) -> Result<Option<UserCertificate>, Failure> {
        let (Some(secret), Some(payload)) = (&joined.secret, &joined.payload) else { return Ok(None) };
        let Some(terms) = certificate_terms(payload)? else { return Ok(None) };
        let (key, entropy) = (SshKey::of_session(secret), &mut self.entropy());
        self.authorities.of(record).certify(&key, &joined.account, &joined.session, &terms, entropy).map(Some)
    }
}
