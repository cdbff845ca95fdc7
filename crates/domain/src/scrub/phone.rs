//! Telephone numbers: international ones (E.164), the national forms that are written in a way of their own, and any
//! digits behind a word such as `Tel.`

use std::ops::Range;

use super::fold::Folded;
use super::number::{Groups, collect};
use super::{check, place, words};

/// E.164.
const MOST_DIGITS: usize = 15;
/// How far a word that says what follows may be away.
const WORD_REACH: usize = 40;

/// Where a telephone number is that has these groups at its beginning.
pub(super) fn read(text: &Folded<'_>, groups: &Groups) -> Option<Range<usize>> {
    let lead = Lead::of(text, groups.start());
    if place::goes_on_before(text, lead.start) {
        return None;
    }
    if lead.plus {
        let end = international(text, groups, &lead)?;
        let before = text.before(lead.start, 24);
        return (!words::amounts(before, text.after(end, 10))).then_some(lead.start..end);
    }
    if groups.len() == 1 && groups.digits(0) < 7 {
        return None;
    }
    let written = if lead.paren { in_parentheses(groups) } else { national(text, groups) };
    let before = text.before(lead.start, WORD_REACH);
    // In a longer row of numbers, only words can tell where one begins.
    let in_row = before.ends_with(' ') && text.is_digit(lead.start.wrapping_sub(2)) && !lead.paren;
    let end = match written {
        Some(last) if !in_row || words::phones(before) => groups.end_of(last),
        Some(_) => return None,
        None => named(text, groups, before)?,
    };
    let start = if lead.paren && closes(text, lead.start..end) { lead.start } else { groups.start() };
    let other = place::goes_on_behind(text, end)
        || text.byte(end) == b':' && text.is_digit(end + 1)
        || words::numbers_goods(before)
        || words::amounts(before, text.after(end, 10));
    (!other && !is_part_of_value(text, groups, end)).then_some(start..end)
}

/// Whether groups that stand in quotes by themselves, as a field of a table does, go on behind the end: then they are one
/// longer number.
fn is_part_of_value(text: &Folded<'_>, groups: &Groups, end: usize) -> bool {
    let quote = |at: usize| matches!(text.byte(at), b'"' | b'\'');
    let whole = groups.end_of(groups.len() - 1);
    end < whole && quote(groups.start().wrapping_sub(1)) && quote(whole)
}

/// What stands directly before the first digit.
struct Lead {
    start: usize,
    plus: bool,
    paren: bool,
}

impl Lead {
    fn of(text: &Folded<'_>, digit: usize) -> Self {
        let before = |back: usize| text.byte(digit.wrapping_sub(back));
        match (before(2), before(1)) {
            (b'+', b'(') | (b'(', b'+') if digit > 1 => {
                Self { start: digit - 2 + usize::from(before(1) == b'+'), plus: true, paren: false }
            }
            (_, b'+') => Self { start: digit - 1, plus: true, paren: false },
            (_, b'(') => Self { start: digit - 1, plus: false, paren: true },
            _ => Self { start: digit, plus: false, paren: false },
        }
    }
}

fn closes(text: &Folded<'_>, range: Range<usize>) -> bool {
    text.bytes()[range].contains(&b')')
}

/// The end of a number with its country code.
fn international(text: &Folded<'_>, groups: &Groups, lead: &Lead) -> Option<usize> {
    let mut digits = [0; MOST_DIGITS + 1];
    let mut last = None;
    let mut total = 0;
    for group in 0..groups.len() {
        let length = groups.digits(group);
        let ends_badly = group > 0 && groups.gap(group) == b' ' && is_cut(text, groups, group);
        let enough = total >= 10 && (length == 1 || total + length > 13 || groups.gap(group) == b'~');
        if total + length > MOST_DIGITS || ends_badly || enough {
            break;
        }
        total += length;
        last = Some(group);
    }
    let end = groups.end_of(last?);
    let count = collect(text, lead.start..end, &mut digits);
    let digits = &digits[..count];
    let fits = match digits {
        [b'1', b'2'..=b'9', _, _, b'2'..=b'9', ..] => count == 11,
        [b'1', b'5', b'0', b'0', ..] => count == 11,
        [b'0' | b'1', ..] => false,
        [b'7', ..] => count == 11,
        _ => (9..=MOST_DIGITS).contains(&count) && country(digits),
    };
    (fits && !place::goes_on_behind(text, end)).then_some(end)
}

/// Whether a group is the beginning of something else, such as a time.
fn is_cut(text: &Folded<'_>, groups: &Groups, group: usize) -> bool {
    let end = groups.end_of(group);
    groups.gap_behind(group).is_none()
        && (place::goes_on_behind(text, end) || text.byte(end) == b':' && text.is_digit(end + 1))
}

