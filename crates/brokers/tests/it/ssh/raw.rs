//! An SSH client made by hand, which says what no real client does: curve25519, chacha20-poly1305, and any message at any
//! time. It believes the server, whose key real clients check.

use ring::{
    aead::chacha20_poly1305_openssh::{OpeningKey, SealingKey},
    agreement, digest,
    rand::SystemRandom,
    signature::{Ed25519KeyPair, KeyPair},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::gateway::DEADLINE;

use super::gateway::Gateway;

/// What we call ourselves.
const ID: &str = "SSH-2.0-Raw";

/// Numbers of messages (RFC 4250, section 4.1.2).
pub(crate) mod number {
    pub(crate) const DISCONNECT: u8 = 1;
    pub(crate) const IGNORE: u8 = 2;
    pub(crate) const UNIMPLEMENTED: u8 = 3;
    pub(crate) const DEBUG: u8 = 4;
    pub(crate) const SERVICE_REQUEST: u8 = 5;
    pub(crate) const SERVICE_ACCEPT: u8 = 6;
    pub(crate) const EXT_INFO: u8 = 7;
    pub(crate) const KEXINIT: u8 = 20;
    pub(crate) const NEWKEYS: u8 = 21;
    pub(crate) const ECDH_INIT: u8 = 30;
    pub(crate) const ECDH_REPLY: u8 = 31;
    pub(crate) const USERAUTH_REQUEST: u8 = 50;
    pub(crate) const USERAUTH_FAILURE: u8 = 51;
    pub(crate) const USERAUTH_SUCCESS: u8 = 52;
    pub(crate) const USERAUTH_PK_OK: u8 = 60;
    pub(crate) const USERAUTH_INFO_REQUEST: u8 = 60;
    pub(crate) const USERAUTH_INFO_RESPONSE: u8 = 61;
    pub(crate) const GLOBAL_REQUEST: u8 = 80;
    pub(crate) const REQUEST_FAILURE: u8 = 82;
    pub(crate) const CHANNEL_OPEN: u8 = 90;
    pub(crate) const CHANNEL_OPEN_CONFIRMATION: u8 = 91;
    pub(crate) const CHANNEL_OPEN_FAILURE: u8 = 92;
    pub(crate) const CHANNEL_WINDOW_ADJUST: u8 = 93;
    pub(crate) const CHANNEL_DATA: u8 = 94;
    pub(crate) const CHANNEL_EXTENDED_DATA: u8 = 95;
    pub(crate) const CHANNEL_EOF: u8 = 96;
    pub(crate) const CHANNEL_CLOSE: u8 = 97;
    pub(crate) const CHANNEL_REQUEST: u8 = 98;
    pub(crate) const CHANNEL_SUCCESS: u8 = 99;
    pub(crate) const CHANNEL_FAILURE: u8 = 100;
}

/// A message, put together field by field.
#[derive(Clone, Default)]
pub(crate) struct Message(pub(crate) Vec<u8>);

impl Message {
    pub(crate) fn new(number: u8) -> Self {
        Self(vec![number])
    }

    pub(crate) fn byte(mut self, byte: u8) -> Self {
        self.0.push(byte);
        self
    }

    pub(crate) fn u32(mut self, value: u32) -> Self {
        self.0.extend_from_slice(&value.to_be_bytes());
        self
    }

    pub(crate) fn string(self, bytes: impl AsRef<[u8]>) -> Self {
        let bytes = bytes.as_ref();
        let mut this = self.u32(u32::try_from(bytes.len()).unwrap());
        this.0.extend_from_slice(bytes);
        this
    }

    pub(crate) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }
}

/// Reads a string field and what stands behind it.
pub(crate) fn string(bytes: &[u8]) -> (&[u8], &[u8]) {
    let (length, rest) = bytes.split_at(4);
    rest.split_at(u32::from_be_bytes(length.try_into().unwrap()) as usize)
}

/// The keys of one direction each.
struct Keys {
    sealing: SealingKey,
    opening: OpeningKey,
}

/// A connection made by hand.
pub(crate) struct Raw {
    pub(crate) stream: TcpStream,
    keys: Option<Keys>,
    sent: u32,
    received: u32,
    session_id: Vec<u8>,
    /// The server's line and its first message.
    pub(crate) server_id: String,
    pub(crate) server_kexinit: Vec<u8>,
}

impl Raw {
    /// A connection after the lines that both sides begin with.
    pub(crate) async fn connect(gateway: &Gateway) -> Self {
        let mut stream = TcpStream::connect((gateway.address, gateway.port)).await.unwrap();
        stream.set_nodelay(true).unwrap();
        stream.write_all(format!("{ID}\r\n").as_bytes()).await.unwrap();
        let mut line = Vec::new();
        while !line.ends_with(b"\n") {
            line.push(stream.read_u8().await.unwrap());
        }
        let server_id = String::from_utf8(line).unwrap().trim_end().to_owned();
        let (session_id, server_kexinit) = (Vec::new(), Vec::new());
        Self { stream, keys: None, sent: 0, received: 0, session_id, server_id, server_kexinit }
    }

