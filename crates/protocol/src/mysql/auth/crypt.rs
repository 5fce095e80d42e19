//! SHA-256 crypt ("Unix crypt using SHA-256 and SHA-512", version 0.6, Ulrich Drepper). Written here because MySQL uses it
//! with salts of 20 characters, and the specification and the libraries that follow it allow 16.

use ring::digest::{Context, SHA256};
use zeroize::Zeroizing;

use super::{hash, nonce::ALPHABET};

/// The length of SHA-256's output, in bytes.
const LEN: usize = 32;

/// How many characters stand for it.
const TEXT_LEN: usize = 43;

/// The order in which the bytes of the result are written: three to four characters, the first in the highest bits.
const ORDER: [[usize; 3]; 10] = [
    [0, 10, 20],
    [21, 1, 11],
    [12, 22, 2],
    [3, 13, 23],
    [24, 4, 14],
    [15, 25, 5],
    [6, 16, 26],
    [27, 7, 17],
    [18, 28, 8],
    [9, 19, 29],
];

/// The 43 characters for a password. Time grows with the square of its length, and with the rounds.
pub(super) fn sha256_crypt(password: &[u8], salt: &[u8], rounds: u32) -> Zeroizing<[u8; TEXT_LEN]> {
    let b = Zeroizing::new(hash::<LEN>(&SHA256, &[password, salt, password]));
    let mut context = Context::new(&SHA256);
    context.update(password);
    context.update(salt);
    context.update(&stretch(&b, password.len()));
    let mut bits = password.len();
    while bits > 0 {
        context.update(if bits & 1 == 1 { &*b } else { password });
        bits >>= 1;
    }
    let mut a = Zeroizing::new(finish(context));
    let p = stretch(&repeat(password, password.len()), password.len());
    let s = stretch(&repeat(salt, 16 + usize::from(a[0])), salt.len());
    for round in 0..rounds {
        let odd = round & 1 == 1;
        let mut context = Context::new(&SHA256);
        context.update(if odd { &p } else { &*a });
        if round % 3 != 0 {
            context.update(&s);
        }
        if round % 7 != 0 {
            context.update(&p);
        }
        context.update(if odd { &*a } else { &p });
        *a = finish(context);
    }
    text(&a)
}

/// The hash of `times` copies.
fn repeat(bytes: &[u8], times: usize) -> Zeroizing<[u8; LEN]> {
    let mut context = Context::new(&SHA256);
    for _ in 0..times {
        context.update(bytes);
    }
    Zeroizing::new(finish(context))
}

/// The first `len` bytes of endless copies of a hash.
fn stretch(hash: &[u8; LEN], len: usize) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(hash.iter().copied().cycle().take(len).collect())
}

fn finish(context: Context) -> [u8; LEN] {
    let mut array = [0; LEN];
    array.copy_from_slice(context.finish().as_ref());
    array
}

/// The characters of the result.
fn text(a: &[u8; LEN]) -> Zeroizing<[u8; TEXT_LEN]> {
    let groups = ORDER.iter().map(|[x, y, z]| [a[*x], a[*y], a[*z]]).chain([[0, a[31], a[30]]]);
    let characters = groups.flat_map(|[x, y, z]| {
        let bits = u32::from_be_bytes([0, x, y, z]);
        (0..4u32).map(move |at| ALPHABET[(bits >> (6 * at) & 0x3f) as usize])
    });
    let mut text = Zeroizing::new([0; TEXT_LEN]);
    // The last group has 16 bits, which are three characters: the fourth is left off.
    for (to, from) in text.iter_mut().zip(characters) {
        *to = from;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_those_of_the_specification() {
        // The specification's examples, with the salts cut at 16 characters as it says.
        for (password, salt, rounds, expected) in [
            ("Hello world!", "saltstring", 5000, "5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5"),
            ("Hello world!", "saltstringsaltst", 10_000, "3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA"),
            (
                "a very much longer text to encrypt.  This one even stretches over morethan one line.",
                "anotherlongsalts",
                1400,
                "Rx.j8H.h8HjEDGomFU8bDkXm3XIUnzyxf12oP84Bnq1",
            ),
        ] {
            let text = sha256_crypt(password.as_bytes(), salt.as_bytes(), rounds);
            assert_eq!(std::str::from_utf8(&*text), Ok(expected));
        }
    }
}
