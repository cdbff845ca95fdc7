//! Which digits can be a number of a state, by its check digits and by what they say.

use crate::scrub::check;

/// Area, group and serial number that were or can be issued; also individual taxpayer numbers, which begin with 9.
pub(super) fn united_states(digits: &[u8]) -> bool {
    let area = check::remainder(&digits[..3], 1000);
    let group = check::two(&digits[3..]);
    let taxpayer = area >= 900 && matches!(group, 50..=65 | 70..=88 | 90..=92 | 94..=99);
    let issued = !matches!(area, 0 | 666 | 900..) || taxpayer;
    issued && group != 0 && digits[5..] != *b"0000"
}

/// NHS numbers, modulo 11.
pub(super) fn united_kingdom(digits: &[u8]) -> bool {
    check::weighted(digits, &[10, 9, 8, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11)
}

/// Exactly one digit is there two or three times among the first ten, and the last one checks them.
pub(super) fn germany(digits: &[u8]) -> bool {
    let mut counts = [0; 10];
    digits[..10].iter().for_each(|digit| counts[usize::from(digit - b'0')] += 1);
    let repeated = counts.iter().filter(|count| **count > 1).count();
    digits[0] != b'0' && repeated == 1 && counts.iter().all(|count| *count <= 3) && check::mod_11_10(digits)
}

/// NIR: sex, year, month, place, order, and 97 less the remainder.
pub(super) fn france(digits: &[u8]) -> bool {
    let month = check::two(&digits[3..]);
    let known = matches!(digits[0], b'1' | b'2' | b'7' | b'8') && matches!(month, 1..=12 | 20..=42 | 50..=99);
    known && 97 - check::remainder(&digits[..13], 97) == u64::from(check::two(&digits[13..]))
}

pub(super) fn brazil(digits: &[u8]) -> bool {
    let digit = |count: usize| {
        let weights: Vec<u32> = (2..=u32::try_from(count).unwrap_or(0) + 1).rev().collect();
        check::weighted(&digits[..count], &weights) * 10 % 11 % 10 == u32::from(digits[count] - b'0')
    };
    digits.iter().any(|other| *other != digits[0]) && digit(9) && digit(10)
}

/// Date of birth, serial number, and 97 less the remainder, with a 2 in front for who was born after 1999.
pub(super) fn belgium(digits: &[u8]) -> bool {
    let check = u64::from(check::two(&digits[9..]));
    let number = check::remainder(&digits[..9], u64::MAX / 16);
    let fits = |number: u64| 97 - number % 97 == check;
    check::two(&digits[2..]) <= 12
        && check::two(&digits[4..]) <= 31
        && (fits(number) || fits(number + 2_000_000_000))
}

pub(super) fn argentina(digits: &[u8]) -> bool {
    let sum = check::weighted(digits, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1]);
    matches!(check::two(digits), 20 | 23 | 24 | 27 | 30 | 33 | 34) && sum.is_multiple_of(11)
}

pub(super) fn switzerland(digits: &[u8]) -> bool {
    digits.starts_with(b"756") && check::ean(digits)
}

pub(super) fn india(digits: &[u8]) -> bool {
    digits[0] >= b'2' && check::verhoeff(digits)
}

pub(super) fn japan(digits: &[u8]) -> bool {
    let rest = check::weighted(digits, &[6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11;
    u32::from(digits[11] - b'0') == if rest <= 1 { 0 } else { 11 - rest }
}

/// Day of birth, serial number and a check digit; days of coordination numbers are 60 higher.
pub(super) fn sweden(digits: &[u8]) -> bool {
    let day = check::two(&digits[4..]);
    (1..=12).contains(&check::two(&digits[2..])) && (matches!(day, 1..=31 | 61..=91)) && check::luhn(digits)
}

pub(super) fn korea(digits: &[u8]) -> bool {
    check::date(&digits[2..], &digits[4..]) && matches!(digits[6], b'1'..=b'8')
}

pub(super) fn norway(digits: &[u8]) -> bool {
    let first = check::weighted(digits, &[3, 7, 6, 1, 8, 9, 4, 5, 2, 1]);
    let second = check::weighted(digits, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1]);
    check::date(&digits[2..], digits) && first.is_multiple_of(11) && second.is_multiple_of(11)
}

pub(super) fn poland(digits: &[u8]) -> bool {
    check::weighted(digits, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]).is_multiple_of(10)
}

pub(super) fn portugal(digits: &[u8]) -> bool {
    let rest = check::weighted(digits, &[9, 8, 7, 6, 5, 4, 3, 2]) % 11;
    u32::from(digits[8] - b'0') == if rest <= 1 { 0 } else { 11 - rest }
}

pub(super) fn turkey(digits: &[u8]) -> bool {
    let odd = check::weighted(digits, &[1, 0, 1, 0, 1, 0, 1, 0, 1]);
    let even = check::weighted(digits, &[0, 1, 0, 1, 0, 1, 0, 1]);
    let last = |index: usize| u32::from(digits[index] - b'0');
    digits[0] != b'0' && (odd * 7 + 100 - even) % 10 == last(9) && (odd + even + last(9)) % 10 == last(10)
}
