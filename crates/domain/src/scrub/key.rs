//! Keys that can be recognised: by the prefix of their vendor, by their armour, or by the word before them.

use super::fold::Folded;
use super::{Kind, Pieces};

/// Prefixes of secret keys as their vendors document them, and how much follows at least. Keys that are meant to be
/// public, such as `pk_…`, are not here.
const PREFIXES: &[(&str, usize)] = &[
    ("AGE-SECRET-KEY-1", 50),
    ("AIza", 35),
    ("AKIA", 16),
    ("ASIA", 16),
    ("ATATT3", 20),
    ("NRAK-", 20),
    ("SG.", 40),
    ("SK", 32),
    ("dckr_pat_", 20),
    ("dop_v1_", 40),
    ("figd_", 20),
    ("ghp_", 36),
    ("gho_", 36),
    ("ghr_", 36),
    ("ghs_", 36),
    ("ghu_", 36),
    ("github_pat_", 30),
    ("glpat-", 18),
    ("glsa_", 30),
    ("gsk_", 30),
    ("hf_", 30),
    ("hvs.", 20),
    ("key-", 32),
    ("lin_api_", 20),
    ("npm_", 36),
    ("pypi-", 50),
    ("r8_", 30),
    ("rk_live_", 16),
    ("rk_test_", 16),
    ("rzp_live_", 14),
    ("sbp_", 40),
    ("shpat_", 32),
    ("shppa_", 32),
    ("shpss_", 32),
    ("sk-", 20),
    ("sk_live_", 16),
    ("sk_test_", 16),
    ("sntrys_", 30),
    ("sq0atp-", 22),
    ("sq0csp-", 40),
    ("tskey-", 20),
    ("whsec_", 20),
    ("xai-", 30),
    ("xapp-", 20),
    ("xoxa-", 20),
    ("xoxb-", 20),
    ("xoxp-", 20),
    ("xoxr-", 20),
    ("xoxs-", 20),
    ("ya29.", 20),
];

/// The shortest of these keys, with its prefix.
const SHORTEST_KEY: usize = 20;
/// More than any key is long.
const KEY_LIMIT: usize = 512;
/// RFC 6750 and what servers accept in a header.
const TOKEN_LIMIT: usize = 8192;

/// Reads what begins with a letter, and gives the end of its first word.
pub(super) fn read(text: &Folded<'_>, at: usize, found: &mut Pieces) -> usize {
    let bytes = text.bytes();
    let end = text.end_of(at, usize::MAX, |byte| byte.is_ascii_alphanumeric());
    let rest = &bytes[at..];
    if rest.starts_with(b"eyJ") {
        if let Some(end) = web_token(text, at) {
            found.add(Kind::Jwt, at..end);
            return end;
        }
    } else if let Some((prefix, least)) = prefix(text, at) {
        let key = text.end_of(at + prefix.len(), KEY_LIMIT, |byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
        });
        let key = text.start_of(key, 3, |byte| byte == b'.').max(at);
        let body = &bytes[at + prefix.len()..key.max(at + prefix.len())];
        let random = body.iter().any(u8::is_ascii_digit) || body.len() >= 36;
        let exact = prefix != "SK" || body.len() == 32 && body.iter().all(u8::is_ascii_hexdigit);
        if body.len() >= least && random && exact {
            found.add(Kind::Key, at..key);
            return key;
        }
    } else if end - at == 6 && rest[..6].eq_ignore_ascii_case(b"bearer") {
        bearer(text, end, found);
    } else if end - at == 5 && rest[..5].eq_ignore_ascii_case(b"basic") {
        basic(text, end, found);
    }
    end
}

/// The longest prefix that the word at a place begins with, if what follows is long enough for any key.
fn prefix(text: &Folded<'_>, at: usize) -> Option<(&'static str, usize)> {
    let inside = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    if text.end_of(at, SHORTEST_KEY, inside) < at + SHORTEST_KEY {
        return None;
    }
    let rest = &text.bytes()[at..];
    let begins = |prefix: &&(&str, usize)| rest.starts_with(prefix.0.as_bytes());
    PREFIXES.iter().filter(begins).copied().max_by_key(|(prefix, _)| prefix.len())
}

