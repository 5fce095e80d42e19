//! Texts that go into statements of ours, and texts that a server answered.

/// Fills the places `{name}` of a template of ours, each once read and never looked at again, so that a value that looks
/// like a place stays a value. A place without a value stays as it is, which no server accepts.
pub(crate) fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut text = String::with_capacity(template.len() + 64);
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        let (before, from) = rest.split_at(open);
        text.push_str(before);
        let known = from.find('}').and_then(|close| {
            let name = &from[1..close];
            values.iter().find(|(known, _)| *known == name).map(|(_, value)| (close, *value))
        });
        match known {
            Some((close, value)) => {
                text.push_str(value);
                rest = &from[close + 1..];
            }
            None => {
                text.push('{');
                rest = &from[1..];
            }
        }
    }
    text.push_str(rest);
    text
}

/// Control characters, and the invisible ones that change direction or hide.
pub(crate) fn is_unsafe_to_show(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

/// A text that a server answered, fit for the trail: no control characters, bounded.
pub(crate) fn told(text: &str) -> String {
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
    use super::*;

    #[test]
    fn a_value_that_looks_like_a_place_stays_a_value() {
        assert_eq!(fill("{a} {b} {c", &[("a", "{b}"), ("b", "2")]), "{b} 2 {c");
        assert_eq!(fill("{x}", &[]), "{x}");
    }

    #[test]
    fn what_a_server_answers_cannot_move_a_cursor_or_fill_the_trail() {
        assert_eq!(told("a\u{1b}[2J\u{202e}é"), "a\\u{1b}[2J\\u{202e}é");
        assert!(told(&"x".repeat(5000)).len() < 310);
    }
}
