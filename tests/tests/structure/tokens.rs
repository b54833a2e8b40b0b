//! Rust source as words and punctuation, without comments, literals and test code.

/// A token of interest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// An identifier or keyword.
    Word(String),
    /// `::`
    PathSeparator,
    /// Any other character that is not blank.
    Sign(char),
}

impl Token {
    pub(crate) fn is(&self, sign: char) -> bool {
        *self == Self::Sign(sign)
    }

    pub(crate) fn is_word(&self, word: &str) -> bool {
        matches!(self, Self::Word(found) if found == word)
    }
}

/// All tokens of a source. Literals and comments are left out.
pub(crate) fn tokens(source: &str) -> Vec<Token> {
    let characters: Vec<char> = source.chars().collect();
    let (mut found, mut at) = (Vec::new(), 0);
    while at < characters.len() {
        let rest = &characters[at..];
        let length = comment(rest).or_else(|| literal(rest));
        at += match (length, rest[0]) {
            (Some(length), _) => length,
            (None, first) if is_word(first) => {
                let length = rest.iter().take_while(|c| is_word(**c)).count();
                found.push(Token::Word(rest[..length].iter().collect()));
                length
            }
            (None, ':') if rest.get(1) == Some(&':') => {
                found.push(Token::PathSeparator);
                2
            }
            (None, first) => {
                if !first.is_whitespace() {
                    found.push(Token::Sign(first));
                }
                1
            }
        };
    }
    found
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

/// The length of a comment that begins here.
fn comment(rest: &[char]) -> Option<usize> {
    match rest {
        ['/', '/', ..] => Some(rest.iter().take_while(|c| **c != '\n').count()),
        ['/', '*', ..] => {
            let (mut depth, mut at) = (0_usize, 0);
            while at < rest.len() {
                match rest[at..] {
                    ['/', '*', ..] => (depth, at) = (depth + 1, at + 2),
                    ['*', '/', ..] => (depth, at) = (depth - 1, at + 2),
                    _ => at += 1,
                }
                if depth == 0 {
                    break;
                }
            }
            Some(at)
        }
        _ => None,
    }
}

/// The length of a text or character that begins here, with its prefix. A lifetime is none.
fn literal(rest: &[char]) -> Option<usize> {
    let prefix = rest.iter().take_while(|c| matches!(c, 'b' | 'c' | 'r')).count();
    let hashes = rest[prefix..].iter().take_while(|c| **c == '#').count();
    let raw = rest[..prefix].contains(&'r');
    match rest.get(prefix + hashes)? {
        '"' if prefix <= 2 && raw => {
            let end: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
            let open = prefix + hashes + 1;
            let length = rest[open..].windows(end.len()).position(|window| window == end)?;
            Some(open + length + end.len())
        }
        '"' if prefix <= 1 && hashes == 0 => Some(quoted(rest, prefix, '"')),
        '\'' if prefix <= 1 && hashes == 0 => {
            let is_character = rest.get(prefix + 1) == Some(&'\\') || rest.get(prefix + 2) == Some(&'\'');
            is_character.then(|| quoted(rest, prefix, '\''))
        }
        _ => None,
    }
}

fn quoted(rest: &[char], open: usize, quote: char) -> usize {
    let mut at = open + 1;
    while at < rest.len() && rest[at] != quote {
        at += if rest[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

/// The length of the brackets that begin here, both included.
pub(crate) fn bracketed(tokens: &[Token]) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Sign('(' | '[' | '{') => depth += 1,
            Token::Sign(')' | ']' | '}') => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    tokens.len()
}

/// The length of the item that begins here: up to its `;` or the end of its braces.
pub(crate) fn item(tokens: &[Token]) -> usize {
    let ends_with_semicolon = tokens.iter().take(6).any(|token| token.is_word("use"));
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at] {
            Token::Sign(';') => return at + 1,
            Token::Sign('{') if !ends_with_semicolon => return at + bracketed(&tokens[at..]),
            Token::Sign('(' | '[' | '{') => at += bracketed(&tokens[at..]),
            _ => at += 1,
        }
    }
    at
}

#[test]
fn comments_literals_and_lifetimes_are_told_apart() {
    let source = r##"
        // crate::a
        /* crate::b /* */ crate::c */ fn f<'a>(x: &'a str) -> char { 'c' }
        const T: &str = "crate::d \" crate::e"; const R: &[u8] = br#"crate::f " crate::g"#;
        const Q: char = '\''; use crate::h; r#try()
    "##;
    let words: Vec<String> = tokens(source)
        .into_iter()
        .filter_map(|token| match token {
            Token::Word(word) => Some(word),
            _ => None,
        })
        .collect();
    assert_eq!(words[..4], ["fn", "f", "a", "x"]);
    assert_eq!(words.iter().filter(|word| *word == "crate").count(), 1, "{words:?}");
    assert!(words.contains(&"h".to_owned()), "{words:?}");
}
