//! Rust source as a flat list of tokens, made by the lexer of `proc-macro2`. Comments are gone and documentation
//! comments are left out, so that a check never mistakes prose for code.

use std::str::FromStr;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// One token and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    /// Its text: an identifier, one character of punctuation, a bracket, or a literal as written.
    pub(crate) text: String,
    /// Line, counted from 1.
    pub(crate) line: usize,
    /// How many inline `mod name { … }` stand around it.
    pub(crate) depth: usize,
}

/// What a Rust file holds.
pub(crate) struct Parsed {
    /// Every token.
    pub(crate) all: Vec<Token>,
    /// Every token that is not part of an item under `#[cfg(test)]`.
    pub(crate) product: Vec<Token>,
    /// The names of modules in files of their own that are declared under `#[cfg(test)]`.
    pub(crate) test_modules: Vec<String>,
}

/// Lexes a file.
///
/// # Errors
/// The lexer's words when the text is no Rust: a bracket left open, a literal without end.
pub(crate) fn parse(text: &str) -> Result<Parsed, String> {
    let stream = TokenStream::from_str(text).map_err(|error| error.to_string())?;
    let mut test_modules = Vec::new();
    let product = without_tests(stream.clone(), &mut test_modules);
    Ok(Parsed { all: flatten(stream), product: flatten(product), test_modules })
}

fn flatten(stream: TokenStream) -> Vec<Token> {
    let mut out = Vec::new();
    flatten_into(stream, 0, &mut out);
    out
}

fn flatten_into(stream: TokenStream, depth: usize, out: &mut Vec<Token>) {
    let mut trees = stream.into_iter().peekable();
    while let Some(tree) = trees.next() {
        let line = tree.span().start().line;
        match tree {
            TokenTree::Punct(punct) => {
                // Documentation comments arrive as `#[doc = "…"]` or `#![doc = "…"]`.
                if punct.as_char() == '#' {
                    let bang = trees.next_if(|next| is_punct(next, '!'));
                    if trees.next_if(is_doc).is_some() {
                        continue;
                    }
                    out.push(Token { text: "#".into(), line, depth });
                    out.extend(bang.map(|_| Token { text: "!".into(), line, depth }));
                } else {
                    out.push(Token { text: punct.as_char().to_string(), line, depth });
                }
            }
            TokenTree::Ident(ident) => out.push(Token { text: ident.to_string(), line, depth }),
            TokenTree::Literal(literal) => out.push(Token { text: literal.to_string(), line, depth }),
            TokenTree::Group(group) => {
                let (open, close) = brackets(group.delimiter());
                let module = group.delimiter() == Delimiter::Brace && opens_module(out);
                out.push(Token { text: open.into(), line, depth });
                flatten_into(group.stream(), depth + usize::from(module), out);
                out.push(Token { text: close.into(), line: group.span_close().end().line, depth });
            }
        }
    }
}

/// Whether the last two tokens are `mod name`.
fn opens_module(before: &[Token]) -> bool {
    before.len() >= 2 && before[before.len() - 2].text == "mod"
}

fn brackets(delimiter: Delimiter) -> (&'static str, &'static str) {
    match delimiter {
        Delimiter::Parenthesis => ("(", ")"),
        Delimiter::Brace => ("{", "}"),
        Delimiter::Bracket => ("[", "]"),
        Delimiter::None => ("", ""),
    }
}

/// The stream without the items that carry `#[cfg(test)]`, at any depth.
fn without_tests(stream: TokenStream, modules: &mut Vec<String>) -> TokenStream {
    let mut out = Vec::new();
    let trees: Vec<TokenTree> = stream.into_iter().collect();
    let mut at = 0;
    while at < trees.len() {
        if is_punct(&trees[at], '#') && trees.get(at + 1).is_some_and(is_cfg_test) {
            let end = end_of_item(&trees, at + 2);
            modules.extend(declared_module(&trees[at + 2..end]));
            at = end;
            continue;
        }
        out.push(match trees[at].clone() {
            TokenTree::Group(group) => {
                let mut inner = proc_macro2::Group::new(group.delimiter(), without_tests(group.stream(), modules));
                inner.set_span(group.span());
                TokenTree::Group(inner)
            }
            other => other,
        });
        at += 1;
    }
    out.into_iter().collect()
}

