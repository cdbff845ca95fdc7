//! Check digits. Every function takes ASCII digits, and says whether they add up.

/// ISO/IEC 7812, for cards and some identity numbers.
pub(super) fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(index, digit)| {
            let value = u32::from(digit - b'0') * if index % 2 == 1 { 2 } else { 1 };
            if value > 9 { value - 9 } else { value }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// Verhoeff's dihedral check, for Aadhaar.
pub(super) fn verhoeff(digits: &[u8]) -> bool {
    const SHIFT: [u8; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
    let mut check = 0;
    for (index, digit) in digits.iter().rev().enumerate() {
        let mut value = digit - b'0';
        for _ in 0..index % 8 {
            value = SHIFT[usize::from(value)];
        }
        check = dihedral(check, value);
    }
    check == 0
}

/// The product in the dihedral group of order ten.
fn dihedral(left: u8, right: u8) -> u8 {
    match (left < 5, right < 5) {
        (true, true) => (left + right) % 5,
        (true, false) => (left + right - 5) % 5 + 5,
        (false, true) => (left - 5 + 5 - right) % 5 + 5,
        (false, false) => (left + 5 - right) % 5,
    }
}

/// ISO 7064 mod 11,10, for German tax numbers.
pub(super) fn mod_11_10(digits: &[u8]) -> bool {
    let Some((check, rest)) = digits.split_last() else { return false };
    let product = rest.iter().fold(10, |product, digit| {
        let sum = (u32::from(digit - b'0') + product) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    (11 - product) % 10 == u32::from(check - b'0')
}

/// The sum of the digits, each times its weight.
pub(super) fn weighted(digits: &[u8], weights: &[u32]) -> u32 {
    digits.iter().zip(weights).map(|(digit, weight)| u32::from(digit - b'0') * weight).sum()
}

/// EAN-13, for Swiss insurance numbers.
pub(super) fn ean(digits: &[u8]) -> bool {
    weighted(digits, &[1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1]).is_multiple_of(10)
}

/// The remainder of a long number.
pub(super) fn remainder(digits: &[u8], of: u64) -> u64 {
    digits.iter().fold(0, |rest, digit| (rest * 10 + u64::from(digit - b'0')) % of)
}

/// Two digits as a number.
pub(super) fn two(digits: &[u8]) -> u32 {
    digits.iter().take(2).fold(0, |number, digit| number * 10 + u32::from(digit - b'0'))
}

/// Whether these can be a month and a day.
pub(super) fn date(month: &[u8], day: &[u8]) -> bool {
    (1..=12).contains(&two(month)) && (1..=31).contains(&two(day))
}
