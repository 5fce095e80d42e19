//! What the tests of the Linux provider share: a host with an administrator, the provider on it, and OpenSSH's own client.

use crate::rig::Os;
use async_trait::async_trait;
use mayfly_dial::ssh::{CertificateTerms, SshKey, UserAuthority, UserCertificate};
use mayfly_dial::{Credential, Credentials, Dialer};
use mayfly_domain::authorise::authorise_administration;
use mayfly_domain::{
    AccountName, CredentialRef, Destination, Endpoint, Entropy, Failure, InstallationId, Permit, Place, Prefix,
    RecordName, Secret, SessionId, Trust, WallTime,
};
use mayfly_providers::linux::Linux as Subject;
use mayfly_providers::{Check as _, HelperRequest, Served, Services};
use mayfly_testbed::host::{Flavour, Host, Options};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{IpAddr, UdpSocket};
use std::ops::Deref;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

struct Fixed {
    login: &'static str,
    secret: Secret,
}

#[async_trait]
impl Credentials for Fixed {
    async fn fetch(&self, _: Permit<'_>, _: &CredentialRef, _: &Destination) -> Result<Credential, Failure> {
        Ok(Credential { login: self.login.to_owned(), secret: self.secret.clone() })
    }

    fn revision(&self) -> u64 {
        0
    }
}

/// A host of its own, who administers it, and the key of its people.
pub struct Target {
    host: Host,
    keys: tempfile::TempDir,
    admin: Arc<Fixed>,
    people: SshKey,
    /// The authority of the record, which the host trusts or not.
    pub authority: UserAuthority,
}

impl Deref for Target {
    type Target = Host;
    fn deref(&self) -> &Host {
        &self.host
    }
}

/// How a host is administered. Without systemd it is by root, with it through sudo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// By a shell.
    Shell,
    /// By the helper, which is all that the key may run.
    Helper,
}

/// What installs the helper on a host, as `mayfly record install-helpers` prints it.
pub async fn installation(target: &Target, served: Vec<Served>) -> String {
    let request = HelperRequest {
        record: RecordName::parse("web01").unwrap(),
        place: target.place(),
        prefix: Prefix::default(),
        installation: InstallationId::random(&mut Os),
        claimed: Vec::new(),
        from: None,
        served,
    };
    let by = authorise_administration(0, 0).unwrap();
    target.subject().helper(&by, &request).await.unwrap().unwrap()
}

impl Target {
    /// Starts a host.
    pub async fn start(flavour: Flavour, reach: Reach) -> Self {
        let target = tokio::task::spawn_blocking(move || Self::start_now(flavour)).await.unwrap();
        if reach == Reach::Helper {
            let served = Served { elevate: Some("sudo".to_owned()), existing: None, settings: serde_json::json!({}) };
            let script = installation(&target, vec![served]).await;
            target.shell("rm -f /etc/sudoers.d/mayfly").unwrap();
            target.install(&script).unwrap();
        }
        target
    }

    /// Runs a script as root, from its standard input.
    pub fn install(&self, script: &str) -> anyhow::Result<String> {
        self.write("/run/install.sh", script, 0o600)?;
        self.shell("sh < /run/install.sh 2>&1; rm /run/install.sh")
    }

    fn start_now(flavour: Flavour) -> Self {
        let host = Host::start(Options::new(flavour)).unwrap();
        let key = SshKey::of_session(&Secret::random(&mut Os));
        let login = if flavour == Flavour::Plain {
            host.authorize_root(&key.public_line()).unwrap();
            "root"
        } else {
            host.create_admin("mayfly", &key.public_line()).unwrap();
            "mayfly"
        };
        let keys = tempfile::tempdir().unwrap();
        let known = format!("{} {}\n", host.address(), host.host_key().unwrap().openssh);
        std::fs::write(keys.path().join("known_hosts"), known).unwrap();
        let people = SshKey::of_session(&Secret::random(&mut Os));
        host.write("/run/people.pub", format!("{}\n", people.public_line()), 0o644).unwrap();
        let admin = Arc::new(Fixed { login, secret: key.to_pem().unwrap() });
        Self { host, keys, admin, people, authority: authority("web01") }
    }

    /// A provider without any connection yet.
    pub fn subject(&self) -> Subject {
        Subject::new(Services::new(Dialer, Arc::clone(&self.admin) as Arc<dyn Credentials>, Box::new(Os)))
    }

    /// Where the host is administered.
    pub fn place(&self) -> Place {
        let endpoint = Endpoint { host: self.address().to_string(), port: 22 };
        let trust = Trust::HostKey { fingerprint: self.host_key().unwrap().fingerprint };
        Place {
            destination: Destination { endpoint, trust },
            credential: CredentialRef { record: RecordName::parse("web01-admin").unwrap() },
        }
    }

    /// The address from which the host sees us.
    pub fn from(&self) -> IpAddr {
        let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
        socket.connect((self.address(), 22)).unwrap();
        socket.local_addr().unwrap().ip()
    }

    /// A certificate as a session gets it that begins now; none for a name that is not one of ours.
    fn certificate(&self, account: &str, key: &SshKey) -> Option<UserCertificate> {
        let now = self.now();
        let (valid_from, valid_until) = (now.minus(Duration::from_secs(60)), now.plus(Duration::from_secs(600)));
        let terms = CertificateTerms { from: self.from(), valid_from, valid_until, forwarding: false };
        sign(&self.authority, account, key, &terms)
    }

    fn key(&self, secret: Option<&Secret>) -> SshKey {
        secret.map_or_else(|| self.people.clone(), SshKey::of_session)
    }

