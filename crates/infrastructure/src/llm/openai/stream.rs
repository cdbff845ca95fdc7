//! From a stream of chunks to an answer.

use goalwright_application::ports::{ModelReply, ModelRequest};
use goalwright_domain::model::Usage;
use serde_json::{Map, Value};

use super::super::events::Event;
use super::super::wire::{Broken, Reading};
use super::answer::{self, Whole};

/// A completion as far as it came.
#[derive(Debug, Default)]
pub(in super::super) struct Stream {
    whole: Whole,
    /// By which index each call is continued.
    indices: Vec<Option<u64>>,
    done: bool,
}

impl Reading for Stream {
    fn whole(answer: &Value, request: &ModelRequest) -> Option<ModelReply> {
        answer::whole(answer, request)
    }

    fn take(&mut self, event: &Event, hear: &mut (dyn FnMut(&str) + Send)) -> Result<(), Broken> {
        if event.data.trim() == "[DONE]" {
            self.done = true;
            return Ok(());
        }
        let chunk: Value = serde_json::from_str(&event.data)
            .map_err(|_| Broken::Foreign("an event that is no JSON".to_owned()))?;
        let told = |value: &Value| value.get("error").is_some_and(|error| !error.is_null());
        if event.name == "error" || told(&chunk) || chunk.get(0).is_some_and(told) {
            return Err(Broken::Error(chunk));
        }
        if let Some(model) = chunk.get("model").and_then(Value::as_str).filter(|model| !model.is_empty()) {
            self.whole.model = Some(model.to_owned());
        }
        if let Some(usage) = chunk.get("usage").filter(|usage| usage.is_object()) {
            self.whole.usage = usage.clone();
        }
        let Some(choice) = chunk.get("choices").and_then(|choices| choices.get(0)) else { return Ok(()) };
        if let Some(delta) = choice.get("delta").and_then(Value::as_object) {
            let words = answer::words(delta.get("content"));
            self.whole.text.push_str(&words);
            hear(&words);
            self.whole.refusal.push_str(&answer::words(delta.get("refusal")));
            self.whole.fields.extend(answer::kept(delta));
            for piece in delta.get("tool_calls").and_then(Value::as_array).into_iter().flatten() {
                if let Some(piece) = piece.as_object() {
                    self.grow(piece);
                }
            }
        }
        if let Some(reason) = choice.get("finish_reason").and_then(Value::as_str) {
            reason.clone_into(&mut self.whole.finish_reason);
        }
        Ok(())
    }

    fn told(answer: &Value) -> Option<Usage> {
        answer.get("usage").filter(|usage| usage.is_object()).map(Usage::of_openai)
    }

    fn is_over(&self) -> bool {
        self.done
    }

    fn usage(&self) -> Option<Usage> {
        self.whole.usage.is_object().then(|| Usage::of_openai(&self.whole.usage))
    }

    fn finish(self, request: &ModelRequest) -> Option<ModelReply> {
        let ended = self.done && !self.whole.finish_reason.is_empty();
        ended.then(|| answer::reply(self.whole, request))
    }
}

impl Stream {
    /// Continues the call that this piece belongs to, or begins one. Some endpoints give no index, or the same to every call;
    /// another id is another call.
    fn grow(&mut self, piece: &Map<String, Value>) {
        let index = piece.get("index").and_then(Value::as_u64);
        let id = piece.get("id").and_then(Value::as_str).filter(|id| !id.is_empty());
        let same = |at: &usize| {
            let known = self.whole.calls[*at].get("id").and_then(Value::as_str);
            id.is_none() || known.is_none() || known == id
        };
        let last = || self.indices.len().checked_sub(1);
        let at = match index {
            Some(_) => self.indices.iter().rposition(|known| *known == index),
            None => last(),
        };
        let at = at.filter(same).unwrap_or_else(|| {
            self.indices.push(index);
            self.whole.calls.push(Map::new());
            self.indices.len() - 1
        });
        merge(&mut self.whole.calls[at], piece);
    }
}

/// Adds a piece of a call: arguments and names come in pieces, everything else at once.
fn merge(call: &mut Map<String, Value>, piece: &Map<String, Value>) {
    for (name, value) in piece.iter().filter(|(_, value)| !value.is_null()) {
        match (name.as_str(), call.get_mut(name), value) {
            ("function", Some(Value::Object(known)), Value::Object(more)) => merge(known, more),
            ("arguments", Some(Value::String(known)), Value::String(more)) => known.push_str(more),
            // Some endpoints say the whole name with each piece.
            ("name", Some(Value::String(known)), Value::String(more)) if known != more => {
                known.push_str(more)
            }
            ("id", Some(_), Value::String(more)) if more.is_empty() => {}
            _ => {
                call.insert(name.clone(), value.clone());
            }
        }
    }
}
