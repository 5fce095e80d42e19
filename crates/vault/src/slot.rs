//! For what a value is sealed: its place in the store and the destination to which it may be sent.

use mayfly_domain::Destination;

/// The place and the purpose of one sealed value. All of it is authenticated with the value, so that a value copied to
/// another row, or read for another destination, does not open.
#[derive(Debug, Clone, Copy)]
pub struct Slot<'a> {
    /// The table, or the purpose where there is none.
    pub table: &'a str,
    /// The row's id.
    pub row: &'a str,
    /// The column.
    pub column: &'a str,
    /// Where the value may be sent; `None` for what is never sent anywhere. That too is part of the binding.
    pub destination: Option<&'a Destination>,
    /// The record for which the value is sent there; `None` for what serves no record, and for what was sealed before records
    /// were part of the binding.
    pub owner: Option<&'a str>,
}

impl Slot<'_> {
    /// The associated data of the record key: the place alone, so that a changed destination can be told from another row.
    pub(crate) fn place(&self, domain: &str, key_version: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        for part in [domain, self.table, self.row, self.column] {
            append(&mut bytes, part.as_bytes());
        }
        append(&mut bytes, &key_version.to_be_bytes());
        bytes
    }

    /// The associated data of the value: the place, the destination and the record that it serves.
    pub(crate) fn binding(&self, domain: &str, key_version: u32) -> Vec<u8> {
        let mut bytes = self.place(domain, key_version);
        match self.destination {
            None => append(&mut bytes, b"nowhere"),
            Some(destination) => {
                append(&mut bytes, b"destination");
                append(&mut bytes, &destination.binding());
            }
        }
        if let Some(owner) = self.owner {
            append(&mut bytes, b"owner");
            append(&mut bytes, owner.as_bytes());
        }
        bytes
    }
}

/// Appends a part with its length in front, so that parts cannot run into one another.
pub(crate) fn append(bytes: &mut Vec<u8>, part: &[u8]) {
    // A length that does not fit in 64 bits does not exist.
    bytes.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
    bytes.extend_from_slice(part);
}
