//! Secrets that give themselves away: who one is in an address, and words that no person writes.

/// The line without what stands before the `@` of an address, if there is a `:` in it: `https://user:password@host`, `user:password@host`.
pub(super) fn without_user_info(line: &str, gone: impl Fn() -> &'static str) -> String {
    let mut clean = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find('@') {
        let before = &rest[..at];
        let ends = |c: char| c.is_whitespace() || "\"'`<>(),;/\\=".contains(c);
        let start =
            before.rfind(ends).map_or(0, |end| end + before[end..].chars().next().map_or(1, char::len_utf8));
        let (kept, user) = before.split_at(start);
        clean.push_str(kept);
        // Behind `://` the name alone may be a token, too.
        if user.contains(':') || (kept.ends_with("://") && !user.is_empty()) {
            clean.push_str(gone());
        } else {
            clean.push_str(user);
        }
        clean.push('@');
        rest = &rest[at + 1..];
    }
    clean + rest
}

/// A random word is at least so long.
const LONG: usize = 20;
/// One of hexadecimal digits, and one of small letters and digits.
const HEX: usize = 32;
/// One that is cut in pieces by slashes, as base64 can be, without them.
const JOINED: usize = 20;
/// What keys of well-known services begin with, and how much comes after it at least.
const PREFIXES: [&str; 13] = [
    "sk-",
    "pk-",
    "rk_",
    "ghp_",
    "gho_",
    "ghs_",
    "ghu_",
    "github_pat_",
    "glpat-",
    "xox",
    "npm_",
    "hf_",
    "eyJ",
];
const AFTER_PREFIX: usize = 12;

/// The line without long words of hexadecimal or base64 digits.
pub(super) fn without_long_words(line: &str, gone: impl Fn() -> &'static str) -> String {
    let is_digit = |c: char| c.is_ascii_alphanumeric() || "+/_-".contains(c);
    let mut clean = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(start) = rest.find(is_digit) {
        let end = rest[start..].find(|c| !is_digit(c)).map_or(rest.len(), |length| start + length);
        clean.push_str(&rest[..start]);
        let run = &rest[start..end];
        rest = &rest[end..];
        if is_random(run) {
            clean.push_str(gone());
            rest = rest.trim_start_matches('=');
        } else {
            clean.push_str(run);
        }
    }
    clean + rest
}

fn is_random(run: &str) -> bool {
    let joined: String = run.chars().filter(|c| *c != '/').collect();
    // A path has slashes, too; but what stands between them is written by people.
    let in_pieces = run.contains('/') && !run.starts_with('/') && joined.len() >= JOINED;
    run.split('/').any(is_random_word) || (in_pieces && Makeup::of(&joined).is_wild())
}

fn is_random_word(word: &str) -> bool {
    let prefixed = PREFIXES.iter().any(|prefix| {
        word.strip_prefix(prefix)
            .is_some_and(|rest| rest.len() >= AFTER_PREFIX && rest.bytes().any(|byte| byte.is_ascii_digit()))
    });
    if prefixed || word.split('_').any(is_hex) {
        return true;
    }
    let makeup = Makeup::of(word);
    match (makeup.capitals > 0, makeup.small > 0, makeup.digits > 0) {
        _ if word.len() < LONG => false,
        (true, true, true) => true,
        // Names in capitals have a line between their words.
        (true, false, true) => !word.contains(['_', '-']),
        (true, true, false) => makeup.is_wild(),
        (false, true, true) => word.len() >= HEX && makeup.changes * 6 >= word.len(),
        _ => false,
    }
}

/// Of what a word is made up.
#[derive(Debug, Default)]
struct Makeup {
    capitals: usize,
    small: usize,
    digits: usize,
    /// How often one of these is followed by another: often, where nobody chose them.
    changes: usize,
}

impl Makeup {
    fn of(word: &str) -> Self {
        let mut makeup = Self::default();
        let mut before = None;
        for byte in word.bytes() {
            let class = match byte {
                b'A'..=b'Z' => &mut makeup.capitals,
                b'a'..=b'z' => &mut makeup.small,
                b'0'..=b'9' => &mut makeup.digits,
                _ => {
                    before = None;
                    continue;
                }
            };
            *class += 1;
            let class = (byte.is_ascii_uppercase(), byte.is_ascii_digit());
            makeup.changes += usize::from(before.is_some_and(|before| before != class));
            before = Some(class);
        }
        makeup
    }

