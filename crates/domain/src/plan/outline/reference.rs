//! Ids that a line writes: single ones, and ranges such as `T032-T036`.

use super::key::{Key, is_word, scan_number};

/// One id, or a range of ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reference {
    pub(super) first: Key,
    /// The other end of a range.
    pub(super) last: Option<Key>,
    /// As written.
    pub(super) text: String,
    pub(super) line: u32,
}

/// The id or range at a position of the line `text`; `bytes` is the line without its code spans.
pub(super) fn reference_at(bytes: &[u8], text: &str, at: usize, line: u32) -> Option<Reference> {
    let (first, behind) = Key::scan(bytes, at)?;
    let (last, behind) = match range_end(bytes, &first, behind) {
        Some((last, behind)) => (Some(last), behind),
        None => (None, behind),
    };
    Some(Reference { first, last, text: text.get(at..behind)?.to_owned(), line })
}

/// Signs and words between the ends of a range.
const CONNECTORS: [&[u8]; 17] = [
    b"-",
    b"~",
    b"...",
    b"..",
    b"to ",
    b"through ",
    b"bis ",
    "–".as_bytes(),
    "—".as_bytes(),
    "…".as_bytes(),
    "‑".as_bytes(),
    "−".as_bytes(),
    "～".as_bytes(),
    "〜".as_bytes(),
    "至".as_bytes(),
    "到".as_bytes(),
    "から".as_bytes(),
];

/// `-T036`, ` – T036`, `…T036`, `..T036`, ` to T036`; after a bare sign also only the digits, or only
/// the letters of an id that has some (`T021a–c`).
fn range_end(bytes: &[u8], first: &Key, at: usize) -> Option<(Key, usize)> {
    let start = skip_blanks(bytes, at);
    let connector = CONNECTORS.iter().find(|connector| bytes[start..].starts_with(connector))?;
    let behind = start + connector.len();
    if let Some(found) = Key::scan(bytes, skip_blanks(bytes, behind)) {
        return Some(found);
    }
    if start != at {
        return None;
    }
    if let Some(found) = first.scan_sibling(bytes, behind) {
        return Some(found);
    }
    let (number, end) = scan_number(bytes, behind)?;
    (!bytes.get(end).is_some_and(|&byte| is_word(byte))).then(|| (Key::numbered(number), end))
}

/// The position of the next byte that is no blank.
pub(super) fn skip_blanks(bytes: &[u8], at: usize) -> usize {
    at + bytes[at..].iter().take_while(|&&byte| byte == b' ' || byte == b'\t').count()
}
