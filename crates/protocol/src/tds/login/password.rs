//! How a log-in hides a password (MS-TDS 2.2.6.4, `ibPassword`): the halves of each byte change places, and all get the same
//! mask. It hides nothing from anybody; TLS does.

/// Hides in place what goes out.
pub fn conceal(bytes: &mut [u8]) {
    for byte in bytes {
        *byte = byte.rotate_left(4) ^ 0xa5;
    }
}

/// Shows in place what came in.
pub fn reveal(bytes: &mut [u8]) {
    for byte in bytes {
        *byte = (*byte ^ 0xa5).rotate_left(4);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_comes_back() {
        let mut bytes: Vec<u8> = (0..=u8::MAX).collect();
        conceal(&mut bytes);
        // Captured from FreeTDS: `c` of `capture`.
        assert_eq!((bytes[usize::from(b'c')], bytes[0]), (0x93, 0xa5));
        reveal(&mut bytes);
        assert_eq!(bytes, (0..=u8::MAX).collect::<Vec<u8>>());
    }
}
