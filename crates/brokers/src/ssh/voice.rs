//! What a person in a shell hears while it runs: that the session will end soon.

use super::{channel::Voice, opening::Target};
use crate::standing::{Said, Warnings};

/// Warns before the deadline, and again when that was moved; returns when there is nothing more to be said.
pub(super) async fn warn(target: &Target, voice: &Voice<'_>) {
    let mut warnings = Warnings::new(target.standing(), target.clock());
    while let Said::Warning(sentence) = warnings.next().await {
        voice.interrupt(&sentence).await;
    }
}
