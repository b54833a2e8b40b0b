//! Secrets that a name beside them gives away: `password = …`, `"apiKey": …`, `--token …`, `Bearer …`.

use super::removed::REMOVED;

/// Words of a name that stand for a secret.
const WORDS: [&str; 13] = [
    "key",
    "keys",
    "pass",
    "pwd",
    "auth",
    "jwt",
    "sig",
    "signature",
    "otp",
    "cookie",
    "cookies",
    "bearer",
    "authorization",
];
/// Pieces of a word that do, wherever they stand.
const PIECES: [&str; 8] =
    ["token", "secret", "passw", "passphrase", "apikey", "credential", "privatekey", "accesskey"];
/// Names whose value is all that comes after a colon, spaces and all.
const WHOLE_LINE: [&str; 6] = ["authorization", "cookie", "passw", "passphrase", "pwd", "secret"];
/// Ways to prove who one is: the word after one of these is the proof.
const SCHEMES: [&str; 3] = ["bearer", "basic", "digest"];

/// Whether a value of this name is a secret.
pub(in super::super) fn is_secret(name: &str) -> bool {
    // The shell's working directories, and no passwords.
    if ["PWD", "OLDPWD"].contains(&name) {
        return false;
    }
    let joined: String = name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
    PIECES.iter().any(|piece| joined.contains(piece))
        || words(name).iter().any(|word| WORDS.contains(&word.as_str()))
}

/// Whether the word after this one of a command line is.
pub(super) fn is_secret_flag(word: &str) -> bool {
    word.starts_with('-') && !word.contains('=') && is_secret(word)
}

/// `apiKey`, `API_KEY` and `api-key` in their words, in small letters.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for c in name.chars() {
        if !c.is_ascii_alphanumeric() || (c.is_ascii_uppercase() && before.is_ascii_lowercase()) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| c.is_ascii_alphanumeric()) {
            word.push(c.to_ascii_lowercase());
        }
        before = c;
    }
    words
}

/// The line without them.
pub(super) fn without_named(line: &str, gone: impl Fn() -> &'static str) -> String {
    let is_name = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    let mut clean = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(start) = rest.find(is_name) {
        let end = rest[start..].find(|c| !is_name(c)).map_or(rest.len(), |length| start + length);
        let name = &rest[start..end];
        clean.push_str(&rest[..end]);
        rest = &rest[end..];
        if let Some((gap, value)) = value_after(name, rest) {
            clean.push_str(&rest[..gap]);
            // What is taken out is not taken out again.
            if value > 0 && !rest[gap..].starts_with(REMOVED) {
                clean.push_str(gone());
                rest = &rest[gap + value..];
            } else {
                rest = &rest[gap..];
            }
        }
    }
    clean + rest
}

/// How far the value is from its name, and how long it is; `None` if it is none, or no secret.
fn value_after(name: &str, after: &str) -> Option<(usize, usize)> {
    let lower = name.to_lowercase();
    if SCHEMES.contains(&lower.as_str()) {
        let gap = blanks(after);
        let word = &after[gap..][..word(&after[gap..])];
        // `Basic authentication` is no proof.
        let is_proof = lower == "bearer" || word.bytes().any(|byte| !byte.is_ascii_lowercase());
        return (gap > 0 && !word.is_empty() && is_proof).then_some((gap, word.len()));
    }
    if !is_secret(name) {
        return None;
    }
    // Past the quote that ends the name, if there is one: `"token": …`, `\"token\": …`.
    let closing = after.len() - after.trim_start_matches(['"', '\'', '\\', ']']).len();
    let mut gap = closing + blanks(&after[closing..]);
    let separated = after[gap..].starts_with(['=', ':']);
    let is_flag = name.starts_with('-');
    if separated {
        gap += after[gap..].len() - after[gap..].trim_start_matches(['=', ':', '>']).len();
        gap += blanks(&after[gap..]);
    } else if is_flag {
        // In a list the next word comes after a comma: `"--token", "…"`.
        gap = after.len() - after.trim_start_matches([' ', '\t', ',', '"', '\'', '\\']).len();
        if gap == 0 || after[gap..].starts_with('-') {
            return None;
        }
    } else {
        return None;
    }
    let opening = after[gap..].len() - after[gap..].trim_start_matches(['\\', '[', '(', '{']).len();
    let value = &after[gap + opening..];
    if let Some(quote) = value.chars().next().filter(|c| "\"'`".contains(*c)) {
        let inner = &value[1..];
        // An escaped quote ends it where the opening one was escaped, too.
        let length = if opening > 0 && after[gap..].starts_with('\\') {
            inner.find(['\\', quote])
        } else {
            quoted(inner, quote)
        };
        return Some((gap + opening + 1, length.unwrap_or(inner.len())));
    }
    let before_is_quote = is_flag && after[..gap].ends_with(['"', '\'']);
    let colon = after[..gap].contains(':');
    if colon && !before_is_quote && WHOLE_LINE.iter().any(|piece| lower.contains(piece)) {
        return Some((gap, after.len() - gap));
    }
    let mut length = word(&after[gap..]);
    if SCHEMES.contains(&after[gap..gap + length].to_lowercase().as_str()) {
        let more = blanks(&after[gap + length..]);
        length += more + word(&after[gap + length + more..]);
    }
    Some((gap, length))
}

