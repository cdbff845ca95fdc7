//! From a request to a body.

use goalwright_application::ports::ModelRequest;
use goalwright_domain::model::{Content, Message, Role, ToolCall, ToolChoice};
use serde_json::{Map, Value, json};

use super::super::dialect::{Dialect, Way};
use super::super::{form, history};
use super::PROVIDER;

/// The body of a request. The same request gives the same bytes: endpoints cache what begins alike by themselves.
pub(in super::super) fn body(request: &ModelRequest, dialect: Dialect, streamed: bool) -> Value {
    let mut body = Map::new();
    let mut put = |key: &str, value: Value| body.insert(key.to_owned(), value);
    put("model", json!(request.model.model()));
    let limit = if dialect.new_limit { "max_completion_tokens" } else { "max_tokens" };
    put(limit, json!(dialect.output(request)));
    let tools = tools(request, dialect);
    if !tools.is_empty() {
        put("tools", Value::Array(tools));
        if let Some(choice) = choice(&form::choice(request, dialect)) {
            put("tool_choice", choice);
        }
    }
    if let Some(form) = form::by(request, dialect, Way::Schema) {
        let schema = json!({"name": form.name, "description": form.description, "schema": form.schema, "strict": true});
        put("response_format", json!({"type": "json_schema", "json_schema": schema}));
    }
    if form::by(request, dialect, Way::Json).is_some() {
        put("response_format", json!({"type": "json_object"}));
    }
    put("messages", Value::Array(messages(request, dialect)));
    if streamed {
        put("stream", Value::Bool(true));
        if dialect.stream_usage {
            put("stream_options", json!({"include_usage": true}));
        }
    }
    Value::Object(body)
}

/// How many characters that are no spaces were sent.
pub(super) fn characters(body: &Value) -> usize {
    match body {
        Value::String(text) => text.chars().filter(|c| !c.is_whitespace()).count(),
        Value::Array(items) => items.iter().map(characters).sum(),
        Value::Object(fields) => fields.values().map(characters).sum(),
        _ => 0,
    }
}

fn tools(request: &ModelRequest, dialect: Dialect) -> Vec<Value> {
    let given = request.tools.iter().map(|tool| (&tool.name, &tool.description, &tool.parameters));
    let form = form::by(request, dialect, Way::Tool);
    let form = form.map(|form| (&form.name, &form.description, &form.schema));
    given
        .chain(form)
        .map(|(name, description, schema)| {
            let function = json!({"name": name, "description": description, "parameters": schema});
            json!({"type": "function", "function": function})
        })
        .collect()
}

fn choice(choice: &ToolChoice) -> Option<Value> {
    match choice {
        ToolChoice::Auto => None,
        ToolChoice::Any => Some(json!("required")),
        ToolChoice::Named(name) => Some(json!({"type": "function", "function": {"name": name}})),
        ToolChoice::Never => Some(json!("none")),
    }
}

fn messages(request: &ModelRequest, dialect: Dialect) -> Vec<Value> {
    let words =
        [Way::Json, Way::Words].iter().find_map(|way| form::by(request, dialect, *way)).map(form::in_words);
    let given = Some(request.system.clone()).filter(|system| !system.trim().is_empty());
    let system: Vec<String> = given.into_iter().chain(words).collect();
    let mut messages = Vec::new();
    if !system.is_empty() {
        messages.push(json!({"role": "system", "content": system.join("\n\n")}));
    }
    for message in history::repaired(&request.messages) {
        match message.role {
            Role::User => user(&message, &mut messages),
            Role::Assistant => messages.push(assistant(&message)),
        }
    }
    messages
}

/// Each result is a message of its own here, and what we say comes behind them.
fn user(message: &Message, messages: &mut Vec<Value>) {
    for part in &message.content {
        if let Content::ToolResult(result) = part {
            let said = if result.is_error { format!("Error: {}", result.text) } else { result.text.clone() };
            messages.push(json!({"role": "tool", "tool_call_id": result.id, "content": said}));
        }
    }
    if let Some(text) = text(message) {
        messages.push(json!({"role": "user", "content": text}));
    }
}

fn assistant(message: &Message) -> Value {
    let calls: Vec<Value> = message.calls().map(call).collect();
    let mut said = Map::new();
    said.insert("role".to_owned(), json!("assistant"));
    let text = text(message).or_else(|| calls.is_empty().then(|| "(no words)".to_owned()));
    said.insert("content".to_owned(), json!(text));
    if !calls.is_empty() {
        said.insert("tool_calls".to_owned(), Value::Array(calls));
    }
    for part in &message.content {
        if let Content::Opaque { value } = part
            && value.get("provider").and_then(Value::as_str) == Some(PROVIDER)
            && let Some(Value::Object(fields)) = value.get("fields")
        {
            said.extend(fields.clone());
        }
    }
    Value::Object(said)
}

/// A call with the fields that we do not know, at their places.
fn call(call: &ToolCall) -> Value {
    let arguments = match &call.arguments {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    };
    let mut outer = call.extra.clone();
    // A field of another provider.
    outer.remove("caller");
    let mut function = match outer.remove("function") {
        Some(Value::Object(function)) => function,
        _ => Map::new(),
    };
    function.insert("name".to_owned(), json!(call.name));
    function.insert("arguments".to_owned(), json!(arguments));
    outer.insert("id".to_owned(), json!(call.id));
    outer.insert("type".to_owned(), json!("function"));
    outer.insert("function".to_owned(), Value::Object(function));
    Value::Object(outer)
}

fn text(message: &Message) -> Option<String> {
    let texts: Vec<&str> = message
        .content
        .iter()
        .filter_map(|part| match part {
            Content::Text { text } => Some(text.as_str()),
            _ => None,
        })
        .collect();
    (!texts.is_empty()).then(|| texts.join("\n\n"))
}
