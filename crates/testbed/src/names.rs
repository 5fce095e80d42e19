//! Names that are valid on PostgreSQL and hostile to whoever quotes carelessly.

use std::collections::BTreeSet;

/// PostgreSQL truncates names after this many bytes (NAMEDATALEN - 1).
const LONGEST: usize = 63;

/// Whole names and parts of names that have broken quoting, parsing, logging or display somewhere.
const PARTS: &[&str] = &[
    "\"",
    "'",
    "\\",
    "$$",
    ";",
    "\n",
    "\r\n",
    "\t",
    " ",
    "-",
    "--",
    "/*",
    "*/",
    "%",
    "%I",
    "%s",
    ":x",
    ":'x'",
    "?",
    "$1",
    "@",
    "#",
    "&",
    "|",
    "`id`",
    "$(id)",
    "{}",
    "[]",
    "<b>",
    ",",
    "=",
    "~",
    "^",
    ".",
    "..",
    "/",
    "../../etc/passwd",
    "\u{1b}[31m",
    "\u{7f}",
    "\u{1}",
    "é",
    "e\u{301}",
    "ß",
    "İ",
    "ı",
    "ﬁ",
    "Ω",
    "中文",
    "🦋",
    "👩‍👩‍👧",
    "\u{202e}txt",
    "שלום",
    "مرحبا",
    "\u{200b}",
    "\u{feff}",
    "\u{a0}",
    "\u{2028}",
    "keeper_0123456789abc",
    "keeper_",
    "Keeper_",
    "mayfly_admin",
    "mayfly_graveyard",
    "postgres",
    "Postgres",
    "readonly",
    "ReadOnly",
    "READONLY",
    "admin",
    "ADMIN",
    "select",
    "SELECT",
    "user",
    "null",
    "NULL",
    "true",
    "all",
    "ALL",
    "replication",
    "sameuser",
    "template",
    "0",
    "123",
    "-1",
    "-d",
    "--help",
    "'; DROP ROLE postgres; --",
    "\"; DROP ROLE postgres; --",
    "' OR '1'='1",
    "x\" SUPERUSER \"",
    "$$; DROP TABLE t; $$",
    "E'\\''",
    "U&\"\\0061\"",
    "a b",
    "A",
    "host=evil",
    "postgres://evil/",
    "x' PASSWORD 'y",
    "%00",
    "\\x00",
    "\\000",
];

/// Makes `n` different names of at most 63 bytes for roles, databases and schemas. The same seed makes the same names.
///
/// They hold quotes, backslashes, dollar quotes, semicolons, newlines, format directives, right-to-left and combining
/// characters, emoji, leading and trailing spaces and dashes, phrases of SQL injection, names that look like ours, and
/// pairs that differ only in case. None is empty, holds a NUL, or is reserved by PostgreSQL for roles (`pg_…`,
/// `public`, `none`); some databases' names (`template0`, …) and the roles `postgres` and `readonly` are left out too,
/// because they exist.
#[must_use]
pub fn hostile_names(seed: u64, n: usize) -> Vec<String> {
    let mut random = SplitMix(seed);
    let mut seen = BTreeSet::new();
    let mut names = Vec::with_capacity(n);
    let mut whole = PARTS.to_vec();
    random.shuffle(&mut whole);
    // Half of them, at most, are single parts, so that each seed also has combinations.
    whole.truncate(n / 2);
    let mut singles = whole.into_iter();
    while names.len() < n {
        let name = match singles.next() {
            Some(single) => single.to_owned(),
            None => combine(&mut random),
        };
        let swapped = swap_case(&name);
        for name in [name, swapped] {
            if names.len() < n && is_usable(&name) && seen.insert(name.clone()) {
                names.push(name);
            }
        }
    }
    names
}

fn combine(random: &mut SplitMix) -> String {
    let mut name = String::new();
    for _ in 0..=random.below(12) {
        name.push_str(PARTS[random.below(PARTS.len())]);
    }
    // One in four is filled up to the very limit.
    if random.below(4) == 0 {
        while name.len() < LONGEST {
            name.push('x');
        }
    }
    while name.len() > LONGEST {
        name.pop();
    }
    name
}

fn swap_case(name: &str) -> String {
    let swap = |c: char| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
    name.chars().map(swap).collect()
}

fn is_usable(name: &str) -> bool {
    let taken = ["public", "none", "postgres", "readonly", "readwrite", "mayfly_admin", "mayfly_graveyard", "orders"];
    !name.is_empty()
        && name.len() <= LONGEST
        && !name.contains('\0')
        && !name.starts_with("pg_")
        && !name.starts_with("template")
        && !taken.contains(&name)
}

/// Steele, Lea and Flood's SplitMix64: all that a reproducible list needs.
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from 0 to `limit - 1`.
    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).unwrap_or(0)
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_many_different_and_reproducible() {
        let names = hostile_names(7, 500);
        assert_eq!(names.len(), 500);
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), 500);
        assert_eq!(names, hostile_names(7, 500));
        assert_ne!(names, hostile_names(8, 500));
        assert!(names.iter().all(|name| is_usable(name)));
    }

    #[test]
    fn every_danger_occurs() {
        let names = hostile_names(1, 400);
        let dangers =
            ["\"", "'", "\\", "$$", ";", "\n", "%I", ":x", "\u{202e}", "\u{301}", "🦋", "DROP ROLE", "keeper_", " "];
        for danger in dangers {
            assert!(names.iter().any(|name| name.contains(danger)), "{danger:?} does not occur");
        }
        assert!(names.iter().any(|name| name.starts_with('-')));
        assert!(names.iter().any(|name| name.len() == LONGEST));
        let swapped = |name: &String| names.iter().any(|other| other != name && other.eq_ignore_ascii_case(name));
        assert!(names.iter().filter(|name| swapped(name)).count() > 50);
    }
}
