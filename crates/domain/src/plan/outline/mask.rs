//! Where a line is code, and so says nothing about tasks.

use std::collections::HashMap;

use super::key::Key;

/// What stands in place of every byte of a code span.
pub(super) const MASKED: u8 = 1;

/// The bytes of a line with its inline code spans blanked out, delimiters included; positions stay.
///
/// A span is closed by a run of exactly as many backticks as opened it (CommonMark 6.1). Runs are
/// paired from the right in one pass, so a line of backticks costs linear time.
pub(super) fn without_code(line: &str) -> Vec<u8> {
    let mut bytes = line.as_bytes().to_vec();
    if !bytes.contains(&b'`') {
        return bytes;
    }
    let runs = backtick_runs(&bytes);
    let mut partner = vec![None; runs.len()];
    let mut nearest: HashMap<usize, usize> = HashMap::new();
    for (position, &(_, length)) in runs.iter().enumerate().rev() {
        partner[position] = nearest.insert(length, position);
    }
    let mut position = 0;
    while position < runs.len() {
        if let Some(close) = partner[position] {
            let end = runs[close].0 + runs[close].1;
            bytes[runs[position].0..end].fill(MASKED);
            position = close;
        }
        position += 1;
    }
    bytes
}

/// Start and length of every run of backticks.
fn backtick_runs(bytes: &[u8]) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for (at, _) in bytes.iter().enumerate().filter(|&(_, &byte)| byte == b'`') {
        match runs.last_mut() {
            Some((start, length)) if *start + *length == at => *length += 1,
            _ => runs.push((at, 1)),
        }
    }
    runs
}

/// As [`without_code`], but a span that holds nothing except an id can be read: `` `T001` ``.
pub(super) fn readable(line: &str) -> Vec<u8> {
    let mut bytes = without_code(line);
    let original = line.as_bytes();
    let mut at = 0;
    while let Some(offset) = bytes[at..].iter().position(|&byte| byte == MASKED) {
        let start = at + offset;
        let end = start + bytes[start..].iter().take_while(|&&byte| byte == MASKED).count();
        if original[start] == b'`'
            && let Some((_, behind)) = Key::scan(original, start + 1)
            && behind + 1 == end
        {
            bytes[start + 1..behind].copy_from_slice(&original[start + 1..behind]);
            bytes[start] = b' ';
            bytes[behind] = b' ';
        }
        at = end;
    }
    bytes
}
