//! Numbers by which states know people. Where a number is written in a way of its own or has two check digits, it is
//! known by that; otherwise a word before it has to say what it is.

mod digits;

use digits::{
    argentina, belgium, brazil, france, germany, india, japan, korea, norway, poland, portugal, sweden,
    switzerland, turkey, united_kingdom, united_states,
};

use super::fold::Folded;
use super::number::{Groups, collect};
use super::{Kind, Pieces, check, place, words};

/// How far a word that says what follows may be away.
const WORD_REACH: usize = 48;

/// The end of an identity number that begins with these groups.
pub(super) fn read_number(text: &Folded<'_>, groups: &Groups) -> Option<usize> {
    if groups.digits(0) > 18 {
        return None;
    }
    let written = by_form(text, groups).filter(|end| !place::goes_on_behind(text, *end));
    written.or_else(|| by_name(text, groups)).filter(|end| text.byte(*end) != b'@')
}

/// The first groups as digits, if they have these lengths and separators.
struct Form {
    digits: [u8; 24],
    count: usize,
    end: usize,
}

impl Form {
    fn of(text: &Folded<'_>, groups: &Groups, lengths: &[usize], gaps: &[u8]) -> Option<Self> {
        let fits = lengths.iter().enumerate().all(|(group, length)| groups.digits(group) == *length);
        let end = if gaps.is_empty() { Some(groups.end_of(0)) } else { groups.shape(gaps) };
        let end = end.filter(|_| fits)?;
        let mut digits = [b'0'; 24];
        let count = collect(text, groups.start()..end, &mut digits);
        Some(Self { digits, count, end })
    }

    fn digits(&self) -> &[u8] {
        &self.digits[..self.count]
    }
}

fn by_form(text: &Folded<'_>, groups: &Groups) -> Option<usize> {
    let form = |lengths: &[usize], gaps: &[u8]| Form::of(text, groups, lengths, gaps);
    let checked = |form: Option<Form>, fits: fn(&[u8]) -> bool| {
        form.filter(|form| fits(form.digits())).map(|form| form.end)
    };
    // A list of numbers, such as a row of a table, is no number in groups.
    let alone = |last: usize| groups.gap_behind(last).is_none();
    match groups.digits(0) {
        1 => checked(form(&[1, 2, 2, 2, 3, 3, 2], b"      "), france)
            .or_else(|| chile(text, form(&[1, 3, 3], b"..")?)),
        2 => checked(form(&[2, 3, 3, 3], b"   ").filter(|_| alone(3)), germany)
            .or_else(|| checked(form(&[2, 2, 2, 3, 2], b"..-."), belgium))
            .or_else(|| checked(form(&[2, 8, 1], b"--"), argentina))
            .or_else(|| chile(text, form(&[2, 3, 3], b"..")?)),
        3 => checked(form(&[3, 2, 4], b"--"), united_states)
            .or_else(|| checked(form(&[3, 3, 3, 2], b"..-"), brazil))
            .or_else(|| checked(form(&[3, 4, 4, 2], b"..."), switzerland)),
        4 => ["  ", "--"]
            .iter()
            .find_map(|gaps| checked(form(&[4, 4, 4], gaps.as_bytes()).filter(|_| alone(2)), india))
            .filter(|_| {
                text.byte(groups.start().wrapping_sub(1)) != b' '
                    || !text.is_digit(groups.start().wrapping_sub(2))
            }),
        6 => checked(form(&[6, 4], b"-"), sweden)
            .or_else(|| checked(form(&[6, 7], b"-"), korea))
            .or_else(|| checked(form(&[6, 5], b" "), norway))
            .or_else(|| finland(text, groups)),
        8 => checked(form(&[8, 4], b"-"), |digits| sweden(&digits[2..]))
            .or_else(|| spain(text, form(&[8], b"")?)),
        11 => checked(form(&[11], b""), norway),
        13 => checked(form(&[13], b""), switzerland),
        15 => checked(form(&[15], b""), france),
        17 => china(text, form(&[17], b"")?),
        18 => china(text, form(&[18], b"")?),
        _ => None,
    }
}