    /// A connection after the key exchange.
    pub(crate) async fn exchanged(gateway: &Gateway) -> Self {
        let mut this = Self::connect(gateway).await;
        assert!(this.exchange().await, "the key exchange goes through");
        this
    }

    /// A connection that may try to sign in.
    pub(crate) async fn serviced(gateway: &Gateway) -> Self {
        let mut this = Self::exchanged(gateway).await;
        this.send(&Message::new(number::SERVICE_REQUEST).string("ssh-userauth")).await;
        assert_eq!(this.next().await.unwrap()[0], number::SERVICE_ACCEPT);
        this
    }

    /// A connection on which this user has signed in with this password.
    pub(crate) async fn signed_in(gateway: &Gateway, user: &str, password: &str) -> Self {
        let mut this = Self::serviced(gateway).await;
        this.send(&password_request(user, password)).await;
        assert_eq!(this.next().await.unwrap()[0], number::USERAUTH_SUCCESS);
        this
    }

    /// Our offer of algorithms.
    pub(crate) fn kexinit() -> Message {
        let mut message = Message::new(number::KEXINIT).bytes(&[7; 16]);
        for list in [
            "curve25519-sha256,kex-strict-c-v00@openssh.com",
            "ssh-ed25519",
            "chacha20-poly1305@openssh.com",
            "chacha20-poly1305@openssh.com",
            "hmac-sha2-256-etm@openssh.com",
            "hmac-sha2-256-etm@openssh.com",
            "none",
            "none",
            "",
            "",
        ] {
            message = message.string(list);
        }
        message.byte(0).u32(0)
    }

    /// Exchanges keys, the first ones or new ones. Whether the server went along.
    pub(crate) async fn exchange(&mut self) -> bool {
        let ours = Self::kexinit();
        self.send(&ours).await;
        let Some(theirs) = self.next_of(number::KEXINIT).await else { return false };
        self.server_kexinit.clone_from(&theirs);
        let random = SystemRandom::new();
        let private = agreement::EphemeralPrivateKey::generate(&agreement::X25519, &random).unwrap();
        let public = private.compute_public_key().unwrap();
        self.send(&Message::new(number::ECDH_INIT).string(public.as_ref())).await;
        let Some(reply) = self.next_of(number::ECDH_REPLY).await else { return false };
        let (host_key, rest) = string(&reply[1..]);
        let (server_public, _signature) = string(rest);
        let peer = agreement::UnparsedPublicKey::new(&agreement::X25519, server_public);
        let shared = agreement::agree_ephemeral(private, &peer, mpint).unwrap();
        let hashed = Message::default()
            .string(ID)
            .string(&self.server_id)
            .string(&ours.0)
            .string(&theirs)
            .string(host_key)
            .string(public.as_ref())
            .string(server_public)
            .bytes(&shared);
        let hash = sha256(&[&hashed.0]);
        if self.session_id.is_empty() {
            self.session_id.clone_from(&hash);
        }
        self.send(&Message::new(number::NEWKEYS)).await;
        if self.next_of(number::NEWKEYS).await.is_none() {
            return false;
        }
        let key = |letter: &[u8]| -> [u8; 64] {
            let first = sha256(&[&shared, &hash, letter, &self.session_id]);
            let second = sha256(&[&shared, &hash, &first]);
            [first, second].concat().try_into().unwrap()
        };
        self.keys = Some(Keys { sealing: SealingKey::new(&key(b"C")), opening: OpeningKey::new(&key(b"D")) });
        // With strict key exchange both begin to count anew.
        (self.sent, self.received) = (0, 0);
        true
    }

    /// Sends a message. A server that has gone is met when its answer is waited for.
    pub(crate) async fn send(&mut self, message: &Message) {
        let packet = self.packet(&message.0);
        let _ = self.stream.write_all(&packet).await;
    }

    /// A message as it goes over the wire.
    pub(crate) fn packet(&mut self, payload: &[u8]) -> Vec<u8> {
        let in_front = if self.keys.is_some() { 1 } else { 5 };
        let mut padding = 8 - (in_front + payload.len()) % 8;
        if padding < 4 {
            padding += 8;
        }
        let length = u32::try_from(1 + payload.len() + padding).unwrap();
        let mut packet = length.to_be_bytes().to_vec();
        packet.push(u8::try_from(padding).unwrap());
        packet.extend_from_slice(payload);
        packet.resize(packet.len() + padding, 0);
        if let Some(keys) = &self.keys {
            let mut tag = [0; 16];
            keys.sealing.seal_in_place(self.sent, &mut packet, &mut tag);
            packet.extend_from_slice(&tag);
        }
        self.sent = self.sent.wrapping_add(1);
        packet
    }

