//! The relay over streams in memory: whatever the pieces and the sizes of buffers, the client sees the target's messages
//! whole and in order, and ours between them.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use futures_util::Stream;
use mayfly_protocol::postgres::frame::{Framer, HEADER_LEN, Header};
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::*;

#[derive(Default)]
struct Frames(Framer);

impl Boundaries for Frames {
    fn follow(&mut self, chunk: &[u8]) -> Result<Option<usize>, Violation> {
        self.0.follow(chunk).map_err(|_| Violation)
    }

    fn at_boundary(&self) -> bool {
        self.0.at_boundary()
    }
}

/// The other direction, of which nothing is known.
struct Opaque;

impl Boundaries for Opaque {
    fn follow(&mut self, _: &[u8]) -> Result<Option<usize>, Violation> {
        Ok(None)
    }

    fn at_boundary(&self) -> bool {
        false
    }
}

/// Says each thing after it was asked for it so many times, and nothing more then.
struct Script(std::vec::IntoIter<(usize, Interjection)>, Option<(usize, Interjection)>);

impl Script {
    fn new(lines: Vec<(usize, Interjection)>) -> Self {
        let mut lines = lines.into_iter();
        let first = lines.next();
        Self(lines, first)
    }
}

impl Stream for Script {
    type Item = Interjection;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Interjection>> {
        match self.1.take() {
            None => Poll::Pending,
            Some((0, said)) => {
                self.1 = self.0.next();
                Poll::Ready(Some(said))
            }
            Some((wait, said)) => {
                self.1 = Some((wait - 1, said));
                cx.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }
}

fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap() + 4;
    [&[tag][..], &length.to_be_bytes(), body].concat()
}

/// The messages in a stream, and what is left behind the last whole one.
fn messages(mut stream: &[u8]) -> (Vec<Vec<u8>>, usize) {
    let mut found = Vec::new();
    while let Some(header) = stream.first_chunk::<HEADER_LEN>() {
        let whole = HEADER_LEN + Header::decode(*header, usize::MAX / 2).unwrap().body_len;
        if stream.len() < whole {
            break;
        }
        found.push(stream[..whole].to_vec());
        stream = &stream[whole..];
    }
    (found, stream.len())
}

async fn write_in_pieces(to: &mut (impl AsyncWriteExt + Unpin), bytes: &[u8], pieces: &[usize]) {
    let mut sizes = pieces.iter().cycle();
    let mut rest = bytes;
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(rest.len().min(*sizes.next().unwrap()));
        if to.write_all(piece).await.is_err() {
            return;
        }
        tokio::task::yield_now().await;
        rest = after;
    }
}

async fn read_all(from: &mut (impl AsyncReadExt + Unpin)) -> Vec<u8> {
    let mut all = Vec::new();
    from.read_to_end(&mut all).await.unwrap();
    all
}

/// One run: what the target and the client send, how, and what the voice says.
#[derive(Debug, Clone)]
struct Case {
    bodies: Vec<Vec<u8>>,
    upload: Vec<u8>,
    pieces: Vec<usize>,
    capacity: usize,
    said_after: Vec<usize>,
}

fn case() -> impl Strategy<Value = Case> {
    let body = prop_oneof![
        4 => prop::collection::vec(any::<u8>(), 0..40),
        1 => prop::collection::vec(any::<u8>(), 0..3000),
        1 => (30_000_usize..70_000).prop_map(|len| vec![0xff; len]),
    ];
    (
        prop::collection::vec(body, 0..20),
        prop::collection::vec(any::<u8>(), 0..5000),
        prop::collection::vec(prop_oneof![1_usize..12, 12_usize..3000, 3000_usize..40_000], 1..8),
        prop_oneof![1_usize..16, 16_usize..3000, 3000_usize..100_000],
        prop::collection::vec(0_usize..30, 0..5),
    )
        .prop_map(|(bodies, upload, mut pieces, mut capacity, said_after)| {
            // Byte by byte is for small streams: a large one would take minutes.
            if bodies.iter().map(Vec::len).sum::<usize>() > 20_000 {
                pieces = pieces.into_iter().map(|piece| piece.max(1000)).collect();
                capacity = capacity.max(1000);
            }
            Case { bodies, upload, pieces, capacity, said_after }
        })
}

