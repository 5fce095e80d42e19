//! Signing in with OpenSSH's client: with the connect secret, with a key, and not at all.

use std::sync::atomic::Ordering::SeqCst;

use mayfly_brokers::{
    port::{RefusalClass, Turned},
    ssh::{HostKey, Outcome, Settings},
};

use crate::{
    door::{SECRET, USER, refusal},
    gateway::Os,
    programs::{complaint, output, printed},
};

use super::gateway::{Account, Gateway};

async fn gateway() -> (Account, Gateway) {
    let (account, door) = Account::made();
    (account, Gateway::start(door).await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_secret_is_taken_as_a_password_and_in_a_dialogue() {
    let (account, gateway) = gateway().await;
    for method in ["password", "keyboard-interactive"] {
        let option = format!("PreferredAuthentications={method}");
        assert_eq!(printed(output(gateway.ssh(&["-o", &option], &["id -un"])).await), account.name, "{method}");
    }
    // Names in other forms.
    for user in ["alice--orders", "ALICE~Orders", "alice#orders"] {
        assert_eq!(printed(output(gateway.ssh_as(user, &[], &["id -un"])).await), account.name, "{user}");
    }
    assert_eq!(gateway.door.seen.proved.load(SeqCst), 5);
    let log = super::gateway::host().log().unwrap();
    assert!(log.contains(&format!("Accepted publickey for {}", account.name)) && !log.contains(SECRET));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_secret_is_refused_and_counted() {
    let (_account, gateway) = gateway().await;
    gateway.types("secret", "wrong");
    for method in ["password", "keyboard-interactive"] {
        let option = format!("PreferredAuthentications={method}");
        let text = complaint(output(gateway.ssh(&["-o", &option], &["true"])).await);
        assert!(text.contains("Permission denied (publickey,keyboard-interactive,password)"), "{text}");
    }
    assert_eq!(gateway.outcomes(2).await, vec![Outcome::SignInFailed(Turned::Failed); 2]);
    let seen = &gateway.door.seen;
    assert_eq!((seen.failed.load(SeqCst), seen.proved.load(SeqCst), seen.joined.load(SeqCst)), (2, 0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_locked_out_comes_in_by_no_method() {
    for turned in [Turned::Locked, Turned::Busy] {
        let (_account, mut door) = Account::made();
        door.turned = Some(turned);
        let gateway = Gateway::start(door).await;
        complaint(output(gateway.ssh(&[], &["true"])).await);
        assert_eq!(gateway.outcome().await, Outcome::SignInFailed(turned));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_signs_in_if_it_is_the_persons() {
    let (account, mut door) = Account::made();
    let folder = tempfile::tempdir().unwrap();
    for (name, kind) in [("own", "ed25519"), ("rsa", "rsa"), ("stranger", "ecdsa")] {
        let path = folder.path().join(name);
        let made =
            std::process::Command::new("ssh-keygen").args(["-q", "-t", kind, "-N", "", "-f"]).arg(&path).status();
        assert!(made.unwrap().success());
        let public = std::fs::read_to_string(path.with_extension("pub")).unwrap();
        if name != "stranger" {
            let public = russh::keys::PublicKey::from_openssh(&public).unwrap();
            door.keys.push(public.fingerprint(russh::keys::HashAlg::Sha256).to_string());
        }
    }
    let gateway = Gateway::start(door).await;
    let with = |user: &str, name: &str| {
        let identity = folder.path().join(name).display().to_string();
        let batch = ["-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-i", &identity];
        gateway.ssh_as(user, &batch, &["id -un"])
    };
    assert_eq!(printed(output(with(USER, "own")).await), account.name);
    assert_eq!(printed(output(with(USER, "rsa")).await), account.name);
    complaint(output(with(USER, "stranger")).await);
    complaint(output(with("bob~orders", "own")).await);
    assert_eq!(*gateway.door.seen.admitted.lock().unwrap(), [USER, USER]);
}

/// A name that is none does not tell more than one that nobody has, and never reaches the target.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_that_are_none_do_not_sign_in() {
    let (_account, gateway) = gateway().await;
    for user in ["alice", "root", "alice~", "~orders", "alice~orders~x", "alice~../x", "alice~a,b", "alice~*"] {
        let text = complaint(output(gateway.ssh_as(user, &[], &["true"])).await);
        assert!(text.contains("Permission denied"), "{user}: {text}");
    }
    assert_eq!(gateway.door.seen.proved.load(SeqCst), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_refused_reads_why() {
    let (_account, mut door) = Account::made();
    let text = "32 launches are under way: try again in a minute";
    door.refused = Some(refusal(RefusalClass::Busy, text));
    let gateway = Gateway::start(door).await;
    for options in [&[][..], &["-tt"], &["-N"]] {
        let done = output(gateway.ssh(options, if options == ["-N"] { &[] } else { &["true"] })).await;
        let said = [done.stdout.as_slice(), &done.stderr].concat();
        assert!(String::from_utf8_lossy(&said).contains(text), "{options:?}: {done:?}");
        assert_eq!(done.status.code(), Some(255), "{options:?}");
    }
    assert_eq!(gateway.outcomes(3).await, vec![Outcome::Refused(RefusalClass::Busy); 3]);
}

/// The target is one that we do not trust, or does not let us in: the person reads it, in our words.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_is_another_or_refuses_us_is_told() {
    let (_account, mut door) = Account::made();
    door.destination.trust = mayfly_domain::Trust::HostKey { fingerprint: "SHA256:other".to_owned() };
    let gateway = Gateway::start(door).await;
    let text = complaint(output(gateway.ssh(&[], &["true"])).await);
    assert!(text.contains("mayfly: ") && text.contains("key"), "{text}");
    assert_eq!(gateway.outcome().await, Outcome::Unreachable);
    let others = std::mem::take(&mut *gateway.door.seen.others.lock().unwrap());
    assert!(others.len() == 1 && others[0].contains("SHA256:other"), "{others:?}");

    let (_account, mut door) = Account::made();
    door.credential.secret = mayfly_domain::Secret::new("another session's".to_owned());
    let gateway = Gateway::start(door).await;
    complaint(output(gateway.ssh(&[], &["true"])).await);
    assert_eq!(gateway.outcome().await, Outcome::TargetRefused);
    assert_eq!(gateway.door.seen.started.load(SeqCst), 0);
    assert!(gateway.door.seen.others.lock().unwrap().is_empty());
}

/// Our host key comes with a certificate, and a client that trusts its authority asks nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_host_key_is_certified() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let keygen = |args: &[&str]| {
        assert!(std::process::Command::new("ssh-keygen").arg("-q").args(args).status().unwrap().success());
    };
    keygen(&["-t", "ed25519", "-N", "", "-f", &path("authority")]);
    let host_key = HostKey::generate(&mut Os);
    std::fs::write(path("host.pub"), format!("{} x\n", host_key.public_line())).unwrap();
    keygen(&["-s", &path("authority"), "-I", "gateway", "-h", "-n", "127.0.0.1", "-V", "+1h", &path("host.pub")]);
    let certificate = std::fs::read_to_string(path("host-cert.pub")).unwrap();
    let pem = host_key.to_pem().unwrap();
    let host_key = HostKey::from_pem(&pem).unwrap().with_certificate(&certificate).unwrap();
    let (account, door) = Account::made();
    let gateway = Gateway::at(std::net::Ipv4Addr::LOCALHOST, door, Settings::default(), host_key).await;
    let authority = std::fs::read_to_string(path("authority.pub")).unwrap();
    std::fs::write(gateway.file("known_hosts"), format!("@cert-authority * {authority}")).unwrap();
    assert_eq!(printed(output(gateway.ssh(&[], &["id -un"])).await), account.name);
    // Another authority is not believed.
    let line = format!("@cert-authority * {}\n", HostKey::generate(&mut Os).public_line());
    std::fs::write(gateway.file("known_hosts"), line).unwrap();
    assert!(complaint(output(gateway.ssh(&[], &["id -un"])).await).contains("Host key verification failed"));
    // A client that wants no certificate is shown the bare key.
    let line = format!("[127.0.0.1]:{} {}\n", gateway.port, gateway.host_key_line);
    std::fs::write(gateway.file("known_hosts"), line).unwrap();
    let bare = ["-o", "HostKeyAlgorithms=ssh-ed25519"];
    assert_eq!(printed(output(gateway.ssh(&bare, &["id -un"])).await), account.name);
    let other = HostKey::generate(&mut Os).with_certificate(&certificate);
    assert!(other.is_err(), "a certificate of another key");
}

/// SECURITY-CASES 1 and 14: a certificate signs nobody in, whoever signed it and whatever names it has.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_sign_nobody_in() {
    let (_account, mut door) = Account::made();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let keygen = |args: &[&str]| {
        assert!(std::process::Command::new("ssh-keygen").arg("-q").args(args).status().unwrap().success());
    };
    for name in ["authority", "key"] {
        keygen(&["-t", "ed25519", "-N", "", "-f", &path(name)]);
    }
    // Even the person's own key, as an authority, makes no other.
    let authority = std::fs::read_to_string(path("authority.pub")).unwrap();
    let authority = russh::keys::PublicKey::from_openssh(&authority).unwrap();
    door.keys = vec![authority.fingerprint(russh::keys::HashAlg::Sha256).to_string()];
    let gateway = Gateway::start(door).await;
    for principals in ["alice~orders", "alice~orders,root", "*", "alice"] {
        keygen(&["-s", &path("authority"), "-I", "x", "-n", principals, "-V", "+1h", &path("key.pub")]);
        let certificate = format!("CertificateFile={}", path("key-cert.pub"));
        let options = ["-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-o", &certificate, "-i", &path("key")];
        let text = complaint(output(gateway.ssh(&options, &["true"])).await);
        assert!(text.contains("Permission denied"), "{principals}: {text}");
    }
    assert_eq!(gateway.door.seen.proved.load(SeqCst), 0);
}
