//! From an answer to what it says.

use goalwright_application::ports::{ModelReply, ModelRequest, Stop};
use goalwright_domain::model::{Content, ToolCall, Usage};
use serde_json::{Map, Value, json};

use super::PROVIDER;

/// The parts of a message, put together.
pub(super) struct Whole {
    pub(super) blocks: Vec<Value>,
    pub(super) stop_reason: String,
    pub(super) stop_details: Value,
    pub(super) usage: Value,
    pub(super) model: Option<String>,
}

/// Reads a message that came whole; none if it is no message.
pub(super) fn whole(answer: &Value, request: &ModelRequest) -> Option<ModelReply> {
    let blocks = answer.get("content")?.as_array()?.clone();
    let stop_reason = answer.get("stop_reason")?.as_str()?.to_owned();
    let field = |name| answer.get(name).cloned().unwrap_or(Value::Null);
    let model = answer.get("model").and_then(Value::as_str).map(str::to_owned);
    let (stop_details, usage) = (field("stop_details"), field("usage"));
    Some(reply(Whole { blocks, stop_reason, stop_details, usage, model }, request))
}

pub(super) fn reply(whole: Whole, request: &ModelRequest) -> ModelReply {
    let Whole { blocks, stop_reason, stop_details, usage, model } = whole;
    let stop = match stop_reason.as_str() {
        "tool_use" => Stop::Tools,
        "max_tokens" | "model_context_window_exceeded" => Stop::Length,
        "refusal" => {
            let words = ["category", "explanation"].iter().find_map(|key| stop_details.get(*key)?.as_str());
            Stop::Refused { category: words.map(str::to_owned) }
        }
        _ => Stop::Finished,
    };
    ModelReply {
        content: blocks.into_iter().map(content).collect(),
        formed: None,
        stop,
        usage: Usage::of_anthropic(&usage),
        raw_usage: usage,
        model: model.unwrap_or_else(|| request.model.model().to_owned()),
    }
}

/// A block; what is neither words nor a call is kept as it is.
fn content(block: Value) -> Content {
    let text = |name: &str| block.get(name).and_then(Value::as_str).map(str::to_owned);
    match (text("type").as_deref(), text("text"), text("id"), text("name")) {
        (Some("text"), Some(text), _, _) => Content::Text { text },
        (Some("tool_use"), _, Some(id), Some(name)) => {
            let mut extra = block.as_object().cloned().unwrap_or_default();
            let arguments = extra.remove("input").unwrap_or_else(|| Value::Object(Map::new()));
            extra.retain(|name, _| !["type", "id", "name"].contains(&name.as_str()));
            Content::ToolCall(ToolCall { id, name, arguments, extra })
        }
        _ => Content::Opaque { value: json!({"provider": PROVIDER, "block": block}) },
    }
}
