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
    /// A call came to no answer, and consumed this all the same. Nobody is told of it.
    Unanswered {
        /// What it consumed, as far as the provider told.
        usage: Usage,
        /// What it cost, in billionths of a dollar; none where that is not known.
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
    /// The attempt failed for good. Whoever has it tried again goes on behind this.
    Stopped {
        /// Why, for the model.
        text: String,
    },
}

/// What dialogues of a run took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Consumed {
    /// How often the model answered.
    pub turns: u32,
    /// What it read and wrote.
    pub tokens: u64,
    /// What that cost, in billionths of a dollar, as far as prices are known.
    pub cost_nanos: i64,
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
    /// Tells this dialogue from others of the same run.
    pub id: Uuid,
    /// Of everything that the dialogue rests on. Once that is something else, this dialogue is over and another one begins.
    pub digest: String,
    /// What the dialogues before it consumed.
    pub before: Consumed,
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

    /// How many characters tools have answered to the last turn of the model.
    pub fn answered_characters(&self) -> usize {
        let answers = self.entries.iter().rev().map_while(|entry| match entry {
            Entry::Result { result, .. } => Some(result.text.chars().count()),
            _ => None,
        });
        answers.sum()
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
                Entry::Remark { text } | Entry::Stopped { text } => {
                    vec![Content::Text { text: text.clone() }]
                }
                Entry::Unanswered { .. } => continue,
            };
            match messages.last_mut() {
                Some(ours) if ours.role == Role::User => ours.content.extend(content),
                _ => messages.push(Message { role: Role::User, content }),
            }
        }
        messages
    }

    /// What the run took until now, dialogues before this one included.
    pub fn consumed(&self) -> Consumed {
        let before = self.opening().map(|opening| opening.before).unwrap_or_default();
        Consumed {
            turns: before.turns.saturating_add(self.turns()),
            tokens: before.tokens.saturating_add(self.usage().cost_tokens()),
            cost_nanos: before.cost_nanos.saturating_add(self.cost().nanos()),
        }
    }

    /// How often the model answered.
    pub fn turns(&self) -> u32 {
        let answers = self.entries.iter().filter(|entry| matches!(entry, Entry::Answer { .. })).count();
        u32::try_from(answers).unwrap_or(u32::MAX)
    }

    /// What all calls consumed.
    pub fn usage(&self) -> Usage {
        let mut total = Usage::default();
        self.paid().for_each(|(usage, _)| total += usage);
        total
    }

    /// What all calls cost, as far as that is known.
    pub fn cost(&self) -> Usd {
        let mut total = Usd::default();
        self.paid().filter_map(|(_, cost)| cost).for_each(|cost| total += cost);
        total
    }

    /// What each call consumed, whether it was answered or not, and what it cost where that is known.
    fn paid(&self) -> impl Iterator<Item = (Usage, Option<Usd>)> {
        self.entries.iter().filter_map(|entry| match entry {
            Entry::Answer { usage, cost_nanos, .. } | Entry::Unanswered { usage, cost_nanos } => {
                Some((*usage, cost_nanos.map(Usd::from_nanos)))
            }
            Entry::Opening(_) | Entry::Result { .. } | Entry::Remark { .. } | Entry::Stopped { .. } => None,
        })
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
            id: Uuid::nil(),
            digest: "d".to_owned(),
            before: Consumed::default(),
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
        let of = |script: &[(ToolCall, &str)]| {
            let mut dialogue = Dialogue::of(vec![opening()]);
            for (made, answer) in script {
                dialogue.push(says("", std::slice::from_ref(made)));
                dialogue.push(result(&made.id, answer));
            }
            dialogue
        };
        let mut stuck = of(&[(same("1"), "wait"), (turned("2"), "wait"), (same("3"), "wait")]);
        let again = same("4");
        assert_eq!(stuck.repeated(&again), 3);
        stuck.push(says("", std::slice::from_ref(&again)));
        assert!(matches!(stuck.next(&BOUNDS), Next::Over(Exhausted::Loop { .. })));
        let mut freed = stuck.clone();
        freed.push(result("4", "not carried out"));
        freed.push(Entry::Stopped { text: "go on".to_owned() });
        freed.push(says("", std::slice::from_ref(&same("5"))));
        assert_eq!(freed.next(&BOUNDS), Next::Call(&same("5")), "somebody had it tried again");

        let sleep = |id: &str| call(id, "time_sleep", json!({"seconds": 60}));
        let polling = of(&[
            (same("1"), "pending"),
            (sleep("2"), "slept"),
            (same("3"), "pending"),
            (sleep("4"), "slept"),
            (same("5"), "pending"),
            (sleep("6"), "slept"),
            (same("7"), "pending"),
        ]);
        assert_eq!(polling.repeated(&again), 1);
        let moving = of(&[(same("1"), "1 %"), (same("2"), "50 %"), (same("3"), "99 %"), (same("4"), "99 %")]);
        assert_eq!(moving.repeated(&again), 2);
        assert_eq!(moving.repeated(&call("5", "http_request", json!({"url": "v"}))), 0);

        // Many at once: the model has not seen what came of the first ones.
        let many: Vec<ToolCall> = (1..=4).map(|n| same(&n.to_string())).collect();
        let mut at_once = Dialogue::of(vec![opening(), says("", &many)]);
        for made in &many[..3] {
            at_once.push(result(&made.id, "wait"));
        }
        assert_eq!(at_once.next(&BOUNDS), Next::Call(&many[3]));
        assert!(at_once.is_spam(&many[3]) && !at_once.is_spam(&sleep("9")));
    }

    #[test]
    fn what_is_to_be_done_is_done_before_it_ends() {
        let (finish, write) = (call("1", FINISH, json!({})), call("2", "file_write", json!({})));
        let mut dialogue = Dialogue::of(vec![opening(), says("", &[finish.clone(), write.clone()])]);
        assert_eq!(dialogue.next(&BOUNDS), Next::Call(&write));
        dialogue.push(result("2", "written"));
        assert_eq!(dialogue.next(&BOUNDS), Next::Finish(&finish));
    }

    #[test]
    fn what_earlier_dialogues_of_the_run_took_counts() {
        let Entry::Opening(mut first) = opening() else { panic!("an opening") };
        first.before = Consumed { turns: 9, tokens: 500, cost_nanos: 7 };
        let dialogue = Dialogue::of(vec![Entry::Opening(first), says("", &[]), remark()]);
        assert_eq!(dialogue.consumed(), Consumed { turns: 10, tokens: 610, cost_nanos: 1_007 });
        assert_eq!(dialogue.next(&BOUNDS), Next::Over(Exhausted::Turns(10)));
    }

    #[test]
    fn what_was_consumed_without_an_answer_counts_and_is_told_to_nobody() {
        let mut dialogue = Dialogue::of(vec![opening()]);
        let messages = dialogue.messages();
        let usage = Usage { input_tokens: 300, output_tokens: 20, ..Usage::default() };
        dialogue.push(Entry::Unanswered { usage, cost_nanos: Some(40) });
        dialogue.push(Entry::Unanswered { usage, cost_nanos: None });
        assert_eq!(dialogue.messages(), messages);
        assert_eq!(dialogue.consumed(), Consumed { turns: 0, tokens: 640, cost_nanos: 40 });
        let bounds = |tokens| Bounds { tokens, ..BOUNDS };
        assert_eq!(dialogue.next(&bounds(641)), Next::Ask { last: false });
        assert_eq!(dialogue.next(&bounds(640)), Next::Over(Exhausted::Tokens(640)));
        let kept = serde_json::to_string(dialogue.entries()).expect("it can be kept");
        let read: Vec<Entry> = serde_json::from_str(&kept).expect("it can be read");
        assert_eq!(Dialogue::of(read), dialogue);
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
        assert_eq!(dialogue.next(&BOUNDS), Next::Over(Exhausted::Repairs { cut_off: false }));
        dialogue.push(Entry::Stopped { text: "stopped".to_owned() });
        assert_eq!(
            dialogue.next(&BOUNDS),
            Next::Ask { last: false },
            "whoever has it tried again gives it its chances"
        );
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
