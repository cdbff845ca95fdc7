//! The dialogue in which a model performs a task: what was said until now, and what comes next.
//!
//! It is a list of [`Entry`]s that only grows and outlives the process that holds it. What comes next is a function of the
//! list alone, so whoever has it goes on where it ended: nothing that was answered is asked for again.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::ScriptRun;
use crate::canonical;
use crate::experience::Retrieval;
use crate::model::{Content, Message, Role, ToolCall, ToolResult, ToolSpec, Usage, Usd};

/// The tool by which a model says that it is done.
pub const FINISH: &str = "finish";
/// The tool by which it says that it cannot do it.
pub const GIVE_UP: &str = "give_up";
/// The same call with the same result so often in a row is a loop.
pub const SAME_CALLS: usize = 3;
/// What cannot be used as a result is sent back at most so often.
pub const REPAIRS: usize = 2;
/// At most so many calls of one turn are carried out.
pub const CALLS_AT_ONCE: usize = 32;

/// Something that was said, in the order in which it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Entry {
    /// What the model is told first. It stays the same to the end.
    Opening(Box<Opening>),
    /// What the model said.
    Answer {
        /// All of it, to be sent back unchanged.
        content: Vec<Content>,
        /// Whether it was cut off at its limit.
        cut_off: bool,
        /// What it consumed.
        usage: Usage,
        /// What it cost, in billionths of a dollar; none where the price is not known.
        cost_nanos: Option<i64>,
    },
    /// What a tool answered.
    Result {
        /// As the model is told.
        result: ToolResult,
        /// What we say to it besides.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
        /// What the call touched.
        #[serde(default)]
        left: Left,
    },
    /// What we say to an answer that leads nowhere.
    Remark {
        /// The words.
        text: String,
    },
}

/// What a call touched, kept for the record of the attempt that made it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Left {
    /// Paths relative to the sandbox.
    pub files_written: Vec<String>,
    /// Artifacts of what is too large for the record.
    pub artifacts: Vec<Uuid>,
    /// Scripts that were run.
    pub scripts: Vec<ScriptRun>,
    /// Experiences that were looked up.
    pub memories: Vec<String>,
}

/// What a model is told first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Opening {
    /// Of everything that the dialogue rests on. Once that is something else, this dialogue is over and another one begins.
    pub digest: String,
    /// Which model is asked.
    pub model: String,
    /// What stands before all messages.
    pub system: String,
    /// The tools, those that end the dialogue among them.
    pub tools: Vec<ToolSpec>,
    /// The task.
    pub message: String,
    /// Which experiences it was given.
    pub retrieval: Option<Retrieval>,
}

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
    Repairs,
    /// All patience with a call that gives the same again and again.
    Loop {
        /// The tool, as the model calls it.
        name: String,
    },
}

/// All that was said until now.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Dialogue {
    entries: Vec<Entry>,
}

impl Dialogue {
    /// Of what was kept, in its order.
    pub const fn of(entries: Vec<Entry>) -> Self {
        Self { entries }
    }

    /// How many entries it has.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing was said.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// All of it.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Something more was said.
    pub fn push(&mut self, entry: Entry) {
        self.entries.push(entry);
    }

    /// What the model was told first; none if nothing was said, or what is kept does not begin with it.
    pub fn opening(&self) -> Option<&Opening> {
        match self.entries.first() {
            Some(Entry::Opening(opening)) => Some(opening),
            _ => None,
        }
    }

    /// As it is sent: turns of ours and of the model, one after the other.
    pub fn messages(&self) -> Vec<Message> {
        let mut messages: Vec<Message> = Vec::new();
        for entry in &self.entries {
            let content = match entry {
                Entry::Opening(opening) => vec![Content::Text { text: opening.message.clone() }],
                Entry::Answer { content, .. } => {
                    messages.push(Message::assistant(content.clone()));
                    continue;
                }
                Entry::Result { result, note, .. } => {
                    let text = match note {
                        Some(note) => format!("{}\n\n({note})", result.text),
                        None => result.text.clone(),
                    };
                    vec![Content::ToolResult(ToolResult { text, ..result.clone() })]
                }
                Entry::Remark { text } => vec![Content::Text { text: text.clone() }],
            };
            match messages.last_mut() {
                Some(ours) if ours.role == Role::User => ours.content.extend(content),
                _ => messages.push(Message { role: Role::User, content }),
            }
        }
        messages
    }

