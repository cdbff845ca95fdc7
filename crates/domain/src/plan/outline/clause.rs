//! Dependencies that lines write out: `(depends on T013, T020-T024)`, `T001 → T002`.

use super::mask::readable;
use super::phrases::{Sense, Weight};
use super::reference::Reference;
use super::relation::{Place, Relation, named_behind, relations};
use super::sentence::{Kind, Sentence, Token, names_an_id};

/// How many words may stand before the phrase of a line that states dependencies.
const MOST_LEADING_WORDS: usize = 4;

/// What a line says about who waits for whom.
pub(super) fn relations_in(text: &str, line: u32, place: Place) -> Vec<Relation> {
    let bytes = readable(text);
    if !names_an_id(&bytes) {
        return Vec::new();
    }
    relations(&Sentence::new(&bytes, text, line), place)
}

/// A sub-line that does nothing but state dependencies, such as `- **Depends on**: T001, T002`.
pub(super) struct OwnLine {
    pub(super) relation: Relation,
    /// Whether it says nothing else.
    pub(super) is_pure: bool,
}

/// What a sub-line states about its task from its first word on; `None` if it is no such line.
pub(super) fn own_line(text: &str, line: u32) -> Option<OwnLine> {
    let plain = text.replace("**", "").replace("__", "");
    let bytes = readable(&plain);
    if !names_an_id(&bytes) {
        return None;
    }
    let sentence = Sentence::new(&bytes, &plain, line);
    // “Must only start after T001”: what leads to the phrase says nothing else.
    let leads = |token: &&Token| matches!(token.kind, Kind::Word(role) if role.bridges && !role.finishes);
    let start = sentence.tokens.iter().take(MOST_LEADING_WORDS).take_while(leads).count();
    let (first, behind) = sentence.tokens[start..].split_first()?;
    let Kind::Phrase(phrase) = first.kind else {
        return None;
    };
    let has_colon = behind.first().is_some_and(|token| token.kind == Kind::Colon);
    let lists = |token: &Token| match token.kind {
        Kind::Id(_) | Kind::Joint | Kind::Colon | Kind::Stop => true,
        Kind::Word(role) => role.fills || role.finishes,
        _ => false,
    };
    let is_pure = behind.iter().all(lists);
    let is_statement = match phrase.weight {
        Weight::Strong => true,
        Weight::Weak => has_colon || is_pure,
        Weight::Label => has_colon,
        Weight::Behind | Weight::WeakBehind => false,
    };
    let ids = if is_statement { named_behind(&sentence, behind) } else { Vec::new() };
    if ids.is_empty() {
        return None;
    }
    let relation = match phrase.sense {
        Sense::Waits => Relation { waits: Vec::new(), on: ids },
        Sense::Blocks => Relation { waits: ids, on: Vec::new() },
    };
    Some(OwnLine { relation, is_pure })
}

/// The title without the parenthesis that ends it, if that does nothing but state dependencies.
pub(super) fn without_trailing_clause(title: &str) -> &str {
    let bytes = readable(title);
    if !names_an_id(&bytes) {
        return title;
    }
    let sentence = Sentence::new(&bytes, title, 0);
    let tokens = match sentence.tokens.as_slice() {
        [tokens @ .., Token { kind: Kind::Stop, .. }] => tokens,
        tokens => tokens,
    };
    let Some(open) = opening_of_last_parenthesis(tokens) else {
        return title;
    };
    let group = Sentence { tokens: tokens[open..].to_vec(), references: sentence.references.clone() };
    let states = relations(&group, Place::Title);
    let says_nothing_else = states.iter().any(|state| state.waits.is_empty() || state.on.is_empty())
        && (begins_statement(&tokens[open + 1..]) || is_only_phrase_behind(&tokens[open + 1..]));
    let rest = title[..tokens[open].start].trim_end();
    if says_nothing_else && !rest.is_empty() { rest } else { title }
}

fn begins_statement(group: &[Token]) -> bool {
    matches!(group.first().map(|token| token.kind), Some(Kind::Phrase(_) | Kind::Forward | Kind::Backward))
}

/// `T003に依存` and nothing else.
fn is_only_phrase_behind(group: &[Token]) -> bool {
    group.iter().all(|token| match token.kind {
        Kind::Id(_) | Kind::Joint | Kind::Phrase(_) | Kind::Close => true,
        Kind::Word(role) => role.finishes || role.fills,
        _ => false,
    })
}

fn opening_of_last_parenthesis(tokens: &[Token]) -> Option<usize> {
    if tokens.last()?.kind != Kind::Close {
        return None;
    }
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().rev() {
        match token.kind {
            Kind::Close => depth += 1,
            Kind::Open => {
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

/// What a column of a table says, by its head: “Depends on”, “Blocks”.
pub(super) fn column_meaning(head: &str) -> Option<Sense> {
    const LONGEST: usize = 60;
    let plain = head.replace(['*', '_'], "");
    if plain.len() > LONGEST {
        return None;
    }
    let sentence = Sentence::new(plain.as_bytes(), &plain, 0);
    match sentence.tokens.as_slice() {
        [Token { kind: Kind::Phrase(phrase), .. }] => Some(phrase.sense),
        _ => None,
    }
}

/// The ids that a cell of a table lists. Whole phases in front of parentheses are none.
pub(super) fn ids_in(cell: &str, line: u32) -> Vec<Reference> {
    let bytes = readable(cell);
    if !names_an_id(&bytes) {
        return Vec::new();
    }
    let sentence = Sentence::new(&bytes, cell, line);
    named_behind(&sentence, &sentence.tokens)
}
