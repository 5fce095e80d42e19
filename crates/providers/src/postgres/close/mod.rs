//! The way out, verb by verb. Each step is a transaction of its own, safe to repeat, and touches nothing that is not ours.

mod blocks;
mod hand_over;
mod in_database;
mod remaining;
mod sessions;

pub(crate) use blocks::{by_blocks, has_dependents};
pub(crate) use hand_over::hand_over;
pub(crate) use remaining::explain;
pub(crate) use sessions::end_sessions;

/// A text that a server answered, fit for the trail: no control characters, bounded.
fn told(text: &str) -> String {
    const MOST: usize = 300;
    let mut told = String::new();
    for char in text.chars() {
        if told.len() >= MOST {
            told.push('…');
            break;
        }
        if char.is_control() || matches!(char, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') {
            told.extend(char.escape_unicode());
        } else {
            told.push(char);
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::told;

    #[test]
    fn what_a_server_answers_cannot_move_a_cursor_or_fill_the_trail() {
        assert_eq!(told("a\u{1b}[2J\u{202e}é"), "a\\u{1b}[2J\\u{202e}é");
        assert!(told(&"x".repeat(5000)).len() < 310);
    }
}
