//! A session channel of a client, from its opening to its end.

use std::{sync::Arc, time::Duration};

use russh::{
    ChannelWriteHalf, Pty, Sig,
    server::{ChannelOpenHandle, Handle, Msg},
};
use tokio::sync::{mpsc::UnboundedReceiver, oneshot};

use super::{
    line::Kept,
    opening::Target,
    program::{Program, Started, TargetChannel, Unstarted},
    relay,
    stage::{Stage, Stages},
};

/// How long a client waits for a session before its channel is confirmed all the same, so that it can be told what for; and
/// how often it is told.
const PATIENCE: Duration = Duration::from_secs(1);
const PATIENCE_AGAIN: Duration = Duration::from_secs(15);

/// How long a client may take to hear why its channel ends.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// The exit status of a program that we did not start or cut off, which is also that of `ssh` itself when it fails.
const EXIT_STATUS: u32 = 255;

/// How many variables a program gets from its client; there are a dozen of the language.
const VARIABLES_MOST: usize = 50;

/// The size of a terminal, in characters and in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) columns: u32,
    pub(super) rows: u32,
    pub(super) width: u32,
    pub(super) height: u32,
}

/// A terminal that a client asks for.
#[derive(Debug)]
pub(super) struct Terminal {
    pub(super) name: String,
    pub(super) size: Size,
    pub(super) modes: Vec<(Pty, u32)>,
}

/// What a client does on a channel.
pub(super) enum Event {
    Data(Vec<u8>),
    Eof,
    Terminal(Terminal, oneshot::Sender<bool>),
    Variable(String, String),
    Program(Program, oneshot::Sender<bool>),
    Size(Size),
    Signal(Sig),
}

/// An event that waits to be seen to, and counts as kept until then.
pub(super) struct Parcel {
    pub(super) event: Event,
    pub(super) kept: Kept,
}

/// A client's channel: what it says, and the way to answer. When there is nothing more to hear, the client has closed it.
pub(super) struct ClientChannel {
    pub(super) writer: ChannelWriteHalf<Msg>,
    pub(super) events: UnboundedReceiver<Parcel>,
}

/// How a channel ended, as far as the connection has to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// As channels do.
    Over,
    /// Because the connection to the target is gone.
    TargetLost,
}

/// What was asked for on a channel before its program.
#[derive(Default)]
pub(super) struct Asked {
    pub(super) terminal: Option<Terminal>,
    pub(super) variables: Vec<(String, String)>,
    /// The target's channel, if it was opened already to see whether there is a terminal.
    pub(super) opened: Option<TargetChannel>,
    /// What the program will read first.
    pub(super) early: Vec<Parcel>,
}

impl Asked {
    /// Keeps what needs no answer.
    fn note(&mut self, parcel: Parcel) {
        match parcel.event {
            Event::Variable(name, value) if self.variables.len() < VARIABLES_MOST => self.variables.push((name, value)),
            Event::Size(size) => {
                if let Some(terminal) = &mut self.terminal {
                    terminal.size = size;
                }
            }
            Event::Data(_) | Event::Eof => self.early.push(parcel),
            // Dropped, the senders say no: one terminal, one program.
            Event::Variable(..) | Event::Signal(_) | Event::Terminal(..) | Event::Program(..) => {}
        }
    }
}

/// Where words of ours go, and how they look there.
pub(super) struct Voice<'a> {
    pub(super) writer: &'a ChannelWriteHalf<Msg>,
    pub(super) terminal: bool,
}

impl Voice<'_> {
    /// Says a sentence: in a terminal as a line, otherwise on standard error. A client that is gone hears nothing.
    pub(super) async fn say(&self, text: &str) {
        let _gone = if self.terminal {
            self.writer.data_bytes(format!("mayfly: {text}\r\n").into_bytes()).await
        } else {
            self.writer.extended_data_bytes(1, format!("mayfly: {text}\n").into_bytes()).await
        };
    }

    /// Says a sentence in the middle of what a program writes.
    pub(super) async fn interrupt(&self, text: &str) {
        if self.terminal {
            let _gone = self.writer.data_bytes(b"\r\n".to_vec()).await;
        }
        self.say(text).await;
    }

    /// Says why the channel ends and ends it, for as long as [`LAST_WORDS`] allows.
    pub(super) async fn end(&self, text: &str) {
        let talk = async {
            self.interrupt(text).await;
            let _gone = self.writer.exit_status(EXIT_STATUS).await;
            let _gone = self.writer.eof().await;
        };
        let _elapsed = tokio::time::timeout(LAST_WORDS, talk).await;
        let _elapsed = tokio::time::timeout(LAST_WORDS, self.writer.close()).await;
    }
}

/// Serves a session channel to its end.
pub(super) async fn serve(
    mut channel: ClientChannel,
    reply: ChannelOpenHandle,
    handle: Handle,
    mut stages: Stages,
) -> End {
    // A session that is ready soon is there before the first request, which can then be answered by the target itself.
    let _elapsed = tokio::time::timeout(PATIENCE, stages.settled()).await;
    reply.accept().await;
    let mut asked = Asked::default();
    let started = loop {
        match prepare(&mut channel, &mut asked, &mut stages).await {
            Prepared::Started(started) => break *started,
            Prepared::Refused => {}
            Prepared::Left => return End::Over,
            Prepared::Ended(text, end) => {
                let voice = Voice { writer: &channel.writer, terminal: asked.terminal.is_some() };
                voice.end(&text).await;
                return end;
            }
        }
    };
    relay::program(channel, &handle, started, asked.early, stages).await
}

