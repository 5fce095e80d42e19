//! From text to tokens: identifiers bare, in brackets or in double quotes; literals; operators. Comments are left out.

use super::super::error::SqlError;

/// A token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Token {
    /// A bare word: a keyword, a name, a variable with its `@`.
    Word(String),
    /// A name in brackets or double quotes, without them.
    Name(String),
    /// A text.
    Text(String),
    /// A number.
    Number(i64),
    /// Bytes.
    Binary(Vec<u8>),
    /// An operator or a bracket.
    Symbol(&'static str),
}

/// Operators, longer ones first.
const SYMBOLS: [&str; 19] =
    ["<>", "!=", "<=", ">=", "::", "(", ")", ",", ".", ";", "=", "<", ">", "+", "-", "*", "/", "%", "&"];

/// The tokens of a batch.
pub(crate) fn tokens(sql: &str) -> Result<Vec<Token>, SqlError> {
    let mut tokens = Vec::new();
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        if first.is_whitespace() {
            rest = &rest[first.len_utf8()..];
        } else if let Some(comment) = rest.strip_prefix("--") {
            rest = comment.find('\n').map_or("", |end| &comment[end..]);
        } else if let Some(comment) = rest.strip_prefix("/*") {
            rest = &comment[block(comment)?..];
        } else {
            let (token, taken) = token(rest, first)?;
            tokens.push(token);
            rest = &rest[taken..];
        }
    }
    Ok(tokens)
}

/// Where a block comment ends, which may have others in it.
fn block(text: &str) -> Result<usize, SqlError> {
    let (mut depth, mut at) = (1, 0);
    while depth > 0 {
        let (open, close) = (text[at..].find("/*"), text[at..].find("*/"));
        match (open, close) {
            (Some(open), Some(close)) if open < close => (depth, at) = (depth + 1, at + open + 2),
            (_, Some(close)) => (depth, at) = (depth - 1, at + close + 2),
            _ => return Err(SqlError::of_class(15, 113, "Missing end comment mark '*/'.")),
        }
    }
    Ok(at)
}

/// The token at the beginning, and how many bytes it takes.
fn token(text: &str, first: char) -> Result<(Token, usize), SqlError> {
    match first {
        '[' => quoted(text, ']').map(|(name, taken)| (Token::Name(name), taken)),
        '"' => quoted(text, '"').map(|(name, taken)| (Token::Name(name), taken)),
        '\'' => quoted(text, '\'').map(|(value, taken)| (Token::Text(value), taken)),
        'N' | 'n' if text[1..].starts_with('\'') => {
            quoted(&text[1..], '\'').map(|(value, taken)| (Token::Text(value), taken + 1))
        }
        '0'..='9' => number(text),
        _ if is_word(first) => {
            let end = text.find(|c| !is_word(c)).unwrap_or(text.len());
            Ok((Token::Word(text[..end].to_owned()), end))
        }
        _ => {
            let symbol = SYMBOLS.into_iter().find(|symbol| text.starts_with(symbol));
            symbol
                .map(|symbol| (Token::Symbol(symbol), symbol.len()))
                .ok_or_else(|| SqlError::syntax(&first.to_string()))
        }
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '@' | '#' | '$')
}

/// What stands between a mark and its closing mark, which stands twice where it is meant itself.
fn quoted(text: &str, close: char) -> Result<(String, usize), SqlError> {
    let mut value = String::new();
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c == '\\' && close == '\'' && continued(&text[at + 1..]) > 0 {
            // A backslash takes the end of its line away with it.
            for _ in 0..continued(&text[at + 1..]) {
                chars.next();
            }
        } else if c != close {
            value.push(c);
        } else if chars.peek().is_some_and(|(_, next)| *next == close) {
            value.push(close);
            chars.next();
        } else {
            return Ok((value, at + close.len_utf8()));
        }
    }
    let text = format!("Unclosed quotation mark after the character string '{value}'.");
    Err(SqlError::of_class(15, 105, text))
}

/// How long the end of a line is that stands at the beginning.
fn continued(text: &str) -> usize {
    if text.starts_with("\r\n") { 2 } else { usize::from(text.starts_with('\n')) }
}

/// A number, or bytes in hexadecimal.
fn number(text: &str) -> Result<(Token, usize), SqlError> {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(text.len());
    let digits = &text[..end];
    let wrong = || SqlError::syntax(digits);
    if let Some(hex) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        let padded = if hex.len() % 2 == 1 { format!("0{hex}") } else { hex.to_owned() };
        let bytes = (0..padded.len()).step_by(2).map(|at| u8::from_str_radix(&padded[at..at + 2], 16));
        return Ok((Token::Binary(bytes.collect::<Result<_, _>>().map_err(|_| wrong())?), end));
    }
    Ok((Token::Number(digits.parse().map_err(|_| wrong())?), end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_doubled_where_they_are_meant() {
        assert_eq!(tokens("'a\\\nb\\c'").unwrap(), [Token::Text("ab\\c".to_owned())]);
        let got = tokens("CREATE /* a /* b */ c */ LOGIN [a]]b] N'it''s' 0x0aF 7<>@x -- end\n;").unwrap();
        let word = |text: &str| Token::Word(text.to_owned());
        let expected = [
            word("CREATE"),
            word("LOGIN"),
            Token::Name("a]b".to_owned()),
            Token::Text("it's".to_owned()),
            Token::Binary(vec![0x00, 0xaf]),
            Token::Number(7),
            Token::Symbol("<>"),
            word("@x"),
            Token::Symbol(";"),
        ];
        assert_eq!(got, expected);
    }

    #[test]
    fn what_is_open_is_an_error() {
        for (sql, number) in [("'a", 105), ("[a", 105), ("/* a", 113), ("a ? b", 102), ("12ab", 102)] {
            assert_eq!(tokens(sql).unwrap_err().number, number, "{sql}");
        }
    }
}
