//! Secrets that a name gives away: in settings, headers, JSON, queries and sentences. And users and passwords in URLs.

use std::ops::Range;

use super::fold::{Folded, LETTER, WIDE};
use super::{Kind, Pieces};

/// More than the name of a secret is long.
const NAME_LIMIT: usize = 64;
/// How far a value is read before it is known to be secret.
const VALUE_LIMIT: usize = 1024;

/// What a name promises of its value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Promise {
    /// Whatever follows is secret: `password`.
    Any,
    /// What looks random is: `token`.
    Random,
    /// What looks random is, if it is not a hash either: `key`.
    Key,
    /// All to the end of the line: `Cookie`.
    Line,
    /// The first pair of the line: `Set-Cookie`.
    Pair,
}

/// Ends of names whose values are passwords, in languages that join words.
const PASSWORDS: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "pwd",
    "secret",
    "passwort",
    "kennwort",
    "wachtwoord",
    "senha",
    "heslo",
    "salasana",
    "parola",
    "adgangskode",
    "lozinka",
];
/// The same with letters that are not ASCII.
const OTHER_PASSWORDS: &[&str] = &[
    "lösenord",
    "contraseña",
    "hasło",
    "пароль",
    "密码",
    "密碼",
    "パスワード",
    "비밀번호",
    "şifre",
    "κωδικός",
    "סיסמה",
    "كلمة المرور",
    "कूटशब्द",
    "mật khẩu",
    "รหัสผ่าน",
];
/// Words before `key` that make it a secret one.
const SECRET_KEYS: &[&str] = &[
    "access",
    "account",
    "api",
    "auth",
    "private",
    "secret",
    "signing",
    "subscription",
    "encryption",
    "shared",
];
/// Names of what is secret if it looks random.
const RANDOM: &[&str] = &[
    "token",
    "auth",
    "authorization",
    "credential",
    "credentials",
    "jwt",
    "pass",
    "accesstoken",
    "authtoken",
];
/// What stands for a secret that is not there.
const NOT_SECRET: &[&str] = &[
    "none",
    "null",
    "nil",
    "true",
    "false",
    "undefined",
    "yes",
    "no",
    "required",
    "optional",
    "expired",
    "missing",
    "invalid",
    "wrong",
    "incorrect",
    "changed",
    "failed",
    "ok",
    "reset",
    "redacted",
    "hidden",
    "secret",
    "password",
    "string",
    "str",
    "text",
    "empty",
    "unset",
    "default",
    "prompt",
    "input",
    "field",
    "must",
    "is",
    "not",
    "the",
    "a",
    "and",
    "or",
    "with",
    "forgotten",
    "revoked",
    "rotated",
    "unchanged",
    "n/a",
    "tbd",
    "denied",
    "accepted",
    "set",
];

/// Words before a token that are none.
const SCHEMES: &[&str] = &["bearer", "basic", "token", "digest", "negotiate"];

/// Reads secrets, and remembers where the last one ended: there are no names inside of it.
#[derive(Default)]
pub(super) struct Secrets {
    read: usize,
}

impl Secrets {
    /// Reads the value behind the `:` or `=` at a place, if a name before it says that it is secret.
    pub(super) fn read(&mut self, text: &Folded<'_>, sign: usize, found: &mut Pieces) {
        if sign < self.read {
            return;
        }
        let Some((name, quoted)) = name_before(text, sign) else { return };
        let colon = text.byte(sign) == b':';
        let query = matches!(text.byte(name.start.wrapping_sub(1)), b'?' | b'&') && !colon;
        let Some(promise) = promise(text.slice(name), query) else { return };
        let start = text.end_of(sign + 1, 3, |byte| byte == b' ' || byte == b'\t');
        if colon && !quoted && start == sign + 1 && matches!(text.byte(start), b':' | b'/') {
            return;
        }
        let loose = start > sign + 1 && !colon || colon && !quoted;
        self.take(text, Value { start, promise, query, loose }, found);
    }

    /// Reads the value behind a flag: `--password hunter2`.
    pub(super) fn read_flag(&mut self, text: &Folded<'_>, at: usize, found: &mut Pieces) {
        if at < self.read || at > 0 && (text.byte(at - 1) == b'-' || text.is_word(at - 1)) {
            return;
        }
        let inside = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        let end = text.end_of(at + 2, NAME_LIMIT, inside);
        if text.byte(end) != b' ' || text.byte(end + 1) == b'-' {
            return;
        }
        if let Some(promise) = promise(text.slice(at + 2..end), false) {
            self.take(text, Value { start: end + 1, promise, query: false, loose: false }, found);
        }
    }

