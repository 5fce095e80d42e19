//! Fuzzing the server's path through the real listener: what a client says in clear, before it has signed in, and after,
//! spoiled by a seeded mutator. The corpus is made of the messages that real clients send. A run is the same everywhere
//! but for the keys; with `MAYFLY_LONG=1` there are a hundred times as many connections.
//!
//! What must never happen: a panic (the library's task ends with one, and the outcome says so), a sign-in without the
//! secret, a connection that does not end, or anybody else who notices.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::SeqCst},
};

use mayfly_brokers::ssh::Outcome;
use tokio::io::AsyncWriteExt;

use crate::{
    door::{OTHER, SECRET, USER},
    programs::output,
};

use super::{
    gateway::{Account, Gateway},
    raw::{
        Message, Raw, channel_request, fingerprint, key, key_request, number, open_request, password_request,
        user_request,
    },
};

/// SplitMix64 (Steele, Lea, Flood 2014): small, and the same on every machine.
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() >> 1).unwrap() % bound
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

/// Lengths and counts at which readers go wrong.
const LENGTHS: [u32; 12] = [0, 1, 4, 5, 255, 256, 32_768, 65_535, 0x3fff_ffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];

/// One of the corpus, with up to four changes; one in eight as it is.
fn mutate(corpus: &[Vec<u8>], rng: &mut Rng) -> Vec<u8> {
    let mut input = rng.pick(corpus).clone();
    if rng.below(8) == 0 {
        return input;
    }
    for _ in 0..=rng.below(4) {
        let at = rng.below(input.len() + 1);
        let to = at + rng.below(input.len() - at + 1);
        match rng.below(8) {
            0 if at < input.len() => input[at] ^= 1 << rng.below(8),
            1 if at < input.len() => input[at] = u8::try_from(rng.below(256)).unwrap(),
            2 => input.truncate(at),
            3 => drop(input.drain(at..to)),
            4 => {
                let part = input[at..to].to_vec();
                input.splice(at..at, part.repeat(1 + rng.below(3)));
            }
            5 => {
                let other = rng.pick(corpus);
                let from = rng.below(other.len() + 1);
                input.truncate(at);
                input.extend_from_slice(&other[from..]);
            }
            6 if !input.is_empty() => input[0] = u8::try_from(rng.below(128)).unwrap(),
            _ => {
                for (byte, new) in input.iter_mut().skip(at).zip(rng.pick(&LENGTHS).to_be_bytes()) {
                    *byte = new;
                }
            }
        }
        input.truncate(20_000);
    }
    input
}

fn rounds(ordinary: u64) -> u64 {
    if std::env::var_os("MAYFLY_LONG").is_some_and(|value| value == "1") { 100 * ordinary } else { ordinary }
}

/// Runs a connection for each seed, so many at once, and looks at how they ended.
async fn fuzz<F>(gateway: Arc<Gateway>, seeds: u64, at_once: usize, attack: fn(Arc<Gateway>, Rng) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let next = Arc::new(AtomicU64::new(0));
    let mut workers = Vec::new();
    for _ in 0..at_once {
        let (gateway, next) = (Arc::clone(&gateway), Arc::clone(&next));
        workers.push(tokio::spawn(async move {
            loop {
                let seed = next.fetch_add(1, SeqCst);
                if seed >= seeds {
                    return;
                }
                attack(Arc::clone(&gateway), Rng(seed)).await;
            }
        }));
    }
    for worker in workers {
        worker.await.unwrap();
    }
    let outcomes = gateway.outcomes(usize::try_from(seeds).unwrap()).await;
    assert!(!outcomes.contains(&Outcome::Violation("panic")), "the library panicked");
    let done = output(gateway.ssh(&[], &["echo well"])).await;
    assert_eq!(String::from_utf8_lossy(&done.stdout), "well\n", "{done:?}");
}

/// Reads what the server says until it closes the connection, which it does since we have.
async fn leave(mut raw: Raw) {
    let _ = raw.stream.shutdown().await;
    raw.rest().await;
}

async fn gateway() -> (Account, Arc<Gateway>) {
    let (account, mut door) = Account::made();
    door.keys = vec![fingerprint(&key(1))];
    (account, Arc::new(Gateway::start(door).await))
}

/// SECURITY-CASES §0.4, rows 76 to 80, B1: the first messages, which anybody may send.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_said_in_clear() {
    async fn attack(gateway: Arc<Gateway>, mut rng: Rng) {
        let mut raw = Raw::connect(&gateway).await;
        let corpus = [
            Raw::kexinit().0,
            Message::new(number::ECDH_INIT).string([9; 32]).0,
            Message::new(number::NEWKEYS).0,
            Message::new(number::DISCONNECT).u32(2).string("bye").string("").0,
            Message::new(number::UNIMPLEMENTED).u32(0).0,
            Message::new(number::SERVICE_REQUEST).string("ssh-userauth").0,
        ];
        let kexinit = raw.packet(&corpus[0]);
        let mut stream = if rng.below(4) == 0 { Vec::new() } else { kexinit };
        for _ in 0..=rng.below(4) {
            let message = mutate(&corpus, &mut rng);
            let packet = raw.packet(&message);
            stream.extend(packet);
        }
        if rng.below(2) == 0 {
            stream = mutate(&[stream], &mut rng);
        }
        let _ = raw.stream.write_all(&stream).await;
        let _ = raw.stream.shutdown().await;
        let mut rest = Vec::new();
        let reading = tokio::io::AsyncReadExt::read_to_end(&mut raw.stream, &mut rest);
        let _ = tokio::time::timeout(crate::gateway::DEADLINE, reading).await.expect("the server closes");
    }
    let (_account, gateway) = gateway().await;
    fuzz(gateway, rounds(1000), 16, attack).await;
}

