//! What a client asks for, as the library hears it: attempts to sign in go to the desk, channels and what comes on them to
//! the futures that serve them. Nothing here waits for the client or for another channel; a request is answered in its
//! place, since the library remembers only the last one of a channel.

use std::{collections::HashMap, sync::Arc};

use russh::{
    Channel, ChannelId, ChannelOpenFailure, Pty, Sig,
    server::{Auth, ChannelOpenHandle, Handler, Msg, PublicKeyOffer, Response, Session, VerifiedPublicKey},
};
use tokio::sync::{
    mpsc::{self, UnboundedReceiver, UnboundedSender},
    oneshot,
};

use super::{
    WINDOW,
    channel::{ClientChannel, Event, Parcel, Size, Terminal},
    forward::Forward,
    line::{Line, Share},
    methods,
    program::Program,
    session::Told,
    sign_in::{Desk, Person},
};

/// How many channels a connection may have at once. OpenSSH's server has 10 sessions; forwarded ports come on top.
const CHANNELS_MOST: usize = 100;

/// The longest name or value of a variable that is passed on, and the longest name of a terminal.
const TEXT_MOST: usize = 1024;

/// The window of a channel whose target does not take what was sent: so little that the client can do nothing with it but
/// show that it wants more, which is when the library asks us again.
const CLOSED: u32 = 2;

/// The window of a channel beside one that is closed. The library grants it to whichever asks next, so it is small.
const AJAR: u32 = 128 * 1024;

/// One client's connection, as the library has it.
pub(super) struct Client {
    desk: Desk,
    /// Who has signed in, until the session hears of it.
    person: Option<Person>,
    tell: UnboundedSender<Told>,
    line: Arc<Line>,
    channels: HashMap<ChannelId, Lane>,
}

/// The way to the future that serves a channel.
struct Lane {
    events: UnboundedSender<Parcel>,
    /// What of it is kept.
    share: Share,
    /// Whether a program was started; there is one for each channel (RFC 4254, section 6.5).
    program: bool,
}

impl Client {
    pub(super) fn new(desk: Desk, tell: UnboundedSender<Told>, line: Arc<Line>) -> Self {
        Self { desk, person: None, tell, line, channels: HashMap::new() }
    }

    /// What the client is answered: it comes in, or the same as everybody else who does not.
    fn verdict(&mut self, person: Option<Person>) -> Auth {
        match person {
            Some(person) => {
                self.person = Some(person);
                Auth::Accept
            }
            None => refused(),
        }
    }

    /// Takes a new channel, if there may be one more.
    async fn take(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
    ) -> Option<(ClientChannel, ChannelOpenHandle)> {
        // The library does not say when a channel is over that we have closed first.
        self.channels.retain(|_, lane| !lane.events.is_closed());
        if self.channels.len() >= CHANNELS_MOST {
            reply.reject(ChannelOpenFailure::ResourceShortage).await;
            return None;
        }
        let (events, heard): (_, UnboundedReceiver<Parcel>) = mpsc::unbounded_channel();
        let id = channel.id();
        // What the client sends is heard here; the half that would be told it a second time is dropped.
        let (_read, writer) = channel.split();
        self.channels.insert(id, Lane { events, share: Share::default(), program: false });
        Some((ClientChannel { writer, events: heard }, reply))
    }

    /// Passes an event on. Returns whether anybody is there to take it.
    fn pass(&self, channel: ChannelId, event: Event, bytes: usize) -> bool {
        let Some(lane) = self.channels.get(&channel) else { return false };
        lane.events.send(Parcel { event, kept: self.line.keep(bytes, &lane.share) }).is_ok()
    }

    /// Passes a request on and waits for its answer.
    async fn ask(
        &mut self,
        channel: ChannelId,
        bytes: usize,
        event: impl FnOnce(oneshot::Sender<bool>) -> Event,
    ) -> bool {
        let (answer, answered) = oneshot::channel();
        self.pass(channel, event(answer), bytes) && answered.await.unwrap_or(false)
    }

