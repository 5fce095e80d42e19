//! Log-in by a certificate of the record's own authority: a host that trusts it gets no key, and believes nothing but what was
//! frozen with the account.

use super::checks::{check_target, found};
use super::contract::Contract;
use super::host::{Target, authority, sign};
use mayfly_contract::suite::{Bench, Subject};
use mayfly_dial::ssh::{CertificateTerms, SshKey, UserAuthority, UserCertificate};
use mayfly_domain::{ChangeKind, FailureClass};
use mayfly_engine::ports::provider::{CloseVerb, SessionScope};
use mayfly_providers::Level;
use mayfly_providers::linux::certificate_terms;
use std::time::Duration;

/// The two kinds of host, each with the lines that `record check` prints.
const TRUSTING: [usize; 2] = [2, 3];

/// Does on a host what the check of the record says.
pub(super) async fn trust(target: &Target) {
    let report = check_target(target, None).await;
    let fix =
        |level, words| found(&report, level, words).unwrap_or_else(|| panic!("{words}: {report:#?}")).fix.join("\n");
    target.shell(&fix(Level::Missing, "does not trust this record's authority")).unwrap();
    let config = target.run(&["cat", "/etc/ssh/sshd_config"]).unwrap();
    let lines = fix(Level::Excess, "can be bypassed");
    target.write("/etc/ssh/sshd_config", format!("{config}\n{lines}\n"), 0o644).unwrap();
    target.reload_sshd();
}

/// What was frozen with the account of a subject.
fn terms(subject: &Subject) -> CertificateTerms {
    certificate_terms(&subject.row(ChangeKind::Account).payload).unwrap().expect("the host trusts the authority")
}

/// Whether the host lets the session's key in with this certificate, or alone.
fn opens(rig: &Contract, subject: &Subject, certificate: Option<&UserCertificate>) -> bool {
    let mut ssh = rig.target.ssh_with(subject.account(), Some(&subject.secret), certificate);
    ssh.arg("true").stdin(std::process::Stdio::null()).output().unwrap().status.success()
}

fn signed(by: &UserAuthority, subject: &Subject, terms: &CertificateTerms) -> UserCertificate {
    signed_for(by, subject.account(), subject, terms)
}

fn signed_for(by: &UserAuthority, account: &str, subject: &Subject, terms: &CertificateTerms) -> UserCertificate {
    sign(by, account, &SshKey::of_session(&subject.secret), terms).unwrap()
}

#[tokio::test]
async fn a_host_that_trusts_the_authority_gets_no_key() {
    for which in TRUSTING {
        let rig = Contract::start(which).await;
        let bench = Bench::new(&rig);
        let before = rig.everything();
        let subject = bench.launch(bench.new_account(None)).await;
        let terms = terms(&subject);
        assert_eq!(terms.from, rig.target.from());
        assert!(!terms.forwarding);
        let certificate = signed(&rig.target.authority, &subject, &terms);
        assert!(opens(&rig, &subject, Some(&certificate)), "host {which}: {}", rig.target.log().unwrap());
        assert!(!opens(&rig, &subject, None), "the key alone is on no host");
        let keys = format!(
            "find /home/{} /etc/ssh -name '*{}*' -o -name 'authorized_keys*'",
            subject.account(),
            subject.account()
        );
        assert_eq!(rig.target.shell(&keys).unwrap().trim(), format!("/home/{}", subject.account()));

        let account = subject.row(ChangeKind::Account);
        bench.close(CloseVerb::Disable, account, SessionScope::All).await.unwrap();
        assert!(!opens(&rig, &subject, Some(&certificate)), "host {which}: an account that is closed is closed");
        bench.way_out(&subject).await;
        assert!(!opens(&rig, &subject, Some(&certificate)));
        assert_eq!(rig.settled(&before).await, "", "host {which}");
    }
}

/// The CA signs only our names, for one record, from our address, until the session's end: the host holds every one of these.
#[tokio::test]
async fn nothing_but_the_right_certificate_opens_an_account() {
    for which in TRUSTING {
        let rig = Contract::start(which).await;
        let bench = Bench::new(&rig);
        let subject = bench.launch(bench.new_account(None)).await;
        let other = bench.launch(bench.new_account(None)).await;
        let (good, now) = (terms(&subject), rig.target.now());
        let ours = &rig.target.authority;
        let hour = Duration::from_secs(3600);
        let over = CertificateTerms { valid_until: now.minus(Duration::from_secs(1)), ..good };
        let early = CertificateTerms { valid_from: now.plus(hour), valid_until: now.plus(2 * hour), ..good };
        let elsewhere = CertificateTerms { from: "198.51.100.1".parse().unwrap(), ..good };
        for (what, certificate) in [
            ("one that has ended", signed(ours, &subject, &over)),
            ("one that has not begun", signed(ours, &subject, &early)),
            ("one for another address", signed(ours, &subject, &elsewhere)),
            ("one for another account", signed_for(ours, other.account(), &subject, &good)),
            ("one of another record's authority", signed(&authority("web02"), &subject, &good)),
        ] {
            assert!(!opens(&rig, &subject, Some(&certificate)), "host {which}: {what}");
        }
        assert!(opens(&rig, &subject, Some(&signed(ours, &subject, &good))), "host {which}");
        bench.way_out(&subject).await;
        bench.way_out(&other).await;
    }
}

