//! From an answer to what it says.

use goalwright_application::ports::{ModelReply, ModelRequest, Stop};
use goalwright_domain::model::{Content, ToolCall, Usage};
use serde_json::{Map, Value, json};

use super::PROVIDER;

/// The parts of a choice, put together.
#[derive(Debug, Default)]
pub(super) struct Whole {
    pub(super) text: String,
    pub(super) refusal: String,
    pub(super) calls: Vec<Map<String, Value>>,
    pub(super) finish_reason: String,
    /// What has to be sent back with the message.
    pub(super) fields: Map<String, Value>,
    pub(super) usage: Value,
    pub(super) model: Option<String>,
}

/// Fields of a message that are kept: Gemini signs thoughts there.
pub(super) const KEPT: [&str; 1] = ["extra_content"];

/// Reads a completion that came whole; none if it is no completion.
pub(super) fn whole(answer: &Value, request: &ModelRequest) -> Option<ModelReply> {
    let choice = answer.get("choices")?.get(0)?;
    let message = choice.get("message")?.as_object()?;
    let finish_reason = choice.get("finish_reason")?.as_str()?.to_owned();
    let calls = message.get("tool_calls").and_then(Value::as_array).cloned().unwrap_or_default();
    let whole = Whole {
        text: words(message.get("content")),
        refusal: words(message.get("refusal")),
        calls: calls.into_iter().filter_map(object).collect(),
        finish_reason,
        fields: kept(message),
        usage: answer.get("usage").cloned().unwrap_or_default(),
        model: answer.get("model").and_then(Value::as_str).map(str::to_owned),
    };
    Some(reply(whole, request))
}

pub(super) fn reply(whole: Whole, request: &ModelRequest) -> ModelReply {
    let Whole { text, refusal, calls, finish_reason, fields, usage, model } = whole;
    let stop = match finish_reason.as_str() {
        _ if !refusal.trim().is_empty() => Stop::Refused { category: Some(refusal) },
        // Some say which filter behind it.
        reason if reason.starts_with("content_filter") => Stop::Refused { category: Some(finish_reason) },
        "length" => Stop::Length,
        "tool_calls" | "function_call" => Stop::Tools,
        _ => Stop::Finished,
    };
    let mut content = Vec::new();
    if !fields.is_empty() {
        content.push(Content::Opaque { value: json!({"provider": PROVIDER, "fields": fields}) });
    }
    if !text.is_empty() {
        content.push(Content::Text { text });
    }
    let turn = request.messages.iter().flat_map(|message| message.calls()).count();
    let calls = calls.into_iter().enumerate();
    content.extend(calls.map(|(index, fields)| Content::ToolCall(call(fields, turn + index))));
    ModelReply {
        content,
        formed: None,
        stop,
        usage: Usage::of_openai(&usage),
        raw_usage: usage,
        model: model.unwrap_or_else(|| request.model.model().to_owned()),
    }
}

/// The fields of a message that are kept.
pub(super) fn kept(message: &Map<String, Value>) -> Map<String, Value> {
    let known = |(name, value): &(&String, &Value)| KEPT.contains(&name.as_str()) && !value.is_null();
    message.iter().filter(known).map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// A text, or the texts of a list of parts.
pub(super) fn words(content: Option<&Value>) -> String {
    match content {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => {
            parts.iter().filter_map(|part| part.get("text").and_then(Value::as_str)).collect()
        }
        _ => String::new(),
    }
}

/// A call. `number` names it where the endpoint does not.
fn call(mut fields: Map<String, Value>, number: usize) -> ToolCall {
    let text = |value: Option<Value>| value.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut function = fields.remove("function").and_then(object).unwrap_or_default();
    let name = text(function.remove("name"));
    let arguments = match function.remove("arguments") {
        Some(Value::String(written)) if written.trim().is_empty() => Value::Object(Map::new()),
        Some(Value::String(written)) => serde_json::from_str(&written).unwrap_or(Value::String(written)),
        Some(Value::Null) | None => Value::Object(Map::new()),
        Some(value) => value,
    };
    let id = Some(text(fields.remove("id"))).filter(|id| !id.is_empty());
    fields.retain(|name, value| !["type", "index"].contains(&name.as_str()) && !value.is_null());
    if !function.is_empty() {
        fields.insert("function".to_owned(), Value::Object(function));
    }
    ToolCall { id: id.unwrap_or_else(|| format!("call_{number}")), name, arguments, extra: fields }
}

fn object(value: Value) -> Option<Map<String, Value>> {
    match value {
        Value::Object(fields) => Some(fields),
        _ => None,
    }
}
