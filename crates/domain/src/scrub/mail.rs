//! Mail addresses (RFC 5321, and RFC 6531 for letters of all scripts), as people write them.

use super::fold::{Folded, LETTER, WIDE};
use super::{Kind, Pieces};

/// RFC 5321, 4.5.3.1.
const LOCAL_LIMIT: usize = 64;
const DOMAIN_LIMIT: usize = 255;

/// Ends of file names that look like domains behind an `@`: `icon@2x.png`.
const FILES: &[&str] = &[
    "png", "jpg", "jpeg", "gif", "svg", "webp", "ico", "css", "js", "ts", "json", "html", "yaml", "yml",
    "toml",
];

/// Reads to both sides of an `@` that ends at `behind`.
pub(super) fn read(text: &Folded<'_>, at: usize, behind: usize, found: &mut Pieces) {
    let bytes = text.bytes();
    // In Chinese, Japanese and Thai an address touches the sentence around it.
    let touching = bytes[at.saturating_sub(1)] != WIDE;
    let local = |byte: u8| {
        byte.is_ascii_alphanumeric()
            || matches!(byte, b'.' | b'_' | b'%' | b'+' | b'\'' | b'-' | LETTER)
            || byte == WIDE && !touching
    };
    let mut start = text.start_of(at, LOCAL_LIMIT, local);
    while start < at && matches!(bytes[start], b'.' | b'\'' | b'-' | b'%') {
        start += 1;
    }
    if start == at || bytes[at - 1] == b'.' {
        return;
    }
    let Some(end) = domain(text, behind) else { return };
    // `git@host:path` names a repository.
    if &bytes[start..at] == b"git" && text.byte(end) == b':' {
        return;
    }
    found.add(Kind::Email, start..end);
}

/// The end of a domain with at least two labels, the last of which is made of letters.
fn domain(text: &Folded<'_>, from: usize) -> Option<usize> {
    let wide = text.byte(from) == WIDE;
    let inside = |byte: u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | LETTER) || byte == WIDE && wide
    };
    let end = text.end_of(from, DOMAIN_LIMIT, inside);
    let (mut label, mut dots, mut last) = (from, 0, None);
    while label < end {
        let label_end = text.end_of(label, end - label, |byte| byte != b'.');
        if label_end == label || text.byte(label) == b'-' {
            break;
        }
        if dots > 0 {
            let punycode = text.bytes()[label..label_end].starts_with(b"xn--");
            let letters =
                text.end_of(label, label_end - label, |byte| byte.is_ascii_alphabetic() || byte >= LETTER);
            let whole = letters == label_end || text.byte(letters) == b'-';
            if punycode {
                last = Some((label, label_end));
            } else if whole && letters - label >= 2 {
                last = Some((label, letters));
            }
        }
        dots += 1;
        label = label_end + 1;
    }
    let (label, end) = last?;
    let is_file = FILES.iter().any(|file| text.slice(label..end).eq_ignore_ascii_case(file));
    (!is_file).then_some(end)
}
