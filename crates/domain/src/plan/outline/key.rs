//! Task ids: `T` and digits, perhaps a letter (`T019a`), perhaps dots (`T009.5`).

use std::collections::HashMap;
use std::ops::Range;

/// The value of an id. Ordered as a reader would: T009 < T009.5 < T009a < T010; the width of the
/// number does not matter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) number: u32,
    letters: String,
    parts: Vec<u32>,
}

impl Key {
    /// A key that is a number only.
    pub(super) fn numbered(number: u32) -> Self {
        Self { number, letters: String::new(), parts: Vec::new() }
    }

    /// Reads the id that starts at `at`, and gives the position behind it.
    pub(super) fn scan(bytes: &[u8], at: usize) -> Option<(Self, usize)> {
        if bytes.get(at) != Some(&b'T') || at > 0 && is_word(bytes[at - 1]) {
            return None;
        }
        let (number, mut end) = scan_number(bytes, at + 1)?;
        let mut key = Self::numbered(number);
        while key.letters.len() < 2 && bytes.get(end).is_some_and(u8::is_ascii_alphabetic) {
            key.letters.push(char::from(bytes[end]));
            end += 1;
        }
        while bytes.get(end) == Some(&b'.')
            && let Some((part, behind)) = scan_number(bytes, end + 1)
        {
            key.parts.push(part);
            end = behind;
        }
        (!bytes.get(end).is_some_and(|&byte| is_word(byte))).then_some((key, end))
    }

    /// Reads the letters that stand for an id of the same number: `b` behind `T021a`.
    pub(super) fn scan_sibling(&self, bytes: &[u8], at: usize) -> Option<(Self, usize)> {
        let letters = bytes.get(at..)?.iter().take(3).take_while(|byte| byte.is_ascii_lowercase()).count();
        let ends = !bytes.get(at + letters).is_some_and(|&byte| is_word(byte));
        if self.letters.is_empty() || !self.parts.is_empty() || letters == 0 || letters > 2 || !ends {
            return None;
        }
        let letters = std::str::from_utf8(&bytes[at..at + letters]).ok()?;
        let end = at + letters.len();
        Some((Self { number: self.number, letters: letters.to_owned(), parts: Vec::new() }, end))
    }
}

/// Up to nine digits; a longer number is no id.
pub(super) fn scan_number(bytes: &[u8], at: usize) -> Option<(u32, usize)> {
    let digits = bytes.get(at..)?.iter().take(10).take_while(|byte| byte.is_ascii_digit()).count();
    if digits == 0 || digits > 9 {
        return None;
    }
    let text = std::str::from_utf8(&bytes[at..at + digits]).ok()?;
    Some((text.parse().ok()?, at + digits))
}

/// Whether a byte continues an ASCII word. Letters of other scripts do not: `T003完成` holds an id.
pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Finds tasks by the ids that other lines write.
pub(super) struct KeyIndex {
    exact: HashMap<String, usize>,
    sorted: Vec<(Key, usize)>,
}

impl KeyIndex {
    /// `keys` are the keys of all tasks, by position.
    pub(super) fn new<'a>(keys: impl Iterator<Item = &'a str>) -> Self {
        let mut exact = HashMap::new();
        let mut sorted = Vec::new();
        for (index, key) in keys.enumerate() {
            exact.entry(key.to_owned()).or_insert(index);
            if let Some((value, _)) = Key::scan(key.as_bytes(), 0) {
                sorted.push((value, index));
            }
        }
        sorted.sort_unstable();
        Self { exact, sorted }
    }

    /// The task with exactly this key, the first one if it is given twice.
    pub(super) fn task(&self, key: &str) -> Option<usize> {
        self.exact.get(key).copied()
    }

    /// Ranks of the keys between two ids, both included, whichever is written first.
    pub(super) fn ranks(&self, one: &Key, other: &Key) -> Range<usize> {
        let (first, last) = if one <= other { (one, other) } else { (other, one) };
        let start = self.sorted.partition_point(|(key, _)| key < first);
        let end = self.sorted.partition_point(|(key, _)| key <= last);
        start..end
    }

    /// The rank of the one key written `text`; where only the width differs (`T1`, `T001`), of that.
    pub(super) fn ranks_of(&self, key: &Key, text: &str) -> Range<usize> {
        let same_value = self.ranks(key, key);
        match self.task(text) {
            Some(task) if same_value.len() > 1 => same_value
                .clone()
                .find(|&rank| self.sorted[rank].1 == task)
                .map_or(same_value, |rank| rank..rank + 1),
            _ => same_value,
        }
    }

    /// The task at a rank.
    pub(super) fn at_rank(&self, rank: usize) -> usize {
        self.sorted[rank].1
    }

    /// The largest number in use, 0 if there is none.
    pub(super) fn largest_number(keys: &[Option<&Key>]) -> u32 {
        keys.iter().flatten().map(|key| key.number).max().unwrap_or(0)
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "T{:03}{}", self.number, self.letters)?;
        self.parts.iter().try_for_each(|part| write!(f, ".{part}"))
    }
}
