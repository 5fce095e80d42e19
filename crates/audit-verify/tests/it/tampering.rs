//! One thousand tamperings of a trail of one thousand entries, and one of each kind by hand.

use crate::maker::{Hash, Random, chain, checkpoint, entry, hex, leaf, lines, notes, public, sign, signing_key};
use mayfly_audit_verify::{Failure, Finding, Line, Note, Report, Whence, verify};

const MANY: usize = 1000;
/// Where checkpoints are, unevenly, the last one at the end.
const SIZES: [usize; 9] = [1, 2, 10, 100, 101, 350, 777, 999, MANY];

fn setting() -> (Vec<Vec<u8>>, Vec<Note>) {
    let entries = chain(MANY);
    let key = signing_key(1);
    let texts: Vec<String> = SIZES.iter().map(|size| checkpoint(&entries, *size, &key)).collect();
    (entries, notes(&texts, Whence::Outside))
}

fn found(entries: &[Vec<u8>], notes: &[Note]) -> Finding {
    match verify(lines(entries), notes, &public(&signing_key(1))) {
        Err(Failure::Found(finding)) => finding,
        other => panic!("nothing was found: {other:?}"),
    }
}

/// Writes entries anew from `from` on, so that they are a chain again, as whoever has no key could.
fn rechain(entries: &mut [Vec<u8>], from: usize) {
    for number in from.max(1)..entries.len() {
        let previous: Hash = leaf(&entries[number - 1]);
        entries[number] = entry(number, &previous);
    }
}

#[test]
fn a_whole_trail_passes_and_says_how_far_it_is_covered() {
    let (entries, notes) = setting();
    let key = public(&signing_key(1));
    let report = verify(lines(&entries), &notes, &key).unwrap();
    assert_eq!(report, Report { entries: 1000, checkpoints: 9, covered: 1000, last_at_us: Some(17) });
    let report = verify(lines(&entries), &notes[..8], &key).unwrap();
    assert_eq!((report.entries, report.covered), (1000, 999));
    let report = verify(lines(&entries), &[], &key).unwrap();
    assert_eq!((report.entries, report.covered), (1000, 0));
    assert_eq!(verify(Vec::new(), &[], &key).unwrap(), Report::default());
}

/// What the first checkpoint that covers `entry` vouches for: its range, from the checkpoint before.
fn range(entry: usize) -> (u64, u64) {
    let at = SIZES.iter().position(|size| *size > entry).unwrap();
    let from = if at == 0 { 0 } else { SIZES[at - 1] };
    (from as u64, SIZES[at] as u64)
}

/// Each round does one thing to the trail and says which entries the finding may name.
fn tamper(random: &mut Random, entries: &mut Vec<Vec<u8>>) -> (String, std::ops::RangeInclusive<u64>) {
    let at = random.below(MANY);
    let exactly = |number: usize| number as u64..=number as u64;
    match random.below(6) {
        0 => {
            let (byte, bit) = (random.below(entries[at].len()), random.below(8));
            entries[at][byte] ^= 1 << bit;
            // Nothing follows the last entry; only the checkpoint's range is known.
            let last = range(MANY - 1);
            let named = if at == MANY - 1 { last.0..=last.1 - 1 } else { exactly(at) };
            (format!("bit {bit} of byte {byte} of entry {at} flipped"), named)
        }
        1 => {
            entries.remove(at);
            (format!("entry {at} deleted"), exactly(at))
        }
        2 => {
            let to = random.below(MANY + 1);
            let copy = entries[at].clone();
            entries.insert(to, copy);
            // Before itself it is the same as after itself.
            (format!("entry {at} doubled at {to}"), exactly(if to == at { at + 1 } else { to }))
        }
        3 => {
            let other = (at + 1 + random.below(MANY - 1)) % MANY;
            entries.swap(at, other);
            (format!("entries {at} and {other} swapped"), exactly(at.min(other)))
        }
        4 => {
            entries.truncate(at);
            (format!("cut at {at}"), exactly(at))
        }
        _ => {
            let mut text = String::from_utf8(entries[at].clone()).unwrap();
            text = text.replace("alice", "mallory");
            entries[at] = text.into_bytes();
            rechain(entries, at + 1);
            let (from, to) = range(at);
            (format!("entry {at} edited and the chain recomputed"), from..=to - 1)
        }
    }
}

