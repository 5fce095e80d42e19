//! The first packet of a connection, the only one without a type byte: a request for encryption, a request to cancel
//! another connection's query, or the start-up message. With it the one-byte answers to requests for encryption, and
//! what tells a TLS connection that begins without asking.

mod cancel;
mod encryption;
mod message;
mod packet;
mod parameters;

pub use cancel::CancelRequest;
pub use encryption::{ALPN, EncryptionReply, begins_tls, encode_gssenc_request, encode_ssl_request};
pub use message::StartupMessage;
pub use packet::{FirstPacket, MAX_BODY_LEN, first_packet_body_len};
pub use parameters::{MAX_PARAMETERS, Parameters};

/// The code that stands in place of a version in a `CancelRequest`.
const CANCEL_REQUEST: u32 = 80_877_102;
/// The code that stands in place of a version in an `SSLRequest`.
const SSL_REQUEST: u32 = 80_877_103;
/// The code that stands in place of a version in a `GSSENCRequest`.
const GSSENC_REQUEST: u32 = 80_877_104;
