//! The client's side.

use std::num::NonZeroU32;

use base64::{Engine, engine::general_purpose::STANDARD};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{
    Failure, Mechanism, Nonce, ScramError, Step,
    keys::{ClientKey, KEY_LEN, ServerKey, derive, mac, xor},
    message::{ServerFinal, ServerFirst},
};

/// What a client proves its identity with. Wiped when dropped.
#[derive(Clone)]
pub struct ClientSecret(Kind);

#[derive(Clone)]
enum Kind {
    Password(Zeroizing<Vec<u8>>),
    Keys(ClientKey, ServerKey),
}

impl ClientSecret {
    /// A password. It is prepared as [`prepare_password`](super::prepare_password) says.
    #[must_use]
    pub fn from_password(password: &[u8]) -> Self {
        Self(Kind::Password(Zeroizing::new(password.to_vec())))
    }

    /// The keys derived from a password, for the salt and the iteration count that the server will name; nothing is
    /// derived then, whatever count it names.
    #[must_use]
    pub fn from_keys(client_key: ClientKey, server_key: ServerKey) -> Self {
        Self(Kind::Keys(client_key, server_key))
    }
}

impl std::fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClientSecret(…)")
    }
}

/// The client's side of one exchange.
pub struct Client {
    mechanism: Mechanism,
    state: State,
}

enum State {
    /// Waiting for the server's first message.
    First {
        secret: ClientSecret,
        nonce: Nonce,
        max_iterations: NonZeroU32,
        /// What goes out as `c=`.
        channel_binding: String,
        /// The part of our first message that is signed.
        bare: String,
    },
    /// Waiting for its last one, which has to carry this signature.
    Final { signature: Zeroizing<[u8; KEY_LEN]> },
}

impl Client {
    /// Begins an exchange; returns it with the first message, for `SASLInitialResponse`.
    ///
    /// `offered` are the server's mechanisms. `tls_server_end_point` is the hash of the server's certificate as RFC 5929,
    /// section 4, has it, if the connection is TLS and the hash is known: then the channel is bound if the server offers
    /// it, and otherwise the server is told that it could have been, so that somebody in the middle who took the offer
    /// out of the list is found. `max_iterations` is the most work that the server may ask for: a hostile one would ask
    /// for billions (RUSTSEC-2026-0179).
    ///
    /// # Errors
    /// [`ScramError::Mechanism`] if the server offers no mechanism that can be used.
    pub fn start(
        offered: &[&str],
        tls_server_end_point: Option<&[u8]>,
        secret: ClientSecret,
        nonce: Nonce,
        max_iterations: NonZeroU32,
    ) -> Result<(Self, Vec<u8>), ScramError> {
        let offers = |mechanism: Mechanism| offered.contains(&mechanism.name());
        let (mechanism, gs2_header, bound) = match tls_server_end_point {
            Some(hash) if offers(Mechanism::ScramSha256Plus) => {
                (Mechanism::ScramSha256Plus, "p=tls-server-end-point,,", hash)
            }
            _ if !offers(Mechanism::ScramSha256) => return Err(ScramError::Mechanism),
            Some(_) => (Mechanism::ScramSha256, "y,,", &[][..]),
            None => (Mechanism::ScramSha256, "n,,", &[][..]),
        };
        // PostgreSQL takes the user from the start-up message and ignores the one that would stand here.
        let bare = format!("n=,r={}", nonce.as_str());
        let first = format!("{gs2_header}{bare}").into_bytes();
        let channel_binding = STANDARD.encode([gs2_header.as_bytes(), bound].concat());
        let state = State::First { secret, nonce, max_iterations, channel_binding, bare };
        Ok((Self { mechanism, state }, first))
    }

    /// The mechanism that was chosen, for `SASLInitialResponse`.
    #[must_use]
    pub fn mechanism(&self) -> Mechanism {
        self.mechanism
    }

