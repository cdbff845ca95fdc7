//! A line taken apart: ids, arrows, phrases of dependence, and the words between them.

use super::key::{Key, is_word};
use super::phrases::{Phrase, beginning_with};
use super::reference::{Reference, reference_at};
use super::roles::{Role, role_of};
use super::unspaced::{phrase_at, role_at};

/// What a piece of a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// One id or a range; the position among the references of the sentence.
    Id(usize),
    /// `,`, `/`, `&`, `+`, “and”
    Joint,
    Colon,
    /// The end of a thought: `.`, `;`
    Stop,
    /// A dash between blanks.
    Dash,
    /// `→`: what it points to waits.
    Forward,
    /// `←`: what it comes from is waited for.
    Backward,
    Phrase(Phrase),
    Word(Role),
    Open,
    Close,
}

/// A piece of a line, and where it stands, in bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// A line taken apart.
pub(super) struct Sentence {
    pub(super) tokens: Vec<Token>,
    pub(super) references: Vec<Reference>,
}

const FORWARD: [&str; 13] = ["-->", "==>", "->", "=>", "→", "⇒", "⟶", "➜", "➔", "➡", "►", "▶", "⟹"];
const BACKWARD: [&str; 6] = ["<--", "<-", "←", "⇐", "⟵", "⬅"];

/// Whether a line holds an id outside code spans. Most lines do not, and need not be taken apart.
pub(super) fn names_an_id(bytes: &[u8]) -> bool {
    bytes
        .windows(2)
        .enumerate()
        .any(|(at, pair)| pair[0] == b'T' && pair[1].is_ascii_digit() && (at == 0 || !is_word(bytes[at - 1])))
}

impl Sentence {
    /// Takes a line apart. `bytes` is the line `text` without its code spans.
    pub(super) fn new(bytes: &[u8], text: &str, line: u32) -> Self {
        let mut sentence = Self { tokens: Vec::new(), references: Vec::new() };
        let mut at = 0;
        while at < text.len() {
            at = sentence.take(bytes, text, at, line);
        }
        sentence
    }

    /// Reads the piece at `at` and gives the position behind it.
    fn take(&mut self, bytes: &[u8], text: &str, at: usize, line: u32) -> usize {
        if bytes[at] == super::mask::MASKED {
            let end = at + bytes[at..].iter().take_while(|&&byte| byte == super::mask::MASKED).count();
            return self.push(Kind::Word(Role::default()), at, end);
        }
        if Key::scan(bytes, at).is_some()
            && let Some(reference) = reference_at(bytes, text, at, line)
        {
            let end = at + reference.text.len();
            self.references.push(reference);
            return self.push(Kind::Id(self.references.len() - 1), at, end);
        }
        let rest = &text[at..];
        if let Some((kind, length)) = arrow_at(rest) {
            return self.push(kind, at, at + length);
        }
        let Some(character) = rest.chars().next() else {
            return text.len();
        };
        if is_unspaced(character) {
            return self.take_unspaced(bytes, text, at);
        }
        if character.is_alphanumeric() || character == '_' {
            return self.take_word(text, at);
        }
        let end = at + character.len_utf8();
        match mark(character, rest, at == 0 || bytes[at - 1].is_ascii_whitespace()) {
            Some(kind) => self.push(kind, at, end),
            None => end,
        }
    }

    fn push(&mut self, kind: Kind, start: usize, end: usize) -> usize {
        self.tokens.push(Token { kind, start, end });
        end
    }

    /// A word, or the longest phrase that begins with it.
    fn take_word(&mut self, text: &str, at: usize) -> usize {
        let (word, end) = word_at(text, at);
        for (words, phrase) in beginning_with(&word) {
            let mut behind = end;
            let goes_on = words[1..].iter().all(|wanted| {
                let blanks = text[behind..].len() - text[behind..].trim_start_matches([' ', '\t']).len();
                let (next, next_end) = word_at(text, behind + blanks);
                behind = next_end;
                blanks > 0 && next == *wanted
            });
            if goes_on {
                return self.push(Kind::Phrase(*phrase), at, behind);
            }
        }
        let kind = match word.as_str() {
            "and" | "und" | "et" | "y" | "e" | "и" => Kind::Joint,
            _ => Kind::Word(role_of(&word)),
        };
        self.push(kind, at, end)
    }

