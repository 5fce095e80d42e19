//! The client's side of a log-in.

use std::fmt;

use zeroize::Zeroizing;

use super::{AuthError, AuthPlugin, Channel, Nonce, clear};
use crate::mysql::{
    EncodeError,
    reply::{AuthMoreData, AuthReply, AuthSwitchRequest, ErrPacket},
};

/// What is still allowed to happen.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The answer to the greeting's nonce is sent.
    Answered,
    /// The answer to another plugin's nonce is sent.
    Switched,
    /// Nothing but the result is missing.
    Final,
}

/// A log-in, from the answer to the greeting on. A hostile server can make it neither go on for ever, nor use a plugin that
/// gives the password away, nor send it in clear without TLS.
///
/// ```
/// use mayfly_protocol::mysql::{Nonce, auth::{AuthPlugin, Channel, Client, ClientStep}, reply::{AuthMoreData, AuthReply}};
///
/// let nonce = Nonce::from_random(&[7; 20]);
/// let (mut client, response) = Client::start(b"caching_sha2_password", &nonce, b"secret", Channel::Tls)?;
/// assert_eq!((client.plugin(), response.len()), (AuthPlugin::CachingSha2Password, 32));
/// // The server does not know the user yet.
/// let wish = AuthReply::More(AuthMoreData { data: AuthMoreData::FULL_AUTHENTICATION });
/// let ClientStep::Send(payload) = client.exchange(wish)? else { panic!() };
/// assert_eq!(&**payload, b"secret\0");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Client {
    password: Zeroizing<Vec<u8>>,
    channel: Channel,
    plugin: AuthPlugin,
    stage: Stage,
}

/// What a server's answer leads to.
pub enum ClientStep {
    /// Send this as the payload of the next packet, and hand the answer over.
    Send(Zeroizing<Vec<u8>>),
    /// Send nothing, and hand the next packet over.
    Wait,
    /// The client is logged in.
    Success,
    /// The server refuses the client.
    Failure(ErrPacket),
}

impl Client {
    /// Starts with the plugin and the nonce of the greeting. Returns what the [`Login`](crate::mysql::connect::Login) needs
    /// as response; the plugin that it has to name is [`Client::plugin`]. Where the server begins with a
    /// plugin that is not spoken, the answer is empty and the server has to switch, as with other clients.
    ///
    /// # Errors
    /// [`EncodeError::Nul`] or [`EncodeError::TooLong`] for a password that cannot be sent in clear, if need be.
    pub fn start(
        plugin: &[u8],
        nonce: &Nonce,
        password: &[u8],
        channel: Channel,
    ) -> Result<(Self, Vec<u8>), EncodeError> {
        clear::check(password)?;
        let known = AuthPlugin::from_name(plugin);
        let response = known.map(|plugin| plugin.respond(password, nonce)).unwrap_or_default();
        let plugin = known.unwrap_or(AuthPlugin::CachingSha2Password);
        let password = Zeroizing::new(password.to_vec());
        Ok((Self { password, channel, plugin, stage: Stage::Answered }, response))
    }

    /// The plugin that answers.
    #[must_use]
    pub fn plugin(&self) -> AuthPlugin {
        self.plugin
    }

    /// Takes the server's next packet.
    ///
    /// # Errors
    /// [`AuthError`], after which the connection has to be ended.
    pub fn exchange(&mut self, reply: AuthReply<'_>) -> Result<ClientStep, AuthError> {
        match reply {
            AuthReply::Ok(_) => Ok(ClientStep::Success),
            AuthReply::Err(error) => Ok(ClientStep::Failure(error)),
            AuthReply::Switch(switch) => self.switch(&switch),
            AuthReply::More(more) => self.more(&more),
        }
    }

    /// The server wants another plugin, once.
    fn switch(&mut self, switch: &AuthSwitchRequest<'_>) -> Result<ClientStep, AuthError> {
        if self.stage != Stage::Answered {
            return Err(AuthError::Order);
        }
        let Some(plugin) = AuthPlugin::from_name(switch.plugin) else {
            return Err(AuthError::Plugin(switch.plugin.escape_ascii().to_string()));
        };
        let response = plugin.respond(&self.password, &switch.nonce()?);
        self.plugin = plugin;
        self.stage = Stage::Switched;
        Ok(ClientStep::Send(Zeroizing::new(response)))
    }

    /// The server says what it makes of the answer, once.
    fn more(&mut self, more: &AuthMoreData<'_>) -> Result<ClientStep, AuthError> {
        if self.stage == Stage::Final || self.plugin != AuthPlugin::CachingSha2Password {
            return Err(AuthError::Order);
        }
        self.stage = Stage::Final;
        match (more.data, self.channel) {
            (AuthMoreData::FAST_AUTH_SUCCESS, _) => Ok(ClientStep::Wait),
            (AuthMoreData::FULL_AUTHENTICATION, Channel::Tls) => Ok(ClientStep::Send(clear::encode(&self.password))),
            (AuthMoreData::FULL_AUTHENTICATION, Channel::Clear) => Err(AuthError::NoTls),
            _ => Err(AuthError::Order),
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({}, …)", self.plugin.name())
    }
}

/// Without what is sent, which can be the password.
impl fmt::Debug for ClientStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Send(_) => f.write_str("Send(…)"),
            Self::Wait => f.write_str("Wait"),
            Self::Success => f.write_str("Success"),
            Self::Failure(error) => write!(f, "Failure({error:?})"),
        }
    }
}
