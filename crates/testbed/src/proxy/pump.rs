//! The two directions of one forwarded connection, and what all connections of a proxy share.

use std::convert::Infallible;
use std::sync::{Mutex, PoisonError};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::{mpsc, watch};

use super::Link;

/// How many pieces a direction reads ahead of what it may pass on: at most 16 MiB.
const PIECES: usize = 1024;
const PIECE: usize = 16 * 1024;

/// What tests ask for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counters {
    pub(super) accepted: u64,
    pub(super) open: u64,
    pub(super) held: u64,
    pub(super) lost: u64,
}

/// What all connections of a proxy share.
#[derive(Debug)]
pub(super) struct Shared {
    link: watch::Sender<Link>,
    replies_left: Mutex<Option<u64>>,
    counters: Mutex<Counters>,
}

impl Shared {
    pub(super) fn new() -> Self {
        let counters = Mutex::new(Counters::default());
        Self { link: watch::Sender::new(Link::Open), replies_left: Mutex::new(None), counters }
    }

    pub(super) fn set(&self, link: Link) {
        self.link.send_replace(link);
    }

    pub(super) fn link(&self) -> Link {
        *self.link.borrow()
    }

    pub(super) fn drop_replies_after(&self, bytes: Option<u64>) {
        *self.replies_left.lock().unwrap_or_else(PoisonError::into_inner) = bytes;
    }

    pub(super) fn counters(&self) -> Counters {
        *self.counters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn count(&self, change: impl FnOnce(&mut Counters)) {
        change(&mut self.counters.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// How many of `wanted` reply bytes may still pass.
    fn take_reply_allowance(&self, wanted: usize) -> usize {
        let mut left = self.replies_left.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(allowed) = left.as_mut() else { return wanted };
        let taken = usize::try_from(*allowed).unwrap_or(usize::MAX).min(wanted);
        *allowed -= taken as u64;
        taken
    }

    /// Waits until bytes may pass in a direction; delays pass after their time.
    async fn gate(&self, direction: Direction) {
        let mut link = self.link.subscribe();
        loop {
            let now = *link.borrow_and_update();
            let closed = match now {
                Link::Open => return,
                Link::Delayed(pause) => return tokio::time::sleep(pause).await,
                Link::HoldingRequests if direction == Direction::Replies => return,
                Link::Cut | Link::Stalled | Link::HoldingRequests => link.changed().await.is_err(),
            };
            if closed {
                return;
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Requests,
    Replies,
}

/// Why a connection is over at once, for both sides.
struct Broken;

/// Forwards until both directions have ended, the link is cut, or a reply is lost; the latter two reset both sides, as a
/// host does that goes.
pub(super) async fn forward(mut client: TcpStream, mut server: TcpStream, shared: &Shared) {
    let mut link = shared.link.subscribe();
    // Borrowed halves: an owned one would send an orderly end when it is dropped.
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    let both = async {
        tokio::try_join!(
            direction(Direction::Requests, from_client, to_server, shared),
            direction(Direction::Replies, from_server, to_client, shared)
        )
    };
    let orderly = tokio::select! {
        _ = link.wait_for(|link| *link == Link::Cut) => false,
        ended = both => ended.is_ok(),
    };
    if !orderly {
        let _ = client.set_zero_linger();
        let _ = server.set_zero_linger();
    }
}

async fn direction(direction: Direction, from: ReadHalf<'_>, to: WriteHalf<'_>, shared: &Shared) -> Result<(), Broken> {
    let (send, receive) = mpsc::channel(PIECES);
    let reading = async {
        read(direction, from, send, shared).await;
        std::future::pending::<Infallible>().await
    };
    // The writer ends when the reader has, or before it when the connection is broken.
    tokio::select! {
        done = write(direction, receive, to, shared) => done,
        never = reading => match never {},
    }
}

/// Reads ahead, so that what a client sent is kept when it goes.
async fn read(direction: Direction, mut from: ReadHalf<'_>, send: mpsc::Sender<Vec<u8>>, shared: &Shared) {
    loop {
        let mut piece = vec![0; PIECE];
        // A reset is the end of the stream as well.
        let length = from.read(&mut piece).await.unwrap_or(0);
        piece.truncate(length);
        if length == 0 {
            return;
        }
        if direction == Direction::Requests {
            shared.count(|counters| counters.held += length as u64);
        }
        if send.send(piece).await.is_err() {
            return;
        }
    }
}

async fn write(
    direction: Direction,
    mut receive: mpsc::Receiver<Vec<u8>>,
    mut to: WriteHalf<'_>,
    shared: &Shared,
) -> Result<(), Broken> {
    // When the reader of a direction is gone, the rest is read and dropped, so that the other side can end.
    let mut reader_is_there = true;
    while let Some(piece) = receive.recv().await {
        shared.gate(direction).await;
        let mut passing = piece.len();
        match direction {
            Direction::Requests => shared.count(|counters| counters.held -= passing as u64),
            Direction::Replies => passing = shared.take_reply_allowance(passing),
        }
        if reader_is_there && to.write_all(&piece[..passing]).await.is_err() {
            reader_is_there = false;
        }
        if passing < piece.len() {
            shared.count(|counters| counters.lost += 1);
            return Err(Broken);
        }
    }
    shared.gate(direction).await;
    let _ = to.shutdown().await;
    Ok(())
}
