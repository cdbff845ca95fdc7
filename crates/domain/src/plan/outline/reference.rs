//! The ids in a clause: single ones, and ranges such as `T032-T036`.

use std::ops::Range;

use super::key::{Key, is_word, scan_number};

/// One id, or a range of ids, that a task says it waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reference {
    pub(super) first: Key,
    /// The other end of a range.
    pub(super) last: Option<Key>,
    /// As written.
    pub(super) text: String,
    pub(super) line: u32,
}

/// How freely ids may stand among other words.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// Ids follow the phrase directly and end at the first other word: running text.
    Listed,
    /// Any id up to the end of the clause: it was set apart by parentheses or a line of its own.
    Anywhere,
}

/// The part of a line that names what a task waits for.
pub(super) struct Clause {
    /// The bytes behind the phrase.
    pub(super) body: Range<usize>,
    pub(super) manner: Manner,
}

/// Words that may stand between the phrase and the ids, or between ids.
const FILLERS: [&[u8]; 14] = [
    b"and",
    b"or",
    b"the",
    b"both",
    b"all",
    b"of",
    b"on",
    b"task",
    b"tasks",
    b"completion",
    b"only",
    b"also",
    b"plus",
    b"completing",
];
/// Words behind which ids are no longer what is waited for.
const STOPS: [&[u8]; 12] = [
    b"which",
    b"that",
    b"blocks",
    b"blocking",
    b"unblocks",
    b"before",
    b"but",
    b"not",
    b"see",
    b"so",
    b"while",
    b"parallel",
];
/// Adds the ids of one clause. `bytes` is the line `text` without its code spans; what stands in
/// parentheses inside the clause is a remark.
pub(super) fn collect(bytes: &[u8], text: &str, clause: &Clause, line: u32, out: &mut Vec<Reference>) {
    let mut at = clause.body.start;
    let end = clause.body.end;
    let mut depth = 0_usize;
    while at < end {
        match bytes[at] {
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            b' ' | b'\t' | b',' | b'&' | b'+' | b'/' | b':' | b'*' | b'#' | b'[' | b']' => {}
            byte if is_word(byte) => {
                if depth == 0
                    && let Some(reference) = reference_at(bytes, text, at, end, line)
                {
                    at += reference.text.len();
                    out.push(reference);
                    continue;
                }
                let word = word_at(bytes, at);
                let is = |list: &[&[u8]]| list.iter().any(|other| word.eq_ignore_ascii_case(other));
                let ends = match clause.manner {
                    Manner::Listed => !is(&FILLERS),
                    Manner::Anywhere => is(&STOPS),
                };
                if depth == 0 && ends {
                    return;
                }
                at += word.len();
                continue;
            }
            _ if depth == 0 && clause.manner == Manner::Listed => return,
            _ => {}
        }
        at += 1;
    }
}

fn reference_at(bytes: &[u8], text: &str, at: usize, end: usize, line: u32) -> Option<Reference> {
    let (first, behind) = Key::scan(&bytes[..end], at)?;
    let (last, behind) = match range_end(&bytes[..end], behind) {
        Some((last, behind)) => (Some(last), behind),
        None => (None, behind),
    };
    Some(Reference { first, last, text: text.get(at..behind)?.to_owned(), line })
}

/// `-T036`, ` – T036`, `…T036`, `..T036`, ` to T036`; after a bare dash also only the digits.
fn range_end(bytes: &[u8], at: usize) -> Option<(Key, usize)> {
    const CONNECTORS: [&[u8]; 11] = [
        b"-",
        b"~",
        b"...",
        b"..",
        b"to ",
        b"through ",
        "–".as_bytes(),
        "—".as_bytes(),
        "…".as_bytes(),
        "‑".as_bytes(),
        "−".as_bytes(),
    ];
    let start = skip_blanks(bytes, at);
    let connector = CONNECTORS.iter().find(|connector| bytes[start..].starts_with(connector))?;
    let behind = start + connector.len();
    if let Some(found) = Key::scan(bytes, skip_blanks(bytes, behind)) {
        return Some(found);
    }
    let (number, end) = scan_number(bytes, behind)?;
    let is_bare = start == at && !bytes.get(end).is_some_and(|&byte| is_word(byte));
    is_bare.then(|| (Key::numbered(number), end))
}

fn word_at(bytes: &[u8], at: usize) -> &[u8] {
    let length = bytes[at..].iter().take_while(|&&byte| is_word(byte)).count();
    &bytes[at..at + length]
}

/// The position of the next byte that is no blank.
pub(super) fn skip_blanks(bytes: &[u8], at: usize) -> usize {
    at + bytes[at..].iter().take_while(|&&byte| byte == b' ' || byte == b'\t').count()
}