    /// The next message that says anything; `None` when the server has closed the connection.
    pub(crate) async fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            let reading = tokio::time::timeout(DEADLINE, self.read());
            let message = reading.await.expect("the server answers in time")?;
            if ![number::IGNORE, number::DEBUG, number::EXT_INFO].contains(&message[0]) {
                return Some(message);
            }
        }
    }

    /// The next message of this number; `None` for any other, and at the end.
    async fn next_of(&mut self, number: u8) -> Option<Vec<u8>> {
        self.next().await.filter(|message| message[0] == number)
    }

    async fn read(&mut self) -> Option<Vec<u8>> {
        let mut length = [0; 4];
        self.stream.read_exact(&mut length).await.ok()?;
        let packet = match &self.keys {
            None => {
                let mut packet = vec![0; u32::from_be_bytes(length) as usize];
                self.stream.read_exact(&mut packet).await.ok()?;
                packet
            }
            Some(keys) => {
                let clear = u32::from_be_bytes(keys.opening.decrypt_packet_length(self.received, length)) as usize;
                let mut packet = length.to_vec();
                packet.resize(4 + clear, 0);
                let mut tag = [0; 16];
                self.stream.read_exact(&mut packet[4..]).await.ok()?;
                self.stream.read_exact(&mut tag).await.ok()?;
                keys.opening.open_in_place(self.received, &mut packet, &tag).unwrap().to_vec()
            }
        };
        self.received = self.received.wrapping_add(1);
        let padding = usize::from(packet[0]);
        Some(packet[1..packet.len() - padding].to_vec())
    }

    /// Waits until the server has closed the connection; returns the numbers of what it said before.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        let mut numbers = Vec::new();
        while let Some(message) = self.next().await {
            numbers.push(message[0]);
        }
        numbers
    }

    /// A request to sign in with a key, signed for this connection by `signer`, which need not be the one named.
    pub(crate) fn signed_request(&self, user: &str, named: &Ed25519KeyPair, signer: &Ed25519KeyPair) -> Message {
        let request = key_request(user, named, true);
        let signed = Message::default().string(&self.session_id).bytes(&request.0);
        let signature = Message::default().string("ssh-ed25519").string(signer.sign(&signed.0).as_ref());
        request.string(&signature.0)
    }

    /// Opens a channel of this kind and returns the server's number for it, or `None` if it was refused.
    pub(crate) async fn open(&mut self, kind: &str, rest: &[u8]) -> Option<u32> {
        self.send(&open_request(kind, rest)).await;
        let answer = self.next().await.unwrap();
        match answer[0] {
            number::CHANNEL_OPEN_CONFIRMATION => Some(u32::from_be_bytes(answer[5..9].try_into().unwrap())),
            number::CHANNEL_OPEN_FAILURE => None,
            other => panic!("message {other}"),
        }
    }
}

/// A request to open a channel, number 0 on our side.
pub(crate) fn open_request(kind: &str, rest: &[u8]) -> Message {
    Message::new(number::CHANNEL_OPEN).string(kind).u32(0).u32(1 << 20).u32(32_768).bytes(rest)
}

/// A request on a channel.
pub(crate) fn channel_request(channel: u32, kind: &str, want_reply: bool) -> Message {
    Message::new(number::CHANNEL_REQUEST).u32(channel).string(kind).byte(want_reply.into())
}

/// A request to sign in, up to its method.
pub(crate) fn user_request(user: &str, method: &str) -> Message {
    Message::new(number::USERAUTH_REQUEST).string(user).string("ssh-connection").string(method)
}

/// A request to sign in with a password.
pub(crate) fn password_request(user: &str, password: &str) -> Message {
    user_request(user, "password").byte(0).string(password)
}

/// A request to sign in with a key, without the signature that belongs to it if `signed`.
pub(crate) fn key_request(user: &str, key: &Ed25519KeyPair, signed: bool) -> Message {
    let blob = Message::default().string("ssh-ed25519").string(key.public_key().as_ref());
    user_request(user, "publickey").byte(signed.into()).string("ssh-ed25519").string(&blob.0)
}

/// A key pair from a seed.
pub(crate) fn key(seed: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap()
}

/// The fingerprint of a key, as the door has it.
pub(crate) fn fingerprint(key: &Ed25519KeyPair) -> String {
    let data = russh::keys::ssh_key::public::Ed25519PublicKey(key.public_key().as_ref().try_into().unwrap());
    russh::keys::PublicKey::from(data).fingerprint(russh::keys::HashAlg::Sha256).to_string()
}

/// A shared secret as the number that is hashed (RFC 8731, section 3.1).
fn mpint(secret: &[u8]) -> Vec<u8> {
    let start = secret.iter().position(|byte| *byte != 0).unwrap();
    let mut digits = secret[start..].to_vec();
    if digits[0] >= 0x80 {
        digits.insert(0, 0);
    }
    Message::default().string(digits).0
}

fn sha256(parts: &[&[u8]]) -> Vec<u8> {
    digest::digest(&digest::SHA256, &parts.concat()).as_ref().to_vec()
}