    /// How often the model answered.
    pub fn turns(&self) -> u32 {
        let answers = self.entries.iter().filter(|entry| matches!(entry, Entry::Answer { .. })).count();
        u32::try_from(answers).unwrap_or(u32::MAX)
    }

    /// What all answers consumed.
    pub fn usage(&self) -> Usage {
        let mut total = Usage::default();
        for entry in &self.entries {
            if let Entry::Answer { usage, .. } = entry {
                total += *usage;
            }
        }
        total
    }

    /// What all answers cost, as far as prices are known.
    pub fn cost(&self) -> Usd {
        let mut total = Usd::default();
        for entry in &self.entries {
            if let Entry::Answer { cost_nanos: Some(nanos), .. } = entry {
                total += Usd::from_nanos(*nanos);
            }
        }
        total
    }

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

    /// How often in a row this call was made with the same result, until now.
    pub fn repeated(&self, call: &ToolCall) -> usize {
        let wanted = (call.name.as_str(), canonical::to_string(&call.arguments));
        let mut results: Vec<&ToolResult> = Vec::new();
        let mut asked: Vec<&ToolCall> = Vec::new();
        for entry in &self.entries {
            match entry {
                Entry::Answer { content, .. } => asked = calls(content).collect(),
                Entry::Result { result, .. } => {
                    let made = asked.iter().find(|one| one.id == result.id);
                    let same = made.is_some_and(|one| {
                        one.name == wanted.0 && canonical::to_string(&one.arguments) == wanted.1
                    });
                    if same {
                        results.push(result);
                    }
                }
                Entry::Opening(_) | Entry::Remark { .. } => {}
            }
        }
        let Some(last) = results.last() else { return 0 };
        results.iter().rev().take_while(|one| one.text == last.text && one.is_error == last.is_error).count()
    }

    /// What comes next, within these bounds. What was said already is dealt with before anything more is asked.
    pub fn next(&self, bounds: &Bounds) -> Next<'_> {
        if self.repairs() > REPAIRS {
            return Next::Over(Exhausted::Repairs);
        }
        if matches!(self.last_answer(), Some((at, _, true)) if at + 1 == self.len()) {
            return Next::CutOff;
        }
        if let Some(call) = self.pending().first().copied() {
            return match call.name.as_str() {
                FINISH => Next::Finish(call),
                GIVE_UP => Next::GiveUp(call),
                _ if self.repeated(call) >= SAME_CALLS => {
                    Next::Over(Exhausted::Loop { name: call.name.clone() })
                }
                _ => Next::Call(call),
            };
        }
        if let Some(Entry::Answer { content, .. }) = self.entries.last() {
            return Next::Words(words(content));
        }
        let (turns, tokens, cost) = (self.turns(), self.usage().cost_tokens(), self.cost());
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

