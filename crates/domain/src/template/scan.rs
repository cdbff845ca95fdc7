//! Cuts a string into text and holes, in linear time.

use std::borrow::Cow;

/// A part of a template string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// Text as it will appear, literal braces already single.
    Text(Cow<'a, str>),
    /// A candidate for a hole: whether it is a valid expression is not known yet.
    Hole {
        /// With its braces, as it appears when it is no valid expression.
        source: &'a str,
        /// Between the braces, without the blanks around it.
        expression: &'a str,
    },
}

/// Writes text so that it resolves to itself: every brace doubled.
pub fn escape(text: &str) -> String {
    text.replace('{', "{{").replace('}', "}}")
}

/// Cuts `text` into its pieces.
pub(super) fn scan(text: &str) -> Vec<Piece<'_>> {
    let bytes = text.as_bytes();
    if !bytes.iter().any(|b| matches!(b, b'{' | b'}')) {
        return vec![Piece::Text(Cow::Borrowed(text))];
    }
    let ends = Ends::of(bytes);
    let mut pieces = Vec::new();
    let mut literal = String::new();
    // Which braces of the text are open: `true` for `{{`, `false` for a single one. A `}}` that
    // closes two single ones is the end of nested JSON and no escape.
    let mut open: Vec<bool> = Vec::new();
    let (mut at, mut kept) = (0, 0);
    while at < bytes.len() {
        match bytes[at] {
            b'{' if bytes.get(at + 1) == Some(&b'{') => {
                literal.push_str(&text[kept..=at]);
                open.push(true);
                at += 2;
                kept = at;
            }
            b'{' => match ends.of_hole(at) {
                Some(end) => {
                    literal.push_str(&text[kept..at]);
                    if !literal.is_empty() {
                        pieces.push(Piece::Text(Cow::Owned(std::mem::take(&mut literal))));
                    }
                    pieces
                        .push(Piece::Hole { source: &text[at..=end], expression: text[at + 1..end].trim() });
                    at = end + 1;
                    kept = at;
                }
                None => {
                    open.push(false);
                    at += 1;
                }
            },
            b'}' => {
                let escaped = open.pop().unwrap_or(true);
                at += 1;
                if escaped && bytes.get(at) == Some(&b'}') {
                    literal.push_str(&text[kept..at]);
                    at += 1;
                    kept = at;
                }
            }
            _ => at += 1,
        }
    }
    literal.push_str(&text[kept..]);
    if !literal.is_empty() || pieces.is_empty() {
        pieces.push(Piece::Text(Cow::Owned(literal)));
    }
    pieces
}

/// Whether a hole may start at this brace: blanks, then a letter or an underscore.
fn may_start(bytes: &[u8], at: usize) -> bool {
    bytes[at + 1..]
        .iter()
        .find(|b| !matches!(b, b' ' | b'\t' | b'\r' | b'\n'))
        .is_some_and(|b| b.is_ascii_alphabetic() || *b == b'_')
}

/// Where the hole that starts at a brace ends.
struct Ends {
    end: Vec<Option<usize>>,
}

/// What a reader is inside of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    Code,
    Quote(u8),
    Escape(u8),
}

/// All readers that are inside of the same thing. `open[k]` holds the braces that the k-th next
/// unmatched `}` but `open.len() - 1 - k` will close.
struct Track {
    inside: Inside,
    open: Vec<Vec<usize>>,
}

impl Ends {
    /// One pass for all braces. A reader that starts at each brace by itself would be quadratic
    /// for text such as `{a{a{a`; but readers that are inside of the same thing at the same place
    /// see the same from there on, so they go on as one. There are never more than five tracks.
    fn of(bytes: &[u8]) -> Self {
        let mut end = vec![None; bytes.len()];
        let mut tracks: Vec<Track> = Vec::new();
        for (at, &byte) in bytes.iter().enumerate() {
            if tracks.is_empty() && byte != b'{' {
                continue;
            }
            let in_code = tracks.iter().any(|track| track.inside == Inside::Code);
            for track in &mut tracks {
                track.read(byte, at, &mut end);
            }
            tracks.retain(|track| !track.open.is_empty());
            if byte == b'{' && !in_code && may_start(bytes, at) {
                tracks.push(Track { inside: Inside::Code, open: vec![vec![at]] });
            }
            merge(&mut tracks);
        }
        for (at, end) in end.iter_mut().enumerate() {
            *end = end.filter(|_| may_start(bytes, at));
        }
        Self { end }
    }