fn blanks(text: &str) -> usize {
    text.len() - text.trim_start_matches([' ', '\t']).len()
}

/// Up to what ends a word in a log, a command line, JSON or a query.
fn word(text: &str) -> usize {
    text.find(|c: char| c.is_whitespace() || ",;&\"'`)}]\\".contains(c)).unwrap_or(text.len())
}

/// Up to the quote that is not escaped.
fn quoted(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return Some(at),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clean(line: &str) -> String {
        without_named(line, || "[removed]")
    }

    #[test]
    fn names_that_stand_for_secrets_are_known_in_every_spelling() {
        for name in [
            "token",
            "API_KEY",
            "apiKey",
            "x-api-key",
            "--password",
            "PGPASSWORD",
            "MYSQL_PWD",
            "authToken",
            "client_secret",
            "AWS_SECRET_ACCESS_KEY",
            "Authorization",
            "Set-Cookie",
            "accesskey",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in [
            "port", "monkey", "keyboard", "author", "bypass", "compass", "PWD", "OLDPWD", "state", "name", "",
        ] {
            assert!(!is_secret(name), "{name}");
        }
    }

    #[test]
    fn the_value_beside_such_a_name_goes() {
        for (line, expected) in [
            ("token=abc next", "token=[removed] next"),
            ("api_key: abc, port: 1", "api_key: [removed], port: 1"),
            ("{\"apiKey\":\"a b\\\"c\",\"port\":1}", "{\"apiKey\":\"[removed]\",\"port\":1}"),
            ("{\\\"token\\\":\\\"abc\\\",\\\"x\\\":1}", "{\\\"token\\\":\\\"[removed]\\\",\\\"x\\\":1}"),
            ("run --token abc --port 1", "run --token [removed] --port 1"),
            ("run --token=abc --port 1", "run --token=[removed] --port 1"),
            ("[\"--token\", \"abc\", \"x\"]", "[\"--token\", \"[removed]\", \"x\"]"),
            ("run --token --port 1", "run --token --port 1"),
            ("password: correct horse battery", "password: [removed]"),
            ("password = 'correct horse' x", "password = '[removed]' x"),
            ("Authorization: Bearer abc.def-1", "Authorization: [removed]"),
            ("authorization=Bearer abc x", "authorization=[removed] x"),
            ("sent Bearer abc.def= to it", "sent Bearer [removed] to it"),
            ("Basic QWxhZGRpbjpv x", "Basic [removed] x"),
            ("Cookie: a=b; c=d", "Cookie: [removed]"),
            ("GET /x?token=abc&y=1 HTTP", "GET /x?token=[removed]&y=1 HTTP"),
            ("secret => 'x'", "secret => '[removed]'"),
            ("the token is kept", "the token is kept"),
            ("basic authentication", "basic authentication"),
            ("token=", "token="),
            ("token: \"unterminated", "token: \"[removed]"),
            ("ключ token=é next", "ключ token=[removed] next"),
        ] {
            assert_eq!(clean(line), expected, "{line}");
        }
    }
}
