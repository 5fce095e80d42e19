//! What can be wrong with a trail, in words for the person who has to act on it.

/// What was found: the first thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Finding {
    /// An entry is not what was written.
    #[error("entry {sequence} was edited: {why}")]
    Edited {
        /// Which.
        sequence: u64,
        /// How that shows.
        why: String,
    },
    /// Two neighbours do not fit, and nothing tells which of them was edited.
    #[error("entry {first} or the one after it was edited: the second does not have the hash of the first")]
    OneOfTwoEdited {
        /// The first of the two.
        first: u64,
    },
    /// Entries are gone from the middle.
    #[error("entries are missing from {from} on: the next one there is has number {next}")]
    Deleted {
        /// The first that is missing.
        from: u64,
        /// The first that is there again.
        next: u64,
    },
    /// An entry stands where another belongs.
    #[error("entries were moved: number {found} stands where {place} belongs")]
    Moved {
        /// The place.
        place: u64,
        /// The entry that stands there.
        found: u64,
    },
    /// An entry is there twice.
    #[error("entry {sequence} is there again where {place} belongs")]
    Duplicated {
        /// The place of the second.
        place: u64,
        /// The entry.
        sequence: u64,
    },
    /// The chain is whole, but not the one that was signed.
    #[error(
        "the trail was rewritten without the key: its first {size} entries are not those of {checkpoint}; what was changed is \
         among entries {from} to {}", size.saturating_sub(1)
    )]
    Rewritten {
        /// The first checkpoint that does not fit.
        checkpoint: String,
        /// How many entries it is of.
        size: u64,
        /// The first entry that no checkpoint which fits vouches for.
        from: u64,
    },
    /// The store's own checkpoints know of more entries than there are.
    #[error(
        "the tail was cut: there are {entries} entries, and {checkpoint} is of {size}; entry {entries} is the first missing"
    )]
    Cut {
        /// How many entries there are.
        entries: u64,
        /// The checkpoint.
        checkpoint: String,
        /// How many entries it is of.
        size: u64,
    },
    /// Only checkpoints outside know of more.
    #[error(
        "the store was rolled back or its tail cut: there are {entries} entries, and {checkpoint} is of {size}; entry {entries} \
         is the first missing"
    )]
    RolledBack {
        /// How many entries there are.
        entries: u64,
        /// The checkpoint.
        checkpoint: String,
        /// How many entries it is of.
        size: u64,
    },
    /// A checkpoint is not by the key.
    #[error("{checkpoint} is forged, or from another key: {why}")]
    Forged {
        /// Which.
        checkpoint: String,
        /// How that shows.
        why: String,
    },
    /// A checkpoint is by the key and of another trail.
    #[error("{checkpoint} is of the trail {found}, the others are of {expected}")]
    OtherTrail {
        /// Which.
        checkpoint: String,
        /// Whose trail it is of.
        found: String,
        /// Whose the first one is of.
        expected: String,
    },
}

impl Finding {
    /// The number of the first bad entry, or the first that could be; `None` when the fault is in a checkpoint.
    pub const fn first_bad(&self) -> Option<u64> {
        match self {
            Self::Edited { sequence, .. } => Some(*sequence),
            Self::OneOfTwoEdited { first } => Some(*first),
            Self::Deleted { from, .. } | Self::Rewritten { from, .. } => Some(*from),
            Self::Moved { place, .. } | Self::Duplicated { place, .. } => Some(*place),
            Self::Cut { entries, .. } | Self::RolledBack { entries, .. } => Some(*entries),
            Self::Forged { .. } | Self::OtherTrail { .. } => None,
        }
    }
}
