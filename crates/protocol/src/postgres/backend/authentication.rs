//! The `Authentication…` messages. SASL is what we speak; the other methods are recognised, so that they can be refused
//! by name.

use crate::postgres::{DecodeError, EncodeError, read::Reader, write};

/// How many SASL mechanisms a list may have. PostgreSQL sends two.
const MAX_MECHANISMS: usize = 16;

/// One `Authentication…` message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authentication<'a> {
    /// The client is who it says; the rest of the start-up follows.
    Ok,
    /// The server asks for SASL and names its mechanisms, the preferred one first.
    Sasl(Vec<&'a str>),
    /// The next message of the mechanism, for the client to answer.
    SaslContinue(&'a [u8]),
    /// The last message of the mechanism. For the client to check: `Ok` alone proves nothing about the server.
    SaslFinal(&'a [u8]),
    /// The server asks for a method that we do not speak: never answer it, or a hostile server learns a password.
    Other(AuthenticationMethod),
}

/// Methods that are recognised only to be refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthenticationMethod {
    /// Kerberos V5, no longer supported by any server.
    KerberosV5,
    /// The password in clear.
    CleartextPassword,
    /// The password hashed with MD5.
    Md5Password,
    /// Unix credentials, no longer supported by any server.
    ScmCredential,
    /// GSSAPI, its beginning or continuation.
    Gss,
    /// SSPI.
    Sspi,
}

impl AuthenticationMethod {
    /// The method's name as PostgreSQL's documentation has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::KerberosV5 => "Kerberos V5",
            Self::CleartextPassword => "cleartext password",
            Self::Md5Password => "MD5 password",
            Self::ScmCredential => "SCM credential",
            Self::Gss => "GSSAPI",
            Self::Sspi => "SSPI",
        }
    }
}

impl<'a> Authentication<'a> {
    /// Decodes the body of an `R` message.
    ///
    /// # Errors
    /// [`DecodeError::Authentication`] for a code that the protocol does not define; otherwise what does not have the
    /// layout of the manual.
    pub fn decode(body: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        match reader.u32()? {
            0 => reader.end().map(|()| Self::Ok),
            2 => reader.end().map(|()| Self::Other(AuthenticationMethod::KerberosV5)),
            3 => reader.end().map(|()| Self::Other(AuthenticationMethod::CleartextPassword)),
            5 => {
                reader.bytes(4)?;
                reader.end().map(|()| Self::Other(AuthenticationMethod::Md5Password))
            }
            6 => reader.end().map(|()| Self::Other(AuthenticationMethod::ScmCredential)),
            7 => reader.end().map(|()| Self::Other(AuthenticationMethod::Gss)),
            8 => Ok(Self::Other(AuthenticationMethod::Gss)),
            9 => reader.end().map(|()| Self::Other(AuthenticationMethod::Sspi)),
            10 => mechanisms(reader).map(Self::Sasl),
            11 => Ok(Self::SaslContinue(reader.rest())),
            12 => Ok(Self::SaslFinal(reader.rest())),
            code => Err(DecodeError::Authentication(code)),
        }
    }

    /// Appends the message.
    ///
    /// # Errors
    /// [`EncodeError::Nul`] or [`EncodeError::Empty`] for such a mechanism's name, [`EncodeError::TooLong`] for more
    /// data than a message can have, [`EncodeError::Unsupported`] for [`Authentication::Other`], which is never sent.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        write::message(out, super::tag::AUTHENTICATION, |out| {
            match self {
                Self::Ok => write::u32(out, 0),
                Self::Sasl(mechanisms) => {
                    write::u32(out, 10);
                    for mechanism in mechanisms {
                        write::name(out, mechanism.as_bytes())?;
                    }
                    out.push(0);
                }
                Self::SaslContinue(data) => {
                    write::u32(out, 11);
                    out.extend_from_slice(data);
                }
                Self::SaslFinal(data) => {
                    write::u32(out, 12);
                    out.extend_from_slice(data);
                }
                Self::Other(_) => return Err(EncodeError::Unsupported),
            }
            Ok(())
        })
    }
}

/// Reads the list of mechanisms and its terminator.
fn mechanisms(mut reader: Reader<'_>) -> Result<Vec<&str>, DecodeError> {
    let mut list = Vec::new();
    loop {
        let name = reader.utf8()?;
        if name.is_empty() {
            return reader.end().map(|()| list);
        }
        if list.len() == MAX_MECHANISMS {
            return Err(DecodeError::TooMany);
        }
        list.push(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_postgresql_sends_with_and_without_tls() {
        let body = b"\0\0\0\x0aSCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0";
        let both = Authentication::Sasl(vec!["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"]);
        assert_eq!(Authentication::decode(body), Ok(both.clone()));
        let mut wire = Vec::new();
        both.encode(&mut wire).unwrap();
        assert_eq!(wire, [b"R\0\0\0\x2a", body.as_slice()].concat());
    }

    #[test]
    fn sasl_data_is_handed_through() {
        for message in [Authentication::Ok, Authentication::SaslContinue(b"r=\0x"), Authentication::SaslFinal(b"v=")] {
            let mut wire = Vec::new();
            message.encode(&mut wire).unwrap();
            assert_eq!(Authentication::decode(&wire[5..]), Ok(message));
        }
    }

    #[test]
    fn other_methods_have_names() {
        let md5 = Authentication::decode(&[0, 0, 0, 5, 1, 2, 3, 4]).unwrap();
        assert_eq!(md5, Authentication::Other(AuthenticationMethod::Md5Password));
        assert_eq!(md5.encode(&mut Vec::new()), Err(EncodeError::Unsupported));
        for (code, name) in [(2, "Kerberos V5"), (3, "cleartext password"), (6, "SCM credential"), (7, "GSSAPI")] {
            match Authentication::decode(&[0, 0, 0, code]) {
                Ok(Authentication::Other(method)) => assert_eq!(method.name(), name),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(Authentication::decode(&[0, 0, 0, 13]), Err(DecodeError::Authentication(13)));
    }

    #[test]
    fn layout_faults_are_refused() {
        for body in [
            &b""[..],
            b"\0\0\0",
            b"\0\0\0\0\0",
            b"\0\0\0\x05abc",
            b"\0\0\0\x0aX\0",
            b"\0\0\0\x0aX\0\0\0",
            b"\0\0\0\x0a\xff\0\0",
        ] {
            assert!(Authentication::decode(body).is_err(), "{body:?}");
        }
        let many = [&b"\0\0\0\x0a"[..], &b"X\0".repeat(17), b"\0"].concat();
        assert_eq!(Authentication::decode(&many), Err(DecodeError::TooMany));
    }
}
