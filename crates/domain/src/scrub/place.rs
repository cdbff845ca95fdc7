//! What stands around a number.

use super::fold::Folded;

/// Whether the number that begins here is the middle of something longer: of a word, a fraction, a chain of numbers.
pub(super) fn goes_on_before(text: &Folded<'_>, start: usize) -> bool {
    let before = text.byte(start.wrapping_sub(1));
    let earlier = start.wrapping_sub(2);
    match before {
        b'_' => true,
        b'.' | b'-' => start > 1 && text.is_digit(earlier),
        b',' | b'/' | b':' | b'\'' => false,
        _ => start > 0 && text.is_word(start - 1),
    }
}

/// Whether the number that ends here does.
pub(super) fn goes_on_behind(text: &Folded<'_>, end: usize) -> bool {
    match text.byte(end) {
        b'_' | b'@' => true,
        b'.' => text.is_digit(end + 1),
        b'-' => text.is_word(end + 1),
        _ => text.is_word(end),
    }
}
