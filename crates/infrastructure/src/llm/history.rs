//! A conversation in the shape that endpoints insist on.
//!
//! Turns alternate and begin and end with ours; each call of a tool is followed by its result, before anything else is said.
//! Conversations that were interrupted, cut short or put together from several are not like that.

use goalwright_domain::model::{Content, Message, Role, ToolResult};

/// What stands where a turn of ours is missing.
const GO_ON: &str = "Go on.";
/// What stands for a result that never came.
const INTERRUPTED: &str = "this call was interrupted, and its result is not known; it may have taken effect";

/// The conversation, repaired.
pub(super) fn repaired(messages: &[Message]) -> Vec<Message> {
    let mut turns: Vec<Message> = Vec::new();
    for message in messages {
        let content: Vec<Content> =
            message.content.iter().filter(|part| says_something(part)).cloned().collect();
        if content.is_empty() {
            continue;
        }
        match turns.last_mut() {
            Some(last) if last.role == message.role => last.content.extend(content),
            _ => turns.push(Message { role: message.role, content }),
        }
    }
    let mut whole: Vec<Message> = Vec::new();
    for turn in turns {
        let called: Vec<String> =
            whole.last().map(|last| last.calls().map(|call| call.id.clone()).collect()).unwrap_or_default();
        match turn.role {
            Role::User => whole.push(answering(&called, turn)),
            Role::Assistant => {
                if whole.is_empty() {
                    whole.push(Message::user(GO_ON));
                }
                whole.push(Message { content: own(turn.content), ..turn });
            }
        }
    }
    match whole.last() {
        Some(last) if last.role == Role::User => {}
        None => whole.push(Message::user(GO_ON)),
        Some(last) => {
            let called: Vec<String> = last.calls().map(|call| call.id.clone()).collect();
            let words = if called.is_empty() { Message::user(GO_ON) } else { Message::results(Vec::new()) };
            whole.push(answering(&called, words));
        }
    }
    whole
}

fn says_something(part: &Content) -> bool {
    !matches!(part, Content::Text { text } if text.trim().is_empty())
}

/// A model gives no results.
fn own(content: Vec<Content>) -> Vec<Content> {
    content.into_iter().filter(|part| !matches!(part, Content::ToolResult(_))).collect()
}

/// A turn of ours: first the results of what was called, in that order, then the rest. A result that nobody waits for
/// becomes words.
fn answering(called: &[String], turn: Message) -> Message {
    let mut given: Vec<ToolResult> = Vec::new();
    let mut rest = Vec::new();
    for part in turn.content {
        match part {
            Content::ToolResult(result) => {
                if called.contains(&result.id) && !given.iter().any(|other| other.id == result.id) {
                    given.push(result);
                } else if !result.text.trim().is_empty() {
                    rest.push(Content::Text {
                        text: format!("The result of an earlier call: {}", result.text),
                    });
                }
            }
            // We call nothing, and have no thoughts of a provider.
            Content::ToolCall(_) | Content::Opaque { .. } => {}
            Content::Text { .. } => rest.push(part),
        }
    }
    let results = called.iter().map(|id| {
        let found = given.iter().find(|result| result.id == *id).cloned();
        found.unwrap_or_else(|| ToolResult { id: id.clone(), text: INTERRUPTED.to_owned(), is_error: true })
    });
    let content: Vec<Content> = results.map(Content::ToolResult).chain(rest).collect();
    if content.is_empty() { Message::user(GO_ON) } else { Message { role: Role::User, content } }
}

#[cfg(test)]
mod tests {
    use goalwright_domain::model::ToolCall;
    use serde_json::{Map, json};

    use super::*;

    fn call(id: &str) -> Content {
        let (name, arguments) = ("time_now".to_owned(), json!({}));
        Content::ToolCall(ToolCall { id: id.to_owned(), name, arguments, extra: Map::new() })
    }

    fn result(id: &str, text: &str) -> Content {
        Content::ToolResult(ToolResult { id: id.to_owned(), text: text.to_owned(), is_error: false })
    }

    fn said(role: Role, content: Vec<Content>) -> Message {
        Message { role, content }
    }

    fn text(text: &str) -> Content {
        Content::Text { text: text.to_owned() }
    }

    fn lost(id: &str) -> Content {
        Content::ToolResult(ToolResult { id: id.to_owned(), text: INTERRUPTED.to_owned(), is_error: true })
    }

    #[test]
    fn a_whole_conversation_stays_as_it_is() {
        let whole = vec![
            said(Role::User, vec![text("what time is it?")]),
            said(Role::Assistant, vec![text("let me see"), call("a"), call("b")]),
            said(Role::User, vec![result("a", "noon"), result("b", "12:00"), text("hurry")]),
        ];
        assert_eq!(repaired(&whole), whole);
    }

    #[test]
    fn every_call_is_followed_by_its_result_and_turns_alternate() {
        use Role::{Assistant, User};
        let broken = [
            said(Assistant, vec![call("a"), call("b")]),
            // In another order, one is missing, one twice, one of nobody, and words first.
            said(User, vec![text("so?")]),
            said(User, vec![result("x", "stray"), result("b", "two"), result("b", "again"), text(" ")]),
            said(Assistant, vec![text("")]),
            said(User, vec![text("and?")]),
            said(Assistant, vec![call("c")]),
            said(Assistant, vec![text("still there")]),
        ];
        let expected = vec![
            said(User, vec![text(GO_ON)]),
            said(Assistant, vec![call("a"), call("b")]),
            said(
                User,
                vec![
                    lost("a"),
                    result("b", "two"),
                    text("so?"),
                    text("The result of an earlier call: stray"),
                    text("The result of an earlier call: again"),
                    text("and?"),
                ],
            ),
            said(Assistant, vec![call("c"), text("still there")]),
            said(User, vec![lost("c")]),
        ];
        assert_eq!(repaired(&broken), expected);
        assert_eq!(repaired(&expected), expected, "what is whole stays whole");
        assert_eq!(repaired(&[]), vec![Message::user(GO_ON)]);
    }
}
