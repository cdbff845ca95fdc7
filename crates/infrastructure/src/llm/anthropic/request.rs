//! From a request to a body.

use goalwright_application::ports::ModelRequest;
use goalwright_domain::model::{Content, Message, Role, ToolChoice};
use serde_json::{Map, Value, json};

use super::super::dialect::{Dialect, Way};
use super::super::{form, history};
use super::PROVIDER;

/// The body of a request. The same request gives the same bytes; what stays the same from request to request, tools and
/// system, is marked to be cached, and so is a conversation that goes on.
pub(in super::super) fn body(request: &ModelRequest, dialect: Dialect, streamed: bool) -> Value {
    let mut body = Map::new();
    let mut put = |key: &str, value: Value| body.insert(key.to_owned(), value);
    put("model", json!(request.model.model()));
    put("max_tokens", json!(dialect.output(request)));
    let (mut tools, mut system) = (tools(request, dialect), system(request, dialect));
    if let Some(Value::Object(last)) = system.last_mut().or_else(|| tools.last_mut()) {
        last.insert("cache_control".to_owned(), json!({"type": "ephemeral"}));
    }
    if !tools.is_empty() {
        put("tools", Value::Array(tools));
        if let Some(choice) = choice(&form::choice(request, dialect)) {
            put("tool_choice", choice);
        }
    }
    if !system.is_empty() {
        put("system", Value::Array(system));
    }
    if let Some(form) = form::by(request, dialect, Way::Schema) {
        put("output_config", json!({"format": {"type": "json_schema", "schema": form.schema}}));
    }
    put("messages", Value::Array(messages(request)));
    if streamed {
        put("stream", Value::Bool(true));
    }
    Value::Object(body)
}

fn tools(request: &ModelRequest, dialect: Dialect) -> Vec<Value> {
    let given = request.tools.iter().map(|tool| (&tool.name, &tool.description, &tool.parameters));
    let form = form::by(request, dialect, Way::Tool);
    let form = form.map(|form| (&form.name, &form.description, &form.schema));
    given
        .chain(form)
        .map(|(name, description, schema)| {
            json!({"name": name, "description": description, "input_schema": schema})
        })
        .collect()
}

fn system(request: &ModelRequest, dialect: Dialect) -> Vec<Value> {
    let words = form::by(request, dialect, Way::Words).map(form::in_words);
    let given = Some(request.system.clone()).filter(|system| !system.trim().is_empty());
    given.into_iter().chain(words).map(|text| json!({"type": "text", "text": text})).collect()
}

fn choice(choice: &ToolChoice) -> Option<Value> {
    match choice {
        ToolChoice::Auto => None,
        ToolChoice::Any => Some(json!({"type": "any"})),
        ToolChoice::Named(name) => Some(json!({"type": "tool", "name": name})),
        ToolChoice::Never => Some(json!({"type": "none"})),
    }
}

/// The conversation. One that has gone on for a while will go on: all of it up to here is marked to be cached for the next turn.
fn messages(request: &ModelRequest) -> Vec<Value> {
    let repaired = history::repaired(&request.messages);
    let mut messages: Vec<Value> = repaired.iter().map(message).collect();
    if messages.len() > 1
        && let Some(last) = messages.last_mut().and_then(|last| last["content"].as_array_mut()?.last_mut())
    {
        last["cache_control"] = json!({"type": "ephemeral"});
    }
    messages
}

fn message(message: &Message) -> Value {
    let role = match message.role {
        Role::User => "user",
        Role::Assistant => "assistant",
    };
    let mut content: Vec<Value> = message.content.iter().filter_map(part).collect();
    if content.is_empty() {
        // There was only what another provider understands.
        content.push(json!({"type": "text", "text": "(no words)"}));
    }
    json!({"role": role, "content": content})
}

fn part(part: &Content) -> Option<Value> {
    Some(match part {
        Content::Text { text } => json!({"type": "text", "text": text}),
        Content::ToolCall(call) => {
            let input = match &call.arguments {
                Value::Object(_) => call.arguments.clone(),
                // What the model wrote was no object; it is to see that.
                other => json!({"unreadable": other}),
            };
            let mut block = call.extra.clone();
            // Fields of another provider are not for this one.
            block.retain(|name, _| name != "function" && name != "extra_content");
            for (name, value) in [
                ("type", json!("tool_use")),
                ("id", json!(plain_id(&call.id))),
                ("name", json!(call.name)),
                ("input", input),
            ] {
                block.insert(name.to_owned(), value);
            }
            Value::Object(block)
        }
        Content::ToolResult(result) => {
            let mut block =
                json!({"type": "tool_result", "tool_use_id": plain_id(&result.id), "content": result.text});
            if result.is_error {
                block["is_error"] = Value::Bool(true);
            }
            block
        }
        Content::Opaque { value } => {
            let own = value.get("provider").and_then(Value::as_str) == Some(PROVIDER);
            return value.get("block").filter(|_| own).cloned();
        }
    })
}

/// Ids of other providers have characters that are refused here.
fn plain_id(id: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '_' };
    id.chars().map(plain).collect()
}