    fn of_hole(&self, at: usize) -> Option<usize> {
        self.end[at]
    }
}

impl Track {
    fn read(&mut self, byte: u8, at: usize, end: &mut [Option<usize>]) {
        self.inside = match (self.inside, byte) {
            (Inside::Code, b'\'' | b'"') => Inside::Quote(byte),
            (Inside::Code, b'{') => {
                self.open.push(vec![at]);
                Inside::Code
            }
            (Inside::Code, b'}') => {
                for start in self.open.pop().unwrap_or_default() {
                    end[start] = Some(at);
                }
                Inside::Code
            }
            (Inside::Quote(_), b'\\') => match self.inside {
                Inside::Quote(quote) => Inside::Escape(quote),
                other => other,
            },
            (Inside::Quote(quote), _) if quote == byte => Inside::Code,
            (Inside::Escape(quote), _) => Inside::Quote(quote),
            (same, _) => same,
        };
    }

    /// Takes over another track's open braces, innermost to innermost. Costs as much as the
    /// shorter of the two, whose places are gone afterwards: linear over the whole text.
    fn absorb(&mut self, mut other: Track) {
        if self.open.len() < other.open.len() {
            std::mem::swap(&mut self.open, &mut other.open);
        }
        for (mine, mut theirs) in self.open.iter_mut().rev().zip(other.open.into_iter().rev()) {
            if mine.len() < theirs.len() {
                std::mem::swap(mine, &mut theirs);
            }
            mine.append(&mut theirs);
        }
    }
}

fn merge(tracks: &mut Vec<Track>) {
    let mut at = 1;
    while at < tracks.len() {
        match tracks[..at].iter().position(|track| track.inside == tracks[at].inside) {
            Some(same) => {
                let other = tracks.remove(at);
                tracks[same].absorb(other);
            }
            None => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holes(text: &str) -> Vec<&str> {
        scan(text)
            .into_iter()
            .filter_map(|piece| match piece {
                Piece::Hole { expression, .. } => Some(expression),
                Piece::Text(_) => None,
            })
            .collect()
    }

    fn text(text: &str) -> String {
        scan(text)
            .into_iter()
            .map(|piece| match piece {
                Piece::Hole { source, .. } => source.to_owned(),
                Piece::Text(text) => text.into_owned(),
            })
            .collect()
    }

    #[test]
    fn holes_end_at_their_own_brace() {
        assert_eq!(holes("a {b} c { d.e } {_f}"), ["b", "d.e", "_f"]);
        assert_eq!(holes("{a['}']} {b|default({'c': {}})}"), ["a['}']", "b|default({'c': {}})"]);
        assert_eq!(holes(r#"{a["\"}"]}x"#), [r#"a["\"}"]"#]);
        assert_eq!(holes("{1} {} { } {'a'} {-a}"), [] as [&str; 0]);
    }

    #[test]
    fn an_open_quote_does_not_swallow_later_holes() {
        assert_eq!(holes("{it's {name} and {other}"), ["name", "other"]);
        assert_eq!(holes("it's {name}, isn't it"), ["name"]);
        assert_eq!(holes("{a {b} {c"), ["b"]);
        assert_eq!(holes("{a'{b\"{c'}\"}"), ["a'{b\"{c'"]);
    }

    #[test]
    fn literal_braces_and_json() {
        for (given, shown) in [
            ("{{a}}", "{a}"),
            ("}}", "}"),
            ("}", "}"),
            ("{", "{"),
            (r"\d{3}", r"\d{3}"),
            (r#"{"a":{"b":1}}"#, r#"{"a":{"b":1}}"#),
            (r#"{{"a":{"b":1}}}"#, r#"{"a":{"b":1}}"#),
            ("{{{a}}}", "{{a}}"),
        ] {
            assert_eq!(text(given), shown, "{given}");
        }
    }

    #[test]
    fn hostile_text_takes_linear_time() {
        for unit in ["{a", "{a'", "{a'{a\"", "{a\\'", "{ ", "{a}'", "'\"{a"] {
            let text = unit.repeat(400_000 / unit.len());
            let started = std::time::Instant::now();
            let _ = scan(&text);
            assert!(started.elapsed().as_secs() < 5, "{unit}");
        }
    }
}
