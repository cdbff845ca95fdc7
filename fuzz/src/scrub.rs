//! The scrubber of personal data.

use goalwright_domain::scrub::{Kind, find, scrub};

use crate::cost;

/// Scrubs the text, and checks what is left.
///
/// # Panics
/// If a law is broken.
pub fn check(text: &str) {
    let scrubbed = cost::bounded(text.len(), || scrub(text).into_owned());
    let found = find(text);
    let mut end = 0;
    for piece in &found {
        assert!(piece.range.start >= end, "pieces are in order and apart: {found:?}");
        assert!(!text[piece.range.clone()].is_empty(), "a piece is a part of the text: {piece:?}");
        end = piece.range.end;
    }
    assert_eq!(found.is_empty(), scrubbed == text, "what has nothing in it stays, and nothing else does");
    assert_eq!(find(&scrubbed), vec![], "nothing is found in what is left: {scrubbed:?}");
    assert_eq!(scrub(&scrubbed), scrubbed, "scrubbing twice is scrubbing once");
    let longest = Kind::ALL.iter().map(|kind| kind.placeholder().len()).max().unwrap_or_default();
    assert!(scrubbed.len() <= text.len().max(1) * longest, "{} bytes of {}", scrubbed.len(), text.len());
    doubled(text);
}

/// A text and twice as much of it take about the time that their lengths allow, from a size on that can be timed.
fn doubled(text: &str) {
    if text.is_empty() {
        return;
    }
    let large = text.repeat(32 * 1024 / text.len() + 1);
    cost::bounded(large.len(), || scrub(&large).into_owned());
}
