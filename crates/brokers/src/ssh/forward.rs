//! A port that the client forwards: opened from the target, and only if the record lists it.

use std::{collections::VecDeque, sync::Arc};

use russh::{Channel, ChannelMsg, ChannelOpenFailure, server::ChannelOpenHandle};

use mayfly_dial::ssh::{SshError, SshMessage};

use super::{
    channel::{ClientChannel, End, Event, Parcel},
    opening::Target,
    relay,
    stage::{Stage, Stages},
};

/// Where a client wants to be forwarded to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Forward {
    host: String,
    port: u16,
}

impl Forward {
    /// A destination; `None` if it is none.
    pub(super) fn to(host: &str, port: u32) -> Option<Self> {
        let port = u16::try_from(port).ok().filter(|port| *port != 0)?;
        (!host.is_empty() && host.len() <= 255).then(|| Self { host: host.to_owned(), port })
    }

    /// Whether one of these, each `host:port`, is this destination. Names are compared as they are, not by what they resolve
    /// to: what a name means is the target's to say.
    fn listed(&self, allowed: &[String]) -> bool {
        let Self { host, port } = self;
        let bare = format!("{host}:{port}");
        let bracketed = format!("[{host}]:{port}");
        let same = |entry: &String| {
            entry.eq_ignore_ascii_case(&bare) && !host.contains(':')
                || entry.eq_ignore_ascii_case(&bracketed) && host.contains(':')
        };
        allowed.iter().any(same)
    }
}

/// Serves a forwarded port to its end.
pub(super) async fn serve(mut client: ClientChannel, reply: ChannelOpenHandle, to: Forward, mut stages: Stages) -> End {
    let Stage::Ready(target) = stages.settled().await else {
        reply.reject(ChannelOpenFailure::ConnectFailed).await;
        return End::Over;
    };
    if !to.listed(&target.service().forwarding) {
        tracing::info!("Forwarding refused: the record does not list the destination");
        reply.reject(ChannelOpenFailure::AdministrativelyProhibited).await;
        return End::Over;
    }
    let opened = tokio::select! {
        biased;
        _ended = stages.ended() => Err(SshError::Refused),
        opened = open(&target, &to) => opened,
    };
    match opened {
        Ok(channel) => {
            reply.accept().await;
            tokio::select! {
                biased;
                _ended = stages.ended() => {}
                () = both(&mut client, channel, &target) => {}
            }
            let _gone = client.writer.close().await;
            End::Over
        }
        Err(error) => {
            reply.reject(ChannelOpenFailure::ConnectFailed).await;
            if error == SshError::Lost { End::TargetLost } else { End::Over }
        }
    }
}

async fn open(target: &Target, to: &Forward) -> Result<Channel<SshMessage>, SshError> {
    let opening = target.connection().forward(&to.host, to.port);
    tokio::time::timeout(target.limit(), opening).await.unwrap_or(Err(SshError::Refused))
}

/// Copies in both directions until either side closes.
async fn both(client: &mut ClientChannel, channel: Channel<SshMessage>, target: &Arc<Target>) {
    let (from_target, to_target) = channel.split();
    let (draining, mut from_target) = relay::drain(from_target, VecDeque::new(), target);
    let ClientChannel { writer, events } = client;
    let up = async {
        while let Some(Parcel { event, kept }) = events.recv().await {
            let _gone = match event {
                Event::Data(data) => to_target.data_bytes(data).await,
                Event::Eof => to_target.eof().await,
                // Nothing else is said on such a channel.
                _ => Ok(()),
            };
            drop(kept);
        }
    };
    let down = async {
        while let Some((message, _kept)) = from_target.recv().await {
            let passed = match message {
                ChannelMsg::Data { data } => writer.data_bytes(data).await,
                ChannelMsg::Eof => writer.eof().await,
                ChannelMsg::Close => return,
                _ => Ok(()),
            };
            if passed.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = up => {}
        () = down => {}
        () = draining => {}
    }
    drop(from_target);
    relay::close(&to_target).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_listed_is_allowed() {
        let allowed = ["db.internal:5432".to_owned(), "[::1]:80".to_owned(), "10.0.0.1:22".to_owned()];
        let listed = |host: &str, port| Forward::to(host, port).is_some_and(|to| to.listed(&allowed));
        assert!(listed("db.internal", 5432) && listed("DB.internal", 5432));
        assert!(listed("::1", 80) && listed("10.0.0.1", 22));
        for (host, port) in [
            ("db.internal", 5433),
            ("db.internal.", 5432),
            ("db.internal:5432", 5432),
            ("", 5432),
            ("[::1]", 80),
            ("10.0.0.1:22", 22),
            ("::1", 0),
            ("10.0.0.1", 65_558),
            ("localhost", 22),
        ] {
            assert!(!listed(host, port), "{host} {port}");
        }
    }
}
