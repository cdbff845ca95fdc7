//! Numbers in groups: cards, identity numbers, addresses and telephones begin with a digit.

use super::fold::Folded;
use super::{Kind, Pieces, address, check, identity, phone, place};

/// More groups than any number that is known here has.
const MOST_GROUPS: usize = 8;
/// More digits than any group of such a number has.
const MOST_DIGITS: usize = 20;

/// Digits in groups, as they are written.
pub(super) struct Groups {
    ranges: [(usize, usize); MOST_GROUPS],
    /// What stands before each group but the first: a blank, `-`, `.`, `/`, or `(` and `)` for a gap with a
    /// parenthesis, `~` for a dash between blanks.
    gaps: [u8; MOST_GROUPS],
    count: usize,
    /// Whether more digits follow behind the last group, and behind which gap.
    next: [Option<u8>; MOST_GROUPS],
    before: bool,
}

impl Groups {
    fn read(text: &Folded<'_>, at: usize) -> Self {
        let mut groups = Self {
            ranges: [(0, 0); MOST_GROUPS],
            gaps: [0; MOST_GROUPS],
            count: 0,
            next: [None; MOST_GROUPS],
            before: place::goes_on_before(text, at),
        };
        let mut start = at;
        loop {
            let end = text.end_of(start, MOST_DIGITS + 1, |byte| byte.is_ascii_digit());
            groups.ranges[groups.count] = (start, end);
            groups.count += 1;
            let Some((gap, next)) = gap(text, end) else { break };
            groups.next[groups.count - 1] = Some(gap);
            if groups.count == MOST_GROUPS {
                break;
            }
            groups.gaps[groups.count] = gap;
            start = next;
        }
        groups
    }

    pub(super) fn start(&self) -> usize {
        self.ranges[0].0
    }

    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// How many digits a group has.
    pub(super) fn digits(&self, group: usize) -> usize {
        if group < self.count { self.ranges[group].1 - self.ranges[group].0 } else { 0 }
    }

    /// Where a group begins.
    pub(super) fn start_of(&self, group: usize) -> usize {
        self.ranges[group].0
    }

    /// Where a group ends.
    pub(super) fn end_of(&self, group: usize) -> usize {
        self.ranges[group].1
    }

    /// The gap before a group.
    pub(super) fn gap(&self, group: usize) -> u8 {
        if group < self.count { self.gaps[group] } else { 0 }
    }

    /// The gap behind a group, if digits follow it.
    pub(super) fn gap_behind(&self, group: usize) -> Option<u8> {
        self.next[group]
    }

    /// Whether the first groups stand in a chain of numbers with points or hyphens that begins earlier or ends later.
    pub(super) fn chained(&self, groups: usize) -> bool {
        self.before || matches!(self.next[groups - 1], Some(b'.' | b'-'))
    }

    /// The end of the first groups, if exactly these gaps are between them.
    pub(super) fn shape(&self, gaps: &[u8]) -> Option<usize> {
        let count = gaps.len() + 1;
        (count <= self.count && self.gaps[1..count] == *gaps).then(|| self.ranges[count - 1].1)
    }

    /// The end of the first groups, if they have so many digits and one of the separators between all of them.
    pub(super) fn lengths(&self, lengths: &[usize], separators: &[u8]) -> Option<usize> {
        let count = lengths.len();
        let fits = count <= self.count
            && lengths.iter().enumerate().all(|(group, length)| self.digits(group) == *length)
            && (count == 1 || separators.contains(&self.gaps[1]))
            && self.gaps[1..count].iter().all(|gap| *gap == self.gaps[1]);
        fits.then(|| self.ranges[count - 1].1)
    }
}

/// The gap between two groups of digits, and where the second begins.
fn gap(text: &Folded<'_>, end: usize) -> Option<(u8, usize)> {
    let bytes = text.bytes().get(end..)?;
    let (gap, length) = match bytes {
        [gap @ (b' ' | b'-' | b'.' | b'/'), b'0'..=b'9', ..] => (*gap, 1),
        [b')', b'0'..=b'9', ..] => (b')', 1),
        [b'(', b'0'..=b'9', ..] => (b'(', 1),
        [b')', b' ' | b'-' | b'.' | b'/', b'0'..=b'9', ..] => (b')', 2),
        [b' ' | b'-', b'(', b'0'..=b'9', ..] => (b'(', 2),
        [b' ', b'-' | b'/', b' ', b'0'..=b'9', ..] => (b'~', 3),
        _ => return None,
    };
    Some((gap, end + length))
}

