use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::model::ToolCall;

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
    Entry::Answer { content, cut_off: false, usage, cost_nanos: Some(1_000), beyond: Beyond::default() }
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
    let (a, b) = (call("1", "file_read", json!({"path": "a"})), call("2", "file_read", json!({"path": "b"})));
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
    let bounds = |turns, tokens, cost: Option<i64>| Bounds { turns, tokens, cost: cost.map(Usd::from_nanos) };
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

    let rest = |id: &str| call(id, "time_sleep", json!({"seconds": 60}));
    let polling = of(&[
        (same("1"), "pending"),
        (rest("2"), "slept"),
        (same("3"), "pending"),
        (rest("4"), "slept"),
        (same("5"), "pending"),
        (rest("6"), "slept"),
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
    assert!(at_once.is_spam(&many[3]) && !at_once.is_spam(&rest("9")));
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
    let known = Beyond::default();
    dialogue.push(Entry::Unanswered { usage, cost_nanos: Some(40), beyond: known });
    assert_eq!(dialogue.cost(), Some(Usd::from_nanos(40)));
    dialogue.push(Entry::Unanswered { usage, cost_nanos: None, beyond: known });
    assert_eq!(dialogue.messages(), messages);
    assert_eq!(dialogue.cost(), None, "what is not known whole is not known");
    assert_eq!(dialogue.consumed(), Consumed { turns: 0, tokens: 640, cost_nanos: 40 });
    let bounds = |tokens| Bounds { tokens, ..BOUNDS };
    assert_eq!(dialogue.next(&bounds(641)), Next::Ask { last: false });
    assert_eq!(dialogue.next(&bounds(640)), Next::Over(Exhausted::Tokens(640)));
    let beyond = Beyond { tokens: 60, cost_nanos: 9 };
    dialogue.push(Entry::Unanswered { usage: Usage::default(), cost_nanos: None, beyond });
    assert_eq!(dialogue.consumed(), Consumed { turns: 0, tokens: 700, cost_nanos: 49 });
    assert_eq!(dialogue.usage().input_tokens, 600, "what is not known is not told");
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
