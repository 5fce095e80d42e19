//! Drills of the bad week, as `docs/drills/` describes them: what is lost, and that in the end nothing is left and nothing was
//! wrongly touched.

mod destroyed;
mod key_lost;
mod replaced;
mod restored;
mod store_lost;

use mayfly_e2e::Installation;
use serde_json::Value;

/// Searches targets, and returns everything that was found.
fn scan(mayfly: &Installation) -> Vec<Value> {
    let output = mayfly.run(&["-o", "json", "orphans", "scan"]).unwrap();
    let known: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("{error}: {}", String::from_utf8_lossy(&output.stderr));
    });
    let found = known["orphans"].as_array().unwrap().clone();
    let open = found.iter().any(|orphan| orphan["removable"] == true && orphan["ignored"].is_null());
    let not_scanned = known["scans"].as_array().unwrap().iter().any(|scan| scan["state"] == "not_scanned");
    assert_eq!(output.status.code(), Some(if open || not_scanned { 12 } else { 0 }), "{known}");
    found
}

/// What a failing command says, with its exit code.
fn refused(mayfly: &Installation, arguments: &[&str]) -> (Option<i32>, String) {
    let output = mayfly.run(arguments).unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}