    /// Takes the server's next message: first the data of `AuthenticationSASLContinue`, whose answer goes into a
    /// `SASLResponse`, then those of `AuthenticationSASLFinal`. Only [`Step::Success`] says that the server knows the
    /// password too: an `AuthenticationOk` without it has to be refused.
    ///
    /// # Errors
    /// [`ScramError`] if the server breaks the protocol; [`ScramError::Iterations`] before any work is done.
    pub fn exchange(self, message: &[u8]) -> Result<Step<Self>, ScramError> {
        match self.state {
            State::First { secret, nonce, max_iterations, channel_binding, bare } => {
                let server = ServerFirst::parse(message)?;
                if server.nonce.strip_prefix(nonce.as_str()).is_none_or(str::is_empty) {
                    return Err(ScramError::Nonce);
                }
                if server.iterations > max_iterations {
                    return Err(ScramError::Iterations);
                }
                let (client_key, server_key) = match secret.0 {
                    Kind::Password(password) => derive(&password, &server.salt, server.iterations),
                    Kind::Keys(client_key, server_key) => (client_key, server_key),
                };
                let without_proof = format!("c={channel_binding},r={}", server.nonce);
                let signed = [bare.as_bytes(), b",", message, b",", without_proof.as_bytes()];
                let signature = mac(client_key.stored_key().as_bytes(), &signed);
                let proof = xor(signature, client_key.as_bytes());
                let reply = format!("{without_proof},p={}", STANDARD.encode(proof)).into_bytes();
                let signature = Zeroizing::new(mac(server_key.as_bytes(), &signed));
                Ok(Step::Continue { next: Self { state: State::Final { signature }, ..self }, reply })
            }
            State::Final { signature } => match ServerFinal::parse(message)? {
                ServerFinal::Error => Ok(Step::Failure(Failure::Refused)),
                ServerFinal::Signature(theirs) if bool::from(theirs.ct_eq(&*signature)) => {
                    Ok(Step::Success { reply: Vec::new(), which: 0 })
                }
                ServerFinal::Signature(_) => Ok(Step::Failure(Failure::ServerNotVerified)),
            },
        }
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Client({})", self.mechanism.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER_FIRST: &[u8] =
        b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";

    /// The client of RFC 7677, section 3, which names its user within SCRAM.
    fn rfc_7677(secret: ClientSecret) -> Client {
        let nonce = Nonce::from_text("rOprNGfwEbeRWgbNEkqO").unwrap();
        let max_iterations = NonZeroU32::new(4096).unwrap();
        let (mut client, first) = Client::start(&["SCRAM-SHA-256"], None, secret, nonce, max_iterations).unwrap();
        assert_eq!(first, b"n,,n=,r=rOprNGfwEbeRWgbNEkqO");
        if let State::First { bare, .. } = &mut client.state {
            *bare = "n=user,r=rOprNGfwEbeRWgbNEkqO".to_owned();
        }
        client
    }

    #[test]
    fn rfc_7677_section_3() {
        let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let (client_key, server_key) = derive(b"pencil", &salt, NonZeroU32::new(4096).unwrap());
        for secret in [ClientSecret::from_password(b"pencil"), ClientSecret::from_keys(client_key, server_key)] {
            let Ok(Step::Continue { next, reply }) = rfc_7677(secret).exchange(SERVER_FIRST) else { panic!() };
            let expected = b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
            assert_eq!(reply, expected);
            let done = next.exchange(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
            assert!(matches!(done, Ok(Step::Success { reply, .. }) if reply.is_empty()));
        }
    }

    #[test]
    fn a_server_without_the_password_is_found() {
        for (last, failure) in [
            (&b"v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="[..], Failure::ServerNotVerified),
            (b"e=invalid-proof", Failure::Refused),
        ] {
            let client = rfc_7677(ClientSecret::from_password(b"pencil"));
            let Ok(Step::Continue { next, .. }) = client.exchange(SERVER_FIRST) else { panic!() };
            assert!(matches!(next.exchange(last), Ok(Step::Failure(f)) if f == failure));
        }
    }

    #[test]
    fn a_hostile_first_message_is_refused() {
        let over_cap = "r=rOprNGfwEbeRWgbNEkqOx,s=W22Z,i=4097";
        for (message, error) in [
            (over_cap, ScramError::Iterations),
            ("r=rOprNGfwEbeRWgbNEkqOx,s=W22Z,i=0", ScramError::Iterations),
            ("r=rOprNGfwEbeRWgbNEkqOx,s=W22Z,i=99999999999999", ScramError::Iterations),
            ("r=rOprNGfwEbeRWgbNEkqOx,s=W22Z,i=-1", ScramError::Malformed("iteration count")),
            ("r=rOprNGfwEbeRWgbNEkqOx,s=W22Z,i=", ScramError::Malformed("iteration count")),
            ("r=rOprNGfwEbeRWgbNEkqO,s=W22Z,i=1", ScramError::Nonce),
            ("r=xrOprNGfwEbeRWgbNEkqO,s=W22Z,i=1", ScramError::Nonce),
            ("r=rOprNGfwEbeRWgbNEkqO\u{7},s=W22Z,i=1", ScramError::Malformed("nonce")),
            ("r=rOprNGfwEbeRWgbNEkqOx,s=,i=1", ScramError::Malformed("salt")),
            ("r=rOprNGfwEbeRWgbNEkqOx,s=W22,i=1", ScramError::Malformed("salt")),
            ("m=x,r=rOprNGfwEbeRWgbNEkqOx,s=W22Z,i=1", ScramError::MandatoryExtension),
            ("r=rOprNGfwEbeRWgbNEkqOx,i=1,s=W22Z", ScramError::Malformed("salt")),
            ("", ScramError::Malformed("nonce")),
        ] {
            let client = rfc_7677(ClientSecret::from_password(b"pencil"));
            assert_eq!(client.exchange(message.as_bytes()).err(), Some(error), "{message}");
        }
        let long_salt = format!("r=rOprNGfwEbeRWgbNEkqOx,s={},i=1", "AAAA".repeat(86));
        let client = rfc_7677(ClientSecret::from_password(b"pencil"));
        assert_eq!(client.exchange(long_salt.as_bytes()).err(), Some(ScramError::Malformed("salt")));
        let client = rfc_7677(ClientSecret::from_password(b"pencil"));
        assert_eq!(client.exchange(&[b'r'; 5000]).err(), Some(ScramError::TooLong));
    }

    #[test]
    fn the_mechanism_depends_on_what_both_ends_can_do() {
        let start = |offered: &[&str], hash: Option<&[u8]>| {
            let (secret, nonce) = (ClientSecret::from_password(b"x"), Nonce::from_text("n").unwrap());
            Client::start(offered, hash, secret, nonce, NonZeroU32::MIN)
                .map(|(client, first)| (client.mechanism(), String::from_utf8(first).unwrap()))
        };
        let both = ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"];
        let plus = (Mechanism::ScramSha256Plus, "p=tls-server-end-point,,n=,r=n".to_owned());
        assert_eq!(start(&both, Some(b"hash")), Ok(plus));
        assert_eq!(start(&both[1..], Some(b"hash")), Ok((Mechanism::ScramSha256, "y,,n=,r=n".to_owned())));
        assert_eq!(start(&both, None), Ok((Mechanism::ScramSha256, "n,,n=,r=n".to_owned())));
        assert_eq!(start(&both[..1], None), Err(ScramError::Mechanism));
        assert_eq!(start(&["OAUTHBEARER"], Some(b"hash")), Err(ScramError::Mechanism));
    }
}
