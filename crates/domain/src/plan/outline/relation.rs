//! Who waits for whom, from the pieces of a line.

use super::lists::{first_list, free_list, is_behind, last_list, list_at, strict_list};
use super::phrases::{Phrase, Sense, Weight};
use super::reference::Reference;
use super::roles::Role;
use super::sentence::{Kind, Sentence, Token};

/// Some tasks wait for others. An empty list stands for the task whose line it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Relation {
    pub(super) waits: Vec<Reference>,
    pub(super) on: Vec<Reference>,
}

/// Where a line stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// The line of a task itself.
    Title,
    /// A line of its description.
    Below,
    /// A line of no task. It has to name both sides.
    Outside,
}

/// Everything that a sentence states.
pub(super) fn relations(sentence: &Sentence, place: Place) -> Vec<Relation> {
    let mut found = Vec::new();
    for (depth, tokens) in groups(&sentence.tokens) {
        for clause in tokens.split(|token| token.kind == Kind::Stop) {
            let mut reader = Clause { sentence, clause, place, depth, found: &mut found };
            reader.read_arrows();
            reader.read_phrases();
        }
    }
    found
}

/// What the tokens behind a phrase name freely, up to a word that ends it.
pub(super) fn named_behind(sentence: &Sentence, tokens: &[Token]) -> Vec<Reference> {
    let outside = groups(tokens).into_iter().filter(|(depth, _)| *depth == 0);
    outside.flat_map(|(_, tokens)| free_list(sentence, &tokens).0).collect()
}

/// Parentheses taken apart, with how deep each lies. What stands in parentheses is a thought of its
/// own, except for a mere list of ids where one is expected: `T001 → (T002, T003)`.
fn groups(tokens: &[Token]) -> Vec<(usize, Vec<Token>)> {
    const DEEPEST_LIST: usize = 4;
    let mut open: Vec<Vec<Token>> = vec![Vec::new()];
    let mut closed = Vec::new();
    for &token in tokens {
        match token.kind {
            Kind::Open => open.push(Vec::new()),
            Kind::Close if open.len() > 1 => {
                let group = open.pop().unwrap_or_default();
                let depth = open.len();
                match open.last_mut() {
                    Some(around) if depth <= DEEPEST_LIST && is_list(&group) && expects_list(around) => {
                        around.extend(group);
                    }
                    _ => closed.push((depth, group)),
                }
            }
            Kind::Close => {}
            _ => {
                if let Some(group) = open.last_mut() {
                    group.push(token);
                }
            }
        }
    }
    closed.extend(open.into_iter().enumerate());
    closed
}

fn is_list(group: &[Token]) -> bool {
    !group.is_empty() && group.iter().all(|token| matches!(token.kind, Kind::Id(_) | Kind::Joint))
}

fn expects_list(around: &[Token]) -> bool {
    around.last().is_none_or(|last| {
        matches!(last.kind, Kind::Forward | Kind::Backward | Kind::Phrase(_) | Kind::Joint | Kind::Colon)
    })
}

struct Clause<'a> {
    sentence: &'a Sentence,
    clause: &'a [Token],
    place: Place,
    depth: usize,
    found: &'a mut Vec<Relation>,
}

/// A list of ids and what followed it so far.
struct Named {
    ids: Vec<Reference>,
    /// Nothing but words that lead to a phrase has followed.
    is_near: bool,
    /// The clause begins with it.
    is_first: bool,
}

