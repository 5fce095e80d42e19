//! What runs on a channel and what the client says to it, passed on in both directions at once. A side that takes nothing
//! holds up only the direction towards it; between reading a piece and passing it on, nothing more is read.

use std::{collections::VecDeque, future::pending, sync::Arc, time::Duration};

use mayfly_dial::ssh::SshMessage;
use russh::{
    ChannelMsg, ChannelReadHalf, ChannelWriteHalf,
    server::{Handle, Msg},
};
use tokio::sync::mpsc::{self, UnboundedReceiver};

use super::{
    channel::{ClientChannel, End, Event, Parcel, Voice},
    opening::{Kept, Target},
    program::{Started, TARGET_LOST, TargetChannel},
    stage::Stages,
    voice,
};

/// How long it may take to say that a channel is closed.
const CLOSE_TIME: Duration = Duration::from_secs(1);

/// How long the end of a program's output is kept back, so that its exit status arrives before. OpenSSH's client closes the channel
/// once it has all of both, and a status that comes later is lost: its channel is gone for our library.
const STATUS_TIME: Duration = Duration::from_secs(1);

/// Passes everything on until either side ends, or the session does.
pub(super) async fn program(
    client: ClientChannel,
    handle: &Handle,
    started: Started,
    early: Vec<Parcel>,
    mut stages: Stages,
) -> End {
    let ClientChannel { writer, mut events } = client;
    let Started { channel: TargetChannel { channel, terminal, before }, shell, target } = started;
    let (from_target, to_target) = channel.split();
    let (draining, mut from_target) = drain(from_target, before, &target);
    let voice = Voice { writer: &writer, terminal };
    let warnings = async {
        if shell {
            voice::warn(&target, &voice).await;
        }
        pending::<()>().await;
    };
    let ended = tokio::select! {
        biased;
        ended = stages.ended() => Ended::Cut(ended.sentence.clone()),
        ended = down(&mut from_target, &writer, handle) => ended,
        () = draining => Ended::ClientLeft,
        () = up(&mut events, early, &to_target) => Ended::ClientLeft,
        () = warnings => Ended::ClientLeft,
    };
    // The target first: who is cut does nothing more there while we explain.
    drop(from_target);
    close(&to_target).await;
    match ended {
        Ended::ClientLeft => End::Over,
        Ended::Finished => {
            let _gone = writer.close().await;
            End::Over
        }
        Ended::TargetLost => {
            voice.end(TARGET_LOST).await;
            End::TargetLost
        }
        Ended::Cut(sentence) => {
            voice.end(&sentence).await;
            End::Over
        }
    }
}

/// Closes a channel on the target, whose other half is dropped already, or the library might wait for it.
pub(super) async fn close(to_target: &ChannelWriteHalf<SshMessage>) {
    let _elapsed = tokio::time::timeout(CLOSE_TIME, to_target.close()).await;
}

/// Why passing on ended.
enum Ended {
    ClientLeft,
    Finished,
    TargetLost,
    Cut(String),
}

/// From the client to the target, until the client closes the channel.
async fn up(events: &mut UnboundedReceiver<Parcel>, early: Vec<Parcel>, to: &ChannelWriteHalf<SshMessage>) {
    for parcel in early {
        pass_up(parcel, to).await;
    }
    while let Some(parcel) = events.recv().await {
        pass_up(parcel, to).await;
    }
}

async fn pass_up(parcel: Parcel, to: &ChannelWriteHalf<SshMessage>) {
    let Parcel { event, kept } = parcel;
    // A target that takes nothing more is heard of from the other direction.
    let _gone = match event {
        Event::Data(data) => to.data_bytes(data).await,
        Event::Eof => to.eof().await,
        Event::Size(size) => to.window_change(size.columns, size.rows, size.width, size.height).await,
        Event::Signal(signal) => to.signal(signal).await,
        // One terminal, one program; and variables are for those that are yet to start.
        Event::Terminal(..) | Event::Variable(..) | Event::Program(..) => Ok(()),
    };
    drop(kept);
}

/// What comes from a target, kept until it is taken.
pub(super) type FromTarget = UnboundedReceiver<(ChannelMsg, Kept)>;

/// Takes what comes on a channel off the library's hands at once, since the whole connection would wait with it otherwise.
/// The future does that and never ends; what it takes, after `before`, comes out of the queue.
pub(super) fn drain(
    mut from: ChannelReadHalf,
    before: VecDeque<ChannelMsg>,
    target: &Arc<Target>,
) -> (impl Future<Output = ()> + use<>, FromTarget) {
    let (put, take) = mpsc::unbounded_channel();
    let target = Arc::clone(target);
    let draining = async move {
        for message in before {
            let _gone = put.send((message, target.keep(0)));
        }
        while let Some(message) = from.wait().await {
            let bytes = match &message {
                ChannelMsg::Data { data } | ChannelMsg::ExtendedData { data, .. } => data.len(),
                ChannelMsg::ExitSignal { error_message, lang_tag, .. } => error_message.len() + lang_tag.len(),
                _ => 0,
            };
            let kept = target.keep(bytes);
            let _gone = put.send((message, kept));
        }
        drop(put);
        pending::<()>().await;
    };
    (draining, take)
}

/// From the target to the client, until the target closes the channel.
async fn down(from: &mut FromTarget, to: &ChannelWriteHalf<Msg>, handle: &Handle) -> Ended {
    let mut eof_held = false;
    loop {
        let next = match eof_held {
            true => tokio::time::timeout(STATUS_TIME, from.recv()).await,
            false => Ok(from.recv().await),
        };
        let (message, _kept) = match next {
            Ok(Some(arrived)) => Some(arrived),
            Ok(None) => return Ended::TargetLost,
            // A program that goes on without an output.
            Err(_) => None,
        }
        .unzip();
        let finished = matches!(message, Some(ChannelMsg::Close));
        let over =
            finished || matches!(message, None | Some(ChannelMsg::ExitStatus { .. } | ChannelMsg::ExitSignal { .. }));
        let mut passed = match message {
            Some(ChannelMsg::Eof) => {
                eof_held = true;
                true
            }
            Some(message) => pass_down(message, to, handle).await,
            None => true,
        };
        if over && eof_held {
            eof_held = false;
            passed = passed && to.eof().await.is_ok();
        }
        if finished {
            return Ended::Finished;
        }
        if !passed {
            return Ended::ClientLeft;
        }
    }
}

/// Passes on what is neither the end of the output nor that of the channel; whether the client took it.
async fn pass_down(message: ChannelMsg, to: &ChannelWriteHalf<Msg>, handle: &Handle) -> bool {
    match message {
        ChannelMsg::Data { data } => to.data_bytes(data).await.is_ok(),
        ChannelMsg::ExtendedData { data, ext } => to.extended_data_bytes(ext, data).await.is_ok(),
        ChannelMsg::ExitStatus { exit_status } => to.exit_status(exit_status).await.is_ok(),
        ChannelMsg::ExitSignal { signal_name, core_dumped, error_message, lang_tag } => {
            handle.exit_signal_request(to.id(), signal_name, core_dumped, error_message, lang_tag).await.is_ok()
        }
        ChannelMsg::XonXoff { client_can_do } => handle.xon_xoff_request(to.id(), client_can_do).await.is_ok(),
        _ => true,
    }
}