    /// OpenSSH's client for an account, with the key of a session or that of the host's own people, and a certificate for it where
    /// the name is one of ours.
    pub fn ssh(&self, account: &str, secret: Option<&Secret>) -> Command {
        let certificate = self.certificate(account, &self.key(secret));
        self.ssh_with(account, secret, certificate.as_ref())
    }

    /// The same with a certificate of the caller's, or with the bare key.
    pub fn ssh_with(&self, account: &str, secret: Option<&Secret>, certificate: Option<&UserCertificate>) -> Command {
        let key = self.key(secret);
        let path = self.keys.path().join(format!("{:032x}", Os.bits()));
        std::fs::write(&path, key.to_pem().unwrap().expose()).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let mut ssh = Command::new("ssh");
        ssh.args(["-F", "none", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "-o", "ConnectTimeout=10"]);
        ssh.args(["-o", "IdentitiesOnly=yes", "-o", "LogLevel=ERROR", "-l", account]);
        ssh.arg("-o").arg(format!("UserKnownHostsFile={}", self.keys.path().join("known_hosts").display()));
        if let Some(certificate) = certificate {
            let file = path.with_extension("cert");
            std::fs::write(&file, certificate.line().unwrap()).unwrap();
            ssh.arg("-o").arg(format!("CertificateFile={}", file.display()));
        }
        ssh.arg("-i").arg(path).arg(self.address().to_string());
        ssh
    }

    /// OpenSSH's options for the administrative key, and where it logs in: for `ssh`, `scp` and `sftp`.
    pub fn admin(&self) -> (Vec<String>, String) {
        let path = self.keys.path().join("admin");
        std::fs::write(&path, self.admin.secret.expose()).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let mut options =
            ["-F", "none", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "-o", "IdentitiesOnly=yes"]
                .map(str::to_owned)
                .to_vec();
        let known = format!("UserKnownHostsFile={}", self.keys.path().join("known_hosts").display());
        options.extend(["-o".to_owned(), known, "-i".to_owned(), path.display().to_string()]);
        (options, format!("{}@{}", self.admin.login, self.address()))
    }

    /// What the host answers to the administrative key when it is sent these bytes and the end of them.
    pub fn answer(&self, input: &[u8]) -> String {
        let (options, place) = self.admin();
        let mut ssh = Command::new("ssh");
        ssh.args(options).arg(place).arg("id");
        let mut child = ssh.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        // It may have heard enough before the end.
        let _ = child.stdin.take().unwrap().write_all(input);
        String::from_utf8_lossy(&child.wait_with_output().unwrap().stdout).into_owned()
    }

    /// Logs in and stays.
    pub fn log_in(&self, account: &str, secret: Option<&Secret>) -> Option<Session> {
        let mut ssh = self.ssh(account, secret);
        // The shell's parent is the process of sshd that serves the connection; what it stands behind tells it from others.
        let script = "echo $PPID; set -- $(sed 's/.*)//' /proc/$PPID/stat); shift 19; echo $1; cat /proc/$PPID/sessionid; echo; \
                      exec cat";
        ssh.arg(format!("exec sh -c '{}'", script.replace('\'', r"'\''")));
        let mut child = ssh.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (input, mut output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let mut line = || {
            let mut line = String::new();
            output.read_line(&mut line).unwrap();
            line.trim().to_owned()
        };
        let (pid, start, audit) = (line(), line(), line());
        let session = Session { child, input, output, native: format!("{pid}@{start}#{audit}") };
        (!pid.is_empty()).then_some(session)
    }

    /// Changes sshd's settings with a script and lets sshd read them.
    pub fn change_sshd(&self, script: &str) {
        self.shell("cp /etc/ssh/sshd_config /etc/ssh/sshd_config.kept").unwrap();
        self.shell(script).unwrap();
        self.reload_sshd();
    }

    /// Takes back what [`Target::change_sshd`] did.
    pub fn restore_sshd(&self) {
        self.shell("mv /etc/ssh/sshd_config.kept /etc/ssh/sshd_config").unwrap();
        self.reload_sshd();
    }

    /// Lets sshd read its settings and waits until it listens again.
    pub fn reload_sshd(&self) {
        let script = "listens() { grep -c 'Server listening' /var/log/sshd.log; }
                      sshd -t; before=$(listens); kill -HUP \"$(cat /run/sshd.pid)\"
                      try=0; until [ \"$(listens)\" -gt \"$before\" ]; do
                          try=$((try + 1)); [ \"$try\" -lt 200 ]; sleep 0.05
                      done";
        self.shell(script).unwrap();
    }

    /// The host's clock.
    pub fn now(&self) -> WallTime {
        let micros = self.run(&["date", "+%s%6N"]).unwrap();
        WallTime::from_micros(micros.trim().parse().unwrap())
    }
}

/// The authority of a record of that name in an installation of its own.
pub fn authority(record: &str) -> UserAuthority {
    UserAuthority::of_record(&Secret::random(&mut Os), &RecordName::parse(record).unwrap(), &Prefix::default())
}

/// Signs a key for an account; nothing for a name that is not one of ours.
pub fn sign(by: &UserAuthority, account: &str, key: &SshKey, terms: &CertificateTerms) -> Option<UserCertificate> {
    let account = AccountName::existing(account);
    by.certify(key, &account, &SessionId::random(&mut Os), terms, &mut Os).ok()
}

/// Somebody's connection, which answers with what it is told.
pub struct Session {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    pub native: String,
}

impl Session {
    /// Whether the other end still answers.
    pub fn is_alive(&mut self) -> bool {
        let mut line = String::new();
        self.input.write_all(b"still there\n").is_ok()
            && self.output.read_line(&mut line).is_ok()
            && line == "still there\n"
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