impl Clause<'_> {
    /// `T001 → T002, T003`, `T003 ← T001`. In running text of a task an arrow means anything.
    fn read_arrows(&mut self) {
        let is_arrow = |token: &Token| matches!(token.kind, Kind::Forward | Kind::Backward);
        if self.place != Place::Outside && self.depth == 0 || !self.clause.iter().any(is_arrow) {
            return;
        }
        let pieces: Vec<&[Token]> = self.clause.split(is_arrow).collect();
        let arrows = self.clause.iter().filter(|token| is_arrow(token));
        let mut left = last_list(self.sentence, pieces[0]);
        for (position, arrow) in arrows.enumerate() {
            let right = first_list(self.sentence, pieces[position + 1]);
            let is_own = position == 0 && pieces[0].is_empty() && self.place != Place::Outside;
            if !right.is_empty() && (!left.is_empty() || is_own) {
                let (waits, on) = match arrow.kind {
                    Kind::Forward => (right.clone(), left),
                    _ => (left, right.clone()),
                };
                self.found.push(Relation { waits, on });
            }
            left = right;
        }
    }

    fn read_phrases(&mut self) {
        let is_parallel = self.clause.iter().any(|token| role(token).is_parallel);
        let mut before: Option<Named> = None;
        let mut last: Option<Named> = None;
        let mut denied: Option<usize> = None;
        let mut at = 0;
        while let Some(token) = self.clause.get(at) {
            match token.kind {
                Kind::Id(_) => {
                    let (ids, end) = list_at(self.sentence, self.clause, at);
                    before = last.replace(Named { ids, is_near: true, is_first: at == 0 });
                    at = end;
                    continue;
                }
                Kind::Phrase(phrase) => {
                    let is_denied =
                        denied.is_some_and(|denied| at - denied <= 3) || self.is_denied_behind(at);
                    // “T001 before T002 or in parallel” orders nothing; “in parallel after T001” does.
                    let is_weak = matches!(phrase.weight, Weight::Weak | Weight::WeakBehind);
                    let is_vague = is_parallel && is_weak && phrase.sense == Sense::Blocks;
                    let (object, end) = self.object(phrase, at, last.as_ref());
                    if !(object.is_empty() || is_denied || is_vague) {
                        let subject = if is_behind(phrase) { before.as_ref() } else { last.as_ref() };
                        self.state(phrase, at, subject, object.clone());
                    }
                    if !is_behind(phrase) {
                        before = None;
                        let named = Named { ids: object, is_near: false, is_first: false };
                        last = (!named.ids.is_empty()).then_some(named);
                    }
                    at = end;
                    continue;
                }
                Kind::Word(role) => {
                    if role.negates {
                        denied = Some(at);
                    }
                    for named in [&mut before, &mut last].into_iter().flatten() {
                        named.is_near &= role.bridges || role.fills;
                        named.is_first &= !role.stops;
                    }
                }
                Kind::Forward | Kind::Backward => (before, last) = (None, None),
                _ => {}
            }
            at += 1;
        }
    }

    /// What a phrase names, and the position behind it.
    fn object(&self, phrase: Phrase, at: usize, last: Option<&Named>) -> (Vec<Reference>, usize) {
        if is_behind(phrase) {
            let named = last.filter(|last| last.is_near).map(|last| last.ids.clone());
            return (named.unwrap_or_default(), at + 1);
        }
        let behind = &self.clause[at + 1..];
        let (ids, length) = match phrase.weight {
            Weight::Label if behind.first().is_none_or(|token| token.kind != Kind::Colon) => (Vec::new(), 0),
            Weight::Strong if self.depth > 0 => free_list(self.sentence, behind),
            _ => strict_list(self.sentence, behind, phrase.weight == Weight::Weak),
        };
        let end = at + 1 + length;
        let is_own = self.place != Place::Outside;
        let goes_on_elsewhere = phrase.weight == Weight::Weak && is_own && !self.ends_at(end);
        (if goes_on_elsewhere { Vec::new() } else { ids }, end)
    }

    /// Whether a list of ids stands for the tasks themselves: “after T001”, not “after the T001 change”.
    fn ends_at(&self, at: usize) -> bool {
        self.clause.get(at).is_none_or(|token| match token.kind {
            Kind::Word(role) => role.finishes,
            Kind::Id(_) => false,
            _ => true,
        })
    }

    /// “に依存しない” denies what stands before it.
    fn is_denied_behind(&self, at: usize) -> bool {
        let Some(Token { kind: Kind::Phrase(phrase), .. }) = self.clause.get(at) else {
            return false;
        };
        is_behind(*phrase) && self.clause.get(at + 1).is_some_and(|next| role(next).negates)
    }

    /// Records the statement if it is clear who its subject is.
    fn state(&mut self, phrase: Phrase, at: usize, subject: Option<&Named>, object: Vec<Reference>) {
        let is_strong = matches!(phrase.weight, Weight::Strong | Weight::Label | Weight::Behind);
        let of_line = self.place == Place::Outside;
        let named = subject.filter(|named| named.is_near || is_strong && of_line && named.is_first);
        let subject = match named {
            Some(_) if !is_strong && !of_line && self.depth == 0 => return,
            Some(named) => named.ids.clone(),
            None if of_line || !self.may_be_own(phrase, at, subject.is_some()) => return,
            None => Vec::new(),
        };
        self.found.push(match phrase.sense {
            Sense::Waits => Relation { waits: subject, on: object },
            Sense::Blocks => Relation { waits: object, on: subject },
        });
    }

    /// Whether a phrase without a subject speaks of the task whose line it is.
    fn may_be_own(&self, phrase: Phrase, at: usize, names_others: bool) -> bool {
        if self.place == Place::Below && self.depth == 0 {
            return false;
        }
        if is_behind(phrase) {
            return self.depth > 0 && !names_others;
        }
        let Some(before) = at.checked_sub(1).and_then(|before| self.clause.get(before)) else {
            return true;
        };
        match before.kind {
            Kind::Word(role) if role.stops => false,
            Kind::Word(role) if self.depth > 0 && phrase.weight == Weight::Weak => role.bridges,
            Kind::Id(_) => false,
            _ => true,
        }
    }
}

fn role(token: &Token) -> Role {
    match token.kind {
        Kind::Word(role) => role,
        _ => Role::default(),
    }
}