#[test]
fn a_thousand_tamperings_are_found_and_the_first_bad_entry_is_named() {
    let (whole, notes) = setting();
    let mut random = Random(0x6d61_7966_6c79);
    for round in 0..1000 {
        let mut entries = whole.clone();
        let (what, named) = tamper(&mut random, &mut entries);
        let finding = found(&entries, &notes);
        let first = finding.first_bad();
        assert!(first.is_some_and(|first| named.contains(&first)), "round {round}, {what}: {finding} ({named:?})");
    }
}

#[test]
fn each_kind_is_called_by_its_name() {
    let (whole, notes) = setting();
    let with = |change: &dyn Fn(&mut Vec<Vec<u8>>)| {
        let mut entries = whole.clone();
        change(&mut entries);
        found(&entries, &notes)
    };
    let swap_name = |entries: &mut Vec<Vec<u8>>, at: usize| {
        entries[at] = String::from_utf8(entries[at].clone()).unwrap().replace("alice", "carol").into_bytes();
    };
    assert!(matches!(with(&|e| swap_name(e, 500)), Finding::Edited { sequence: 500, .. }));
    // The last entry under a checkpoint, and the one right after it.
    assert!(matches!(with(&|e| swap_name(e, 349)), Finding::Edited { sequence: 349, .. }));
    assert!(matches!(with(&|e| swap_name(e, 350)), Finding::Edited { sequence: 350, .. }));
    assert!(matches!(with(&|e| swap_name(e, 0)), Finding::Edited { sequence: 0, .. }));
    assert_eq!(with(&|e| drop(e.drain(500..503))), Finding::Deleted { from: 500, next: 503 });
    assert_eq!(with(&|e| e.insert(500, e[499].clone())), Finding::Duplicated { place: 500, sequence: 499 });
    assert_eq!(with(&|e| e.swap(500, 501)), Finding::Moved { place: 500, found: 501 });
    assert_eq!(
        with(&|e| e.truncate(998)),
        Finding::RolledBack { entries: 998, checkpoint: "note 8".to_owned(), size: 1000 }
    );
    let rewritten = with(&|e| {
        swap_name(e, 500);
        rechain(e, 501);
    });
    assert_eq!(rewritten, Finding::Rewritten { checkpoint: "note 6".to_owned(), size: 777, from: 350 });
    assert!(rewritten.to_string().contains("among entries 350 to 776"), "{rewritten}");
    // One entry is taken out, and those after it are given new numbers and a chain of their own.
    let renumbered = with(&|e| {
        e.remove(500);
        for number in 500..e.len() {
            let (old, previous) = (String::from_utf8(e[number].clone()).unwrap(), hex(&leaf(&e[number - 1])));
            let prev = old.find("\"prev\":\"").unwrap() + 8;
            let new = format!("{}{previous}{}", &old[..prev], &old[prev + 64..]);
            e[number] = new.replace(&format!("\"seq\":{},", number + 1), &format!("\"seq\":{number},")).into_bytes();
        }
    });
    assert_eq!(renumbered, Finding::Rewritten { checkpoint: "note 6".to_owned(), size: 777, from: 350 });
}