    /// More often than in names whose words begin with capitals.
    fn is_wild(&self) -> bool {
        self.capitals > 0
            && self.small > 0
            && self.changes * 20 >= 7 * (self.capitals + self.small + self.digits)
    }
}

/// Hexadecimal digits, perhaps in groups: a digest, a key, a UUID.
fn is_hex(word: &str) -> bool {
    let part_is_hex = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let whole = word.bytes().filter(|byte| *byte != b'-').count() >= HEX
        && word.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit());
    whole || word.split('-').any(|part| part.len() >= HEX && part_is_hex(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_one_is_in_an_address_goes() {
        for (line, expected) in [
            ("https://ada:pw@host/x", "https://[removed]@host/x"),
            ("https://ghp@host/x", "https://[removed]@host/x"),
            ("postgres://a:b@h:1 and redis://:p@h", "postgres://[removed]@h:1 and redis://[removed]@h"),
            ("ada:pw@host", "[removed]@host"),
            ("ada@host /x/y@1.2 @ x", "ada@host /x/y@1.2 @ x"),
            ("url=ada:pw@host", "url=[removed]@host"),
            ("é:ü@host", "[removed]@host"),
        ] {
            assert_eq!(without_user_info(line, || "[removed]"), expected, "{line}");
        }
    }

    #[test]
    fn words_that_nobody_writes_go() {
        for secret in [
            "0123456789abcdef0123456789abcdef",
            "F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6",
            "key-0123456789abcdef0123456789abcdef",
            "dGhpcyBpcyBhIHNlY3JldA9",
            "dGhpcyBpcyBhIHNlY3JldA9==",
            "aB3d/EfGh1jKlMnOp/QrSt5uVwXy9Z",
            "AKIAIOSFODNN7EXAMPLE",
            "ghp_16C7e42F292c6912E7",
            "sk-proj-abcdef1234567",
            "eyJhbGciOiJIUzI1NiJ9",
            "k3j9x2m8q1z7w5v4t6r0p3n2b8c1d7f5",
            "QwErTyUiOpAsDfGhJkLzXc",
        ] {
            let clean = without_long_words(&format!("x {secret} y"), || "[removed]");
            assert_eq!(clean, "x [removed] y", "{secret}");
        }
        for word in [
            "/usr/local/lib/node_modules/claude-mem/worker-service",
            "x86_64-unknown-linux-gnu",
            "ONEWORKER_BACKOFF_STABLE_AFTER",
            "a_worker_that_took_office_after_the_question",
            "InternalServerErrorResponse",
            "plugins/marketplaces/acme/scripts/worker",
            "2026-11-27T02",
            "12345678901234567890",
            "",
        ] {
            assert_eq!(without_long_words(word, || "[removed]"), word);
        }
    }

    /// No rule finds all of them. Those that can be told from what people write are found but for a few in a thousand.
    #[test]
    fn random_words_hardly_ever_stay() {
        const SMALL: &str = "abcdefghijklmnopqrstuvwxyz0123456789";
        const BASE64: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut state: u64 = 88_172_645_463_325_252;
        let mut draw = |digits: &[u8]| {
            // Xorshift: the same words each time.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            char::from(digits[(state >> 20) as usize % digits.len()])
        };
        for (length, digits, most) in [
            (32, "0123456789abcdef", 0),
            (22, BASE64, 60),
            (32, BASE64, 20),
            (43, BASE64, 10),
            (32, SMALL, 50),
        ] {
            let words = (0..2000).map(|_| (0..length).map(|_| draw(digits.as_bytes())).collect::<String>());
            let stays = |word: &String| {
                let clean = without_long_words(word, || "[removed]").replace("[removed]", "");
                clean.chars().filter(char::is_ascii_alphanumeric).count() > 4
            };
            let stayed = words.filter(stays).count();
            assert!(stayed <= most, "{stayed} of 2000 words of {length} of {digits}");
        }
    }
}
