//! From a stream of events to an answer.

use goalwright_application::ports::{ModelReply, ModelRequest};
use goalwright_domain::model::Usage;
use serde_json::{Map, Value};

use super::super::events::Event;
use super::super::wire::{Broken, Reading};
use super::answer::{self, Whole};

/// A message as far as it came.
#[derive(Debug, Default)]
pub(in super::super) struct Stream {
    model: Option<String>,
    usage: Map<String, Value>,
    blocks: Vec<Block>,
    stop_reason: Option<String>,
    stop_details: Value,
    stopped: bool,
}

/// A block as far as it came.
#[derive(Debug)]
struct Block {
    index: u64,
    block: Value,
    /// The JSON of its input, which comes in pieces that are none by themselves.
    input: String,
}

impl Reading for Stream {
    fn whole(answer: &Value, request: &ModelRequest) -> Option<ModelReply> {
        answer::whole(answer, request)
    }

    fn take(&mut self, event: &Event, hear: &mut (dyn FnMut(&str) + Send)) -> Result<(), Broken> {
        let data: Value = serde_json::from_str(&event.data)
            .map_err(|_| Broken::Foreign("an event that is no JSON".to_owned()))?;
        let kind = data.get("type").and_then(Value::as_str).unwrap_or(&event.name);
        match kind {
            "error" => return Err(Broken::Error(data)),
            "message_start" => {
                self.model = data.pointer("/message/model").and_then(Value::as_str).map(str::to_owned);
                self.count(data.pointer("/message/usage"));
            }
            "content_block_start" => {
                let block = data.get("content_block").cloned().unwrap_or_default();
                if let Some(text) = block.get("text").and_then(Value::as_str) {
                    hear(text);
                }
                self.blocks.push(Block { index: index(&data), block, input: String::new() });
            }
            "content_block_delta" => {
                let at = index(&data);
                let block = self.blocks.iter_mut().find(|block| block.index == at);
                let (Some(block), Some(delta)) = (block, data.get("delta")) else {
                    return Err(Broken::Foreign("a piece of a block that was not begun".to_owned()));
                };
                block.grow(delta, hear);
            }
            "message_delta" => {
                if let Some(reason) = data.pointer("/delta/stop_reason").and_then(Value::as_str) {
                    self.stop_reason = Some(reason.to_owned());
                }
                if let Some(details) = data.pointer("/delta/stop_details") {
                    self.stop_details = details.clone();
                }
                self.count(data.get("usage"));
            }
            "message_stop" => self.stopped = true,
            // Signs of life, ends of blocks, and what may come one day.
            _ => {}
        }
        Ok(())
    }

    fn told(answer: &Value) -> Option<Usage> {
        answer.get("usage").filter(|usage| usage.is_object()).map(Usage::of_anthropic)
    }

    fn is_over(&self) -> bool {
        self.stopped
    }

    fn usage(&self) -> Option<Usage> {
        (!self.usage.is_empty()).then(|| Usage::of_anthropic(&Value::Object(self.usage.clone())))
    }

    fn finish(self, request: &ModelRequest) -> Option<ModelReply> {
        let stop_reason = self.stop_reason.filter(|_| self.stopped)?;
        let blocks = self.blocks.into_iter().map(Block::finish).collect();
        let (stop_details, model) = (self.stop_details, self.model);
        let whole = Whole { blocks, stop_reason, stop_details, usage: Value::Object(self.usage), model };
        Some(answer::reply(whole, request))
    }
}

impl Stream {
    /// What is told later holds; it counts from the beginning of the message.
    fn count(&mut self, usage: Option<&Value>) {
        for (name, value) in usage.and_then(Value::as_object).into_iter().flatten() {
            if !value.is_null() {
                self.usage.insert(name.clone(), value.clone());
            }
        }
    }
}

impl Block {
    fn grow(&mut self, delta: &Value, hear: &mut (dyn FnMut(&str) + Send)) {
        let text = |name: &str| delta.get(name).and_then(Value::as_str);
        match delta.get("type").and_then(Value::as_str) {
            Some("text_delta") => {
                let words = text("text").unwrap_or_default();
                self.append("text", words);
                hear(words);
            }
            Some("input_json_delta") => self.input.push_str(text("partial_json").unwrap_or_default()),
            Some("thinking_delta") => self.append("thinking", text("thinking").unwrap_or_default()),
            Some("signature_delta") => self.append("signature", text("signature").unwrap_or_default()),
            Some("citations_delta") => {
                if let (Some(citation), Some(block)) = (delta.get("citation"), self.block.as_object_mut()) {
                    let citations = block.entry("citations").or_insert_with(|| Value::Array(Vec::new()));
                    match citations.as_array_mut() {
                        Some(citations) => citations.push(citation.clone()),
                        None => *citations = Value::Array(vec![citation.clone()]),
                    }
                }
            }
            _ => {}
        }
    }

    fn append(&mut self, field: &str, more: &str) {
        let Some(block) = self.block.as_object_mut() else { return };
        match block.entry(field).or_insert_with(|| Value::String(String::new())) {
            Value::String(text) => text.push_str(more),
            other => *other = Value::String(more.to_owned()),
        }
    }

    /// The block with its input. One that was cut off, and is no JSON, is there as it was written.
    fn finish(mut self) -> Value {
        if let Some(block) = self.block.as_object_mut().filter(|_| !self.input.is_empty()) {
            let input = serde_json::from_str(&self.input).unwrap_or(Value::String(self.input));
            block.insert("input".to_owned(), input);
        }
        self.block
    }
}

fn index(data: &Value) -> u64 {
    data.get("index").and_then(Value::as_u64).unwrap_or_default()
}
