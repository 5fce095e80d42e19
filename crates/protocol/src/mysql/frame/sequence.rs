//! The numbers of packets, which both sides count together.

use super::Packet;
use crate::mysql::DecodeError;

/// The count of packets in one exchange: the handshake, or a command with its response. Both directions share it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sequence(u8);

impl Sequence {
    /// The count at the beginning of an exchange: the next packet has number 0.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The count within an exchange: the next packet has this number.
    #[must_use]
    pub fn at(number: u8) -> Self {
        Self(number)
    }

    /// Counts a packet that was received.
    ///
    /// # Errors
    /// [`DecodeError::Sequence`] if it does not have the next number; it is not counted then.
    pub fn check(&mut self, packet: &Packet) -> Result<(), DecodeError> {
        if packet.sequence == self.0 {
            self.advance();
            Ok(())
        } else {
            Err(DecodeError::Sequence { expected: self.0, got: packet.sequence })
        }
    }

    /// Counts a packet that is to be sent, and returns its number.
    pub(in crate::mysql) fn advance(&mut self) -> u8 {
        let number = self.0;
        self.0 = number.wrapping_add(1);
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_wrap_and_none_is_left_out() {
        let packet = |sequence| Packet { sequence, payload: Vec::new().into() };
        let mut sequence = Sequence::at(254);
        assert_eq!(sequence.check(&packet(253)), Err(DecodeError::Sequence { expected: 254, got: 253 }));
        assert_eq!(sequence.check(&packet(254)), Ok(()));
        assert_eq!(sequence.advance(), 255);
        assert_eq!(sequence, Sequence::new());
    }
}