    /// Starts the one program of a channel.
    async fn start(&mut self, channel: ChannelId, program: Program, session: &mut Session) -> Result<(), russh::Error> {
        let bytes = program.len();
        let free = self.channels.get(&channel).is_some_and(|lane| !lane.program);
        let started = free && self.ask(channel, bytes, |answer| Event::Program(program, answer)).await;
        if started && let Some(lane) = self.channels.get_mut(&channel) {
            lane.program = true;
        }
        respond(channel, started, session)
    }
}

/// The answer to an attempt that came to nothing. The methods stay the same, or the client would not ask again.
fn refused() -> Auth {
    Auth::Reject { proceed_with_methods: Some(methods()), partial_success: false }
}

fn respond(channel: ChannelId, granted: bool, session: &mut Session) -> Result<(), russh::Error> {
    if granted { session.channel_success(channel) } else { session.channel_failure(channel) }
}

/// Whether a variable is passed on: those of the language, as OpenSSH's server takes them by default.
fn harmless(name: &str) -> bool {
    let letters = |text: &str| text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    name == "LANG" || name == "LANGUAGE" || name.strip_prefix("LC_").is_some_and(letters)
}

impl Handler for Client {
    type Error = russh::Error;

    async fn auth_none(&mut self, _user: &str) -> Result<Auth, Self::Error> {
        Ok(refused())
    }