    /// Reads what stands in quotes directly behind a keyword of SQL: `CREATE ROLE ada PASSWORD 'hunter2'`, `IDENTIFIED BY '…'`.
    pub(super) fn read_literal(&mut self, text: &Folded<'_>, quote: usize, found: &mut Pieces) {
        if quote < self.read.max(1) || text.byte(quote - 1) != b' ' {
            return;
        }
        let before = text.before(quote - 1, 16).to_ascii_lowercase();
        let named = ["password", "identified by"].iter().any(|keyword| before.ends_with(keyword));
        if let Some(promise) = promise("password", false).filter(|_| named) {
            self.take(text, Value { start: quote, promise, query: false, loose: false }, found);
        }
    }

    fn take(&mut self, text: &Folded<'_>, value: Value, found: &mut Pieces) {
        // A variable or a hole of a template.
        if matches!(text.byte(value.start), b'$' | b'{') {
            return;
        }
        let (range, in_quotes) = value.range(text, VALUE_LIMIT);
        if value.is_secret(text, range.clone(), in_quotes) {
            let long = range.len() + 1 >= VALUE_LIMIT;
            let range = if long { value.range(text, usize::MAX).0 } else { range };
            self.read = range.end;
            found.add(Kind::Secret, range);
        }
    }
}

/// Reads user and password before the host of a URL that begins at a place (RFC 3986, 3.2.1).
pub(super) fn read_authority(text: &Folded<'_>, start: usize, found: &mut Pieces) {
    let inside = |byte: u8| !byte.is_ascii_whitespace() && !b"/\\?#\"'`<>".contains(&byte);
    let end = text.end_of(start, VALUE_LIMIT, inside);
    // Only what follows the last `@` is free of secrets, whatever a password is made of.
    let Some(at) = text.bytes()[start..end].iter().rposition(|byte| *byte == b'@') else { return };
    let user = start..start + at;
    if !is_placeholder(text.slice(user.clone())) && &text.bytes()[user.clone()] != b"git" {
        found.add(Kind::Credentials, user);
    }
}

/// The name before a sign, and whether it stands in quotes.
fn name_before(text: &Folded<'_>, sign: usize) -> Option<(Range<usize>, bool)> {
    let blanks = text.start_of(sign, 2, |byte| byte == b' ');
    let quote = text.start_of(blanks, 1, |byte| matches!(byte, b'"' | b'\'' | b'`'));
    let end = if quote < blanks { text.start_of(quote, 1, |byte| byte == b'\\') } else { blanks };
    let end = if quote < blanks { end } else { text.start_of(blanks, 2, |byte| byte == b'*') };
    let last = text.byte(end.wrapping_sub(1));
    if end == 0 || !(last.is_ascii_alphanumeric() || last == LETTER || last == WIDE || last > 0x80) {
        return None;
    }
    let inside = |byte: u8| {
        byte.is_ascii_alphanumeric() || byte >= LETTER || matches!(byte, b'_' | b'-' | b'.' | b' ')
    };
    let start = text.start_of(end, NAME_LIMIT, inside);
    Some((start..end, quote < blanks))
}

/// What a name promises: its last words decide, so that `password_length` is no password.
fn promise(name: &str, query: bool) -> Option<Promise> {
    let name = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let (last, before) = last_word(name);
    let (last, before) = if is_one_of(last, &["is", "ist", "lautet", "est", "es", "was", "war"]) {
        last_word(before)
    } else {
        (last, before)
    };
    if !last.is_ascii() {
        let whole = name.to_lowercase();
        return OTHER_PASSWORDS.iter().any(|word| whole.ends_with(word)).then_some(Promise::Any);
    }
    let is = |words: &[&str]| is_one_of(last, words);
    let second = |words: &[&str]| is_one_of(last_word(before).0, words);
    match last.as_bytes().last()?.to_ascii_lowercase() {
        b'y' if is(&["key"]) && second(SECRET_KEYS) => Some(Promise::Any),
        b'y' if is(&["apikey", "accesskey", "secretkey", "privatekey"]) => Some(Promise::Any),
        b'y' if is(&["key"]) && (before.trim().is_empty() || query) => Some(Promise::Key),
        b'n' | b'h' | b'l' | b's' | b't' if is(RANDOM) => Some(Promise::Random),
        b'g' | b'e' | b'd' | b'n' if query && is(&["sig", "signature", "sid", "session"]) => {
            Some(Promise::Random)
        }
        b'e' if is(&["cookie"]) && second(&["set"]) => Some(Promise::Pair),
        b'e' if is(&["cookie"]) => Some(Promise::Line),
        b'e' if is(&["passe"]) && before.to_lowercase().ends_with("mot de") => Some(Promise::Any),
        b'd' | b'e' | b't' | b'a' | b'o' => {
            let ends = |word: &&str| {
                let start = last.len().checked_sub(word.len());
                start.is_some_and(|start| last[start..].eq_ignore_ascii_case(word))
            };
            PASSWORDS.iter().any(ends).then_some(Promise::Any)
        }
        _ => None,
    }
}