/// The end of a number that only the words before it say to be one; what has a check digit is checked.
fn by_name(text: &Folded<'_>, groups: &Groups) -> Option<usize> {
    let (mut last, mut total) = (0, groups.digits(0));
    while last + 1 < groups.len() && matches!(groups.gap(last + 1), b' ' | b'-' | b'.' | b'/') && total < 9 {
        last += 1;
        total += groups.digits(last);
    }
    while last + 1 < groups.len()
        && matches!(groups.gap(last + 1), b' ' | b'-' | b'.')
        && total + groups.digits(last + 1) <= 13
        && total < 12
    {
        last += 1;
        total += groups.digits(last);
    }
    let mistyped = groups.lengths(&[3, 2, 4], b"-").is_some();
    if mistyped || !(8..=13).contains(&total) {
        return None;
    }
    let end = groups.end_of(last);
    let mut digits = [b'0'; 24];
    let count = collect(text, groups.start()..end, &mut digits);
    let fits = match &digits[..count] {
        digits @ [_, _, _, _, _, _, _, _, _] => {
            united_states(digits)
                || check::luhn(digits)
                || check::weighted(digits, &[9, 8, 7, 6, 5, 4, 3, 2, 10]).is_multiple_of(11)
                || check::weighted(digits, &[1, 4, 3, 7, 5, 8, 6, 9, 10]).is_multiple_of(11)
                || portugal(digits)
        }
        digits @ [_, _, _, _, _, _, _, _, _, _] => {
            united_kingdom(digits) || sweden(digits) || check::date(&digits[2..], digits)
        }
        digits @ [_, _, _, _, _, _, _, _, _, _, _] => {
            germany(digits)
                || brazil(digits)
                || poland(digits)
                || turkey(digits)
                || belgium(digits)
                || norway(digits)
        }
        digits @ [_, _, _, _, _, _, _, _, _, _, _, _] => {
            india(digits) || japan(digits) || sweden(&digits[2..])
        }
        digits @ [_, _, _, _, _, _, _, _, _, _, _, _, _] => {
            check::luhn(digits) && check::date(&digits[2..], &digits[4..])
        }
        _ => false,
    };
    (fits && !place::goes_on_behind(text, end) && words::identifies(text.before(groups.start(), WORD_REACH)))
        .then_some(end)
}

/// A RUT ends in its check digit, which may be a K.
fn chile(text: &Folded<'_>, form: Form) -> Option<usize> {
    let digits = form.digits();
    let sum: u32 = digits
        .iter()
        .rev()
        .zip([2, 3, 4, 5, 6, 7, 2, 3])
        .map(|(digit, weight)| u32::from(digit - b'0') * weight)
        .sum();
    let expected = match 11 - sum % 11 {
        11 => b'0',
        10 => b'K',
        digit => b'0' + u8::try_from(digit).unwrap_or(0),
    };
    if text.byte(form.end) == b'-' && text.byte(form.end + 1).to_ascii_uppercase() == expected {
        return Some(form.end + 2);
    }
    spain(text, form)
}

/// Eight digits and a letter that checks them.
fn spain(text: &Folded<'_>, form: Form) -> Option<usize> {
    let digits = form.digits();
    let letter = form.end + usize::from(matches!(text.byte(form.end), b'-' | b' '));
    (digits.len() == 8 && text.byte(letter).to_ascii_uppercase() == spanish_letter(digits))
        .then_some(letter + 1)
}

fn spanish_letter(digits: &[u8]) -> u8 {
    b"TRWAGMYFPDXBNJZSQVHLCKE"[usize::try_from(check::remainder(digits, 23)).unwrap_or(0)]
}

/// Day of birth, the sign of a century, serial number, and a letter or digit that checks them.
fn finland(text: &Folded<'_>, groups: &Groups) -> Option<usize> {
    let sign = groups.end_of(0);
    let digits = &text.bytes()[groups.start()..sign];
    let serial = text.bytes().get(sign + 1..sign + 4)?;
    if !matches!(text.byte(sign), b'-' | b'+' | b'A'..=b'F' | b'U'..=b'Y')
        || !serial.iter().all(u8::is_ascii_digit)
    {
        return None;
    }
    let mut all = [b'0'; 9];
    all[..6].copy_from_slice(digits);
    all[6..].copy_from_slice(serial);
    let expected =
        b"0123456789ABCDEFHJKLMNPRSTUVWXY"[usize::try_from(check::remainder(&all, 31)).unwrap_or(0)];
    let fits = check::date(&digits[2..], digits) && text.byte(sign + 4).to_ascii_uppercase() == expected;
    fits.then_some(sign + 5)
}

/// Place, day of birth, order, and a digit or X that checks them (ISO 7064 mod 11-2).
fn china(text: &Folded<'_>, form: Form) -> Option<usize> {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let digits = form.digits();
    let expected =
        b"10X98765432"[usize::try_from(check::weighted(&digits[..17], &WEIGHTS) % 11).unwrap_or(0)];
    let born = matches!(check::two(&digits[6..]), 18..=20) && check::date(&digits[10..], &digits[12..]);
    let last = form.end - usize::from(digits.len() == 18);
    (born && text.byte(last).to_ascii_uppercase() == expected).then_some(last + 1)
}

/// Reads a number that begins with a letter. The word ends at `end`.
pub(super) fn read_word(text: &Folded<'_>, at: usize, end: usize, found: &mut Pieces) {
    let word = &text.bytes()[at..end];
    if place::goes_on_before(text, at)
        || matches!(text.byte(at.wrapping_sub(1)), b'-' | b'/' | b'=' if text.byte(at.wrapping_sub(1)) != b'=')
    {
        return;
    }
    let piece = match word.len() {
        2 if word.iter().all(u8::is_ascii_uppercase) => insurance(text, at),
        9 if insurance_number(word) || spanish_foreigner(word) => Some(end),
        10 if indian_account(word) => Some(end),
        16 if italian(word) => Some(end),
        18 if mexican(word) => Some(end),
        _ => None,
    };
    let piece = piece.filter(|end| !place::goes_on_behind(text, *end)).or_else(|| passport(text, at, end));
    if let Some(end) = piece {
        found.add(Kind::GovernmentId, at..end);
    }
}

