//! The help text of every verb, held against `help.txt`. After a change that is meant, `MAYFLY_BLESS=1` writes it anew.

use crate::stand_in::{Ended, mayfly};
use std::path::Path;

/// Every verb, found by following the help texts themselves, so that none is forgotten.
fn texts(verb: &[String], output: &mut String) {
    let mut arguments: Vec<&str> = verb.iter().map(String::as_str).collect();
    arguments.push("--help");
    let ended = Ended::of(mayfly(&arguments).output().unwrap());
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{verb:?}");
    output.push_str(&format!("==> mayfly {}\n{}\n", arguments.join(" "), ended.stdout));
    let listed = ended.stdout.split_once("Commands:\n").map_or("", |(_, rest)| rest);
    for line in listed.lines().take_while(|line| !line.is_empty()) {
        let name = line.split_whitespace().next().unwrap_or_default();
        if line.starts_with("  ") && !line.starts_with("   ") && name != "help" {
            texts(&[verb, &[name.to_owned()]].concat(), output);
        }
    }
}

#[test]
fn the_help_of_every_verb_is_as_written_down() {
    let mut output = String::new();
    texts(&[], &mut output);
    assert!(output.contains("==> mayfly audit verify --help"), "the verbs were followed: {output}");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/help.txt");
    if std::env::var_os("MAYFLY_BLESS").is_some() {
        std::fs::write(&file, &output).unwrap();
    }
    assert_eq!(output, std::fs::read_to_string(&file).unwrap_or_default());
}