/// The last word of a name in any spelling, and what is before it.
fn last_word(name: &str) -> (&str, &str) {
    const BETWEEN: [char; 4] = ['_', '-', '.', ' '];
    let name = name.trim_end_matches(BETWEEN);
    let (mut start, mut behind_is_upper) = (name.len(), false);
    for (at, letter) in name.char_indices().rev() {
        if !letter.is_alphanumeric() || behind_is_upper && letter.is_lowercase() {
            break;
        }
        (start, behind_is_upper) = (at, letter.is_uppercase());
    }
    let (before, last) = name.split_at(start);
    (last, before.trim_end_matches(BETWEEN))
}

fn is_one_of(word: &str, words: &[&str]) -> bool {
    words.iter().any(|other| other.eq_ignore_ascii_case(word))
}

/// What stands behind a name.
#[derive(Clone, Copy)]
struct Value {
    start: usize,
    promise: Promise,
    /// In the query of a URL.
    query: bool,
    /// In a place where a sentence may go on.
    loose: bool,
}

impl Value {
    /// Where the value is, and whether it stands in quotes.
    fn range(self, text: &Folded<'_>, limit: usize) -> (Range<usize>, bool) {
        let bytes = text.bytes();
        let escaped = text.byte(self.start) == b'\\';
        let quote = text.byte(self.start + usize::from(escaped));
        if matches!(quote, b'"' | b'\'' | b'`') {
            let start = self.start + usize::from(escaped) + 1;
            let line = text.end_of(start, limit, |byte| byte != b'\n');
            let mut end = start;
            while end < line && bytes[end] != quote {
                end += if bytes[end] == b'\\' && !escaped { 2 } else { 1 };
            }
            let end = end.min(line);
            let before_escape = escaped && end > start && bytes[end - 1] == b'\\';
            return (start..end - usize::from(before_escape), true);
        }
        let start = text.end_of(self.start, 2, |byte| byte == b'*');
        let ends: &[u8] = match self.promise {
            Promise::Line => b"\n\r\"",
            Promise::Pair => b"\n\r\";",
            Promise::Any | Promise::Random | Promise::Key if self.query => b"&#\"'<>)]` \t\n\r",
            Promise::Any if self.loose => b";,\"'<>)}` \t\n\r",
            Promise::Any | Promise::Random | Promise::Key => b"&;,\"'<>)}` \t\n\r",
        };
        let end = text.end_of(start, limit, |byte| !ends.contains(&byte));
        (start..text.start_of(end, 3, |byte| byte == b'.').max(start), false)
    }

    fn is_secret(self, text: &Folded<'_>, range: Range<usize>, in_quotes: bool) -> bool {
        let value = text.slice(range.clone());
        if value.is_empty() || is_placeholder(value) || is_one_of(value, SCHEMES) {
            return false;
        }
        let bytes = value.as_bytes();
        let digit = bytes.iter().any(u8::is_ascii_digit) || !value.is_ascii();
        let letter = bytes.iter().any(u8::is_ascii_alphabetic);
        match self.promise {
            Promise::Any if in_quotes || !self.loose => !is_one_of(value, NOT_SECRET),
            // In a sentence words may follow that are no secret.
            Promise::Any => {
                let ends_line = matches!(text.byte(range.end), b'\n' | b'\r');
                let call = value.contains('(') || value.starts_with('/');
                let odd =
                    digit || value.contains(|c: char| c.is_ascii_punctuation() && !"-_.?!:".contains(c));
                !is_one_of(value, NOT_SECRET) && !call && (odd || ends_line || value.len() >= 20)
            }
            Promise::Random => {
                let address = value.contains("://");
                value.len() >= 8 && digit && letter && !address || value.len() >= 32 && !value.contains(' ')
            }
            Promise::Key => {
                let hash = bytes.iter().all(|byte| byte.is_ascii_hexdigit() || *byte == b'-');
                let mixed =
                    bytes.iter().any(u8::is_ascii_uppercase) && bytes.iter().any(u8::is_ascii_lowercase);
                value.len() >= 20 && digit && mixed && !hash && !value.contains(['/', ':', ' '])
            }
            Promise::Line | Promise::Pair => value.contains('='),
        }
    }
}

/// Whether something stands where a secret would: a variable, a hole of a template, a mask, or what the scrubber left.
fn is_placeholder(value: &str) -> bool {
    let first = value.chars().next().unwrap_or(' ');
    let variable = matches!(first, '$' | '{' | '<' | '%') && value.len() > 1;
    let code = value.starts_with("env.") || value.starts_with("process.env");
    let mask = "*xX.•-?#".contains(first) && value.chars().all(|c| c == first);
    variable || code || mask || first == '[' && is_left_by_scrubbing(value)
}

fn is_left_by_scrubbing(value: &str) -> bool {
    let mut rest = value.replace("[redacted]", "");
    for kind in Kind::ALL {
        rest = rest.replace(kind.placeholder(), "");
    }
    !rest.contains(char::is_alphanumeric)
}