/// A British insurance number in pairs: `AB 12 34 56 C`.
fn insurance(text: &Folded<'_>, at: usize) -> Option<usize> {
    let spaced = text.bytes().get(at..at + 13)?;
    let blanks = [2, 5, 8, 11].iter().all(|blank| spaced[*blank] == b' ');
    let mut word = [0; 9];
    let mut count = 0;
    for byte in spaced.iter().filter(|byte| **byte != b' ').take(9) {
        word[count] = *byte;
        count += 1;
    }
    (blanks && count == 9 && insurance_number(&word)).then_some(at + 13)
}

fn insurance_number(word: &[u8]) -> bool {
    let [first, second, digits @ .., suffix] = word else { return false };
    let letters = first.is_ascii_uppercase() && second.is_ascii_uppercase();
    let prefix = !b"DFIQUV".contains(first) && !b"DFIOQUV".contains(second);
    let never = [*b"BG", *b"GB", *b"KN", *b"NK", *b"NT", *b"TN", *b"ZZ"].contains(&[*first, *second]);
    letters && prefix && !never && digits.iter().all(u8::is_ascii_digit) && matches!(suffix, b'A'..=b'D')
}

/// A NIE: X, Y or Z for 0, 1 or 2, seven digits, and a letter that checks them.
fn spanish_foreigner(word: &[u8]) -> bool {
    let [first @ b'X'..=b'Z', digits @ .., letter] = word else { return false };
    let mut all = [first - b'X' + b'0'; 8];
    if digits.len() != 7 || !digits.iter().all(u8::is_ascii_digit) {
        return false;
    }
    all[1..].copy_from_slice(digits);
    *letter == spanish_letter(&all)
}

/// A PAN: the fourth letter tells the kind of its holder.
fn indian_account(word: &[u8]) -> bool {
    let (letters, rest) = word.split_at(5);
    let (digits, last) = rest.split_at(4);
    letters.iter().chain(last).all(u8::is_ascii_uppercase)
        && b"ABCFGHLJPT".contains(&letters[3])
        && digits.iter().all(u8::is_ascii_digit)
}

/// Whether a word has letters where the form has `A`, and digits where it has `9`.
fn has_form(word: &[u8], form: &[u8]) -> bool {
    word.len() == form.len()
        && word.iter().zip(form).all(|(byte, form)| match form {
            b'A' => byte.is_ascii_alphabetic(),
            b'9' => byte.is_ascii_digit(),
            _ => byte.is_ascii_alphanumeric(),
        })
}

/// A codice fiscale; digits may be letters where two people would have the same.
fn italian(word: &[u8]) -> bool {
    const ODD: [u32; 26] =
        [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];
    if !has_form(word, b"AAAAAA**A**A***A") {
        return false;
    }
    let index = |byte: u8| {
        usize::from(if byte.is_ascii_digit() { byte - b'0' } else { byte.to_ascii_uppercase() - b'A' })
    };
    let sum: u32 = word[..15]
        .iter()
        .enumerate()
        .map(
            |(place, byte)| {
                if place % 2 == 0 { ODD[index(*byte)] } else { u32::try_from(index(*byte)).unwrap_or(0) }
            },
        )
        .sum();
    sum % 26 == u32::try_from(index(word[15])).unwrap_or(26)
}

/// A CURP, with its check digit. The letter Ñ, which counts 24, is not in any.
fn mexican(word: &[u8]) -> bool {
    if !has_form(word, b"AAAA999999AAAAAA*9") {
        return false;
    }
    let value = |byte: u8| match byte.to_ascii_uppercase() {
        digit @ b'0'..=b'9' => u32::from(digit - b'0'),
        letter @ b'A'..=b'N' => u32::from(letter - b'A') + 10,
        letter => u32::from(letter - b'A') + 11,
    };
    let sum: u32 = word[..17].iter().zip((2..=18).rev()).map(|(byte, weight)| value(*byte) * weight).sum();
    (10 - sum % 10) % 10 == value(word[17])
}

/// A passport or licence has no form of its own: only words say that it is one.
fn passport(text: &Folded<'_>, at: usize, end: usize) -> Option<usize> {
    let word = &text.bytes()[at..end];
    let looks = (6..=9).contains(&word.len())
        && word.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
        && word.iter().any(u8::is_ascii_digit);
    (looks && !place::goes_on_behind(text, end) && words::identifies(text.before(at, WORD_REACH)))
        .then_some(end)
}
