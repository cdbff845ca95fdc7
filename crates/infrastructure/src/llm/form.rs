//! Answers of a form: how they are asked for in words, and how they are found in what was answered.

use goalwright_application::ports::{AnswerForm, ModelReply, ModelRequest, Stop};
use goalwright_domain::model::{Content, ToolCall, ToolChoice};
use serde_json::Value;

use super::dialect::{Dialect, Way};

/// What is said to a model of an endpoint that cannot hold it to a schema.
pub(super) fn in_words(form: &AnswerForm) -> String {
    format!(
        "{}\n\nAnswer with one JSON value and nothing else: no words before or behind it, no code fence. It holds to this \
         JSON Schema:\n{}",
        form.description, form.schema
    )
}

/// The form, if it is asked for in this way.
pub(super) fn by(request: &ModelRequest, dialect: Dialect, way: Way) -> Option<&AnswerForm> {
    request.form.as_ref().filter(|_| dialect.way == way)
}

/// Which tool has to be called, with the one that stands for a form among them.
pub(super) fn choice(request: &ModelRequest, dialect: Dialect) -> ToolChoice {
    match (by(request, dialect, Way::Tool), &request.choice) {
        (None, choice) | (Some(_), choice @ ToolChoice::Named(_)) => choice.clone(),
        (Some(_), ToolChoice::Auto | ToolChoice::Any) if !request.tools.is_empty() => ToolChoice::Any,
        (Some(form), _) => ToolChoice::Named(form.name.clone()),
    }
}

/// The answer with its JSON apart from what else was said.
pub(super) fn take(mut reply: ModelReply, request: &ModelRequest, dialect: Dialect) -> ModelReply {
    if let Some(form) = &request.form {
        if dialect.way == Way::Tool {
            let stands = |part: &Content| matches!(part, Content::ToolCall(call) if call.name == form.name);
            if let Some(Content::ToolCall(call)) = reply.content.iter().find(|part| stands(part)) {
                reply.formed = Some(written(call));
                reply.content.retain(|part| !stands(part));
            }
        }
        let calls = reply.content.iter().any(|part| matches!(part, Content::ToolCall(_)));
        let text = reply.text();
        if reply.formed.is_none() && !calls && text.contains(['{', '[']) {
            reply.formed = Some(text);
            reply.content.retain(|part| !matches!(part, Content::Text { .. }));
        }
    }
    let calls = reply.content.iter().any(|part| matches!(part, Content::ToolCall(_)));
    reply.stop = match reply.stop {
        // Some endpoints say that they have finished when they want a tool to be called.
        Stop::Finished if calls => Stop::Tools,
        // What stood for the form is no call.
        Stop::Tools if !calls => Stop::Finished,
        stop => stop,
    };
    reply
}

/// The arguments as text; what was cut off or is no JSON is there as it was written.
fn written(call: &ToolCall) -> String {
    match &call.arguments {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}