    async fn auth_password(&mut self, user: &str, password: &str) -> Result<Auth, Self::Error> {
        let person = self.desk.secret(user, password.as_bytes()).await;
        Ok(self.verdict(person))
    }

    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        user: &str,
        _submethods: &str,
        response: Option<Response<'a>>,
    ) -> Result<Auth, Self::Error> {
        let Some(response) = response else {
            self.desk.ask(user);
            return Ok(Auth::Partial {
                name: "".into(),
                instructions: "".into(),
                prompts: vec![("Connect secret: ".into(), false)].into(),
            });
        };
        let answers: Vec<_> = response.take(2).collect();
        let person = self.desk.answer(user, &answers).await;
        Ok(self.verdict(person))
    }

    async fn auth_publickey_offered(&mut self, user: &str, offer: PublicKeyOffer<'_>) -> Result<Auth, Self::Error> {
        match self.desk.offered(user, offer.public_key, offer.algorithm).await {
            Ok(true) => Ok(Auth::Accept),
            Ok(false) => Ok(refused()),
            Err(_too_often) => Err(russh::Error::Disconnect),
        }
    }

    async fn auth_publickey(&mut self, user: &str, key: VerifiedPublicKey<'_>) -> Result<Auth, Self::Error> {
        let person = self.desk.proved(user, key.public_key, key.algorithm).await;
        Ok(self.verdict(person))
    }

    async fn auth_succeeded(&mut self, session: &mut Session) -> Result<(), Self::Error> {
        let person = self.person.take().ok_or(russh::Error::NotAuthenticated)?;
        self.line.signed_in();
        let told = Told::SignedIn { person, handle: session.handle() };
        self.tell.send(told).map_err(|_gone| russh::Error::Disconnect)
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        if let Some((channel, reply)) = self.take(channel, reply).await {
            let told = Told::Session { channel, reply, handle: session.handle() };
            self.tell.send(told).map_err(|_gone| russh::Error::Disconnect)?;
        }
        Ok(())
    }

    async fn channel_open_direct_tcpip(
        &mut self,
        channel: Channel<Msg>,
        host_to_connect: &str,
        port_to_connect: u32,
        _originator_address: &str,
        _originator_port: u32,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        let Some(to) = Forward::to(host_to_connect, port_to_connect) else {
            reply.reject(ChannelOpenFailure::AdministrativelyProhibited).await;
            return Ok(());
        };
        if let Some((channel, reply)) = self.take(channel, reply).await {
            self.tell.send(Told::Forward { channel, reply, to }).map_err(|_gone| russh::Error::Disconnect)?;
        }
        Ok(())
    }

    async fn channel_close(&mut self, channel: ChannelId, _session: &mut Session) -> Result<(), Self::Error> {
        self.channels.remove(&channel);
        Ok(())
    }

    async fn channel_eof(&mut self, channel: ChannelId, _session: &mut Session) -> Result<(), Self::Error> {
        self.pass(channel, Event::Eof, 0);
        Ok(())
    }

    /// Hears that a window was opened by `current`, and says by how much the next one is. That goes by what is kept of this
    /// channel: the library does not ask when it is taken, but asks again each time that a window is used up.
    fn adjust_window(&mut self, channel: ChannelId, _current: u32) -> u32 {
        let full = |lane: &Lane| lane.share.full();
        if self.channels.get(&channel).is_some_and(full) {
            self.line.knocked();
            CLOSED
        } else if self.channels.values().any(full) {
            AJAR
        } else {
            self.line.opened();
            WINDOW
        }
    }

    async fn data(&mut self, channel: ChannelId, data: &[u8], _session: &mut Session) -> Result<(), Self::Error> {
        self.pass(channel, Event::Data(data.to_vec()), data.len());
        Ok(())
    }

    async fn pty_request(
        &mut self,
        channel: ChannelId,
        term: &str,
        col_width: u32,
        row_height: u32,
        pix_width: u32,
        pix_height: u32,
        modes: &[(Pty, u32)],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        if term.len() > TEXT_MOST {
            return session.channel_failure(channel);
        }
        let size = Size { columns: col_width, rows: row_height, width: pix_width, height: pix_height };
        let terminal = Terminal { name: term.to_owned(), size, modes: modes.to_vec() };
        let bytes = term.len() + size_of_val(modes);
        let granted = self.ask(channel, bytes, |answer| Event::Terminal(terminal, answer)).await;
        respond(channel, granted, session)
    }

    async fn env_request(
        &mut self,
        channel: ChannelId,
        variable_name: &str,
        variable_value: &str,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        let short = variable_name.len() <= TEXT_MOST && variable_value.len() <= TEXT_MOST;
        let passed = short && harmless(variable_name) && {
            let event = Event::Variable(variable_name.to_owned(), variable_value.to_owned());
            self.pass(channel, event, variable_name.len() + variable_value.len())
        };
        respond(channel, passed, session)
    }

    async fn shell_request(&mut self, channel: ChannelId, session: &mut Session) -> Result<(), Self::Error> {
        self.start(channel, Program::Shell, session).await
    }

    async fn exec_request(
        &mut self,
        channel: ChannelId,
        data: &[u8],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.start(channel, Program::Command(data.to_vec()), session).await
    }

    async fn subsystem_request(
        &mut self,
        channel: ChannelId,
        name: &str,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        match name {
            "sftp" => self.start(channel, Program::Sftp, session).await,
            _ => session.channel_failure(channel),
        }
    }

    async fn window_change_request(
        &mut self,
        channel: ChannelId,
        col_width: u32,
        row_height: u32,
        pix_width: u32,
        pix_height: u32,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        let size = Size { columns: col_width, rows: row_height, width: pix_width, height: pix_height };
        let passed = self.pass(channel, Event::Size(size), 0);
        respond(channel, passed, session)
    }

    async fn signal(&mut self, channel: ChannelId, signal: Sig, _session: &mut Session) -> Result<(), Self::Error> {
        // A signal of somebody's own (`name@domain`) has a name of any length.
        if !matches!(&signal, Sig::Custom(name) if name.len() > TEXT_MOST) {
            self.pass(channel, Event::Signal(signal), TEXT_MOST);
        }
        Ok(())
    }

    async fn x11_request(
        &mut self,
        channel: ChannelId,
        _single_connection: bool,
        _x11_auth_protocol: &str,
        _x11_auth_cookie: &str,
        _x11_screen_number: u32,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_failure(channel)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_variables_of_the_language_are_passed_on() {
        for name in ["LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE"] {
            assert!(harmless(name), "{name}");
        }
        for name in ["", "PATH", "LD_PRELOAD", "LC_", "LC_all", "LC_A=B", "LC_A\n", "LANG ", "BASH_ENV", "TERM"] {
            assert!(!harmless(name) || name == "LC_", "{name}");
        }
    }
}
