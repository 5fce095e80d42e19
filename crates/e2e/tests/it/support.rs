//! The support bundle at three in the morning: while a target is down, while no server runs, and where not even the settings can be
//! read. Whoever gets it can read all of it.

use mayfly_e2e::bundle::Bundle;
use mayfly_e2e::objects::Record;
use mayfly_e2e::{Installation, World, wait};
use mayfly_testbed::Flavour;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_says_what_is_wrong_also_where_no_server_answers() {
    let world = World::new(Flavour::Newer, "").await.unwrap();
    let installation = &world.installation;
    let log = installation.directory().join("trail.jsonl");
    let config = std::fs::read_to_string(installation.config()).unwrap();
    let sinks = format!(
        "\n[[audit.sinks]]\nname = \"here\"\nfile = {log:?}\n\n[[audit.sinks]]\nname = \"nowhere\"\nfile = \"/dev/full\"\n"
    );
    std::fs::write(installation.config(), config + &sinks).unwrap();
    let running = world.serve(&["alice"], &[(Record::new("orders"), None)]).unwrap();
    let mut psql = world.ticket("alice", "orders").unwrap().open().unwrap();
    let account = psql.query("select current_user").unwrap();
    installation.must(&["webhook", "create", "ops", "--url", "https://127.0.0.1:1/hook", "--event", "*"], "").unwrap();
    // The target goes away: what is owed there stays owed, and nothing but probes is sent.
    world.server.stop_fast().unwrap();
    drop(psql);
    let unreachable = |bundle: &Bundle| -> bool {
        let queues = bundle.json("queues.json").unwrap();
        queues[0]["answers"] == false && queues[0]["failure_class"] == "unreachable"
    };
    let mut bundle = Bundle::make(installation).unwrap();
    wait::until("the bundle says that the target does not answer", LIMIT, || {
        // Each try that fails tells more of the target.
        for owed in installation.owed()? {
            assert_eq!(installation.run(&["cleanup", "retry", owed["id"].as_str().unwrap()])?.status.code(), Some(9));
        }
        bundle = Bundle::make(installation)?;
        Ok(unreachable(&bundle))
    })
    .unwrap();

    let readme = bundle.text("README.txt");
    for name in bundle.names() {
        assert!(name == "README.txt" || readme.contains(&format!("\n{name} ")), "{name} is not explained: {readme}");
        assert!(!name.ends_with(".json") || bundle.json(name).unwrap().get("error").is_none(), "{}", bundle.text(name));
    }
    assert_eq!(bundle.json("status.json").unwrap()["cleanup_pending"], 1);
    let owed = &bundle.json("owed.json").unwrap()["changes"][0];
    assert_eq!(
        (&owed["state"], &owed["failure_class"], &owed["account"]),
        (&"withdrawing".into(), &"unreachable".into(), &account.into())
    );
    assert_eq!(bundle.json("targets.json").unwrap()[0]["records"][0], "orders");
    let store = bundle.json("store.json").unwrap();
    assert!(store["rows"]["trail"].as_u64().unwrap() > 5 && store["rows"]["object"] == 3, "{store}");
    assert_eq!(store["sessions_by_state"]["ending"], 1, "{store}");
    let sinks = bundle.json("sinks.json").unwrap();
    assert!(sinks[0]["next"].as_u64().unwrap() > 0 && sinks[0]["failure"].is_null(), "{sinks}");
    assert!(sinks[1]["failure"].as_str().unwrap().contains("/dev/full"), "{sinks}");
    assert_eq!(bundle.json("webhooks.json").unwrap()[0]["name"], "ops");
    assert!(
        bundle.text("metrics.txt").contains("mayfly_cleanup_pending{can_login=\"true\"} 1"),
        "{}",
        bundle.text("metrics.txt")
    );
    assert!(bundle.text("settings.txt").contains("keys.master = *** (file "), "{}", bundle.text("settings.txt"));
    let files = bundle.json("files.json").unwrap();
    let database = files.as_array().unwrap().iter().find(|file| file["name"] == "mayfly.db").unwrap();
    assert!(database["bytes"].as_u64().unwrap() > 4096 && database["mode"] == "600", "{files}");
    assert!(bundle.json("disks.json").unwrap()[0]["bytes_free"].as_u64().unwrap() > 0);
    assert!(bundle.text("process.txt").contains("Max core file size") && !bundle.names().contains(&"unanswered.txt"));
    refused(installation);

    // No server, then a settings file that cannot be read: there is still a bundle, and it says what is wrong.
    running.kill_9().unwrap();
    let bundle = Bundle::make(installation).unwrap();
    assert!(bundle.text("unanswered.txt").contains("no server answers"), "{}", bundle.text("unanswered.txt"));
    assert_eq!(bundle.json("owed.json").unwrap()[0]["state"], "withdrawing");
    assert_eq!(bundle.json("store.json").unwrap()["rows"]["object"], 3);
    std::fs::write(installation.config(), "public_hots = 1\n").unwrap();
    let bundle = Bundle::make(installation).unwrap();
    assert!(bundle.json("machine.json").unwrap()["kernel"].is_string());
    assert!(bundle.text("settings.txt").contains("public_hots"), "{}", bundle.text("settings.txt"));
}

/// A file that is there is left as it is; a token that may not read the trail gets nothing, and leaves no file.
fn refused(installation: &Installation) {
    let file = installation.directory().join("kept.tar.gz");
    let bundle = ["support", "bundle", file.to_str().unwrap()];
    let over = |scope: &str| {
        let token = installation.json(&["token", "create", scope, "--scope", scope]).unwrap();
        let mut command = installation.command().unwrap();
        command.args(bundle).env("MAYFLY_TOKEN", token["secret"].as_str().unwrap());
        command.env("MAYFLY_SERVER", format!("https://localhost:{}", installation.https_port));
        command.env("MAYFLY_CA_FILE", installation.ca()).output().unwrap()
    };
    let output = over("read");
    assert_eq!(output.status.code(), Some(4), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(!file.exists());
    let output = over("audit");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let before = std::fs::read(&file).unwrap();
    assert_eq!(installation.run(&bundle).unwrap().status.code(), Some(10));
    assert_eq!(std::fs::read(&file).unwrap(), before);
}
