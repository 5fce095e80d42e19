//! Trace ids and span ids of W3C Trace Context (<https://www.w3.org/TR/trace-context/>): what ties the lines of a log, the spans of a
//! trace and a request of somebody else's program together. They are names, never permissions, and anybody may send any.

use crate::crockford;
use crate::entropy::Entropy;
use crate::ids::SessionId;
use std::fmt;

/// How long the header is in version 00.
const LENGTH: usize = 55;
/// What the trace ids of sessions begin with: `mayfly`, so that one is known when it is seen.
const OF_SESSIONS: u128 = 0x6d61_7966_6c79 << 80;

/// The name of one trace; never all zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceId([u8; 16]);

/// The name of one span within its trace; never all zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SpanId([u8; 8]);

impl TraceId {
    /// Draws a new id.
    pub fn random(entropy: &mut dyn Entropy) -> Self {
        Self(entropy.bits().max(1).to_be_bytes())
    }

    /// The trace of a session: made of the 80 random bits of its name, so that what happens to a session after a restart belongs to the
    /// trace that began before.
    pub fn of_session(session: &SessionId) -> Self {
        Self((OF_SESSIONS | bits(session)).to_be_bytes())
    }

    /// The bytes, as they are exported.
    pub const fn bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl SpanId {
    /// Draws a new id.
    pub fn random(entropy: &mut dyn Entropy) -> Self {
        let mut bytes = [0; 8];
        entropy.fill(&mut bytes);
        Self(u64::from_be_bytes(bytes).max(1).to_be_bytes())
    }

    /// The span of the whole of a session.
    pub fn of_session(session: &SessionId) -> Self {
        // The lowest 64 of its bits.
        let low = u64::try_from(bits(session) & u128::from(u64::MAX)).unwrap_or(u64::MAX);
        Self(low.max(1).to_be_bytes())
    }

    /// The bytes, as they are exported.
    pub const fn bytes(&self) -> &[u8; 8] {
        &self.0
    }
}

/// The bits that the name of a session carries.
fn bits(session: &SessionId) -> u128 {
    let letters = session.as_str().trim_start_matches(SessionId::PREFIX).chars();
    letters.filter_map(crockford::digit).fold(0, |bits, digit| bits << 5 | u128::from(digit))
}

/// As 32 hexadecimal digits.
impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

/// As 16 hexadecimal digits.
impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

/// The trace that a request names in its header `traceparent` (§3.2.2); `None` when the header is not exactly as the specification has it.
/// Of a later version than 00 the part that version 00 has is read, as §4.3 asks.
pub fn trace_of_header(text: &str) -> Option<TraceId> {
    let bytes = text.as_bytes();
    let dashes = [2, 35, 52].iter().all(|place| bytes.get(*place) == Some(&b'-'));
    if !text.is_ascii() || bytes.len() < LENGTH || !dashes {
        return None;
    }
    let version = number(&text[..2])?;
    let ends = if version == 0 { bytes.len() == LENGTH } else { matches!(bytes.get(LENGTH), None | Some(b'-')) };
    let (trace, parent, flags) = (number(&text[3..35])?, number(&text[36..52])?, number(&text[53..LENGTH]));
    // Version ff is forbidden, and so is an id of zeroes alone.
    (ends && version != 0xff && trace != 0 && parent != 0 && flags.is_some()).then(|| TraceId(trace.to_be_bytes()))
}

/// A number in lower-case hexadecimal digits and nothing else.
fn number(text: &str) -> Option<u128> {
    let digits = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    digits.then(|| u128::from_str_radix(text, 16).ok()).flatten()
}

/// The header of an answer, in the form of `traceparent`: the trace that it belongs to, and the span that answered. What is said of requests
/// is not exported, so the flag `sampled` is not set.
pub fn header_of(trace: TraceId, span: SpanId) -> String {
    format!("00-{trace}-{span}-00")
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed(u8);
    impl Entropy for Fixed {
        fn fill(&mut self, bytes: &mut [u8]) {
            bytes.fill(self.0);
        }
    }

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    fn read(text: &str) -> Option<String> {
        trace_of_header(text).map(|trace| trace.to_string())
    }

    #[test]
    fn the_header_of_the_specification_is_read() {
        for flags in ["01", "00", "ff"] {
            assert_eq!(read(&format!("00-{TRACE}-00f067aa0ba902b7-{flags}")).as_deref(), Some(TRACE));
        }
        // A later version may say more.
        assert_eq!(read(&format!("cc-{TRACE}-00f067aa0ba902b7-01")).as_deref(), Some(TRACE));
        assert_eq!(read(&format!("cc-{TRACE}-00f067aa0ba902b7-01-what-comes")).as_deref(), Some(TRACE));
        let own = header_of(TraceId::random(&mut Fixed(7)), SpanId::random(&mut Fixed(9)));
        assert_eq!(read(&own).unwrap(), "07".repeat(16));
    }

    #[test]
    fn what_is_not_exactly_a_header_is_none() {
        let upper = TRACE.to_uppercase();
        for bad in [
            String::new(),
            TRACE.to_owned(),
            format!("00-{TRACE}-00f067aa0ba902b7"),
            format!("00-{TRACE}-00f067aa0ba902b7-1"),
            format!("00-{TRACE}-00f067aa0ba902b7-01-"),
            format!("00-{TRACE}-00f067aa0ba902b7-01-more"),
            format!("00-{TRACE}-00f067aa0ba902b7-0g"),
            format!("cc-{TRACE}-00f067aa0ba902b7-01more"),
            format!("ff-{TRACE}-00f067aa0ba902b7-01"),
            format!("0-{TRACE}-00f067aa0ba902b7-01x"),
            format!("00-{upper}-00f067aa0ba902b7-01"),
            format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)),
            format!("00-{TRACE}-{}-01", "0".repeat(16)),
            format!("00_{TRACE}_00f067aa0ba902b7_01"),
            format!("00-+{}-00f067aa0ba902b7-01", &TRACE[1..]),
            format!("00-{}é-00f067aa0ba902b7-01", &TRACE[2..]),
            format!(" 00-{TRACE}-00f067aa0ba902b7-01"),
        ] {
            assert_eq!(read(&bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_session_has_one_trace_for_ever_and_no_other_session_has_it() {
        let (one, two) = (SessionId::random(&mut Fixed(0xa5)), SessionId::random(&mut Fixed(0xa6)));
        let trace = TraceId::of_session(&one);
        assert_eq!(trace, TraceId::of_session(&SessionId::parse(one.as_str()).unwrap()));
        assert_eq!(trace.to_string(), format!("6d6179666c79{}", "a5".repeat(10)));
        assert_eq!(SpanId::of_session(&one).to_string(), "a5".repeat(8));
        assert_ne!((trace, SpanId::of_session(&one)), (TraceId::of_session(&two), SpanId::of_session(&two)));
    }

    #[test]
    fn nothing_is_all_zero() {
        let zero = SessionId::parse("ses_0000000000000000").unwrap();
        assert_ne!(TraceId::random(&mut Fixed(0)).bytes(), &[0; 16]);
        assert_ne!(SpanId::random(&mut Fixed(0)).bytes(), &[0; 8]);
        assert_ne!(SpanId::of_session(&zero).bytes(), &[0; 8]);
    }
}