/// A link that was edited is told from an edited neighbour, at the end of the trail too.
#[test]
fn an_edited_link_names_the_entry_that_holds_it() {
    let (whole, notes) = setting();
    for at in [1, 2, 3, 350, 500, 998, 999] {
        let mut entries = whole.clone();
        entries[at] = entry(at, &[7; 32]);
        assert!(matches!(found(&entries, &notes), Finding::Edited { sequence, .. } if sequence == at as u64), "{at}");
        // Without checkpoints the last two vouch for each other alone.
        let expected = if at == 999 { 998 } else { at as u64 };
        assert_eq!(found(&entries, &[]).first_bad(), Some(expected), "{at}");
    }
    let mut entries = whole.clone();
    entries[998] = String::from_utf8(entries[998].clone()).unwrap().replace("alice", "carol").into_bytes();
    let without_999: Vec<Note> = notes.iter().filter(|note| note.name != "note 7").cloned().collect();
    assert!(matches!(found(&entries, &without_999), Finding::Edited { sequence: 998, .. }));
}

#[test]
fn a_cut_tail_is_told_from_a_store_that_was_rolled_back() {
    let (mut entries, outside) = setting();
    entries.truncate(900);
    let own = |sizes: &[usize]| {
        let texts: Vec<String> = sizes.iter().map(|size| checkpoint(&chain(MANY), *size, &signing_key(1))).collect();
        notes(&texts, Whence::Store)
    };
    let both = |own: Vec<Note>| found(&entries, &[outside.clone(), own].concat());
    assert!(matches!(both(own(&[777, 950])), Finding::Cut { entries: 900, size: 950, .. }));
    assert!(matches!(both(own(&[777, 900])), Finding::RolledBack { entries: 900, size: 1000, .. }));
}

#[test]
fn forged_checkpoints_are_found() {
    let (entries, mut notes) = setting();
    let whole = notes[3].text.clone();
    let other = checkpoint(&entries, 100, &signing_key(2));
    let unsigned = whole.split("\u{2014}").next().unwrap().to_owned();
    let no_size = sign("mayfly/ins_0123456789abcdef\n0100\nAAAA\nat_us 1\n", &signing_key(1));
    let cases = [
        (other, "another key"),
        (whole.replacen("\n100\n", "\n101\n", 1), "signature is wrong"),
        (whole.replacen("at_us 17", "at_us 18", 1), "signature is wrong"),
        (unsigned, "another key"),
        (String::new(), "no signed note"),
        (no_size, "size is no number"),
    ];
    for (text, why) in cases {
        notes[3].text = text;
        let finding = found(&entries, &notes);
        assert!(matches!(&finding, Finding::Forged { checkpoint, .. } if checkpoint == "note 3"), "{finding}");
        assert!(finding.to_string().contains(why), "{finding}");
    }
    notes[3].text = sign(
        "mayfly/ins_zzzzzzzzzzzzzzzz\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\nat_us 1\n",
        &signing_key(1),
    );
    assert!(matches!(found(&entries, &notes), Finding::OtherTrail { .. }));
}

/// A witness adds a line of its own; ours still decides.
#[test]
fn further_signatures_are_passed_over() {
    let (entries, mut notes) = setting();
    let witness = checkpoint(&entries, 100, &signing_key(9));
    let line = witness.lines().last().unwrap().replace("mayfly/", "witness/");
    notes[3].text = format!("{}{line}\n", notes[3].text);
    assert!(verify(lines(&entries), &notes, &public(&signing_key(1))).is_ok());
    notes[3].text = notes[3].text.replacen("at_us 17", "at_us 19", 1);
    assert!(matches!(found(&entries, &notes), Finding::Forged { .. }));
}

/// The store keeps each hash beside its entry, which names an edited entry even where nothing follows it.
#[test]
fn the_stores_own_hashes_name_an_edited_last_entry() {
    let (entries, notes) = setting();
    let mut stored: Vec<Line> =
        entries.iter().map(|bytes| Line { bytes: bytes.clone(), leaf: Some(leaf(bytes)) }).collect();
    stored[999].bytes = entry(999, &[3; 32]);
    let key = public(&signing_key(1));
    let Err(Failure::Found(finding)) = verify(stored.into_iter().map(Ok), &notes, &key) else { panic!("not found") };
    assert!(matches!(finding, Finding::Edited { sequence: 999, .. }), "{finding}");
}
