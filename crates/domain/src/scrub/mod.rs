//! Personal data and credentials in texts: where they are, and the text without them.
//!
//! What is found is replaced by its kind: `[email]`, `[card]`. One pass over the bytes stops at the few places where
//! something can begin (a digit, an `@`, a colon, a known prefix) and reads from there no further than a bound, so that
//! hostile input costs linear time as well. Numbers are judged by their check digits and by how they are written;
//! numbers that have neither need a word before them that says what they are.
//!
//! `docs/guides/privacy.md` says what is found and what is left; `fixtures/pii` measures it.

mod address;
mod bank;
mod check;
mod fold;
mod identity;
mod key;
mod mail;
mod number;
mod phone;
mod place;
mod secret;
#[cfg(test)]
mod tests;
mod words;

use std::borrow::Cow;
use std::ops::Range;

use fold::Folded;

/// How often a text is read: what was replaced may bare something else, such as a number behind an address.
const MOST_PASSES: usize = 8;
/// What is kept of a text that bares something new each time it is read. People do not write such texts.
const WITHHELD: &str = "[withheld]";

/// What a found piece of text is. When two overlap, the one that comes first here is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A PEM block with a private key.
    PrivateKey,
    /// User and password in a URL.
    Credentials,
    /// A JSON Web Token.
    Jwt,
    /// A key that its vendor's prefix gives away, or one that looks random behind `key=`.
    Key,
    /// What follows `Bearer` or `Basic`.
    Token,
    /// What follows the name of a secret: `password=…`, `?access_token=…`.
    Secret,
    /// A mail address.
    Email,
    /// An international bank account number.
    Iban,
    /// The number of a payment card.
    Card,
    /// A number by which a state knows a person.
    GovernmentId,
    /// An address of the Internet Protocol, of version 4 or 6, that belongs to somebody.
    Ip,
    /// A telephone number.
    Phone,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 12] = [
        Self::PrivateKey,
        Self::Credentials,
        Self::Jwt,
        Self::Key,
        Self::Token,
        Self::Secret,
        Self::Email,
        Self::Iban,
        Self::Card,
        Self::GovernmentId,
        Self::Ip,
        Self::Phone,
    ];

    /// What stands in the place of a piece of this kind.
    pub const fn placeholder(self) -> &'static str {
        match self {
            Self::PrivateKey => "[private-key]",
            Self::Credentials => "[credentials]",
            Self::Jwt => "[jwt]",
            Self::Key => "[key]",
            Self::Token => "[token]",
            Self::Secret => "[secret]",
            Self::Email => "[email]",
            Self::Iban => "[iban]",
            Self::Card => "[card]",
            Self::GovernmentId => "[government-id]",
            Self::Ip => "[ip]",
            Self::Phone => "[phone]",
        }
    }

    /// The placeholder without its brackets.
    pub fn name(self) -> &'static str {
        self.placeholder().trim_matches(['[', ']'])
    }
}

/// A piece of a text that is better not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What it is.
    pub kind: Kind,
    /// Where it is, in bytes.
    pub range: Range<usize>,
}

/// The text with every piece that [`find`] finds replaced by the [placeholder](Kind::placeholder) of its kind.
/// Scrubbing twice is scrubbing once: nothing is found in what it gives.
pub fn scrub(text: &str) -> Cow<'_, str> {
    scrub_under("", text)
}

/// As [`scrub`], for a text that stands under a name, such as a field of JSON: `ssn`, `phone` and `version` tell what a
/// number is.
pub fn scrub_under<'t>(name: &str, text: &'t str) -> Cow<'t, str> {
    // Most of what has a field of its own is an id.
    if !may_hold(text) || is_uuid(text) {
        return Cow::Borrowed(text);
    }
    let mut before = String::new();
    if !name.is_empty() && name.len() <= 64 && is_number(text) {
        before = format!("{}: ", spoken(name));
        if !words::tell(&before) {
            before.clear();
        }
    }
    let mut scrubbed = Cow::Borrowed(text);
    for _ in 0..MOST_PASSES {
        let found = find_under(&before, &scrubbed);
        if found.is_empty() {
            return scrubbed;
        }
        scrubbed = Cow::Owned(without(&scrubbed, &found));
    }
    Cow::Borrowed(WITHHELD)
}

/// Every piece of personal data and every credential in a text, from left to right, none overlapping.
pub fn find(text: &str) -> Vec<Found> {
    if !may_hold(text) {
        return Vec::new();
    }
    let folded = Folded::of(text);
    let mut found = Pieces::default();
    scan(&folded, &mut found);
    apart(found.0)
        .into_iter()
        .map(|(kind, range)| Found { kind, range: folded.original(range) })
        .filter(|found| !found.range.is_empty())
        .collect()
}