/// Reads what begins with the digit, and says where to go on.
pub(super) fn read(text: &Folded<'_>, at: usize, found: &mut Pieces) -> usize {
    let groups = Groups::read(text, at);
    let first_end = groups.end_of(0);
    if groups.digits(0) > MOST_DIGITS {
        return text.end_of(at, usize::MAX, |byte| byte.is_ascii_digit());
    }
    if telegram(text, at, first_end, found) {
        return first_end;
    }
    if groups.before {
        return first_end;
    }
    let piece = card(text, &groups)
        .map(|end| (Kind::Card, at..end))
        .or_else(|| identity::read_number(text, &groups).map(|end| (Kind::GovernmentId, at..end)))
        .or_else(|| address::v4(text, &groups).map(|end| (Kind::Ip, at..end)))
        .or_else(|| phone::read(text, &groups).map(|range| (Kind::Phone, range)));
    let Some((kind, range)) = piece else { return first_end };
    let end = range.end;
    found.add(kind, range);
    end.max(first_end)
}

/// The end of a card number: grouped as it is embossed, of a known issuer, and with a check digit that fits.
fn card(text: &Folded<'_>, groups: &Groups) -> Option<usize> {
    const SHAPES: &[&[usize]] =
        &[&[4, 4, 4, 4, 3], &[4, 4, 4, 4], &[4, 6, 5], &[4, 6, 4], &[19], &[16], &[15], &[14]];
    SHAPES.iter().find_map(|shape| {
        let end = groups.lengths(shape, b" -.")?;
        let mut digits = [b'0'; MOST_DIGITS];
        let count = collect(text, groups.start()..end, &mut digits);
        let digits = &digits[..count];
        let fits = issued(digits) && check::luhn(digits) && !place::goes_on_behind(text, end);
        fits.then_some(end)
    })
}

/// Whether an issuer has numbers that begin so, of such a length (ISO/IEC 7812 ranges of the schemes).
fn issued(digits: &[u8]) -> bool {
    let first = |count: usize| check::remainder(&digits[..count], u64::MAX / 16);
    let (two, three, four) = (first(2), first(3), first(4));
    match digits.len() {
        14 => matches!(three, 300..=305) || matches!(two, 36 | 38 | 39),
        15 => matches!(two, 34 | 37),
        16 => {
            matches!(two, 40..=49 | 51..=55 | 62 | 65 | 81)
                || matches!(three, 644..=649)
                || matches!(four, 2200..=2204 | 2221..=2720 | 3528..=3589 | 6011)
                || maestro(four)
        }
        19 => matches!(two, 40..=49 | 62) || maestro(four),
        _ => false,
    }
}

fn maestro(four: u64) -> bool {
    matches!(four, 5018 | 5020 | 5038 | 5893 | 6304 | 6759 | 6761..=6763)
}

/// The digits of a range, without what separates them.
pub(super) fn collect(text: &Folded<'_>, range: std::ops::Range<usize>, into: &mut [u8]) -> usize {
    let digits = text.bytes()[range].iter().filter(|byte| byte.is_ascii_digit());
    digits.zip(into.iter_mut()).map(|(digit, place)| *place = *digit).count()
}

/// The token of a Telegram bot: its number, a colon, and 35 letters.
fn telegram(text: &Folded<'_>, at: usize, end: usize, found: &mut Pieces) -> bool {
    let inside = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let is_token = (8..=10).contains(&(end - at))
        && text.byte(end) == b':'
        && text.end_of(end + 1, 36, inside) == end + 36
        && text.bytes()[end + 1..end + 36].iter().any(u8::is_ascii_uppercase);
    if is_token {
        found.add(Kind::Key, at..end + 36);
    }
    is_token
}
