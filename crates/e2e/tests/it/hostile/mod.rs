//! Hundreds of hostile names on each target: groups or roles to be lifted into, and what a session makes and leaves there. Names
//! that are refused are refused by name of the field; after all of them nothing on the target differs. The scenario is the
//! same for every kind of target.

mod linux;
mod postgres;

use mayfly_e2e::{Target, wait};
use std::sync::Mutex;
use std::time::Duration;

const NAMES: usize = 200;
/// Records, each with a session at a time.
const AT_ONCE: usize = 8;
const RECORDS: [&str; AT_ONCE] = ["h0", "h1", "h2", "h3", "h4", "h5", "h6", "h7"];
const PERSON: &str = "mallory";

/// A target that has the names as groups or roles, and [`RECORDS`] on it, which [`PERSON`] may open.
trait Scene: Sync {
    /// The target and its installation.
    type On: Target;
    /// The kind of the records.
    const KIND: &str;

    fn target(&self) -> &Self::On;
    /// One of [`RECORDS`] with accounts in this group or role.
    fn yaml(&self, record: &'static str, name: &str) -> String;
    /// Whether a record may be refused for this name of a group or role.
    fn may_be_refused(name: &str) -> bool;
    /// Opens a session that leaves things of this name, and expects it to be in the group or role of that name if it is
    /// `lifted`.
    ///
    /// # Errors
    /// What went wrong, in words.
    fn visit(&self, record: usize, name: &str, lifted: bool, turn: usize) -> Result<(), String>;
}

/// Returns how many of the names were taken as those of groups or roles.
async fn hostile(scene: &impl Scene, names: &[String]) -> usize {
    let installation = scene.target().installation();
    let mut taken = 0;
    for (round, names) in names.chunks(AT_ONCE).enumerate() {
        // Whoever comes while the session before is still live joins that one, in its role.
        let left = || Ok(installation.sessions()?.iter().all(|session| session["state"] == "ending"));
        wait::until("the sessions before are left", Duration::from_secs(60), left).unwrap();
        let lifted = apply(scene, names);
        taken += lifted.iter().filter(|lifted| **lifted).count();
        visit_all(scene, names, &lifted, round);
    }
    scene.target().as_before("hostile names").await.unwrap();
    taken
}

/// Applies the records, all at once, and says of each name whether it is taken; one that is refused leaves its record as it was.
fn apply<S: Scene>(scene: &S, names: &[String]) -> Vec<bool> {
    let mut taken = vec![true; names.len()];
    loop {
        let all = names.iter().zip(RECORDS).zip(&taken).filter(|(_, taken)| **taken);
        let yaml: String = all.map(|((name, record), _)| scene.yaml(record, name)).collect();
        let output = scene.target().installation().run_with(&["apply", "-f", "-"], &yaml).unwrap();
        if output.status.success() || !taken.contains(&true) {
            return taken;
        }
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{words}");
        assert!(words.chars().all(|char| char == '\n' || !char.is_control()), "{words:?}");
        let before = taken.clone();
        for ((name, record), taken) in names.iter().zip(RECORDS).zip(&mut taken) {
            if words.contains(&format!("{}/{record}: spec.jit.elevation_string", S::KIND)) {
                assert!(S::may_be_refused(name), "{name:?} is as good as any: {words}");
                *taken = false;
            }
        }
        assert!(taken != before, "none of them is refused: {words}");
    }
}

/// A session for each name, all at once.
fn visit_all(scene: &impl Scene, names: &[String], lifted: &[bool], round: usize) {
    let failed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for (at, (name, lifted)) in names.iter().zip(lifted).enumerate() {
            let failed = &failed;
            scope.spawn(move || {
                if let Err(words) = scene.visit(at, name, *lifted, round * AT_ONCE + at) {
                    failed.lock().unwrap().push(format!("{name:?} (lifted {lifted}): {words}"));
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{failed:#?}\n{}", scene.target().installation().log());
}
