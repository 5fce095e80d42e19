//! The server's side.

use base64::{Engine, engine::general_purpose::STANDARD};
use subtle::ConstantTimeEq;

use super::{
    Failure, Mechanism, Nonce, ScramError, Step, Verifiers,
    keys::{ClientKey, KEY_LEN, mac, xor},
    message::{ClientFinal, ClientFirst, Gs2Flag},
};

/// The server's side of one exchange. The user's name is the caller's matter: PostgreSQL takes it from the start-up
/// message, and the one within SCRAM is ignored.
pub struct Server {
    mechanism: Mechanism,
    verifiers: Verifiers,
    /// The channel binding data, if they were offered.
    binding: Option<Vec<u8>>,
    state: State,
}

enum State {
    /// Waiting for the client's first message.
    First { nonce: Nonce },
    /// Waiting for its last one.
    Final {
        /// Both nonces, one behind the other.
        nonce: String,
        /// What the client has to send as `c=`.
        channel_binding: String,
        /// What is signed, up to the client's last message: both first messages, each with a comma behind it.
        signed: String,
    },
}

impl Server {
    /// An exchange by the mechanism that the client has chosen. `verifiers` are the user's, mostly one, or
    /// [`Verifier::mock`](super::Verifier::mock) if there is no such user. `tls_server_end_point` is the hash of our certificate as RFC 5929, section 4, has it, if and
    /// only if [`offer`](super::offer) was asked for channel binding; a client that says `y` then is refused as
    /// downgraded.
    ///
    /// # Errors
    /// [`ScramError::Mechanism`] if the client chose channel binding though it was not offered.
    pub fn new(
        mechanism: Mechanism,
        verifiers: impl Into<Verifiers>,
        nonce: Nonce,
        tls_server_end_point: Option<&[u8]>,
    ) -> Result<Self, ScramError> {
        if mechanism == Mechanism::ScramSha256Plus && tls_server_end_point.is_none() {
            return Err(ScramError::Mechanism);
        }
        let binding = tls_server_end_point.map(<[u8]>::to_vec);
        Ok(Self { mechanism, verifiers: verifiers.into(), binding, state: State::First { nonce } })
    }

    /// Takes the client's next message: first the data of `SASLInitialResponse`, then those of `SASLResponse`. The reply
    /// of [`Step::Continue`] goes into `AuthenticationSASLContinue`, that of [`Step::Success`] into
    /// `AuthenticationSASLFinal`. On [`Step::Failure`] answer with an error whose SQLSTATE is `28P01`.
    ///
    /// # Errors
    /// [`ScramError`] if the client breaks the protocol: an error whose SQLSTATE is `08P01`.
    pub fn exchange(self, message: &[u8]) -> Result<Step<Self>, ScramError> {
        match self.state {
            State::First { ref nonce } => {
                let (state, reply) = self.first(nonce, message)?;
                Ok(Step::Continue { next: Self { state, ..self }, reply: reply.into_bytes() })
            }
            State::Final { ref nonce, ref channel_binding, ref signed } => {
                self.last(nonce, channel_binding, signed, message)
            }
        }
    }

    /// Answers the client's first message.
    fn first(&self, ours: &Nonce, message: &[u8]) -> Result<(State, String), ScramError> {
        let first = ClientFirst::parse(message)?;
        let bound = match (self.mechanism, first.flag) {
            (Mechanism::ScramSha256, Gs2Flag::No) => &[],
            (Mechanism::ScramSha256, Gs2Flag::NotOffered) if self.binding.is_some() => {
                return Err(ScramError::Downgrade);
            }
            (Mechanism::ScramSha256, Gs2Flag::NotOffered) => &[],
            (Mechanism::ScramSha256Plus, Gs2Flag::Bind("tls-server-end-point")) => {
                self.binding.as_deref().ok_or(ScramError::ChannelBinding)?
            }
            (_, _) => return Err(ScramError::ChannelBinding),
        };
        let channel_binding = STANDARD.encode([first.gs2_header.as_bytes(), bound].concat());
        let nonce = format!("{}{}", first.nonce, ours.as_str());
        let (salt, iterations) = (self.verifiers.salt(), self.verifiers.iterations());
        let reply = format!("r={nonce},s={},i={iterations}", STANDARD.encode(salt));
        let signed = format!("{},{reply},", first.bare);
        Ok((State::Final { nonce, channel_binding, signed }, reply))
    }

    /// Judges the client's proof.
    fn last(&self, nonce: &str, binding: &str, signed: &str, message: &[u8]) -> Result<Step<Self>, ScramError> {
        let last = ClientFinal::parse(message)?;
        if last.channel_binding != binding {
            return Err(ScramError::ChannelBindingMismatch);
        }
        if last.nonce != nonce {
            return Err(ScramError::Nonce);
        }
        let signed: [&[u8]; 2] = [signed.as_bytes(), last.without_proof.as_bytes()];
        // The proof is of one of them, and each is looked at, whichever it is.
        let mut proved = None;
        for (which, verifier) in self.verifiers.numbered() {
            let signature: [u8; KEY_LEN] = mac(verifier.stored_key.as_bytes(), &signed);
            // Only whoever has the proof and the stored key gets the client key out, so it is a secret of the client.
            let client_key = ClientKey::from_bytes(xor(last.proof, &signature));
            let right = client_key.stored_key().as_bytes().ct_eq(verifier.stored_key.as_bytes());
            if bool::from(right) && !verifier.mock {
                proved = Some((which, verifier));
            }
        }
        let Some((which, verifier)) = proved else { return Ok(Step::Failure(Failure::WrongPassword)) };
        let signature = mac(verifier.server_key.as_bytes(), &signed);
        let reply = format!("v={}", STANDARD.encode(signature));
        Ok(Step::Success { reply: reply.into_bytes(), which })
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Server({})", self.mechanism.name())
    }
}