/// The end of a signed or encrypted JSON Web Token: three or five parts in base64url (RFC 7519).
fn web_token(text: &Folded<'_>, at: usize) -> Option<usize> {
    let inside = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let part = |from: usize| text.end_of(from, TOKEN_LIMIT, inside);
    let header = text.end_of(at, KEY_LIMIT, inside);
    if header - at < 12 || text.byte(header) != b'.' {
        return None;
    }
    let mut end = part(header + 1);
    if end - header < 5 || text.byte(end) != b'.' {
        return None;
    }
    for _ in 0..3 {
        if text.byte(end) == b'.' {
            end = part(end + 1);
        }
    }
    Some(end - usize::from(text.byte(end - 1) == b'.' && text.byte(end) != b'"'))
}

/// `Bearer` and a token (RFC 6750) that is none of the words that also follow it.
fn bearer(text: &Folded<'_>, word: usize, found: &mut Pieces) {
    let inside = |byte: u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=')
    };
    let Some(start) = value(text, word) else { return };
    let end = text.end_of(start, TOKEN_LIMIT, inside);
    let end = text.start_of(end, 3, |byte| byte == b'.').max(start);
    let token = &text.bytes()[start..end];
    let telling = token.iter().any(u8::is_ascii_digit) && token.len() >= 6;
    if telling || token.len() >= 24 {
        found.add(Kind::Token, start..end);
    }
}

/// `Basic` and user and password in base64 (RFC 7617).
fn basic(text: &Folded<'_>, word: usize, found: &mut Pieces) {
    let Some(start) = value(text, word) else { return };
    let end = text.end_of(start, KEY_LIMIT, |byte| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'-' | b'_')
    });
    let token = &text.bytes()[start..end];
    if token.len() >= 4 && holds_a_colon(token) {
        found.add(Kind::Token, start..end);
    }
}

/// Where the word behind a word begins.
fn value(text: &Folded<'_>, word: usize) -> Option<usize> {
    let start = text.end_of(word, 4, |byte| byte == b' ' || byte == b'\t');
    (start > word).then_some(start)
}

/// Whether base64 stands for printable text with a colon.
fn holds_a_colon(token: &[u8]) -> bool {
    let (mut bits, mut count, mut colon) = (0_u32, 0, false);
    for byte in token.iter().take_while(|byte| **byte != b'=') {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            _ => 63,
        };
        (bits, count) = (bits << 6 | u32::from(value), count + 6);
        if count >= 8 {
            count -= 8;
            let decoded = u8::try_from(bits >> count & 0xff).unwrap_or(0);
            bits &= (1 << count) - 1;
            if decoded < b' ' || decoded == 0x7f {
                return false;
            }
            colon |= decoded == b':';
        }
    }
    colon
}

/// Reads armoured private keys (RFC 7468), and remembers where it need not look again.
#[derive(Default)]
pub(super) struct Pem {
    /// No block ends behind this place.
    no_end_from: Option<usize>,
    /// What was read already.
    read: usize,
}

impl Pem {
    pub(super) fn read(&mut self, text: &Folded<'_>, at: usize, found: &mut Pieces) {
        let bytes = text.bytes();
        if at < self.read || !bytes[at..].starts_with(b"-----BEGIN ") {
            return;
        }
        let label = at + b"-----BEGIN ".len();
        let label_end =
            text.end_of(label, 64, |byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b' ');
        let label = &bytes[label..label_end];
        let private = label.ends_with(b"PRIVATE KEY") || label.ends_with(b"PRIVATE KEY BLOCK");
        if !private || !bytes[label_end..].starts_with(b"-----") {
            return;
        }
        let body = label_end + 5;
        let end = self.end(bytes, body).unwrap_or(bytes.len());
        self.read = end;
        found.add(Kind::PrivateKey, at..end);
    }

    /// The end of the line that ends a block. A block that was cut off goes on to the end of the text.
    fn end(&mut self, bytes: &[u8], from: usize) -> Option<usize> {
        const END: &[u8] = b"-----END ";
        if self.no_end_from.is_some_and(|place| place <= from) {
            return None;
        }
        let Some(end) = bytes[from..].windows(END.len()).position(|window| window == END) else {
            self.no_end_from = Some(from);
            return None;
        };
        let label = from + end + END.len();
        let length = bytes[label..].iter().take(80).position(|byte| *byte == b'-').unwrap_or(0);
        let dashes = bytes[label + length..].iter().take(5).take_while(|byte| **byte == b'-').count();
        Some(label + length + dashes)
    }
}
