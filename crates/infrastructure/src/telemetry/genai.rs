//! What calls of models are called at collectors: the names of OpenTelemetry's conventions for generative AI.
//!
//! They have moved before and still change, so they stand here and nowhere else. The program's own fields are `model.…`.

use opentelemetry::{Array, KeyValue, StringValue, Value};

/// The span of a call, as the program names it.
pub(super) const CALL: &str = "model.call";
/// The field with the model's name, by which the span is named.
pub(super) const MODEL: &str = "model.name";

/// What the span of a call is called.
pub(super) fn span_name(model: &str) -> String {
    format!("chat {model}")
}

/// What every call has.
pub(super) fn constant() -> KeyValue {
    KeyValue::new("gen_ai.operation.name", "chat")
}

/// A field of the program as attributes; none if it is not one of a call.
pub(super) fn attributes(field: &str, value: &Value) -> Option<Vec<KeyValue>> {
    let name = match field {
        "model.provider" => "gen_ai.provider.name",
        MODEL => "gen_ai.request.model",
        "model.max_output_tokens" => "gen_ai.request.max_tokens",
        "model.streamed" => "gen_ai.request.stream",
        "model.answered_by" => "gen_ai.response.model",
        "model.input_tokens" => "gen_ai.usage.input_tokens",
        "model.output_tokens" => "gen_ai.usage.output_tokens",
        "model.cache_creation_tokens" => "gen_ai.usage.cache_creation.input_tokens",
        "model.cache_read_tokens" => "gen_ai.usage.cache_read.input_tokens",
        "model.attempts" => "goalwright.model.attempts",
        "model.stop" => {
            let reason = match value.as_str().as_ref() {
                "finished" => "stop",
                "tools" => "tool_call",
                "refused" => "content_filter",
                other => return Some(vec![reasons(other.to_owned())]),
            };
            return Some(vec![reasons(reason.to_owned())]);
        }
        "model.endpoint" => return Some(server(&value.as_str())),
        _ => return None,
    };
    Some(vec![KeyValue::new(name, value.clone())])
}

fn reasons(reason: String) -> KeyValue {
    KeyValue::new(
        "gen_ai.response.finish_reasons",
        Value::Array(Array::String(vec![StringValue::from(reason)])),
    )
}

/// Host and port.
fn server(place: &str) -> Vec<KeyValue> {
    let (host, port) = match place.rsplit_once(':') {
        Some((host, port)) => (host, port.parse::<i64>().ok()),
        None => (place, None),
    };
    let address = KeyValue::new("server.address", host.to_owned());
    std::iter::once(address).chain(port.map(|port| KeyValue::new("server.port", port))).collect()
}
