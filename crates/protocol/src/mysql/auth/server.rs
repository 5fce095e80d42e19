//! The server's side of a log-in.

use std::fmt;

use zeroize::Zeroizing;

use super::{AuthError, AuthPlugin, CachingSha2Verifier, Channel, NativeVerifier, Nonce, clear};
use crate::mysql::{connect::Login, reply::AuthMoreData};

/// What a client has to prove. Of several verifiers any one will do; none at all stands for a user that does not exist,
/// who is refused as for a wrong password.
#[derive(Debug, Clone)]
pub enum Expected {
    /// One of these, with `mysql_native_password`.
    Native(Vec<NativeVerifier>),
    /// One of these, with `caching_sha2_password`.
    CachingSha2(Vec<CachingSha2Verifier>),
    /// Whatever the caller makes of the password, which is asked for in clear with `caching_sha2_password`.
    Password,
}

impl Expected {
    /// The plugin with which it is proved. A greeting should name it, which saves the client a round trip.
    #[must_use]
    pub fn plugin(&self) -> AuthPlugin {
        match self {
            Self::Native(_) => AuthPlugin::NativePassword,
            Self::CachingSha2(_) | Self::Password => AuthPlugin::CachingSha2Password,
        }
    }
}

/// A log-in, from the client's answer to the greeting on.
#[derive(Clone)]
pub struct Server {
    expected: Expected,
    nonce: Nonce,
    /// Whether the password is asked for, and comes next.
    asked: bool,
}

/// What a client's packet leads to.
pub enum ServerStep {
    /// Send an [`AuthSwitchRequest`](crate::mysql::reply::AuthSwitchRequest) for this plugin and the same nonce, and hand
    /// the payload of the answer to `next`.
    Switch {
        /// The log-in in its next state.
        next: Server,
        /// The plugin to ask for.
        plugin: AuthPlugin,
    },
    /// Send this as an [`AuthMoreData`], and hand the payload of the answer to `next`.
    More {
        /// The log-in in its next state.
        next: Server,
        /// What to send.
        data: &'static [u8],
    },
    /// The client has proved the verifier of this number. Send an [`AuthMoreData`] with `data`, if there is any, and `OK`.
    Success {
        /// Which of the verifiers it was.
        which: usize,
        /// What to send before `OK`.
        data: Option<&'static [u8]>,
    },
    /// This is the password, for the caller to judge. Send `OK` or `ERR`.
    Password(Zeroizing<Vec<u8>>),
    /// The client does not know the password. Send `ERR`.
    Failure,
}

impl Server {
    /// A log-in with the nonce of the greeting.
    ///
    /// # Errors
    /// [`AuthError::NoTls`] where a password would be asked for without TLS.
    pub fn new(expected: Expected, nonce: Nonce, channel: Channel) -> Result<Self, AuthError> {
        match (&expected, channel) {
            (Expected::Password, Channel::Clear) => Err(AuthError::NoTls),
            _ => Ok(Self { expected, nonce, asked: false }),
        }
    }

    /// The nonce.
    #[must_use]
    pub fn nonce(&self) -> &Nonce {
        &self.nonce
    }

    /// Takes the answer to the greeting.
    #[must_use]
    pub fn start(self, login: &Login<'_>) -> ServerStep {
        let plugin = self.expected.plugin();
        // A client that was greeted with a plugin that it does not have names its own, and answers nothing: the nonce was
        // the other's.
        let unanswered = login.response.is_empty() && plugin == AuthPlugin::NativePassword && login.plugin.is_some();
        if AuthPlugin::from_name(login.plugin.unwrap_or_default()) == Some(plugin) && !unanswered {
            self.judge(login.response)
        } else {
            ServerStep::Switch { next: self, plugin }
        }
    }

    /// Takes the payload that answers an [`ServerStep::Switch`] or [`ServerStep::More`].
    ///
    /// # Errors
    /// [`AuthError::Decode`] for a password in clear that is too long or does not have its form.
    pub fn exchange(self, payload: &[u8]) -> Result<ServerStep, AuthError> {
        if self.asked { Ok(ServerStep::Password(clear::decode(payload)?)) } else { Ok(self.judge(payload)) }
    }

    /// Judges the plugin's answer to the nonce. Every verifier is looked at, whichever is the right one.
    fn judge(self, response: &[u8]) -> ServerStep {
        let nonce = &self.nonce;
        let (which, data) = match &self.expected {
            Expected::Native(verifiers) => (last(verifiers, |verifier| verifier.accepts(nonce, response)), None),
            Expected::CachingSha2(verifiers) => {
                let which = last(verifiers, |verifier| verifier.accepts(nonce, response));
                (which, Some(AuthMoreData::FAST_AUTH_SUCCESS))
            }
            Expected::Password => {
                let next = Self { asked: true, ..self };
                return ServerStep::More { next, data: AuthMoreData::FULL_AUTHENTICATION };
            }
        };
        which.map_or(ServerStep::Failure, |which| ServerStep::Success { which, data })
    }
}

/// The number of the last that is accepted.
fn last<T>(verifiers: &[T], accepts: impl Fn(&T) -> bool) -> Option<usize> {
    verifiers.iter().enumerate().filter(|(_, verifier)| accepts(verifier)).map(|(which, _)| which).last()
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Server({}, …)", self.expected.plugin().name())
    }
}

/// Without the password.
impl fmt::Debug for ServerStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Switch { plugin, .. } => write!(f, "Switch({plugin:?})"),
            Self::More { data, .. } => write!(f, "More({data:?})"),
            Self::Success { which, .. } => write!(f, "Success({which})"),
            Self::Password(_) => f.write_str("Password(…)"),
            Self::Failure => f.write_str("Failure"),
        }
    }
}
