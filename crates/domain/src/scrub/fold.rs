//! Texts in one byte for each character that matters.

use std::borrow::Cow;
use std::ops::Range;

/// A letter of an alphabet that is not ASCII.
pub(super) const LETTER: u8 = 0x80;
/// A letter of a script that writes words without spaces between them.
pub(super) const WIDE: u8 = 0x81;
/// Any other character that is not ASCII.
const OTHER: u8 = 0x82;

/// Where the digits from 0 to 9 of other scripts begin (Unicode's `Nd`).
const ZEROS: &[u32] = &[
    0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66, 0x0DE6,
    0x0E50, 0x0ED0, 0x0F20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0,
    0x1C40, 0x1C50, 0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10, 0x1D7CE, 0x1D7D8,
    0x1D7E2, 0x1D7EC, 0x1D7F6,
];

/// A text as the readers see it: digits of every script, dashes, blanks and full-width forms are their ASCII
/// counterparts, characters without width are gone, and all others are one of three bytes.
pub(super) struct Folded<'t> {
    text: &'t str,
    bytes: Cow<'t, [u8]>,
    /// Where each byte was in the text, and its end; empty for a text that is ASCII.
    offsets: Vec<usize>,
}

impl<'t> Folded<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        if text.is_ascii() {
            return Self { text, bytes: Cow::Borrowed(text.as_bytes()), offsets: Vec::new() };
        }
        let mut bytes = Vec::with_capacity(text.len());
        let mut offsets = Vec::with_capacity(text.len() + 1);
        for (at, letter) in text.char_indices() {
            if let Some(byte) = fold(letter) {
                bytes.push(byte);
                offsets.push(at);
            }
        }
        offsets.push(text.len());
        Self { text, bytes: Cow::Owned(bytes), offsets }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The byte at a place; a line feed outside of the text, since nothing goes on there.
    pub(super) fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(b'\n')
    }

    /// Where a range is in the text.
    pub(super) fn original(&self, range: Range<usize>) -> Range<usize> {
        if self.offsets.is_empty() {
            return range;
        }
        self.offsets[range.start]..self.offsets[range.end]
    }

    /// The text of a range.
    pub(super) fn slice(&self, range: Range<usize>) -> &str {
        &self.text[self.original(range)]
    }

    /// At most so many characters of the same line that end at a place.
    pub(super) fn before(&self, at: usize, most: usize) -> &str {
        let from = at.saturating_sub(most);
        let line =
            self.bytes[from..at].iter().rposition(|byte| *byte == b'\n').map_or(from, |end| from + end + 1);
        self.slice(line..at)
    }

    /// At most so many characters from a place on.
    pub(super) fn after(&self, at: usize, most: usize) -> &str {
        self.slice(at..at.saturating_add(most).min(self.bytes.len()))
    }

    pub(super) fn is_digit(&self, at: usize) -> bool {
        self.byte(at).is_ascii_digit()
    }

    /// Whether a word goes on at a place: a letter of an alphabet with words, or a digit.
    pub(super) fn is_word(&self, at: usize) -> bool {
        let byte = self.byte(at);
        byte.is_ascii_alphanumeric() || byte == LETTER
    }

    /// The end of the bytes from a place on that are such, no further than a bound.
    pub(super) fn end_of(&self, from: usize, most: usize, such: impl Fn(u8) -> bool) -> usize {
        let to = from.saturating_add(most).min(self.bytes.len());
        let from = from.min(to);
        self.bytes[from..to].iter().position(|byte| !such(*byte)).map_or(to, |length| from + length)
    }

    /// The beginning of the bytes up to a place that are such, no further than a bound.
    pub(super) fn start_of(&self, to: usize, most: usize, such: impl Fn(u8) -> bool) -> usize {
        let from = to.saturating_sub(most);
        self.bytes[from..to].iter().rposition(|byte| !such(*byte)).map_or(from, |last| from + last + 1)
    }
}

fn fold(letter: char) -> Option<u8> {
    if letter.is_ascii() {
        return Some(letter as u8);
    }
    let code = u32::from(letter);
    let ascii = |code: u32| u8::try_from(code).ok();
    match code {
        0x00AD
        | 0x0300..=0x036F
        | 0x200B..=0x200F
        | 0x202A..=0x202E
        | 0x2060..=0x2069
        | 0xFE00..=0xFE0F
        | 0xFEFF => {
            return None;
        }
        0x2010..=0x2015 | 0x2212 | 0xFE58 | 0xFE63 => return Some(b'-'),
        0x0085 | 0x2028 | 0x2029 => return Some(b'\n'),
        0xFF01..=0xFF5E => return ascii(code - 0xFEE0),
        _ => {}
    }
    if letter.is_whitespace() {
        return Some(b' ');
    }
    let zero = ZEROS.partition_point(|zero| *zero <= code).checked_sub(1).map(|index| ZEROS[index]);
    if let Some(value) = zero.map(|zero| code - zero)
        && value < 10
    {
        return ascii(u32::from(b'0') + value);
    }
    if !letter.is_alphanumeric() {
        return Some(OTHER);
    }
    let without_spaces = matches!(code,
        0x0E00..=0x0EFF | 0x1000..=0x109F | 0x1100..=0x11FF | 0x1780..=0x17FF | 0x3040..=0x30FF | 0x3400..=0x9FFF
        | 0xAC00..=0xD7AF | 0xF900..=0xFAFF | 0x20000..=0x3FFFF);
    Some(if without_spaces { WIDE } else { LETTER })
}
