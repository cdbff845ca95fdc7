//! What comes next in a dialogue: a function of what was said until now.

use super::{Consumed, Dialogue, Entry, FINISH, GIVE_UP};
use crate::canonical;
use crate::model::{Content, ToolCall, ToolResult, Usd};

/// The same call with the same result so often in a row is a loop.
pub const SAME_CALLS: usize = 3;
/// What cannot be used as a result is sent back at most so often.
pub const REPAIRS: usize = 2;

/// How much a dialogue may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The model is asked at most so often.
    pub turns: u32,
    /// It reads and writes at most so many tokens.
    pub tokens: u64,
    /// It costs at most so much.
    pub cost: Option<Usd>,
}

/// What comes next.
#[derive(Debug, Clone, PartialEq)]
pub enum Next<'a> {
    /// The model is asked.
    Ask {
        /// For the last time: it has to end now.
        last: bool,
    },
    /// This tool is called.
    Call(&'a ToolCall),
    /// The model says that it is done.
    Finish(&'a ToolCall),
    /// The model says that it cannot do it.
    GiveUp(&'a ToolCall),
    /// The model ended with words.
    Words(String),
    /// Its answer was cut off: nothing that it calls is carried out.
    CutOff,
    /// It goes no further.
    Over(Exhausted),
}

/// What is used up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exhausted {
    /// All turns.
    Turns(u32),
    /// All tokens.
    Tokens(u64),
    /// All money.
    Cost(Usd),
    /// All patience with results that cannot be used.
    Repairs {
        /// The last of them was cut off at the limit of its length.
        cut_off: bool,
    },
    /// All patience with a call that gives the same again and again.
    Loop {
        /// The tool, as the model calls it.
        name: String,
    },
}

impl Dialogue {
    /// The calls of the last answer that have no result yet, in their order.
    pub fn pending(&self) -> Vec<&ToolCall> {
        let Some((at, content, _)) = self.last_answer() else { return Vec::new() };
        let answered: Vec<&str> = self.entries[at..]
            .iter()
            .filter_map(|entry| match entry {
                Entry::Result { result, .. } => Some(result.id.as_str()),
                _ => None,
            })
            .collect();
        calls(content).filter(|call| !answered.contains(&call.id.as_str())).collect()
    }

    /// Where in the run this call stands: the number of the answer, and of the call in it. It is the same whoever goes on.
    pub fn place(&self, call: &ToolCall) -> (u32, usize) {
        let among =
            self.last_answer().and_then(|(_, content, _)| calls(content).position(|one| one.id == call.id));
        (self.turns(), among.unwrap_or_default())
    }

    /// How often in a row this call was made with the same result, until now: no other call came in between, as a wait does
    /// where somebody looks whether something is done.
    pub fn repeated(&self, call: &ToolCall) -> usize {
        self.in_a_row(call).0
    }

    /// How often in a row, and how often of these in the last answer.
    fn in_a_row(&self, call: &ToolCall) -> (usize, usize) {
        let wanted = (call.name.as_str(), canonical::to_string(&call.arguments));
        let (mut asked, mut last): (Vec<&ToolCall>, Option<&ToolResult>) = (Vec::new(), None);
        let (mut times, mut now) = (0, 0);
        for entry in &self.entries {
            match entry {
                Entry::Answer { content, .. } => {
                    asked = calls(content).collect();
                    now = 0;
                }
                Entry::Result { result, .. } => {
                    let made = asked.iter().find(|one| one.id == result.id);
                    let same = made.is_some_and(|one| {
                        one.name == wanted.0 && canonical::to_string(&one.arguments) == wanted.1
                    });
                    let alike =
                        last.is_some_and(|last| last.text == result.text && last.is_error == result.is_error);
                    (times, now, last) = match (same, alike) {
                        (true, true) => (times + 1, now + 1, Some(result)),
                        (true, false) => (1, 1, Some(result)),
                        (false, _) => (0, 0, None),
                    };
                }
                Entry::Stopped { .. } => (times, now, last) = (0, 0, None),
                Entry::Opening(_) | Entry::Remark { .. } | Entry::Unanswered { .. } => {}
            }
        }
        (times, now)
    }

    /// Whether the same call was made so often by now, all within this answer, that it is not made again in it.
    pub fn is_spam(&self, call: &ToolCall) -> bool {
        let (times, now) = self.in_a_row(call);
        times >= SAME_CALLS && now > 0
    }

    /// What comes next, within these bounds. What was said already is dealt with before anything more is asked.
    pub fn next(&self, bounds: &Bounds) -> Next<'_> {
        if self.repairs() > REPAIRS {
            let cut_off = matches!(self.last_answer(), Some((_, _, true)));
            return Next::Over(Exhausted::Repairs { cut_off });
        }
        if matches!(self.last_answer(), Some((at, _, true)) if at + 1 == self.len()) {
            return Next::CutOff;
        }
        let pending = self.pending();
        // What is to be done is done before it ends, whatever stands first.
        let ends = |call: &&&ToolCall| matches!(call.name.as_str(), FINISH | GIVE_UP);
        if let Some(call) = pending.iter().find(|call| !ends(call)).or(pending.first()).copied() {
            let (times, now) = self.in_a_row(call);
            return match call.name.as_str() {
                FINISH => Next::Finish(call),
                GIVE_UP => Next::GiveUp(call),
                _ if times >= SAME_CALLS && now == 0 => {
                    Next::Over(Exhausted::Loop { name: call.name.clone() })
                }
                _ => Next::Call(call),
            };
        }
        if let Some(Entry::Answer { content, .. }) = self.entries.last() {
            return Next::Words(words(content));
        }
        let Consumed { turns, tokens, cost_nanos } = self.consumed();
        let cost = Usd::from_nanos(cost_nanos);
        if turns >= bounds.turns {
            return Next::Over(Exhausted::Turns(bounds.turns));
        }
        if tokens >= bounds.tokens {
            return Next::Over(Exhausted::Tokens(bounds.tokens));
        }
        if let Some(most) = bounds.cost.filter(|most| cost >= *most) {
            return Next::Over(Exhausted::Cost(most));
        }
        Next::Ask { last: turns + 1 == bounds.turns }
    }

    /// How many answers that were to end it were sent back since the model last did something else.
    fn repairs(&self) -> usize {
        let (mut repairs, mut counted) = (0, false);
        let (mut finishing, mut cut): (Vec<&str>, bool) = (Vec::new(), false);
        for entry in &self.entries {
            match entry {
                Entry::Answer { content, cut_off, .. } => {
                    (cut, counted) = (*cut_off, false);
                    finishing = calls(content)
                        .filter(|call| call.name == FINISH || call.name == GIVE_UP)
                        .map(|call| call.id.as_str())
                        .collect();
                }
                Entry::Remark { .. } if !counted => (repairs, counted) = (repairs + 1, true),
                Entry::Result { result, .. } if finishing.contains(&result.id.as_str()) => {
                    if !counted {
                        (repairs, counted) = (repairs + 1, true);
                    }
                }
                // What was cut off was not carried out.
                Entry::Result { .. } if !cut => repairs = 0,
                Entry::Stopped { .. } => repairs = 0,
                Entry::Result { .. }
                | Entry::Remark { .. }
                | Entry::Opening(_)
                | Entry::Unanswered { .. } => {}
            }
        }
        repairs
    }

    /// Where it stands, what it says, and whether it was cut off.
    fn last_answer(&self) -> Option<(usize, &[Content], bool)> {
        self.entries.iter().enumerate().rev().find_map(|(at, entry)| match entry {
            Entry::Answer { content, cut_off, .. } => Some((at, content.as_slice(), *cut_off)),
            _ => None,
        })
    }
}

fn calls(content: &[Content]) -> impl Iterator<Item = &ToolCall> {
    content.iter().filter_map(|part| match part {
        Content::ToolCall(call) => Some(call),
        Content::Text { .. } | Content::ToolResult(_) | Content::Opaque { .. } => None,
    })
}

fn words(content: &[Content]) -> String {
    content
        .iter()
        .filter_map(|part| match part {
            Content::Text { text } => Some(text.as_str()),
            Content::ToolCall(_) | Content::ToolResult(_) | Content::Opaque { .. } => None,
        })
        .collect()
}
