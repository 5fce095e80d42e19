//! Hostile inputs: size, depth, aliases, number, and anything at all.

use crate::{DATABASE, bad, reader};
use mayfly_access::objects::{INPUT_MOST, OBJECTS_MOST, parse, resolve};
use proptest::prelude::*;

#[test]
fn an_input_over_one_mebibyte_is_not_parsed() {
    assert!(bad(&" ".repeat(INPUT_MOST + 1))[0].contains("at most 1048576 are read"));
    assert!(parse(&" ".repeat(INPUT_MOST), &reader).unwrap().is_empty());
}

#[test]
fn aliases_that_stand_for_much_are_refused() {
    let mut laughs = String::from("l0: &l0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n");
    for level in 1..9 {
        let aliases = vec![format!("*l{}", level - 1); 10].join(", ");
        laughs.push_str(&format!("l{level}: &l{level} [{aliases}]\n"));
    }
    assert!(bad(&laughs)[0].contains("cannot be read as YAML"));
    // Few jumps, much text each: what the parser's own count of aliases does not see.
    let long = format!("a: &a \"{}\"\nb: [{}]\n", "x".repeat(100_000), vec!["*a"; 10_000].join(","));
    assert!(bad(&long)[0].contains("aliases stand for more"), "{:?}", bad(&long));
}

#[test]
fn deep_nesting_is_refused() {
    for depth in [17, 150] {
        assert!(bad(&"[".repeat(depth))[0].contains("cannot be read as YAML"));
        assert!(bad(&format!("{}{}", "[".repeat(depth), "]".repeat(depth)))[0].contains("cannot be read as YAML"));
    }
    assert!(bad(&"- ".repeat(INPUT_MOST / 2))[0].contains("cannot be read as YAML"));
    assert!(bad(&"? ".repeat(INPUT_MOST / 2))[0].contains("cannot be read as YAML"));
}

/// A megabyte of brackets kept the YAML library's scanner busy for minutes before any limit of ours was asked.
#[test]
fn many_brackets_are_refused_before_they_are_scanned() {
    for text in
        ["[".repeat(INPUT_MOST), "{a: '}',".repeat(100_000), "a: |\n ---\n".to_owned() + &" [\n".repeat(300_000)]
    {
        assert!(bad(&text)[0].contains("more than 200 brackets"));
    }
}

#[test]
fn too_many_objects_are_refused() {
    let many = "---\n{kind: Person, name: a, spec: {}}\n".repeat(OBJECTS_MOST + 1);
    assert!(bad(&many)[0].contains("more than 10000 objects"));
}

#[test]
fn faults_are_told_up_to_fifty() {
    let items = vec!["'!'"; 500].join(",");
    assert_eq!(bad(&format!("kind: Person\nname: a\nspec: {{may_launch: [{items}]}}")).len(), 50);
}

proptest! {
    #[test]
    fn nothing_makes_it_panic(text in "[a-z:{}\\[\\]&*!|>\"'#,?@%0-9 \n-]{0,200}") {
        let _ = parse(&text, &reader);
        let _ = resolve(&text, &reader);
    }

    #[test]
    fn a_damaged_object_is_refused_or_read_never_more(at in 0_usize..250, with in "[a-z0-9:{}\\[\\] \n\"]{1,3}") {
        let mut text = DATABASE.to_owned();
        text.insert_str(at.min(text.len()), &with);
        if let Ok(objects) = parse(&text, &reader) {
            prop_assert!(objects.len() <= 1);
        }
    }
}
