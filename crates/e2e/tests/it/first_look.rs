//! What a newcomer does first, driven through a real terminal: the demo. The README's first five minutes begin `week`.

use mayfly_e2e::installation::binary;
use mayfly_e2e::terminal::Terminal;
use std::path::Path;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(60);

#[test]
fn the_demo_shows_a_session_stays_up_and_leaves_nothing() {
    let demo = binary().unwrap().with_file_name("demo");
    let mut terminal = Terminal::run(demo.to_str().unwrap(), |_| {}).unwrap();
    let before = terminal.shows("== During", SOON).unwrap();
    assert!(before.contains("permission denied for table orders"), "{before}");
    let during = terminal.shows("== She leaves", SOON).unwrap();
    assert!(during.contains("keeper_") && during.contains("readonly"), "{during}");
    let after = terminal.shows("== Starting a throw-away Linux host", SOON).unwrap();
    assert!(!after.contains("keeper_"), "{after}");
    // The first time what hosts are made of is built.
    let before = terminal.shows("== During", 5 * SOON).unwrap();
    assert!(!before.contains("keeper_"), "{before}");
    let during = terminal.shows("== What she saw", SOON).unwrap();
    assert!(during.contains("keeper_"), "{during}");
    let seen = terminal.shows("== She has left the host", SOON).unwrap();
    assert!(seen.contains("uid=0(root)"), "{seen}");
    let after = terminal.shows("== The trail", SOON).unwrap();
    assert!(!after.contains("keeper_"), "{after}");
    let trail = terminal.shows("It stays up until Ctrl-C", SOON).unwrap();
    assert!(trail.contains("account.removed") && trail.contains("good: "), "{trail}");
    let commands = terminal.shows("mayfly audit verify", SOON).unwrap();
    let socket =
        commands.split("MAYFLY_SOCKET=").nth(1).and_then(|rest| rest.split_whitespace().next()).unwrap().to_owned();
    let listed =
        std::process::Command::new(binary().unwrap()).args(["--socket", &socket, "ls", "-o", "name"]).output().unwrap();
    assert!(String::from_utf8_lossy(&listed.stdout).contains("orders"), "{listed:?}");
    terminal.types("\x03").unwrap();
    terminal.shows("everything that the demo started is gone", SOON).unwrap();
    terminal.ends(SOON).unwrap();
    let directory = Path::new(&socket).ancestors().nth(2).unwrap();
    assert!(!directory.exists(), "{} is left", directory.display());
}
