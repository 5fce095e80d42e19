//! Lower-case Crockford base32 (<https://www.crockford.com/base32.html>), the alphabet of account names and ids: no `i`,
//! `l`, `o` or `u`, so that nothing is misread and no rude word is formed by chance.

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Writes `length` characters that carry the lowest `5 * length` bits of `bits`, most significant first.
pub fn encode(bits: u128, length: u32) -> String {
    (0..length).rev().map(|place| char::from(ALPHABET[((bits >> (5 * place)) & 31) as usize])).collect()
}

/// The five bits that a character carries, as somebody may have typed it: capital letters are taken too, and `o`, `i` and `l` for
/// the digits that they look like. `None` for any other character.
pub fn digit(letter: char) -> Option<u8> {
    let letter = match letter.to_ascii_lowercase() {
        'o' => '0',
        'i' | 'l' => '1',
        other => other,
    };
    let place = ALPHABET.iter().position(|known| char::from(*known) == letter)?;
    u8::try_from(place).ok()
}

/// Whether every character of `text` belongs to the alphabet.
pub(crate) fn is_encoded(text: &str) -> bool {
    text.bytes().all(|byte| ALPHABET.contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_come_most_significant_first() {
        assert_eq!(encode(0, 3), "000");
        assert_eq!(encode(31, 1), "z");
        assert_eq!(encode(32, 2), "10");
        assert_eq!(encode(u128::MAX, 13), "zzzzzzzzzzzzz");
    }

    #[test]
    fn what_is_typed_is_taken_for_what_was_meant() {
        assert_eq!(['0', 'O', 'o', '1', 'L', 'i', 'z', 'Z'].map(digit), [0, 0, 0, 1, 1, 1, 31, 31].map(Some));
        assert_eq!(['u', '-', ' ', 'é'].map(digit), [None; 4]);
    }

    #[test]
    fn misleading_letters_are_not_in_the_alphabet() {
        for letter in ["i", "l", "o", "u", "A", "-"] {
            assert!(!is_encoded(letter), "{letter}");
        }
    }
}
