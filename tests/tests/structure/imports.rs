//! What a file takes from other modules of its crate.

use crate::tokens::{Token, bracketed};

/// A path in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Import {
    /// The inline modules around it, from the file's own module on.
    pub(crate) inside: Vec<String>,
    pub(crate) segments: Vec<String>,
    pub(crate) kind: Kind,
}

/// How a path is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `use`: the file needs it, under this name.
    Use(String),
    /// `pub use`: the file only passes it on, under this name.
    Reexport(String),
    /// A path in an item.
    Item,
}

/// All paths of a file, in their order.
pub(crate) fn imports(tokens: &[Token]) -> Vec<Import> {
    let mut found = Vec::new();
    // The braces that are open; those of an inline module have its name.
    let mut open: Vec<Option<String>> = Vec::new();
    let (mut at, mut is_public) = (0, false);
    while at < tokens.len() {
        let inside = || open.iter().flatten().cloned().collect::<Vec<_>>();
        match &tokens[at..] {
            [keyword, Token::Word(name), Token::Sign('{'), ..] if keyword.is_word("mod") => {
                open.push(Some(name.clone()));
                at += 3;
            }
            [keyword, ..] if keyword.is_word("use") => {
                let length = tokens[at..].iter().take_while(|token| !token.is(';')).count();
                let mut paths = Vec::new();
                tree(&tokens[at + 1..at + length], &[], &mut paths);
                found.extend(paths.into_iter().map(|(segments, name)| Import {
                    inside: inside(),
                    segments,
                    kind: if is_public { Kind::Reexport(name) } else { Kind::Use(name) },
                }));
                at += length;
            }
            // `pub(in super::super)` names a scope and imports nothing.
            [keyword, Token::Sign('('), ..] if keyword.is_word("pub") => {
                at += 1 + bracketed(&tokens[at + 1..]);
                is_public = true;
                continue;
            }
            [keyword, ..] if keyword.is_word("pub") => {
                at += 1;
                is_public = true;
                continue;
            }
            [Token::Sign('{'), ..] => {
                open.push(None);
                at += 1;
            }
            [Token::Sign('}'), ..] => {
                open.pop();
                at += 1;
            }
            [Token::PathSeparator, ..] => at += 2,
            [Token::Word(first), Token::PathSeparator, ..] => {
                let mut segments = vec![first.clone()];
                at += 1;
                while let [Token::PathSeparator, Token::Word(next), ..] = &tokens[at..] {
                    segments.push(next.clone());
                    at += 2;
                }
                found.push(Import { inside: inside(), segments, kind: Kind::Item });
            }
            _ => at += 1,
        }
        is_public = false;
    }
    found
}

/// The paths of a use tree, each with the name that it gets.
fn tree(tokens: &[Token], before: &[String], found: &mut Vec<(Vec<String>, String)>) {
    let mut path = before.to_vec();
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at] {
            Token::Word(word) if word == "as" => {
                if let Some(Token::Word(name)) = tokens.get(at + 1) {
                    found.push((path, name.clone()));
                }
                return;
            }
            Token::Word(word) => path.push(word.clone()),
            Token::Sign('{') => {
                let inner = &tokens[at + 1..at + bracketed(&tokens[at..]) - 1];
                return parts(inner).into_iter().for_each(|part| tree(part, &path, found));
            }
            _ => {}
        }
        at += 1;
    }
    if path.last().is_some_and(|last| last == "self") && path.len() > 1 {
        path.pop();
    }
    let name = path.last().cloned().unwrap_or_default();
    found.push((path, name));
}

/// The parts between commas, outside of inner braces.
fn parts(tokens: &[Token]) -> Vec<&[Token]> {
    let (mut found, mut from, mut at) = (Vec::new(), 0, 0);
    while at < tokens.len() {
        match tokens[at] {
            Token::Sign('{') => at += bracketed(&tokens[at..]),
            Token::Sign(',') => {
                found.push(&tokens[from..at]);
                at += 1;
                from = at;
            }
            _ => at += 1,
        }
    }
    found.push(&tokens[from..]);
    found.retain(|part| !part.is_empty());
    found
}