    /// How often what the model ended with was sent back since it last did something else.
    fn repairs(&self) -> usize {
        let mut repairs = 0;
        let (mut finishing, mut cut): (Vec<&str>, bool) = (Vec::new(), false);
        for entry in &self.entries {
            match entry {
                Entry::Answer { content, cut_off, .. } => {
                    cut = *cut_off;
                    finishing = calls(content)
                        .filter(|call| call.name == FINISH || call.name == GIVE_UP)
                        .map(|call| call.id.as_str())
                        .collect();
                }
                Entry::Remark { .. } => repairs += 1,
                Entry::Result { result, .. } if finishing.contains(&result.id.as_str()) => repairs += 1,
                // What was cut off was not carried out.
                Entry::Result { .. } if cut => {}
                Entry::Result { .. } => repairs = 0,
                Entry::Opening(_) => {}
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value, json};

    use super::*;

    const BOUNDS: Bounds = Bounds { turns: 10, tokens: 10_000, cost: None };

    fn call(id: &str, name: &str, arguments: Value) -> ToolCall {
        ToolCall { id: id.to_owned(), name: name.to_owned(), arguments, extra: Map::new() }
    }

    fn opening() -> Entry {
        Entry::Opening(Box::new(Opening {
            digest: "d".to_owned(),
            model: "anthropic/m".to_owned(),
            system: "s".to_owned(),
            tools: Vec::new(),
            message: "do it".to_owned(),
            retrieval: None,
        }))
    }

    fn says(words: &str, made: &[ToolCall]) -> Entry {
        let mut content = vec![Content::Text { text: words.to_owned() }];
        content.extend(made.iter().cloned().map(Content::ToolCall));
        let usage = Usage { input_tokens: 100, output_tokens: 10, ..Usage::default() };
        Entry::Answer { content, cut_off: false, usage, cost_nanos: Some(1_000) }
    }

    fn result(id: &str, text: &str) -> Entry {
        let result = ToolResult { id: id.to_owned(), text: text.to_owned(), is_error: false };
        Entry::Result { result, note: None, left: Left::default() }
    }

    fn remark() -> Entry {
        Entry::Remark { text: "go on".to_owned() }
    }

    #[test]
    fn calls_are_made_one_after_the_other_and_then_the_model_is_asked() {
        let (a, b) =
            (call("1", "file_read", json!({"path": "a"})), call("2", "file_read", json!({"path": "b"})));
        let mut dialogue = Dialogue::of(vec![opening()]);
        assert_eq!(dialogue.next(&BOUNDS), Next::Ask { last: false });
        dialogue.push(says("I look", &[a.clone(), b.clone()]));
        assert_eq!(dialogue.next(&BOUNDS), Next::Call(&a));
        assert_eq!((dialogue.place(&a), dialogue.place(&b)), ((1, 0), (1, 1)));
        dialogue.push(result("1", "x"));
        assert_eq!(dialogue.next(&BOUNDS), Next::Call(&b));
        dialogue.push(result("2", "y"));
        assert_eq!(dialogue.next(&BOUNDS), Next::Ask { last: false });
        let messages = dialogue.messages();
        assert_eq!(messages.len(), 3, "results of one turn are one message");
        assert_eq!(messages[2].content.len(), 2);
        dialogue.push(says("done", &[]));
        assert_eq!(dialogue.next(&BOUNDS), Next::Words("done".to_owned()));
    }

    #[test]
    fn what_is_used_up_ends_it_and_the_last_turn_is_told() {
        let mut dialogue = Dialogue::of(vec![opening()]);
        for turn in 1..=3 {
            let id = turn.to_string();
            dialogue.push(says("", &[call(&id, "time_now", json!({"n": turn}))]));
            dialogue.push(result(&id, &id));
        }
        let bounds =
            |turns, tokens, cost: Option<i64>| Bounds { turns, tokens, cost: cost.map(Usd::from_nanos) };
        assert_eq!(dialogue.next(&bounds(4, 10_000, None)), Next::Ask { last: true });
        assert_eq!(dialogue.next(&bounds(3, 10_000, None)), Next::Over(Exhausted::Turns(3)));
        assert_eq!(dialogue.next(&bounds(9, 330, None)), Next::Over(Exhausted::Tokens(330)));
        let cost = Usd::from_nanos(3_000);
        assert_eq!(dialogue.next(&bounds(9, 331, Some(3_000))), Next::Over(Exhausted::Cost(cost)));
        assert_eq!(dialogue.next(&bounds(9, 331, Some(3_001))), Next::Ask { last: false });
    }

    #[test]
    fn the_same_call_with_the_same_result_is_a_loop_and_polling_is_none() {
        let same = |id: &str| call(id, "http_request", json!({"url": "u", "method": "GET"}));
        // The order of members is no difference.
        let turned = |id: &str| call(id, "http_request", json!({"method": "GET", "url": "u"}));
        let mut stuck = Dialogue::of(vec![opening()]);
        for (made, answer) in [(same("1"), "wait"), (turned("2"), "wait"), (same("3"), "wait")] {
            stuck.push(says("", std::slice::from_ref(&made)));
            stuck.push(result(&made.id, answer));
        }
        let again = same("4");
        assert_eq!(stuck.repeated(&again), 3);
        stuck.push(says("", std::slice::from_ref(&again)));
        assert!(matches!(stuck.next(&BOUNDS), Next::Over(Exhausted::Loop { .. })));
        let mut polling = Dialogue::of(vec![opening()]);
        for (made, answer) in
            [(same("1"), "1 %"), (same("2"), "50 %"), (same("3"), "99 %"), (same("4"), "99 %")]
        {
            polling.push(says("", std::slice::from_ref(&made)));
            polling.push(result(&made.id, answer));
        }
        assert_eq!(polling.repeated(&again), 2);
        assert_eq!(polling.repeated(&call("5", "http_request", json!({"url": "v"}))), 0);
    }

    #[test]
    fn what_cannot_be_used_is_sent_back_twice_and_work_in_between_counts_anew() {
        let finish = |id: &str| call(id, FINISH, json!({}));
        let mut dialogue = Dialogue::of(vec![opening(), says("", &[finish("1")])]);
        assert_eq!(dialogue.next(&BOUNDS), Next::Finish(&finish("1")));
        dialogue.push(result("1", "not so"));
        dialogue.push(says("words", &[]));
        dialogue.push(remark());
        assert_eq!(dialogue.next(&BOUNDS), Next::Ask { last: false });
        let mut worked = dialogue.clone();
        worked.push(says("", &[call("2", "time_now", json!({}))]));
        worked.push(result("2", "now"));
        worked.push(says("", &[finish("3")]));
        worked.push(result("3", "not so"));
        assert_eq!(worked.next(&BOUNDS), Next::Ask { last: false });
        dialogue.push(says("", &[finish("4")]));
        dialogue.push(result("4", "still not so"));
        assert_eq!(dialogue.next(&BOUNDS), Next::Over(Exhausted::Repairs));
    }

    proptest! {
        /// Whatever a model says: turns alternate, every call before the last answer has its result, and it ends.
        #[test]
        fn every_dialogue_can_be_sent_and_ends(script in prop::collection::vec((0usize..4, 0usize..3, any::<bool>()), 0..40)) {
            let mut dialogue = Dialogue::of(vec![opening()]);
            let bounds = Bounds { turns: 12, tokens: 1_000_000, cost: None };
            let mut script = script.into_iter();
            let mut number = 0;
            let mut steps = 0;
            loop {
                steps += 1;
                prop_assert!(steps < 1_000);
                let owned = match dialogue.next(&bounds) {
                    Next::Ask { .. } => None,
                    Next::Call(made) | Next::Finish(made) => Some(result(&made.id, "r")),
                    Next::Words(_) => Some(remark()),
                    Next::CutOff => {
                        let ids: Vec<String> = dialogue.pending().iter().map(|made| made.id.clone()).collect();
                        for id in ids {
                            dialogue.push(result(&id, "cut off"));
                        }
                        Some(remark())
                    }
                    Next::GiveUp(_) | Next::Over(_) => break,
                };
                if let Some(entry) = owned {
                    dialogue.push(entry);
                    continue;
                }
                let messages = dialogue.messages();
                for (at, message) in messages.iter().enumerate() {
                    prop_assert_eq!(message.role, if at % 2 == 0 { Role::User } else { Role::Assistant });
                    if message.role == Role::Assistant {
                        let ids: Vec<&str> = message.calls().map(|made| made.id.as_str()).collect();
                        for id in ids {
                            let answered = messages[at + 1].content.iter().any(
                                |part| matches!(part, Content::ToolResult(one) if one.id == id));
                            prop_assert!(answered);
                        }
                    }
                }
                let (calls_made, kind, cut_off) = script.next().unwrap_or((0, 0, false));
                let made: Vec<ToolCall> = (0..calls_made).map(|_| {
                    number += 1;
                    let name = ["file_read", FINISH, "time_now"][kind];
                    call(&number.to_string(), name, json!({"n": number % 5}))
                }).collect();
                let mut entry = says("w", &made);
                if let Entry::Answer { cut_off: cut, .. } = &mut entry {
                    *cut = cut_off;
                }
                dialogue.push(entry);
            }
        }
    }
}
