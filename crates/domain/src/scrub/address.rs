//! Addresses of the Internet Protocol. Those of nobody stay readable: loopback, unspecified, broadcast, masks, networks.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::fold::Folded;
use super::number::Groups;
use super::{Kind, Pieces, words};

/// The longest address in text, with an IPv4 address at its end.
const V6_LIMIT: usize = 45;

/// The end of an IPv4 address that begins with the groups. Four numbers may also be a version: they are, where a word,
/// an operator, a product, the version before it or what is glued to it says so, and an address otherwise.
pub(super) fn v4(text: &Folded<'_>, groups: &Groups) -> Option<usize> {
    let end = groups.shape(b"...")?;
    let start = groups.start();
    if groups.chained(4)
        || text.byte(start.wrapping_sub(1)) == b'.'
        || text.byte(end) == b'-' && text.is_word(end + 1)
    {
        return None;
    }
    let address: Ipv4Addr =
        text.slice(start..end).parse().or_else(|_| ascii(text, start, end).parse()).ok()?;
    let octets = address.octets();
    let mask = octets[0] == 255 || octets[0] == 0;
    let network = octets[3] == 0 && text.byte(end) == b'/' && text.is_digit(end + 1);
    if mask || network || address.is_loopback() || address.is_multicast() {
        return None;
    }
    if words::goes_on_as_version(text.after(end, 12)) || words::is_next_version(text.before(start, 48)) {
        return None;
    }
    let before = text.before(start, 24);
    let small = octets.iter().all(|octet| *octet < 32) && octets[0] < 10;
    let version = words::versions(before) || small && before.ends_with('@') || is_product(before);
    (!version).then_some(end)
}

/// `Chrome/1.2.3.4`.
fn is_product(before: &str) -> bool {
    let Some(name) = before.strip_suffix('/') else { return false };
    let word = name.rsplit(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
    word.starts_with(|c: char| c.is_ascii_uppercase())
}

fn ascii(text: &Folded<'_>, start: usize, end: usize) -> String {
    text.bytes()[start..end].iter().map(|byte| char::from(*byte)).collect()
}

/// Reads an IPv6 address around its first colon.
pub(super) fn read_v6(text: &Folded<'_>, colon: usize, found: &mut Pieces) {
    let start = text.start_of(colon, 5, |byte| byte.is_ascii_hexdigit());
    let before = text.byte(start.wrapping_sub(1));
    if before == b':' || before == b'.' || before == b'_' || start > 0 && text.is_word(start - 1) {
        return;
    }
    let inside = |byte: u8| byte.is_ascii_hexdigit() || byte == b':' || byte == b'.';
    let mut end = text.end_of(start, V6_LIMIT + 1, inside);
    while end > colon
        && (text.byte(end - 1) == b'.'
            || text.byte(end - 1) == b':' && text.byte(end.wrapping_sub(2)) != b':')
    {
        end -= 1;
    }
    let inside = &text.bytes()[start..end.max(start)];
    let colons = inside.iter().filter(|byte| **byte == b':').count();
    if colons < 6 && !inside.windows(2).any(|pair| pair == b"::") {
        return;
    }
    if end < start + 4 || text.is_word(end) || text.byte(end) == b'_' {
        return;
    }
    let Ok(address) = ascii(text, start, end).parse::<Ipv6Addr>() else { return };
    let first = address.segments()[0];
    let of_somebody =
        (0x2000..0x4000).contains(&first) || (0xfc00..0xfe00).contains(&first) || first & 0xffc0 == 0xfe80;
    let mapped = address.to_ipv4_mapped().is_some_and(|v4| !v4.is_loopback())
        || first == 0x64 && address.segments()[1] == 0xff9b;
    if of_somebody || mapped {
        found.add(Kind::Ip, start..end);
    }
}