impl Case {
    fn download(&self) -> Vec<u8> {
        self.bodies.iter().flat_map(|body| message(b'd', body)).collect()
    }

    fn notices(&self) -> Vec<(usize, Vec<u8>)> {
        self.said_after
            .iter()
            .enumerate()
            .map(|(n, after)| (*after, message(b'N', &[u8::try_from(n).unwrap()])))
            .collect()
    }

    fn script(&self) -> Vec<(usize, Interjection)> {
        self.notices().into_iter().map(|(after, notice)| (after, Interjection::Say(notice))).collect()
    }

    /// The client's end, the relay's two ends, the target's end.
    fn streams(&self) -> (DuplexStream, DuplexStream, DuplexStream, DuplexStream) {
        let (client, near) = duplex(self.capacity);
        let (far, target) = duplex(self.capacity);
        (client, near, far, target)
    }
}

fn run<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn messages_stay_whole_and_notices_stand_between_them(case in case()) {
        let (client, mut near, mut far, target) = case.streams();
        let (download, upload) = (case.download(), case.upload.clone());
        let (seen, got, end) = run(async {
            let (mut from_relay, mut to_relay) = tokio::io::split(client);
            let (mut from_far, mut to_far) = tokio::io::split(target);
            let script = Script::new(case.script());
            let relaying = async move {
                let relay = Relay::new(&mut near, &mut far, Opaque, Frames::default(), Vec::new()).ok().unwrap();
                let finished = relay.run(script).await;
                drop((near, far));
                finished.end
            };
            let client_side = async {
                let (seen, ()) = tokio::join!(read_all(&mut from_relay), write_in_pieces(&mut to_relay, &upload, &case.pieces));
                seen
            };
            let target_side = async {
                let sending = async {
                    write_in_pieces(&mut to_far, &download, &case.pieces).await;
                    // The target leaves once it has read everything, as after Terminate.
                };
                let mut got = vec![0; upload.len()];
                let (read, ()) = tokio::join!(from_far.read_exact(&mut got), sending);
                read.unwrap();
                to_far.shutdown().await.unwrap();
                got
            };
            let (end, seen, got) = tokio::join!(relaying, client_side, target_side);
            (seen, got, end)
        });
        prop_assert_eq!(end, End::TargetLeft);
        prop_assert_eq!(&got, &case.upload);
        let (seen, left) = messages(&seen);
        prop_assert_eq!(left, 0);
        let (notices, others): (Vec<_>, Vec<_>) = seen.into_iter().partition(|message| message[0] == b'N');
        prop_assert_eq!(others.concat(), download);
        // Those that came due after the last byte may be missing, but none is out of order or doubled.
        let all: Vec<_> = case.notices().into_iter().map(|(_, notice)| notice).collect();
        prop_assert_eq!(&notices[..], &all[..notices.len()]);
        // The stream begins at a boundary, so what was said at once has its place there.
        prop_assert!(notices.len() >= case.said_after.iter().take_while(|after| **after == 0).count());
    }

    #[test]
    fn a_cut_leaves_the_client_at_a_boundary_or_says_that_it_does_not(case in case(), cut_after in 0_usize..60) {
        let (client, mut near, mut far, target) = case.streams();
        let download = case.download();
        let mut script = case.script();
        script.push((cut_after, Interjection::Cut));
        let (seen, finished_end, could_speak) = run(async {
            let (mut from_relay, to_relay) = tokio::io::split(client);
            let (from_far, mut to_far) = tokio::io::split(target);
            let relaying = async move {
                let relay = Relay::new(&mut near, &mut far, Opaque, Frames::default(), Vec::new()).ok().unwrap();
                let finished = relay.run(Script::new(script)).await;
                drop(far);
                let could_speak = finished.remainder.is_some();
                if let Some(mut last) = finished.remainder {
                    last.extend(message(b'E', b"bye"));
                    near.write_all(&last).await.unwrap();
                }
                near.shutdown().await.unwrap();
                (finished.end, could_speak)
            };
            let sending = write_in_pieces(&mut to_far, &download, &case.pieces);
            let ((end, could_speak), seen, ()) = tokio::join!(relaying, read_all(&mut from_relay), sending);
            drop((to_relay, from_far));
            (seen, end, could_speak)
        });
        prop_assert_eq!(finished_end, End::Cut);
        let (mut whole, left) = messages(&seen);
        if could_speak {
            prop_assert_eq!(left, 0);
            prop_assert_eq!(whole.pop(), Some(message(b'E', b"bye")));
        } else {
            prop_assert!(left > 0, "the client stood at a boundary and was told nothing");
        }
        let theirs: Vec<u8> = whole.into_iter().filter(|message| message[0] != b'N').collect::<Vec<_>>().concat();
        prop_assert!(download.starts_with(&theirs));
    }
}

