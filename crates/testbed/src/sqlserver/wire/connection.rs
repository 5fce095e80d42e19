//! One client's connection: bytes in clear or in TLS, and messages over it.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use mayfly_protocol::tds::frame::{Message, MessageReader, PacketType, Packets};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// The longest message that is read.
const MAX_LEN: usize = 16 * 1024 * 1024;

/// The bytes.
enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ServerConnection, TcpStream>>),
    /// Between the two.
    Changing,
}

/// The messages.
pub(super) struct Connection {
    stream: Stream,
    reader: MessageReader,
    /// The number that the client gets, and how long its packets are to be.
    pub(super) spid: u16,
    pub(super) packet_len: usize,
}

impl Connection {
    pub(super) fn new(tcp: TcpStream) -> Self {
        let stream = Stream::Plain(tcp);
        Self { stream, reader: MessageReader::new(MAX_LEN), spid: 0, packet_len: 4096 }
    }

    /// Whether the connection is encrypted.
    pub(super) fn is_encrypted(&self) -> bool {
        matches!(self.stream, Stream::Tls(_))
    }

    /// How long reading waits; `None` for as long as it takes.
    pub(super) fn set_patience(&self, time: Option<Duration>) -> io::Result<()> {
        match &self.stream {
            Stream::Plain(tcp) => tcp.set_read_timeout(time),
            Stream::Tls(tls) => tls.sock.set_read_timeout(time),
            Stream::Changing => Ok(()),
        }
    }

    /// The next message; `None` at the end of the connection. An error of time leaves what has come so far for the next call.
    pub(super) fn read(&mut self) -> io::Result<Option<Message>> {
        let mut piece = [0; 4096];
        loop {
            let wanted = self.reader.wants().min(piece.len());
            let read = match &mut self.stream {
                Stream::Plain(tcp) => tcp.read(&mut piece[..wanted])?,
                Stream::Tls(tls) => tls.read(&mut piece[..wanted])?,
                Stream::Changing => 0,
            };
            if read == 0 {
                return Ok(None);
            }
            let (_, message) = self.reader.push(&piece[..read]).map_err(|error| violation(error.to_string()))?;
            if message.is_some() {
                return Ok(message);
            }
        }
    }

    /// Sends a message.
    pub(super) fn send(&mut self, kind: PacketType, data: &[u8]) -> io::Result<()> {
        let mut bytes = Vec::new();
        let packets = Packets { spid: self.spid, packet_len: self.packet_len, ..Packets::of(kind) };
        packets.encode(data, &mut bytes);
        let stream: &mut dyn Write = match &mut self.stream {
            Stream::Plain(tcp) => tcp,
            Stream::Tls(tls) => &mut **tls,
            Stream::Changing => return Ok(()),
        };
        stream.write_all(&bytes)?;
        stream.flush()
    }

    /// Starts TLS at once.
    pub(super) fn encrypt(&mut self, config: &Arc<ServerConfig>) -> io::Result<()> {
        let Stream::Plain(mut tcp) = std::mem::replace(&mut self.stream, Stream::Changing) else {
            return Err(violation("TLS twice".to_owned()));
        };
        let mut tls = ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
        while tls.is_handshaking() {
            tls.complete_io(&mut tcp)?;
        }
        if tls.alpn_protocol().is_none() {
            return Err(violation("strict TLS without its name".to_owned()));
        }
        self.stream = Stream::Tls(Box::new(StreamOwned::new(tls, tcp)));
        Ok(())
    }

    /// Starts TLS whose handshake goes in packets.
    pub(super) fn encrypt_wrapped(&mut self, config: &Arc<ServerConfig>) -> io::Result<()> {
        let mut tls = ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
        loop {
            if tls.wants_write() {
                let mut bytes = Vec::new();
                while tls.wants_write() {
                    tls.write_tls(&mut bytes)?;
                }
                self.send(PacketType::Prelogin, &bytes)?;
            }
            if !tls.is_handshaking() {
                break;
            }
            let message = self.read()?.ok_or(io::ErrorKind::UnexpectedEof)?;
            if message.kind != PacketType::Prelogin {
                return Err(violation("another message within TLS's handshake".to_owned()));
            }
            let mut data = message.data.as_slice();
            while !data.is_empty() {
                tls.read_tls(&mut data)?;
                tls.process_new_packets().map_err(io::Error::other)?;
            }
        }
        let Stream::Plain(tcp) = std::mem::replace(&mut self.stream, Stream::Changing) else {
            return Err(violation("TLS twice".to_owned()));
        };
        self.stream = Stream::Tls(Box::new(StreamOwned::new(tls, tcp)));
        Ok(())
    }
}

/// The client does not speak the protocol.
pub(super) fn violation(text: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text)
}