/// What preparing a channel came to.
enum Prepared {
    Started(Box<Started>),
    /// The program was refused; another may be asked for.
    Refused,
    /// The client has closed the channel.
    Left,
    /// The channel is to be ended with these words.
    Ended(String, End),
}

/// Gathers what the client asks for up to its program, and starts that.
async fn prepare(channel: &mut ClientChannel, asked: &mut Asked, stages: &mut Stages) -> Prepared {
    loop {
        let parcel = tokio::select! {
            biased;
            ended = stages.ended() => {
                hear_out(channel, asked).await;
                return Prepared::Ended(ended.sentence.clone(), End::Over);
            }
            parcel = channel.events.recv() => parcel,
        };
        match parcel {
            None => return Prepared::Left,
            Some(Parcel { event: Event::Terminal(terminal, answer), .. }) => {
                let granted = give_terminal(terminal, asked, stages).await;
                let _gone = answer.send(granted);
            }
            Some(Parcel { event: Event::Program(program, answer), .. }) => {
                return start(channel, program, answer, asked, stages).await;
            }
            Some(other) => asked.note(other),
        }
    }
}

/// Hears what a client of a session that is over still asks for, so that it hears the reason as the program's own words:
/// before it has asked for a program, it might take them for a fault of the protocol.
async fn hear_out(channel: &mut ClientChannel, asked: &mut Asked) {
    let hear = async {
        while let Some(parcel) = channel.events.recv().await {
            match parcel.event {
                Event::Terminal(terminal, answer) => {
                    asked.terminal = Some(terminal);
                    let _gone = answer.send(true);
                }
                Event::Program(_, answer) => {
                    let _gone = answer.send(true);
                    return;
                }
                _ => {}
            }
        }
    };
    let _elapsed = tokio::time::timeout(LAST_WORDS, hear).await;
}

/// Whether there is a terminal: the target says so if the session is ready; otherwise that is assumed, and the client is
/// told later if it is not so.
async fn give_terminal(terminal: Terminal, asked: &mut Asked, stages: &mut Stages) -> bool {
    if asked.terminal.is_some() {
        return false;
    }
    if let Stage::Ready(target) = stages.now() {
        let opened = tokio::select! {
            biased;
            _ended = stages.ended() => return false,
            opened = TargetChannel::open(&target, Some(&terminal)) => opened,
        };
        match opened {
            Ok(opened) if opened.terminal => asked.opened = Some(opened),
            // What is wrong with the target is told when the program is asked for.
            Ok(_) | Err(_) => return false,
        }
    }
    asked.terminal = Some(terminal);
    true
}

/// Starts a program, once there is a session to start it in.
async fn start(
    channel: &mut ClientChannel,
    program: Program,
    answer: oneshot::Sender<bool>,
    asked: &mut Asked,
    stages: &mut Stages,
) -> Prepared {
    let shell = asked.terminal.is_some() && program == Program::Shell;
    let mut answer = Some(answer);
    let tell = |answer: &mut Option<oneshot::Sender<bool>>, granted| {
        let _gone = answer.take().map(|answer| answer.send(granted));
    };
    if !matches!(stages.now(), Stage::Ready(_)) {
        // The client is told that it is being seen to, or it could not be told anything; the rest follows in words.
        tell(&mut answer, true);
    }
    let target = match wait(channel, shell, asked, stages).await {
        Ok(target) => target,
        Err(prepared) => return prepared,
    };
    let started = tokio::select! {
        biased;
        ended = stages.ended() => Err(Unstarted::Ended(ended)),
        started = Started::start(&program, &target, asked) => started,
    };
    match started {
        Ok(started) => {
            tell(&mut answer, true);
            if shell {
                let voice = Voice { writer: &channel.writer, terminal: started.channel.terminal };
                if !started.channel.terminal {
                    voice.say("the target gave no terminal").await;
                }
                voice.say(&target.greeting()).await;
            }
            Prepared::Started(Box::new(started))
        }
        Err(Unstarted::Refused(_)) if answer.is_some() => {
            tell(&mut answer, false);
            Prepared::Refused
        }
        Err(unstarted) => {
            tell(&mut answer, true);
            let (text, end) = unstarted.into_words();
            Prepared::Ended(text, end)
        }
    }
}

/// Waits for the session; a person in a shell is told what for.
async fn wait(
    channel: &mut ClientChannel,
    shell: bool,
    asked: &mut Asked,
    stages: &mut Stages,
) -> Result<Arc<Target>, Prepared> {
    let voice = Voice { writer: &channel.writer, terminal: true };
    let mut patience = Duration::ZERO;
    loop {
        tokio::select! {
            biased;
            stage = stages.settled() => match stage {
                Stage::Ready(target) => return Ok(target),
                Stage::Ended(ended) => return Err(Prepared::Ended(ended.sentence.clone(), End::Over)),
                Stage::Opening => {}
            },
            parcel = channel.events.recv() => match parcel {
                Some(parcel) => asked.note(parcel),
                None => return Err(Prepared::Left),
            },
            () = tokio::time::sleep(patience), if shell => {
                voice.say(&format!("making the session on {} ready …", stages.record())).await;
                patience = PATIENCE_AGAIN;
            }
        }
    }
}
