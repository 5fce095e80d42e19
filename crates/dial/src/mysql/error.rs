//! Why a log-in came to nothing. The server's error number decides, never the words of its message: a hostile server would
//! choose them.

use crate::error::DialError;
use mayfly_domain::{Endpoint, FailureClass};
use mayfly_protocol::mysql::DecodeError;

/// A log-in that came to nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogInError {
    /// The connection could not be encrypted as the trust demands, or the limit was over first.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// The server offers no TLS.
    #[error("{endpoint} offers no TLS")]
    NoTls {
        /// Where.
        endpoint: Endpoint,
    },
    /// The server wants the password itself, which is not sent without TLS.
    #[error("{endpoint} wants the password itself, which is not sent without TLS")]
    NeedsTls {
        /// Where.
        endpoint: Endpoint,
    },
    /// The server wants an authentication plugin that is not spoken.
    #[error("{endpoint} wants the authentication plugin {plugin:?}")]
    Plugin {
        /// Where.
        endpoint: Endpoint,
        /// The plugin, escaped.
        plugin: String,
    },
    /// The server refuses.
    #[error("{endpoint} refuses {user}: error {number}")]
    Refused {
        /// Where.
        endpoint: Endpoint,
        /// Who.
        user: String,
        /// The server's error number.
        number: u16,
    },
    /// What is to be sent does not fit: a name with a zero byte in it, or one that is too long.
    #[error("the log-in for {endpoint} cannot be written")]
    Unwritable {
        /// Where to.
        endpoint: Endpoint,
    },
    /// What answers does not keep to the protocol.
    #[error("{endpoint} does not speak the protocol")]
    NotMysql {
        /// Where.
        endpoint: Endpoint,
        /// What is wrong with its packet; none where it does not keep to the order.
        source: Option<DecodeError>,
    },
    /// The connection broke.
    #[error("{endpoint} closed the connection during the log-in")]
    Closed {
        /// Where.
        endpoint: Endpoint,
    },
}

impl LogInError {
    /// Whose fault it is and whether trying again can help.
    #[must_use]
    pub fn class(&self) -> FailureClass {
        match self {
            Self::Dial(error) => error.class(),
            Self::Closed { .. } => FailureClass::Unreachable,
            Self::Refused { number, .. } => class_of(*number),
            Self::NoTls { .. }
            | Self::NeedsTls { .. }
            | Self::Plugin { .. }
            | Self::Unwritable { .. }
            | Self::NotMysql { .. } => FailureClass::Conflict,
        }
    }

    /// What a person is told: our words and what an administrator wrote down, never a peer's.
    #[must_use]
    pub fn person_text(&self) -> String {
        match self {
            Self::Dial(error) => error.person_text(),
            Self::NoTls { endpoint } => format!(
                "{endpoint} does not offer TLS: give the server a certificate (ssl_cert, ssl_key); nothing secret was sent"
            ),
            Self::NeedsTls { endpoint } => format!(
                "{endpoint} wants the password itself, which is sent only through verified TLS: set the record's `tls`"
            ),
            Self::Plugin { endpoint, plugin } => format!(
                "{endpoint} wants the log-in to be proved with the plugin {plugin}: only mysql_native_password and \
                 caching_sha2_password are spoken; give the account one of them"
            ),
            Self::Refused { endpoint, user, number } => refused(endpoint, user, *number),
            Self::Unwritable { endpoint } => {
                format!("the user or database name for {endpoint} is too long or holds a zero byte")
            }
            Self::NotMysql { endpoint, .. } => {
                format!(
                    "what answers at {endpoint} does not speak the protocol of MySQL and MariaDB: check host and port"
                )
            }
            Self::Closed { endpoint } => {
                format!("{endpoint} closed the connection during the log-in: look into the server's own log")
            }
        }
    }
}

/// The class of an error number with which a log-in is refused (MySQL error reference; MariaDB error codes).
fn class_of(number: u16) -> FailureClass {
    match number {
        // Wrong, no password given, locked (MySQL, MariaDB), expired, not from this host.
        1045 | 1698 | 3118 | 4151 | 1862 | 1130 => FailureClass::CredentialsRefused,
        // No connection free: of the server, of the account, by the account's limits; blocked after many that broke off.
        1040 | 1203 | 1226 | 1129 => FailureClass::Busy,
        // Stopping.
        1053 | 1077 | 1079 => FailureClass::Unreachable,
        _ => FailureClass::Conflict,
    }
}

fn refused(endpoint: &Endpoint, user: &str, number: u16) -> String {
    let why = match number {
        1045 | 1698 => "wrong password, or no such account from this address",
        1130 => "no account may come from this address",
        3118 | 4151 => "the account is locked",
        1862 => "the account's password has expired",
        1040 => "it has no free connection: raise max_connections",
        1203 | 1226 => "the account has all the connections that it may have",
        1129 => "it has blocked this address after many broken connections: FLUSH HOSTS",
        1044 | 1049 => "there is no such database, or the account may not use it",
        1053 | 1077 | 1079 => "it is stopping",
        3159 => "it demands TLS: set the record's `tls`",
        _ => "look into the server's own log",
    };
    format!("{endpoint} refuses {user} (error {number}): {why}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_decides() {
        let endpoint = Endpoint { host: "db".to_owned(), port: 3306 };
        for (number, class) in [
            (1045, FailureClass::CredentialsRefused),
            (4151, FailureClass::CredentialsRefused),
            (1040, FailureClass::Busy),
            (1053, FailureClass::Unreachable),
            (1049, FailureClass::Conflict),
            (9, FailureClass::Conflict),
        ] {
            let error = LogInError::Refused { endpoint: endpoint.clone(), user: "u".to_owned(), number };
            assert_eq!(error.class(), class, "{number}");
            assert!(error.person_text().contains(&number.to_string()));
        }
    }
}
