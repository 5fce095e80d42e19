//! Text from elsewhere, made fit for a terminal. Names and messages come from servers that may be hostile; shown as they
//! are they could move the cursor, change the title, or make a line read as something that it is not (CWE-150).

use std::fmt::Write as _;

/// Whether a character is shown as its number: controls, and what is invisible or changes the direction of text
/// (<https://www.unicode.org/reports/tr36/#Bidirectional_Text_Spoofing>).
fn hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{feff}')
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || matches!(c, '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// The text with every such character as `\u{…}`; a line feed too, so that the result is one line.
pub(crate) fn line(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut output, c| {
        if hidden(c) {
            output.extend(c.escape_unicode());
        } else {
            output.push(c);
        }
        output
    })
}

/// The same for JSON, where such characters stand only inside strings: as `\uXXXX`, which means the same character. Line
/// feeds stay, since between values they are white space and inside strings JSON has none.
pub(crate) fn json(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut output, c| {
        if hidden(c) && c != '\n' {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a String cannot fail.
                let _ = write!(output, "\\u{unit:04x}");
            }
        } else {
            output.push(c);
        }
        output
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_a_terminal_would_obey_is_shown_as_numbers() {
        assert_eq!(line("a\x1b]0;title\x07b"), "a\\u{1b}]0;title\\u{7}b");
        assert_eq!(line("a\nb\r\u{9b}31m"), "a\\u{a}b\\u{d}\\u{9b}31m");
        assert_eq!(line("abc\u{202e}fdp"), "abc\\u{202e}fdp");
        assert_eq!(line("naïve ✓ 日本"), "naïve ✓ 日本");
    }

    proptest! {
        #[test]
        fn escaped_json_means_the_same(text in any::<String>()) {
            let text = format!("{text}\u{9b}\u{e0001}\x7f");
            let escaped = json(&serde_json::to_string(&text).unwrap());
            prop_assert!(!escaped.chars().any(hidden));
            prop_assert_eq!(serde_json::from_str::<String>(&escaped).unwrap(), text);
        }

        #[test]
        fn a_line_holds_nothing_hidden(text in any::<String>()) {
            prop_assert!(!line(&text).chars().any(hidden));
        }
    }
}