/// Whether a country code begins the digits (ITU-T E.164): these are not assigned. 1 and 7 are judged elsewhere.
fn country(digits: &[u8]) -> bool {
    !matches!(check::two(digits), 0..=19 | 28 | 70..=79 | 83 | 89)
}

/// The last group of a number whose area code stands in parentheses.
fn in_parentheses(groups: &Groups) -> Option<usize> {
    if groups.gap(1) != b')' {
        return None;
    }
    let lengths: Vec<usize> = (0..groups.len()).map(|group| groups.digits(group)).collect();
    match lengths[..] {
        // North America, Brazil.
        [3, 3, 4, ..] => Some(2),
        [2, 4 | 5, 4, ..] => Some(2),
        // A trunk prefix inside: (030) 901820.
        [2..=6, 4..=9] => Some(1),
        [2..=6, 2..=4, 2..=5] => Some(2),
        _ => None,
    }
}

/// The last group of a number in a national form that is not also that of other things.
fn national(text: &Folded<'_>, groups: &Groups) -> Option<usize> {
    let first = |group: usize| text.byte(groups.start_of(group));
    let digits = |group: usize| groups.digits(group);
    let north_american = |group: usize| {
        digits(group) == 3
            && digits(group + 1) == 3
            && digits(group + 2) == 4
            && first(group) >= b'2'
            && first(group + 1) >= b'2'
            && matches!(groups.gap(group + 1), b'-' | b'.' | b' ')
            && groups.gap(group + 1) == groups.gap(group + 2)
    };
    if groups.gap(1) != b' ' && north_american(0) {
        return Some(2);
    }
    if digits(0) == 1
        && first(0) == b'1'
        && groups.gap(1) != b'.'
        && (north_american(1) || groups.gap(1) == b'-' && digits(1) == 3 && digits(2) == 3 && digits(3) == 4)
    {
        return Some(3);
    }
    // Russia: 8 (912) 345-67-89.
    if digits(0) == 1
        && first(0) == b'8'
        && digits(1) == 3
        && digits(2) == 3
        && digits(3) == 2
        && digits(4) == 2
        && matches!(first(1), b'3' | b'4' | b'8' | b'9')
    {
        return Some(4);
    }
    // China: 138 0013 8000. Spain: 612 34 56 78.
    if groups.lengths(&[3, 4, 4], b" -").is_some()
        && first(0) == b'1'
        && text.byte(groups.start() + 1) >= b'3'
    {
        return Some(2);
    }
    if groups.lengths(&[3, 2, 2, 2], b" -.").is_some() && first(0) >= b'6' {
        return Some(3);
    }
    with_trunk_prefix(text, groups)
}

/// The last group of a number that begins with the zero of most countries: `030 901820`, `01 42 68 53 00`.
fn with_trunk_prefix(text: &Folded<'_>, groups: &Groups) -> Option<usize> {
    let start = groups.start();
    if text.byte(start) != b'0' || text.byte(start + 1) == b'0' || !(2..=5).contains(&groups.digits(0)) {
        return None;
    }
    if is_date(text, groups) {
        return None;
    }
    let (mut total, mut last) = (groups.digits(0), 0);
    for group in 1..groups.len() {
        let length = groups.digits(group);
        let stray = length < 2
            || groups.gap(group) == b'('
            || total >= 10 && groups.gap(group) == b' ' && groups.gap(1) != b' ';
        if total + length > 12 || stray || total >= 10 && groups.gap(group) == b'~' {
            break;
        }
        total += length;
        last = group;
    }
    (last > 0 && (9..=12).contains(&total)).then_some(last)
}

/// Whether these groups are a date: `04.11.2025`.
fn is_date(text: &Folded<'_>, groups: &Groups) -> bool {
    let lengths = [groups.digits(0), groups.digits(1), groups.digits(2)];
    let number = |group: usize| check::two(&text.bytes()[groups.start_of(group)..groups.end_of(group)]);
    match lengths {
        [2, 2, 4] => number(0) <= 31 && number(1) <= 31 && matches!(number(2), 19..=21),
        [4, 2, 2] => number(1) <= 12 && number(2) <= 31,
        _ => false,
    }
}

/// The end of a number that only the words before it say to be one.
fn named(text: &Folded<'_>, groups: &Groups, before: &str) -> Option<usize> {
    if is_date(text, groups) {
        return None;
    }
    // Two zeros begin an international number.
    let enough = if text.bytes()[groups.start()..].starts_with(b"00") { 13 } else { 10 };
    let (mut total, mut last) = (0, None);
    for group in 0..groups.len() {
        let length = groups.digits(group);
        let next_word = group > 0 && groups.gap(group) == b' ' && is_cut(text, groups, group);
        if total + length > MOST_DIGITS || next_word || total >= enough && groups.gap(group) == b' ' {
            break;
        }
        total += length;
        last = Some(group);
    }
    let end = groups.end_of(last?);
    ((7..=MOST_DIGITS).contains(&total) && words::phones(before)).then_some(end)
}
