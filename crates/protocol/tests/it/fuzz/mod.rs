//! Fuzzing on stable Rust, as part of the tests. Each target is a plain function that panics if an input shows a fault.
//! It is fed every file of its corpus (`corpus/<target>/`), and then inputs made of them by a seeded mutator, so that a
//! run is the same everywhere. With `MAYFLY_LONG=1` there are a hundred times as many.
//!
//! An input that shows a fault is written to a file, whose name is in the failure's text: fix the fault and move the
//! file into the corpus.

mod mutate;
mod mysql;
mod postgres;
mod scram;
mod tds;

use std::{fs, panic, path::PathBuf};

use mutate::{Rng, mutate};

/// How many mutated inputs each target gets in an ordinary run.
const ITERATIONS: u64 = 20_000;

/// One failure, for people.
#[derive(Debug)]
struct Fault {
    /// What the input was: the corpus file or the mutation's number.
    origin: String,
    /// Where it was written to.
    file: PathBuf,
}

/// The corpus of a target, in the order of the file names.
fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let mut files: Vec<_> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("no corpus in {}: {error}", folder.display()))
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "empty corpus in {}", folder.display());
    files
}

/// Runs a target over its corpus and over `iterations` mutated inputs, up to the first fault.
fn search(target: &str, iterations: u64, check: fn(&[u8], &mut Rng)) -> Result<(), Fault> {
    let corpus = corpus(target);
    let judge = |origin: String, input: &[u8], seed: u64| {
        let outcome = panic::catch_unwind(|| check(input, &mut Rng::new(seed)));
        outcome.map_err(|_| {
            let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("fuzz").join(target);
            fs::create_dir_all(&folder).unwrap();
            let file = folder.join(format!("{seed:016x}"));
            fs::write(&file, input).unwrap();
            Fault { origin, file }
        })
    };
    for (name, input) in &corpus {
        judge(format!("corpus file {name}"), input, 0)?;
    }
    let inputs: Vec<&[u8]> = corpus.iter().map(|(_, input)| input.as_slice()).collect();
    for seed in 1..=iterations {
        let input = mutate(&inputs, &mut Rng::new(seed));
        judge(format!("seed {seed}"), &input, seed)?;
    }
    Ok(())
}

/// Runs a target as a test.
fn fuzz(target: &str, check: fn(&[u8], &mut Rng)) {
    let long = std::env::var_os("MAYFLY_LONG").is_some_and(|value| value == "1");
    let iterations = if long { 100 * ITERATIONS } else { ITERATIONS };
    if let Err(Fault { origin, file }) = search(target, iterations, check) {
        panic!("target {target} failed on {origin}, the message stands above; input written to {}", file.display());
    }
}

#[test]
fn a_planted_fault_is_found_and_written() {
    let fault = search("startup", 4_000, |input, _| {
        // No file of the corpus names three users: only repeating and splicing leads there.
        let users = input.windows(5).filter(|window| *window == b"user\0").count();
        assert!(users < 3, "planted");
    });
    let fault = fault.unwrap_err();
    assert!(fault.origin.starts_with("seed "), "{fault:?}");
    let input = fs::read(&fault.file).unwrap();
    assert!(input.windows(5).filter(|window| *window == b"user\0").count() >= 3);
    fs::remove_file(fault.file).unwrap();
}
