//! Making the copy that is only observed the one that acts. A new epoch begins: first the directory of checkpoints says so, then the
//! store, so that a crash in between leaves a copy that is observed and never two that act.

use crate::Store;
use crate::access::person_tokens;
use crate::database::execute;
use crate::error::{OpenError, Stop};
use crate::outside::Outside;
use crate::standing::{self, Doubt, Standing};
use crate::{checkpoint, open, writer};
use mayfly_domain::InstallationId;
use mayfly_domain::audit::Event;
use mayfly_engine::ports::ledger::LedgerError;
use rusqlite::Connection;
use std::path::PathBuf;

impl Store {
    /// Why this store is only observed; empty when it acts.
    pub fn doubts(&self) -> &[Doubt] {
        &self.doubts
    }

    /// Whether nothing is written, because another copy of the store may be the one that acts.
    pub fn observing(&self) -> bool {
        !self.doubts.is_empty()
    }

    /// The epoch of this copy.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The epoch that [`Store::activate`] would begin.
    pub fn next_epoch(&self) -> u64 {
        self.epoch.max(self.outside_epoch) + 1
    }

    /// Begins [`Store::next_epoch`] with this copy as the one that acts from its next opening on. What was issued before is void: connect
    /// secrets and tokens are deleted. `events` say so in the trail. Until it is opened again the store is observed as before.
    ///
    /// # Errors
    /// [`LedgerError::Expectation`] when it acts already, another server acts, or another epoch has begun meanwhile; otherwise what
    /// cannot be written. The copy is only observed then, as it was.
    pub async fn activate(&self, events: Vec<Event>) -> Result<u64, LedgerError> {
        let next = self.next_epoch();
        if !self.observing() {
            return Err(LedgerError::Expectation("this store acts already".to_owned()));
        }
        let claim = Claim { installation: self.installation.clone(), settings: self.settings.clone(), next };
        let apply = move |connection: &Connection| claim.take(connection);
        let job = |reply| writer::Job { apply: Box::new(apply), events, reply, activates: true };
        self.writer.write(job).await.map_err(LedgerError::from).map(|()| next)
    }
}

/// What is needed to claim the installation for a copy.
struct Claim {
    installation: InstallationId,
    settings: crate::Settings,
    next: u64,
}

impl Claim {
    fn take(self, connection: &Connection) -> Result<(), Stop> {
        let unusable = |error: OpenError| Stop::Unavailable(error.to_string());
        let outside = Outside::new(&self.settings.checkpoints);
        let origin = checkpoint::origin(&self.installation);
        let Some(_lock) = outside.claim().map_err(unusable)? else {
            let path: PathBuf = outside.lock_path();
            return Stop::expected(Doubt::Served { path }.to_string() + "; stop it first");
        };
        let known = outside.standing(&origin).map_err(unusable)?;
        if known.is_some_and(|known| known.epoch >= self.next) {
            return Stop::expected("another epoch has begun meanwhile: restart this server and look again");
        }
        // Looked at again: whoever acted until now may have gone on since this store was opened.
        let forked = !open::compare(connection, &self.installation, &outside).map_err(unusable)?.doubts.is_empty();
        let place = standing::place(&self.settings.directory).map_err(unusable)?;
        let standing = Standing { epoch: self.next, place: Some(place) };
        outside.keep_standing(&origin, &standing).map_err(unusable)?;
        if forked {
            let aside = outside.set_aside(self.next).map_err(unusable)?;
            tracing::warn!(directory = %aside.display(), "Checkpoints of a history that is not this store's are set aside");
        }
        standing::write(connection, &standing)?;
        execute(connection, include_str!("../sql/connect-secrets-delete-all.sql"), [])?;
        execute(connection, include_str!("../sql/api-tokens-delete-all.sql"), [])?;
        person_tokens::void_all(connection)?;
        Ok(())
    }
}
