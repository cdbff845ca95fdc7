//! Dependencies that a task's own lines write out: `(depends on T013, T020-T024)`.

use super::key::is_word;
use super::mask::without_code;
use super::reference::{Clause, Manner, Reference, collect, skip_blanks};

/// Words before a phrase that turn it round.
const NEGATIONS: [&str; 8] = ["not", "n't", "n’t", "longer", "never", "nothing", "none", "nobody"];
/// Where ids follow, these state a dependency anywhere in a line.
const ANYWHERE: [&[u8]; 4] = [b"depends on", b"depend on", b"depends upon", b"dependent on"];
/// Ordinary words elsewhere, a statement where they open a parenthesis.
const OPENING: [&[u8]; 5] = [b"after", b"requires", b"needs", b"blocked by", b"waits for"];
/// What a sub-line begins with that does nothing but state dependencies.
const OWN_LINE: [&[u8]; 10] = [
    b"depends on",
    b"depend on",
    b"depends upon",
    b"dependent on",
    b"depends:",
    b"dependencies:",
    b"dependency:",
    b"after:",
    b"requires:",
    b"blocked by:",
];

/// What a task's own line, or a line of its description, says it waits for.
pub(super) fn references_in(text: &str, line: u32, in_parentheses_only: bool, out: &mut Vec<Reference>) {
    let bytes = without_code(text);
    for clause in clauses(&bytes) {
        if clause.manner == Manner::Anywhere || !in_parentheses_only {
            collect(&bytes, text, &clause, line, out);
        }
    }
}

/// What a sub-line such as `- **Depends on**: T001, T002` says. Nothing if it is no such line.
pub(super) fn references_of_line(text: &str, line: u32, out: &mut Vec<Reference>) -> bool {
    let plain = text.replace("**", "").replace("__", "");
    let bytes = without_code(&plain);
    let Some(phrase) = OWN_LINE.iter().find(|phrase| opens_line(&bytes, phrase)) else {
        return false;
    };
    let before = out.len();
    let clause = Clause { body: phrase.len()..bytes.len(), manner: Manner::Anywhere };
    collect(&bytes, &plain, &clause, line, out);
    out.len() > before
}

/// The title without the clause that ends it, if that clause names ids and says nothing else first.
pub(super) fn without_trailing_clause(title: &str) -> &str {
    let trimmed = title.trim_end().trim_end_matches('.').trim_end();
    let bytes = without_code(trimmed);
    let Some(open) = opening_of_last_parenthesis(&bytes) else {
        return title;
    };
    let start = skip_blanks(&bytes, open + 1);
    let opens = |phrase: &&[u8]| starts_phrase(&bytes, start, phrase);
    let Some(phrase) = ANYWHERE.iter().chain(&OPENING).find(|phrase| opens(phrase)) else {
        return title;
    };
    let mut found = Vec::new();
    let manner = if ANYWHERE.contains(phrase) { Manner::Anywhere } else { Manner::Listed };
    let body = start + phrase.len()..bytes.len() - 1;
    collect(&bytes, trimmed, &Clause { body, manner }, 0, &mut found);
    let rest = trimmed[..open].trim_end();
    if found.is_empty() || rest.is_empty() { title } else { rest }
}

fn opening_of_last_parenthesis(bytes: &[u8]) -> Option<usize> {
    if bytes.last() != Some(&b')') {
        return None;
    }
    let mut depth = 0_usize;
    for (at, byte) in bytes.iter().enumerate().rev() {
        match byte {
            b')' => depth += 1,
            b'(' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

/// All clauses of a line in one pass. A clause ends where its parenthesis closes or the next one
/// begins, so no byte belongs to two.
fn clauses(bytes: &[u8]) -> Vec<Clause> {
    let mut found: Vec<Clause> = Vec::new();
    let mut open_parentheses: Vec<usize> = Vec::new();
    let mut current: Option<(usize, Clause)> = None;
    for at in 0..bytes.len() {
        match bytes[at] {
            b'(' => open_parentheses.push(at),
            b')' => {
                open_parentheses.pop();
                let inside = |clause: &(usize, Clause)| clause.0 > open_parentheses.len();
                if let Some((_, clause)) = current.take_if(|clause| inside(clause)) {
                    found.push(end_at(clause, at));
                }
            }
            _ => {
                if let Some(clause) = clause_at(bytes, at, open_parentheses.last().copied()) {
                    let next = (open_parentheses.len(), clause);
                    if let Some((_, previous)) = current.replace(next) {
                        found.push(end_at(previous, at));
                    }
                }
            }
        }
    }
    found.extend(current.map(|(_, clause)| end_at(clause, bytes.len())));
    found
}

fn end_at(mut clause: Clause, end: usize) -> Clause {
    clause.body.end = end.max(clause.body.start);
    clause
}

fn clause_at(bytes: &[u8], at: usize, open: Option<usize>) -> Option<Clause> {
    if at > 0 && is_word(bytes[at - 1]) || !bytes[at].is_ascii_alphabetic() {
        return None;
    }
    let clause = |phrase: &[u8], manner| Clause { body: at + phrase.len()..bytes.len(), manner };
    if let Some(phrase) = ANYWHERE.iter().find(|phrase| starts_phrase(bytes, at, phrase)) {
        let manner = if open.is_some() { Manner::Anywhere } else { Manner::Listed };
        return (!is_negated(bytes, at)).then(|| clause(phrase, manner));
    }
    // `(after T001)`: only where nothing but blanks stands between the parenthesis and the word.
    // A word has at most one blank before it here, which keeps the look back constant.
    let opens = at > 0 && (bytes[at - 1] == b'(' || at > 1 && bytes[at - 2..at] == *b"( ");
    let phrase = OPENING.iter().find(|phrase| opens && starts_phrase(bytes, at, phrase))?;
    Some(clause(phrase, Manner::Listed))
}

/// Whether the word before says that there is no such dependency: “no longer depends on T003”.
fn is_negated(bytes: &[u8], at: usize) -> bool {
    let before = bytes[at.saturating_sub(12)..at].trim_ascii_end();
    let before = String::from_utf8_lossy(before).to_lowercase();
    let word = before.rsplit(' ').next().unwrap_or_default();
    NEGATIONS.iter().any(|negation| word.ends_with(negation))
}

fn starts_with(bytes: &[u8], at: usize, phrase: &[u8]) -> bool {
    bytes.get(at..at + phrase.len()).is_some_and(|start| start.eq_ignore_ascii_case(phrase))
}

/// The phrase, and then no further letter.
fn starts_phrase(bytes: &[u8], at: usize, phrase: &[u8]) -> bool {
    starts_with(bytes, at, phrase) && !bytes.get(at + phrase.len()).is_some_and(|&byte| is_word(byte))
}

/// The phrase at the start of a line; behind a colon anything may follow.
fn opens_line(bytes: &[u8], phrase: &[u8]) -> bool {
    match phrase.last() {
        Some(b':') => starts_with(bytes, 0, phrase),
        _ => starts_phrase(bytes, 0, phrase),
    }
}