/// The person's own key is nothing there, whatever they put into their home.
#[tokio::test]
async fn the_printed_lines_keep_a_person_from_going_round_us() {
    let rig = Contract::start(2).await;
    let bench = Bench::new(&rig);
    let subject = bench.launch(bench.new_account(None)).await;
    let mut ssh = rig.target.ssh(subject.account(), Some(&subject.secret));
    ssh.arg("mkdir -p ~/.ssh; cat /run/people.pub >> ~/.ssh/authorized_keys").stdin(std::process::Stdio::null());
    assert!(ssh.output().unwrap().status.success());
    let mut own = rig.target.ssh_with(subject.account(), None, None);
    assert!(!own.arg("true").stdin(std::process::Stdio::null()).output().unwrap().status.success());
    bench.way_out(&subject).await;
}

/// What the check says of a host is tried: one that believes the authority of anybody else is told so, loudly.
#[tokio::test]
async fn a_host_that_trusts_the_authority_for_anything_else_fails_the_check() {
    for which in TRUSTING {
        let rig = Contract::start(which).await;
        let admin = ["root", "mayfly"][which % 2];
        let report = check_target(&rig.target, None).await;
        assert!(found(&report, Level::Ok, "no key is placed").is_some(), "{report:#?}");
        assert!(found(&report, Level::Excess, "can be bypassed").is_none(), "{report:#?}");
        let tried = &found(&report, Level::Ok, "does not open").unwrap().what;
        assert!(tried.contains("root") && tried.contains(admin), "{tried}");
        assert!(found(&report, Level::Excess, "opens").is_none(), "{report:#?}");

        rig.target.shell("useradd -m -s /bin/bash carol").unwrap();
        rig.target.change_sshd("sed -i '1i TrustedUserCAKeys /etc/ssh/mayfly_authorities.pub' /etc/ssh/sshd_config");
        let report = check_target(&rig.target, None).await;
        let loud = &found(&report, Level::Excess, "opens").unwrap_or_else(|| panic!("{report:#?}")).what;
        for name in ["root", admin, "carol"] {
            assert!(loud.contains(name), "{name}: {loud}");
        }
        rig.target.restore_sshd();
        let report = check_target(&rig.target, None).await;
        assert!(found(&report, Level::Ok, "carol").is_some(), "{report:#?}");
        rig.target
            .shell("pkill -KILL -u carol || true; userdel -rf carol 2> /dev/null || ! id -u carol 2> /dev/null")
            .unwrap();
    }
}

/// Where principals come from a file, or the authority's key is not where sshd looks, no certificate would open an account: a
/// launch that could only fail is refused before anything is made.
#[tokio::test]
async fn a_host_that_would_refuse_the_certificate_is_not_taken_for_one_that_trusts_it() {
    let rig = Contract::start(2).await;
    let bench = Bench::new(&rig);
    for change in [
        "sed -i '1i AuthorizedPrincipalsFile /etc/ssh/principals/%u' /etc/ssh/sshd_config",
        "sed -i 's,TrustedUserCAKeys .*,TrustedUserCAKeys none,' /etc/ssh/sshd_config",
        "printf 'CASignatureAlgorithms rsa-sha2-512\n' | cat - /etc/ssh/sshd_config.kept > /etc/ssh/sshd_config",
        "printf 'PubkeyAcceptedAlgorithms ssh-ed25519\n' | cat - /etc/ssh/sshd_config.kept > /etc/ssh/sshd_config",
    ] {
        rig.target.change_sshd(change);
        let failure = bench.survey(&bench.new_account(None)).await.unwrap_err();
        rig.target.restore_sshd();
        assert_eq!(failure.class, FailureClass::Conflict, "{change}");
        assert!(failure.text.contains("does not trust the record's authority"), "{failure}");
    }
    assert!(bench.survey(&bench.new_account(None)).await.is_ok());
}

/// With a key, too, ports are forwarded only where the record allows it.
#[tokio::test]
async fn ports_are_forwarded_only_where_the_record_allows_it() {
    for which in [0, 2] {
        let rig = Contract::start(which).await;
        let bench = Bench::new(&rig);
        for allowed in [true, false] {
            let mut wish = bench.new_account(None);
            wish.settings["forwarding"] = allowed.into();
            let subject = bench.launch(wish).await;
            let certificate = rig.trusts.then(|| signed(&rig.target.authority, &subject, &terms(&subject)));
            // sshd itself is what answers at the other end of the forwarding.
            let mut ssh = rig.target.ssh_with(subject.account(), Some(&subject.secret), certificate.as_ref());
            let output = ssh.args(["-W", "127.0.0.1:22"]).stdin(std::process::Stdio::null()).output().unwrap();
            let forwarded = String::from_utf8_lossy(&output.stdout).starts_with("SSH-2.0-");
            assert_eq!(forwarded, allowed, "host {which}: {}", String::from_utf8_lossy(&output.stderr));
            bench.way_out(&subject).await;
        }
    }
}
