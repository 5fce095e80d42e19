//! The mutator: a seeded generator of random numbers, and the ways in which it spoils an input.

/// SplitMix64 (Steele, Lea, Flood 2014): small, and the same on every machine.
pub(super) struct Rng(u64);

impl Rng {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`, which is not 0. The slight bias does no harm here.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() >> 1).unwrap() % bound
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

/// Lengths at which codecs go wrong.
const LENGTHS: [u32; 16] =
    [0, 1, 3, 4, 5, 8, 12, 255, 256, 10_004, 10_005, 65_535, 0x3fff_ffff, 0x4000_0004, 0x7fff_ffff, 0xffff_ffff];

/// Bytes that mean something to the parsers.
const BYTES: &[u8] = b"\0\x01\x7f\x80\xffRKZENSvpQX,=:$nyrscimpev019+-/ \n";

/// The longest input that is made.
const MAX_LEN: usize = 16 * 1024;

/// An input made of one of the corpus by one to five changes.
pub(super) fn mutate(corpus: &[&[u8]], rng: &mut Rng) -> Vec<u8> {
    let mut input = rng.pick(corpus).to_vec();
    for _ in 0..=rng.below(5) {
        change(&mut input, corpus, rng);
        input.truncate(MAX_LEN);
    }
    input
}

/// One change.
fn change(input: &mut Vec<u8>, corpus: &[&[u8]], rng: &mut Rng) {
    let at = rng.below(input.len() + 1);
    let to = at + rng.below(input.len() - at + 1);
    match rng.below(10) {
        0 if at < input.len() => input[at] ^= 1 << rng.below(8),
        1 if at < input.len() => input[at] = *rng.pick(BYTES),
        2 => input.insert(at, *rng.pick(BYTES)),
        3 => input.truncate(at),
        4 => drop(input.drain(at..to)),
        5 => {
            let part = input[at..to].to_vec();
            input.splice(at..at, part.repeat(1 + rng.below(3)));
        }
        6 => input.splice(at..at, std::iter::repeat_n(*rng.pick(BYTES), rng.below(600))).for_each(drop),
        7 => {
            let other = *rng.pick(corpus);
            let from = rng.below(other.len() + 1);
            input.truncate(at);
            input.extend_from_slice(&other[from..]);
        }
        8 => write_length(input, at, *rng.pick(&LENGTHS)),
        _ => nudge_length(input, rng),
    }
}

/// Overwrites four bytes with a length.
fn write_length(input: &mut [u8], at: usize, length: u32) {
    for (byte, new) in input.iter_mut().skip(at).zip(length.to_be_bytes()) {
        *byte = new;
    }
}

/// Finds something that looks like the length field of a message and makes it a little wrong.
fn nudge_length(input: &mut [u8], rng: &mut Rng) {
    let fields: Vec<usize> = input
        .windows(4)
        .enumerate()
        .filter(|(_, field)| field[0] == 0 && field[1] == 0 && field[2..] != [0, 0])
        .map(|(at, _)| at)
        .collect();
    if fields.is_empty() {
        return;
    }
    let at = *rng.pick(&fields);
    let old = u32::from_be_bytes([input[at], input[at + 1], input[at + 2], input[at + 3]]);
    let new = match rng.below(3) {
        0 => old.wrapping_add(1),
        1 => old.wrapping_sub(1),
        _ => old.wrapping_mul(2),
    };
    write_length(input, at, new);
}