fn is_uuid(text: &str) -> bool {
    let fits = |(at, byte): (usize, u8)| match at {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    text.len() == 36 && text.bytes().enumerate().all(fits)
}

/// Whether a text is short, and has digits enough for its name to say what they are.
fn is_number(text: &str) -> bool {
    text.len() <= 64 && (!text.is_ascii() || text.bytes().filter(u8::is_ascii_digit).count() >= 4)
}

/// The name of a field as words: `phoneNumber` and `phone_number` are `phone number`.
fn spoken(name: &str) -> String {
    let mut words = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_uppercase() && words.ends_with(char::is_lowercase) {
            words.push(' ');
        }
        words.push(if letter.is_alphanumeric() { letter } else { ' ' });
    }
    words
}

fn find_under(before: &str, text: &str) -> Vec<Found> {
    if before.is_empty() {
        return find(text);
    }
    let inside = |found: Found| {
        let start = found.range.start.checked_sub(before.len())?;
        Some(Found { range: start..found.range.end - before.len(), ..found })
    };
    find(&format!("{before}{text}")).into_iter().filter_map(inside).collect()
}

fn without(text: &str, found: &[Found]) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut from = 0;
    for Found { kind, range } in found {
        kept.push_str(&text[from..range.start]);
        kept.push_str(kind.placeholder());
        from = range.end;
    }
    kept.push_str(&text[from..]);
    kept
}

/// Whether a text has any of the characters without which there is nothing to find. Most short texts have none.
fn may_hold(text: &str) -> bool {
    const TELLING: [bool; 256] = {
        let mut telling = [false; 256];
        let mut byte = 0;
        while byte < 256 {
            telling[byte] = matches!(byte as u8, b'0'..=b'9' | b'@' | b':' | b'=' | 0x80..);
            byte += 1;
        }
        telling
    };
    text.bytes().any(|byte| TELLING[usize::from(byte)]) || text.contains("--") || text.contains(" '")
}

/// What was found so far, in bytes of the folded text.
#[derive(Default)]
struct Pieces(Vec<(Kind, Range<usize>)>);

impl Pieces {
    fn add(&mut self, kind: Kind, range: Range<usize>) {
        if !range.is_empty() {
            self.0.push((kind, range));
        }
    }
}

/// One pass over the text: each reader is called where what it knows can begin.
fn scan(text: &Folded<'_>, found: &mut Pieces) {
    let bytes = text.bytes();
    let (mut pem, mut secrets) = (key::Pem::default(), secret::Secrets::default());
    let mut at = 0;
    while at < bytes.len() {
        let mut next = at + 1;
        match bytes[at] {
            b'0'..=b'9' if !text.is_digit(at.wrapping_sub(1)) => next = number::read(text, at, found),
            b'a'..=b'z' | b'A'..=b'Z' if !text.is_word(at.wrapping_sub(1)) => {
                next = key::read(text, at, found);
                bank::read(text, at, found);
                identity::read_word(text, at, next, found);
            }
            b'@' => mail::read(text, at, at + 1, found),
            b'%' if bytes[at..].starts_with(b"%40") => mail::read(text, at, at + 3, found),
            b':' if bytes[at..].starts_with(b"://") => secret::read_authority(text, at + 3, found),
            b':' => {
                address::read_v6(text, at, found);
                secrets.read(text, at, found);
            }
            b'=' => secrets.read(text, at, found),
            b'\'' => secrets.read_literal(text, at, found),
            b'-' if bytes[at..].starts_with(b"--") => {
                pem.read(text, at, found);
                secrets.read_flag(text, at, found);
            }
            _ => {}
        }
        at = next;
    }
}

/// The pieces from left to right; of those that overlap, the kind that comes first, and the longer one.
fn apart(mut pieces: Vec<(Kind, Range<usize>)>) -> Vec<(Kind, Range<usize>)> {
    pieces.sort_by_key(|(kind, range)| (range.start, *kind, usize::MAX - range.end));
    let mut kept: Vec<(Kind, Range<usize>)> = Vec::with_capacity(pieces.len());
    for (kind, range) in pieces {
        match kept.last_mut() {
            Some((before, earlier)) if range.start < earlier.end => {
                if kind < *before {
                    (*before, *earlier) = (kind, range);
                }
            }
            _ => kept.push((kind, range)),
        }
    }
    kept
}