#[test]
fn a_notice_does_not_wait_for_traffic() {
    run(async {
        let (mut client, mut near) = duplex(100);
        let (mut far, _target) = duplex(100);
        let notice = message(b'N', b"x");
        let relay = Relay::new(&mut near, &mut far, Opaque, Frames::default(), Vec::new()).ok().unwrap();
        let script = Script::new(vec![(3, Interjection::Say(notice.clone()))]);
        let mut seen = vec![0; notice.len()];
        tokio::select! {
            _ = relay.run(script) => panic!("nothing ends here"),
            read = client.read_exact(&mut seen) => { read.unwrap(); }
        }
        assert_eq!(seen, notice);
    });
}

#[test]
fn what_the_client_sent_early_goes_first() {
    run(async {
        let (mut client, mut near) = duplex(100);
        let (mut far, mut target) = duplex(100);
        let relay = Relay::new(&mut near, &mut far, Opaque, Frames::default(), b"Q".to_vec()).ok().unwrap();
        client.write_all(b"uery").await.unwrap();
        let mut got = [0; 5];
        tokio::select! {
            _ = relay.run(Script::new(Vec::new())) => panic!("nothing ends here"),
            read = target.read_exact(&mut got) => { read.unwrap(); }
        }
        assert_eq!(&got, b"Query");
    });
}

#[test]
fn a_length_outside_the_protocol_ends_it() {
    run(async {
        let (mut client, mut near) = duplex(100);
        let (mut far, mut target) = duplex(100);
        let relay = Relay::new(&mut near, &mut far, Opaque, Frames::default(), Vec::new()).ok().unwrap();
        target.write_all(b"D\xff\xff\xff\xff").await.unwrap();
        let finished = relay.run(Script::new(Vec::new())).await;
        assert_eq!((finished.end, finished.remainder), (End::TargetViolation, None));
        drop(near);
        assert_eq!(read_all(&mut client).await, b"");
    });
}

/// What the target says after the client has left is passed on, but not for ever.
#[test]
fn a_target_that_goes_on_after_the_client_has_left_is_left_alone() {
    run(async {
        let (mut client, mut near) = duplex(100);
        let (mut far, mut target) = duplex(100);
        let relay = Relay::new(&mut near, &mut far, Opaque, Frames::default(), Vec::new()).ok().unwrap();
        client.shutdown().await.unwrap();
        target.write_all(&message(b'C', b"late")).await.unwrap();
        let finished = relay.run(Script::new(Vec::new())).await;
        assert_eq!(finished.end, End::ClientLeft);
        drop(near);
        assert_eq!(read_all(&mut client).await, message(b'C', b"late"));
    });
}
