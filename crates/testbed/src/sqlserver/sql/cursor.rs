//! A place among the tokens of a batch.

use super::super::error::SqlError;
use super::token::Token;

/// What is left of a batch.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a> {
    rest: &'a [Token],
}

impl<'a> Cursor<'a> {
    pub(super) fn new(tokens: &'a [Token]) -> Self {
        Self { rest: tokens }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The token at this distance.
    pub(super) fn peek(&self, at: usize) -> Option<&'a Token> {
        self.rest.get(at)
    }

    /// The next token.
    pub(super) fn next(&mut self) -> Option<&'a Token> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first)
    }

    /// Whether the tokens at this distance are this keyword.
    pub(super) fn sees_at(&self, at: usize, word: &str) -> bool {
        matches!(self.peek(at), Some(Token::Word(found)) if found.eq_ignore_ascii_case(word))
    }

    /// Whether the next tokens are these keywords.
    pub(super) fn sees(&self, words: &str) -> bool {
        words.split(' ').enumerate().all(|(at, word)| self.sees_at(at, word))
    }

    /// Takes these keywords, or this symbol, if they are next.
    pub(super) fn take(&mut self, what: &str) -> bool {
        let count = if matches!(self.peek(0), Some(Token::Symbol(symbol)) if *symbol == what) {
            1
        } else if self.sees(what) {
            what.split(' ').count()
        } else {
            return false;
        };
        self.rest = &self.rest[count..];
        true
    }

    /// Takes these keywords, or this symbol, which have to be next.
    pub(super) fn need(&mut self, what: &str) -> Result<(), SqlError> {
        if self.take(what) { Ok(()) } else { Err(self.wrong()) }
    }

    /// A name, quoted or not.
    pub(super) fn name(&mut self) -> Result<String, SqlError> {
        match self.peek(0) {
            Some(Token::Word(name)) if !name.starts_with('@') => {
                self.next();
                Ok(name.clone())
            }
            Some(Token::Name(name)) => {
                self.next();
                Ok(name.clone())
            }
            _ => Err(self.wrong()),
        }
    }

    /// A variable, without its `@`.
    pub(super) fn variable(&mut self) -> Result<String, SqlError> {
        match self.peek(0) {
            Some(Token::Word(word)) if word.starts_with('@') && !word.starts_with("@@") => {
                self.next();
                Ok(word[1..].to_lowercase())
            }
            _ => Err(self.wrong()),
        }
    }

    /// A text.
    pub(super) fn text(&mut self) -> Result<String, SqlError> {
        match self.peek(0) {
            Some(Token::Text(text)) => {
                self.next();
                Ok(text.clone())
            }
            _ => Err(self.wrong()),
        }
    }

    /// `ON` or `OFF`.
    pub(super) fn on_off(&mut self) -> Result<bool, SqlError> {
        if self.take("ON") {
            return Ok(true);
        }
        self.need("OFF").map(|()| false)
    }

    /// The error that the next token does not belong there.
    pub(super) fn wrong(&self) -> SqlError {
        SqlError::syntax(&self.peek(0).map_or_else(|| "end of batch".to_owned(), shown))
    }

    /// The error that the next tokens are not understood, up to a few of them.
    pub(super) fn unknown(&self) -> SqlError {
        let shown: Vec<String> = self.rest.iter().take(12).map(shown).collect();
        SqlError::unknown(&shown.join(" "))
    }
}

/// A token for people. Texts may be passwords.
fn shown(token: &Token) -> String {
    match token {
        Token::Word(word) => word.clone(),
        Token::Name(name) => format!("[{name}]"),
        Token::Text(_) => "'…'".to_owned(),
        Token::Number(number) => number.to_string(),
        Token::Binary(_) => "0x…".to_owned(),
        Token::Symbol(symbol) => (*symbol).to_owned(),
    }
}