/// Where the item that begins at `at` ends: after its first `;`, after its first braces and a `;` that follows
/// them, or after a comma that stands in no angle brackets (a field or an argument).
fn end_of_item(trees: &[TokenTree], mut at: usize) -> usize {
    let mut angles = 0_usize;
    let mut before = ' ';
    while at < trees.len() {
        match &trees[at] {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                // `use a::{b, c};` and `const A: B = B { … };` end with the semicolon.
                return at + 1 + usize::from(trees.get(at + 1).is_some_and(|next| is_punct(next, ';')));
            }
            TokenTree::Punct(punct) => {
                match punct.as_char() {
                    ';' => return at + 1,
                    ',' if angles == 0 => return at + 1,
                    '<' => angles += 1,
                    '>' if before != '-' && before != '=' => angles = angles.saturating_sub(1),
                    _ => {}
                }
                before = punct.as_char();
            }
            _ => before = ' ',
        }
        at += 1;
    }
    at
}

/// The name in `mod name;`, whatever stands before it.
fn declared_module(item: &[TokenTree]) -> Option<String> {
    let [.., TokenTree::Ident(keyword), TokenTree::Ident(name), TokenTree::Punct(end)] = item else { return None };
    (keyword == "mod" && end.as_char() == ';').then(|| name.to_string())
}

fn is_punct(tree: &TokenTree, wanted: char) -> bool {
    matches!(tree, TokenTree::Punct(punct) if punct.as_char() == wanted)
}

fn is_doc(tree: &TokenTree) -> bool {
    let TokenTree::Group(group) = tree else { return false };
    let mut inner = group.stream().into_iter();
    group.delimiter() == Delimiter::Bracket
        && matches!(inner.next(), Some(TokenTree::Ident(name)) if name == "doc")
        && inner.next().is_some_and(|next| is_punct(&next, '='))
}

/// `[cfg(test)]` or `[cfg(all(test, …))]`: built for tests and for nothing else.
fn is_cfg_test(tree: &TokenTree) -> bool {
    let TokenTree::Group(group) = tree else { return false };
    let text: String = group.stream().to_string().split_whitespace().collect();
    group.delimiter() == Delimiter::Bracket && (text == "cfg(test)" || text.starts_with("cfg(all(test,"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn product(text: &str) -> String {
        let tokens = parse(text).unwrap().product;
        tokens.iter().map(|t| t.text.as_str()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn prose_is_not_code() {
        assert_eq!(product("//! Top.\n/// Says `crate::x`.\n// crate::y\nfn f() {} /* z */"), "fn f ( ) { }");
        assert_eq!(
            product("#![deny(a)]\n#[doc(hidden)]\nfn f() {}"),
            "# ! [ deny ( a ) ] # [ doc ( hidden ) ] fn f ( ) { }"
        );
    }

    #[test]
    fn items_for_tests_are_left_out_and_what_follows_stays() {
        assert_eq!(product("#[cfg(test)]\nmod tests { fn t() {} }\nfn f() {}"), "fn f ( ) { }");
        assert_eq!(product("#[cfg(test)]\n#[allow(x)]\nuse a::{b, c};\nuse d;"), "use d ;");
        assert_eq!(product("struct S { #[cfg(test)] seen: Vec<(u8, u8)>, kept: u8 }"), "struct S { kept : u8 }");
        assert_eq!(
            product("impl S { #[cfg(all(test, unix))] fn t<A, B>() -> u8 { 1 } fn f() {} }"),
            "impl S { fn f ( ) { } }"
        );
        assert_eq!(product("#[cfg(not(test))] fn f() {}"), "# [ cfg ( not ( test ) ) ] fn f ( ) { }");
    }

    #[test]
    fn modules_declared_for_tests_are_named() {
        let parsed = parse("#[cfg(test)]\npub(crate) mod fakes;\nmod real;\n#[cfg(test)]\nmod tests {}").unwrap();
        assert_eq!(parsed.test_modules, ["fakes"]);
    }

    #[test]
    fn depth_counts_inline_modules_and_lines_count_from_one() {
        let parsed = parse("fn a() {}\nmod m {\n    fn b() {}\n}").unwrap();
        let b = parsed.all.iter().find(|t| t.text == "b").unwrap();
        let a = parsed.all.iter().find(|t| t.text == "a").unwrap();
        assert_eq!((a.depth, a.line, b.depth, b.line), (0, 1, 1, 3));
    }
}