    /// A phrase, a joint or a word of a script that has no blanks between words.
    fn take_unspaced(&mut self, bytes: &[u8], text: &str, at: usize) -> usize {
        let rest = &text[at..];
        if let Some((phrase, length)) = phrase_at(rest) {
            return self.push(Kind::Phrase(phrase), at, at + length);
        }
        let joint =
            ["以及", "和", "与", "及", "或", "と", "や", "및"].iter().find(|joint| rest.starts_with(**joint));
        // “和平” begins with “and” as well; between ids it stands alone.
        if let Some(joint) = joint
            && stands_before_id(bytes, at + joint.len())
        {
            return self.push(Kind::Joint, at, at + joint.len());
        }
        if let Some((role, length)) = role_at(rest) {
            return self.push(Kind::Word(role), at, at + length);
        }
        let end = at + rest.chars().next().map_or(1, char::len_utf8);
        match self.tokens.last_mut() {
            Some(last) if last.end == at && last.kind == Kind::Word(Role::default()) => last.end = end,
            _ => return self.push(Kind::Word(Role::default()), at, end),
        }
        end
    }
}

fn arrow_at(rest: &str) -> Option<(Kind, usize)> {
    let first = rest.as_bytes().first()?;
    if !(matches!(first, b'-' | b'=' | b'<') || *first >= 0x80) {
        return None;
    }
    let find = |arrows: &[&str], kind| {
        arrows.iter().find(|arrow| rest.starts_with(**arrow)).map(|arrow| (kind, arrow.len()))
    };
    find(&FORWARD, Kind::Forward).or_else(|| find(&BACKWARD, Kind::Backward))
}

/// What a character between words is; `None` for what only decorates.
fn mark(character: char, rest: &str, behind_blank: bool) -> Option<Kind> {
    let before_blank = rest[character.len_utf8()..].chars().next().is_none_or(char::is_whitespace);
    match character {
        '(' | '（' => Some(Kind::Open),
        ')' | '）' => Some(Kind::Close),
        ',' | '，' | '、' | '&' | '＆' | '+' | '＋' | '/' | '／' | '|' | '‖' | '・' | '·' => {
            Some(Kind::Joint)
        }
        ':' | '：' => Some(Kind::Colon),
        '.' if before_blank => Some(Kind::Stop),
        '。' | ';' | '；' | '!' | '?' | '！' | '？' => Some(Kind::Stop),
        '-' | '–' | '—' if behind_blank && before_blank => Some(Kind::Dash),
        '=' | '<' | '>' | '%' | '@' | '$' | '^' | '\\' => Some(Kind::Word(Role::default())),
        _ => None,
    }
}

/// The word at a position in lower case, and the position behind it. Apostrophes and hyphens inside
/// a word belong to it.
fn word_at(text: &str, at: usize) -> (String, usize) {
    let mut end = at;
    let mut characters = text[at..].char_indices().peekable();
    while let Some((offset, character)) = characters.next() {
        let joins = matches!(character, '\'' | '’' | '-')
            && offset > 0
            && characters.peek().is_some_and(|(_, next)| next.is_alphabetic() && !is_unspaced(*next));
        let belongs = (character.is_alphanumeric() || character == '_') && !is_unspaced(character);
        if !(belongs || joins) {
            break;
        }
        end = at + offset + character.len_utf8();
    }
    (text[at..end].to_lowercase(), end)
}

/// Whether words of the script of a letter follow each other without blanks. Hangul has blanks, but
/// hangs its particles on ids.
fn is_unspaced(character: char) -> bool {
    matches!(character, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}')
}

fn stands_before_id(bytes: &[u8], at: usize) -> bool {
    let start = super::reference::skip_blanks(bytes, at);
    Key::scan(bytes, start).is_some()
}
