//! What runs on a channel, and how it is started on the target: each request is answered by the target itself.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use mayfly_dial::ssh::{SshError, SshMessage};
use russh::{Channel, ChannelMsg};

use super::{
    channel::{Asked, End, Terminal},
    opening::Target,
    stage::Ended,
};

/// How much a target may send before it answers a request, in messages; a real one sends nothing but an answer.
const BEFORE_ANSWER_MOST: usize = 16;

/// What a client wants to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Program {
    /// The account's log-in shell.
    Shell,
    /// A command, through that shell.
    Command(Vec<u8>),
    /// The `sftp` subsystem.
    Sftp,
}

impl Program {
    /// How many bytes it is long.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Command(command) => command.len(),
            Self::Shell | Self::Sftp => 0,
        }
    }
}

/// Why a program was not started.
pub(super) enum Unstarted {
    /// The target, or the record, does not allow it; the words say what.
    Refused(&'static str),
    /// The target takes no other channel, or has closed this one.
    NoChannel,
    /// The target does not answer.
    Silent,
    /// The connection to the target is gone.
    Lost,
    /// The session is over.
    Ended(Arc<Ended>),
}

/// What a person reads when the connection to the target breaks.
pub(super) const TARGET_LOST: &str = "the connection to the target was lost";

impl Unstarted {
    /// What the person reads, and how the channel ends.
    pub(super) fn into_words(self) -> (String, End) {
        match self {
            Self::Refused(what) => (what.to_owned(), End::Over),
            Self::NoChannel => ("the target takes no other session on this connection".to_owned(), End::Over),
            Self::Silent => ("the target did not answer in time".to_owned(), End::Over),
            Self::Lost => (TARGET_LOST.to_owned(), End::TargetLost),
            Self::Ended(ended) => (ended.sentence.clone(), End::Over),
        }
    }
}

/// A channel on the target.
pub(super) struct TargetChannel {
    pub(super) channel: Channel<SshMessage>,
    /// Whether the target gave it a terminal.
    pub(super) terminal: bool,
    /// What came before an answer, to be passed on.
    pub(super) before: VecDeque<ChannelMsg>,
}

impl TargetChannel {
    /// Opens a channel, with a terminal if one is wanted and the target gives it.
    pub(super) async fn open(target: &Target, terminal: Option<&Terminal>) -> Result<Self, Unstarted> {
        within(target.limit(), async {
            let channel = target.connection().session().await.map_err(|error| match error {
                SshError::NotStarted => Unstarted::NoChannel,
                _ => Unstarted::Lost,
            })?;
            let mut this = Self { channel, terminal: false, before: VecDeque::new() };
            if let Some(Terminal { name, size, modes }) = terminal {
                let (columns, rows, width, height) = (size.columns, size.rows, size.width, size.height);
                let sent = this.channel.request_pty(true, name, columns, rows, width, height, modes).await;
                sent.map_err(|_gone| Unstarted::Lost)?;
                this.terminal = this.answer().await?;
            }
            Ok(this)
        })
        .await
    }

    /// The target's answer to the last request.
    async fn answer(&mut self) -> Result<bool, Unstarted> {
        while self.before.len() < BEFORE_ANSWER_MOST {
            match self.channel.wait().await {
                Some(ChannelMsg::Success) => return Ok(true),
                Some(ChannelMsg::Failure) => return Ok(false),
                Some(ChannelMsg::WindowAdjusted { .. }) => {}
                Some(ChannelMsg::Close) => return Err(Unstarted::NoChannel),
                None => return Err(Unstarted::Lost),
                Some(other) => self.before.push_back(other),
            }
        }
        Err(Unstarted::Silent)
    }
}

/// A program that runs on the target.
pub(super) struct Started {
    pub(super) channel: TargetChannel,
    /// Whether it is a shell in a terminal, where the person hears what is to be said.
    pub(super) shell: bool,
    pub(super) target: Arc<Target>,
}

impl Started {
    /// Starts a program with what was asked for before.
    pub(super) async fn start(program: &Program, target: &Arc<Target>, asked: &mut Asked) -> Result<Self, Unstarted> {
        if *program == Program::Sftp && !target.service().sftp {
            return Err(Unstarted::Refused("this record does not allow file transfer (sftp)"));
        }
        let mut channel = match asked.opened.take() {
            Some(opened) => opened,
            None => TargetChannel::open(target, asked.terminal.as_ref()).await?,
        };
        let started = within(target.limit(), async {
            let lost = |_gone| Unstarted::Lost;
            for (name, value) in asked.variables.drain(..) {
                channel.channel.set_env(false, name, value).await.map_err(lost)?;
            }
            let sent = match program {
                Program::Shell => channel.channel.request_shell(true).await,
                Program::Command(command) => channel.channel.exec(true, command.as_slice()).await,
                Program::Sftp => channel.channel.request_subsystem(true, "sftp").await,
            };
            sent.map_err(lost)?;
            channel.answer().await
        });
        if started.await? {
            let shell = *program == Program::Shell && channel.terminal;
            Ok(Self { channel, shell, target: Arc::clone(target) })
        } else {
            Err(Unstarted::Refused(match program {
                Program::Shell => "the target gives this account no shell",
                Program::Command(_) => "the target runs no commands for this account",
                Program::Sftp => "the target has no file transfer (sftp) for this account",
            }))
        }
    }
}

async fn within<T>(limit: Duration, work: impl Future<Output = Result<T, Unstarted>>) -> Result<T, Unstarted> {
    tokio::time::timeout(limit, work).await.unwrap_or(Err(Unstarted::Silent))
}
