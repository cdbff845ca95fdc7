//! Lists of ids: where one begins among the pieces of a line, and where it ends.

use super::phrases::{Phrase, Weight};
use super::reference::Reference;
use super::sentence::{Kind, Sentence, Token};

/// Whether a phrase stands behind what is waited for.
pub(super) fn is_behind(phrase: Phrase) -> bool {
    matches!(phrase.weight, Weight::Behind | Weight::WeakBehind)
}

/// The ids from `at` on, with what joins them, and the position behind.
pub(super) fn list_at(sentence: &Sentence, tokens: &[Token], at: usize) -> (Vec<Reference>, usize) {
    let mut ids = Vec::new();
    let mut end = at;
    let mut next = at;
    while let Some(token) = tokens.get(next) {
        match token.kind {
            Kind::Id(reference) => {
                ids.push(sentence.references[reference].clone());
                next += 1;
                end = next;
            }
            Kind::Joint => next += 1,
            Kind::Word(role) if role.fills => next += 1,
            _ => break,
        }
    }
    (ids, end)
}

/// Where a phrase follows a list, its last id begins a statement of its own: “needs T004, T006 needs
/// T005”. Gives the list without it.
fn without_next_subject(
    (mut ids, end): (Vec<Reference>, usize),
    tokens: &[Token],
) -> (Vec<Reference>, usize) {
    let is_next = |token: &Token| matches!(token.kind, Kind::Phrase(phrase) if !is_behind(phrase));
    let is_id = end > 0 && matches!(tokens[end - 1].kind, Kind::Id(_));
    if ids.len() > 1 && is_id && tokens.get(end).is_some_and(is_next) {
        ids.pop();
        return (ids, end - 1);
    }
    (ids, end)
}

/// The list directly behind a phrase, and how many tokens were read.
pub(super) fn strict_list(sentence: &Sentence, tokens: &[Token], is_weak: bool) -> (Vec<Reference>, usize) {
    let leads = |token: &Token| match token.kind {
        Kind::Colon => true,
        Kind::Word(role) => role.fills && !(is_weak && role.points),
        _ => false,
    };
    let start = tokens.iter().take_while(|token| leads(token)).count();
    match tokens.get(start).map(|token| token.kind) {
        Some(Kind::Id(_)) => without_next_subject(list_at(sentence, tokens, start), tokens),
        _ => (Vec::new(), 0),
    }
}

/// All ids up to a word or sign that ends the list, and how many tokens were read.
pub(super) fn free_list(sentence: &Sentence, tokens: &[Token]) -> (Vec<Reference>, usize) {
    let goes_on = |token: &&Token| match token.kind {
        Kind::Word(role) => !role.stops,
        Kind::Phrase(_) | Kind::Forward | Kind::Backward => false,
        _ => true,
    };
    let length = tokens.iter().take_while(goes_on).count();
    let ids = tokens[..length].iter().filter_map(|token| match token.kind {
        Kind::Id(reference) => Some(sentence.references[reference].clone()),
        _ => None,
    });
    without_next_subject((ids.collect(), length), tokens)
}

/// The list that a piece between arrows begins with.
pub(super) fn first_list(sentence: &Sentence, piece: &[Token]) -> Vec<Reference> {
    let leads = |token: &&Token| match token.kind {
        Kind::Joint | Kind::Colon => true,
        Kind::Word(role) => role.fills,
        _ => false,
    };
    let start = piece.iter().take_while(leads).count();
    match piece.get(start).map(|token| token.kind) {
        Some(Kind::Id(_)) => list_at(sentence, piece, start).0,
        _ => Vec::new(),
    }
}

/// The last list of a piece.
pub(super) fn last_list(sentence: &Sentence, piece: &[Token]) -> Vec<Reference> {
    let mut last = Vec::new();
    let mut at = 0;
    while at < piece.len() {
        if matches!(piece[at].kind, Kind::Id(_)) {
            (last, at) = list_at(sentence, piece, at);
        } else {
            at += 1;
        }
    }
    last
}
