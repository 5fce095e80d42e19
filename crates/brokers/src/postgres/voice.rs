//! What the server says to a client while bytes flow: that the session will end soon, and that it ends now.

use std::sync::Arc;

use futures_util::{Stream, stream};
use mayfly_protocol::postgres::backend::{ErrorFields, Severity, SqlState};
use tokio::sync::watch;

use crate::{
    port::{Clock, Standing},
    relay::Interjection,
    standing::{Said, Warnings},
};

/// Warnings as they come due, and the cut, which is the last.
pub(super) fn voice(
    standing: watch::Receiver<Standing>,
    clock: Arc<dyn Clock>,
) -> impl Stream<Item = Interjection> + Unpin + Send {
    Box::pin(stream::unfold(Warnings::new(standing, clock), |mut warnings| async {
        let next = match warnings.next().await {
            Said::Warning(sentence) => Interjection::Say(notice(&sentence)),
            Said::Cut => Interjection::Cut,
        };
        Some((next, warnings))
    }))
}

/// A sentence as a whole message.
fn notice(sentence: &str) -> Vec<u8> {
    let mut out = Vec::new();
    ErrorFields::new(Severity::Notice, SqlState::SUCCESS, sentence).encode_notice(&mut out);
    out
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use async_trait::async_trait;
    use futures_util::StreamExt;
    use mayfly_domain::{BootTime, EndReason};
    use tokio::sync::Notify;

    use super::*;
    use crate::port::Ending;

    /// A clock that is set by hand.
    struct Hand {
        now: Mutex<BootTime>,
        moved: Notify,
    }

    impl Hand {
        fn new() -> Arc<Self> {
            Arc::new(Self { now: Mutex::new(BootTime::from_nanos(0)), moved: Notify::new() })
        }

        fn set(&self, seconds: u64) {
            *self.now.lock().unwrap() = at(seconds);
            self.moved.notify_waiters();
        }
    }

    #[async_trait]
    impl Clock for Hand {
        fn now(&self) -> BootTime {
            *self.now.lock().unwrap()
        }

        async fn sleep_until(&self, until: BootTime) {
            loop {
                let moved = self.moved.notified();
                if self.now() >= until {
                    return;
                }
                moved.await;
            }
        }
    }

    fn at(seconds: u64) -> BootTime {
        BootTime::from_nanos(seconds * 1_000_000_000)
    }

    fn text(said: Option<Interjection>) -> String {
        match said {
            Some(Interjection::Say(bytes)) => ErrorFields::decode(&bytes[5..]).unwrap().message().to_owned(),
            other => panic!("{other:?}"),
        }
    }

    /// Polls once; `None` if there is nothing to say yet.
    async fn said(voice: &mut (impl Stream<Item = Interjection> + Unpin)) -> Option<Interjection> {
        tokio::select! {
            biased;
            said = voice.next() => said,
            () = std::future::ready(()) => None,
        }
    }

    #[tokio::test]
    async fn warns_ten_five_and_one_minute_before_and_then_cuts() {
        let clock = Hand::new();
        let (tell, standing) = watch::channel(Standing::Open { until: at(3600) });
        let mut voice = voice(standing, clock.clone());
        assert_eq!(said(&mut voice).await, None);
        clock.set(2999);
        assert_eq!(said(&mut voice).await, None);
        for (time, says) in [(3000, "10 minutes"), (3300, "5 minutes"), (3540, "1 minute")] {
            clock.set(time);
            assert_eq!(text(said(&mut voice).await), format!("this session ends in {says}"));
            assert_eq!(said(&mut voice).await, None, "{says} is said once");
        }
        clock.set(3700);
        assert_eq!(said(&mut voice).await, None, "the deadline itself is the server's matter");
        tell.send_replace(Standing::Cut(Ending::new(EndReason::Expired)));
        assert_eq!(said(&mut voice).await, Some(Interjection::Cut));
    }

    #[tokio::test]
    async fn who_comes_late_is_told_the_time_that_is_left() {
        let clock = Hand::new();
        clock.set(3600 - 420);
        let (tell, standing) = watch::channel(Standing::Open { until: at(3600) });
        let mut voice = voice(standing, clock.clone());
        assert_eq!(text(said(&mut voice).await), "this session ends in 7 minutes");
        assert_eq!(said(&mut voice).await, None);
        // An extension makes the warnings due again.
        tell.send_replace(Standing::Open { until: at(7200) });
        assert_eq!(said(&mut voice).await, None);
        clock.set(7170);
        assert_eq!(text(said(&mut voice).await), "this session ends in 30 seconds");
        drop(tell);
        assert_eq!(said(&mut voice).await, Some(Interjection::Cut));
    }
}
