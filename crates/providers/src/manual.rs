//! The way out by hand: for a change of the ledger, a shell script by which an administrator of the target undoes it without Mayfly.
//! It is made of the change alone, so that it can be printed where no server runs and no key is left.
//!
//! Rules: a script tells whether it runs on the right target before it changes anything; it takes access away first; it touches
//! nothing that is not ours; running it twice is the same as once; it fails where something is left.

/// A word for a shell, whatever stands in it.
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// A text as lines of comment: nothing in it can end the comment.
pub(crate) fn comment(text: &str) -> String {
    let plain: String = text.chars().map(|char| if char.is_control() { ' ' } else { char }).collect();
    format!("# {plain}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_its_quotes_or_its_comment() {
        assert_eq!(quoted("a'b $(id)"), r"'a'\''b $(id)'");
        assert_eq!(comment("a\nrm -rf /\r"), "# a rm -rf / \n");
    }
}
