//! Running one command on a host, with its input, its output up to a limit, and a limit on its time; and opening channels for
//! a broker, which deals with them itself.

use super::connect::SshConnection;
use futures_util::FutureExt as _;
use russh::client::Msg;
use russh::{Channel, ChannelMsg};
use std::time::Duration;

/// What a command left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// Its exit status; `None` when a signal ended it.
    pub status: Option<u32>,
    /// What it wrote to its standard output.
    pub stdout: Vec<u8>,
    /// What it wrote to its standard error.
    pub stderr: Vec<u8>,
}

/// A command that was not run to its end, as far as is known here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SshError {
    /// The host did not take another channel; the command was not started.
    #[error("the host takes no other channel on this connection")]
    NotStarted,
    /// The host does not run commands for this account; it was not started.
    #[error("the host runs no commands for this account")]
    Refused,
    /// The connection ended meanwhile; the command may have run, or may still run.
    #[error("the connection ended before the command did")]
    Lost,
    /// The limit was over first; the command may still run.
    #[error("the command did not end within {} ms", .0.as_millis())]
    TimedOut(Duration),
    /// It wrote more than it may; the command may have run.
    #[error("the command wrote more than {0} bytes")]
    TooMuch(usize),
}

impl SshConnection {
    /// Runs `command` through the account's log-in shell, gives it `input` and then the end of its input, and collects at most
    /// `most` bytes of each of its outputs, all within `limit`.
    ///
    /// # Errors
    /// [`SshError`]; only [`SshError::NotStarted`] and [`SshError::Refused`] say that it had no effect.
    pub async fn run(&self, command: &str, input: &[u8], most: usize, limit: Duration) -> Result<Ran, SshError> {
        let work = async { self.start(command).await?.finish(input, most).await };
        tokio::time::timeout(limit, work).await.unwrap_or(Err(SshError::TimedOut(limit)))
    }

    /// Starts `command` through the account's log-in shell; its input comes later.
    ///
    /// # Errors
    /// [`SshError::NotStarted`] or [`SshError::Lost`].
    pub async fn start(&self, command: &str) -> Result<Waiting, SshError> {
        let channel = self.session().await?;
        channel.exec(true, command).await.map_err(|_gone| SshError::Lost)?;
        Ok(Waiting(Some(channel)))
    }

    /// Opens a channel for a shell, a command or a subsystem.
    ///
    /// # Errors
    /// [`SshError::NotStarted`] or [`SshError::Lost`].
    pub async fn session(&self) -> Result<Channel<Msg>, SshError> {
        self.handle.channel_open_session().await.map_err(|error| match error {
            russh::Error::ChannelOpenFailure(_) => SshError::NotStarted,
            _ => SshError::Lost,
        })
    }

    /// Opens a channel to a TCP port that the host reaches (RFC 4254, section 7.2).
    ///
    /// # Errors
    /// [`SshError::Refused`] when the host does not connect there, [`SshError::Lost`].
    pub async fn forward(&self, host: &str, port: u16) -> Result<Channel<Msg>, SshError> {
        let opened = self.handle.channel_open_direct_tcpip(host, u32::from(port), "127.0.0.1", 0).await;
        opened.map_err(|error| match error {
            russh::Error::ChannelOpenFailure(_) => SshError::Refused,
            _ => SshError::Lost,
        })
    }
}

/// A command that waits for its input. Dropping it ends its input and closes its channel.
pub struct Waiting(Option<Channel<Msg>>);

impl Waiting {
    /// Whether the command is known to be over, or not to have been started.
    pub fn is_over(&mut self) -> bool {
        let Some(channel) = &mut self.0 else { return true };
        while let Some(message) = channel.wait().now_or_never() {
            match message {
                Some(ChannelMsg::Success | ChannelMsg::WindowAdjusted { .. }) => {}
                Some(_) | None => return true,
            }
        }
        false
    }

    /// Gives the command `input` and then the end of its input, and collects at most `most` bytes of each of its outputs.
    ///
    /// # Errors
    /// As [`SshConnection::run`].
    pub async fn finish(mut self, input: &[u8], most: usize) -> Result<Ran, SshError> {
        let (mut reading, writing) = self.0.take().ok_or(SshError::Lost)?.split();
        let send = async {
            writing.data(input).await?;
            writing.eof().await
        };
        let collect = async {
            let mut ran = Ran { status: None, stdout: Vec::new(), stderr: Vec::new() };
            let mut ended = false;
            while let Some(message) = reading.wait().await {
                match message {
                    ChannelMsg::Data { data } => add(&mut ran.stdout, &data, most)?,
                    ChannelMsg::ExtendedData { data, ext: 1 } => add(&mut ran.stderr, &data, most)?,
                    ChannelMsg::ExitStatus { exit_status } => (ran.status, ended) = (Some(exit_status), true),
                    ChannelMsg::ExitSignal { .. } => ended = true,
                    ChannelMsg::Failure => return Err(SshError::Refused),
                    _ => {}
                }
            }
            if ended { Ok(ran) } else { Err(SshError::Lost) }
        };
        // A command that does not read its input is no failure of it.
        let (_sent, collected) = tokio::join!(send, collect);
        collected
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(channel) = self.0.take() {
            // Only put into the connection's queue. Where that is full, the host's own limit on the command's time has to do.
            let _queued = channel.eof().now_or_never();
            let _queued = channel.close().now_or_never();
        }
    }
}

fn add(to: &mut Vec<u8>, data: &[u8], most: usize) -> Result<(), SshError> {
    if data.len() > most.saturating_sub(to.len()) {
        return Err(SshError::TooMuch(most));
    }
    to.extend_from_slice(data);
    Ok(())
}