/// SECURITY-CASES 2 to 9: any order of any messages does not sign in without the secret.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_said_before_sign_in() {
    async fn attack(gateway: Arc<Gateway>, mut rng: Rng) {
        let mut raw = Raw::exchanged(&gateway).await;
        let stolen = Raw::signed_request(&raw, USER, &key(1), &key(2));
        let corpus: Vec<Vec<u8>> = [
            Message::new(number::SERVICE_REQUEST).string("ssh-userauth"),
            user_request(USER, "none"),
            password_request(USER, "wrong"),
            password_request(OTHER, SECRET),
            user_request(USER, "keyboard-interactive").string("").string(""),
            Message::new(number::USERAUTH_INFO_RESPONSE).u32(1).string("wrong"),
            key_request(USER, &key(1), false),
            key_request(USER, &key(2), false),
            stolen,
            user_request(USER, "hostbased").string("ssh-ed25519").string("").string("host").string("root").string(""),
            user_request(USER, "gssapi-with-mic").u32(1).string("\x06\x09"),
            Message::new(number::USERAUTH_SUCCESS),
            open_request("session", b""),
            channel_request(0, "exec", true).string("true"),
            Message::new(number::GLOBAL_REQUEST).string("no-more-sessions@openssh.com").byte(0),
            Raw::kexinit(),
        ]
        .map(|message| message.0)
        .to_vec();
        let service = Message::new(number::SERVICE_REQUEST).string("ssh-userauth");
        if rng.below(8) != 0 {
            raw.send(&service).await;
        }
        for _ in 0..=rng.below(12) {
            raw.send(&Message(mutate(&corpus, &mut rng))).await;
        }
        leave(raw).await;
    }
    let (_account, gateway) = gateway().await;
    fuzz(Arc::clone(&gateway), rounds(400), 40, attack).await;
    // One is the client that comes in at the end.
    assert_eq!(gateway.door.seen.proved.load(SeqCst), 1);
}

/// SECURITY-CASES 76 to 79: whoever has signed in harms no connection but their own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_said_after_sign_in() {
    async fn attack(gateway: Arc<Gateway>, mut rng: Rng) {
        let mut raw = Raw::signed_in(&gateway, USER, SECRET).await;
        let to_port = Message::default().string("127.0.0.1").u32(22).string("127.0.0.1").u32(1).0;
        let modes = [vec![1, 0, 0, 0, 3], vec![0]].concat();
        let pty = channel_request(0, "pty-req", true).string("xterm").u32(80).u32(24).u32(0).u32(0).string(modes);
        let corpus: Vec<Vec<u8>> = [
            open_request("session", b""),
            open_request("direct-tcpip", &to_port),
            pty,
            channel_request(0, "env", false).string("LANG").string("C.UTF-8"),
            channel_request(0, "shell", true),
            channel_request(0, "exec", true).string("head -c 100000 /dev/zero"),
            channel_request(1, "subsystem", true).string("sftp"),
            channel_request(0, "window-change", false).u32(1).u32(1).u32(1).u32(1),
            channel_request(0, "signal", false).string("TERM"),
            channel_request(0, "auth-agent-req@openssh.com", true),
            Message::new(number::CHANNEL_DATA).u32(0).string("exit\n"),
            Message::new(number::CHANNEL_EXTENDED_DATA).u32(0).u32(1).string("x"),
            Message::new(number::CHANNEL_WINDOW_ADJUST).u32(0).u32(0xffff_ffff),
            Message::new(number::CHANNEL_EOF).u32(0),
            Message::new(number::CHANNEL_CLOSE).u32(0),
            Message::new(number::CHANNEL_OPEN_CONFIRMATION).u32(0).u32(0).u32(1).u32(1),
            Message::new(number::CHANNEL_OPEN_FAILURE).u32(0).u32(1).string("").string(""),
            Message::new(number::GLOBAL_REQUEST).string("tcpip-forward").byte(1).string("").u32(0),
            Message::new(number::REQUEST_FAILURE),
            Message::new(number::DISCONNECT).u32(11).string("").string(""),
        ]
        .map(|message| message.0)
        .to_vec();
        raw.send(&open_request("session", b"")).await;
        for _ in 0..=rng.below(40) {
            raw.send(&Message(mutate(&corpus, &mut rng))).await;
        }
        leave(raw).await;
    }
    let (_account, gateway) = gateway().await;
    fuzz(gateway, rounds(120), 6, attack).await;
}
