//! A model that answers what it is told to.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use goalwright_application::ports::{Listener, ModelReply, ModelRequest, Models, Stop};
use goalwright_domain::model::{Cause, Content, ModelFailure, ModelName, ToolCall, Usage};
use serde_json::{Value, json};

/// The model that is there as soon as there is anything to answer.
const USUAL: &str = "anthropic/scripted";

/// Answers in the order in which the answers were given, and remembers what it was asked.
///
/// Without answers there is no model, as on a server where none is configured. Asked more often than there are answers, it
/// refuses, and no patience helps.
#[derive(Debug, Default)]
pub struct ScriptedModel(Mutex<Script>);

#[derive(Debug, Default)]
struct Script {
    usual: Option<ModelName>,
    lines: VecDeque<Line>,
    asked: Vec<ModelRequest>,
    output_limit: Option<u32>,
}

#[derive(Debug)]
enum Line {
    Answer(Box<ModelReply>),
    Fail(ModelFailure),
    Hang,
}

/// An answer in words that is complete, of a model that read 100 tokens and wrote 20.
pub fn scripted_reply(text: &str) -> ModelReply {
    let usage = Usage { input_tokens: 100, output_tokens: 20, ..Usage::default() };
    ModelReply {
        content: vec![Content::Text { text: text.to_owned() }],
        formed: None,
        stop: Stop::Finished,
        usage,
        raw_usage: json!({"input_tokens": 100, "output_tokens": 20}),
        model: "scripted-1".to_owned(),
    }
}

impl ScriptedModel {
    /// Makes this the usual model; without, it is `anthropic/scripted`.
    ///
    /// # Panics
    /// If that is no name of a model.
    pub fn offer(&self, name: &str) {
        self.lock().usual = Some(name.parse().expect("the name of a model"));
    }

    /// Its endpoint allows no longer answers, and has said so.
    pub fn allow_output(&self, tokens: u32) {
        self.lock().output_limit = Some(tokens);
    }

    /// It answers this.
    pub fn answer(&self, reply: ModelReply) {
        self.push(Line::Answer(Box::new(reply)));
    }

    /// It says this.
    pub fn say(&self, text: &str) {
        self.answer(scripted_reply(text));
    }

    /// It answers this JSON to a request with a form.
    pub fn form(&self, value: &Value) {
        self.form_text(&value.to_string(), Stop::Finished);
    }

    /// It answers this to a request with a form, whatever it is, and ends for this reason.
    pub fn form_text(&self, text: &str, stop: Stop) {
        self.answer(ModelReply { formed: Some(text.to_owned()), stop, ..scripted_reply(text) });
    }

    /// It calls these tools.
    pub fn call(&self, calls: Vec<ToolCall>) {
        let content = calls.into_iter().map(Content::ToolCall).collect();
        self.answer(ModelReply { content, stop: Stop::Tools, ..scripted_reply("") });
    }

    /// It fails so, without having cost anything.
    pub fn fail(&self, cause: Cause) {
        self.fail_with(cause.into());
    }

    /// It fails so.
    pub fn fail_with(&self, failure: ModelFailure) {
        self.push(Line::Fail(failure));
    }

    /// It never answers.
    pub fn hang(&self) {
        self.push(Line::Hang);
    }

    /// What it was asked until now, each attempt.
    pub fn asked(&self) -> Vec<ModelRequest> {
        self.lock().asked.clone()
    }

    /// How many answers it has left.
    pub fn left(&self) -> usize {
        self.lock().lines.len()
    }

    fn push(&self, line: Line) {
        let mut script = self.lock();
        script.lines.push_back(line);
        script.usual.get_or_insert_with(|| USUAL.parse().expect("a good name"));
    }

    fn lock(&self) -> MutexGuard<'_, Script> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Models for ScriptedModel {
    fn usual(&self) -> Option<ModelName> {
        self.lock().usual.clone()
    }

    fn endpoint(&self, _: &ModelName) -> Result<String, ModelFailure> {
        match self.lock().usual {
            Some(_) => Ok("scripted.test:443".to_owned()),
            None => Err(Cause::NotConfigured { setting: "GOALWRIGHT_MODEL" }.into()),
        }
    }

    fn output_limit(&self, _: &ModelName) -> Option<u32> {
        self.lock().output_limit
    }

    async fn ask(
        &self,
        request: &ModelRequest,
        listener: Option<&dyn Listener>,
    ) -> Result<ModelReply, ModelFailure> {
        let line = {
            let mut script = self.lock();
            script.asked.push(request.clone());
            script.lines.pop_front()
        };
        match line {
            Some(Line::Answer(reply)) => {
                if let Some(listener) = listener {
                    // As it comes over a wire: in pieces.
                    reply.text().split_inclusive(' ').for_each(|word| listener.hear(word));
                }
                Ok(*reply)
            }
            Some(Line::Fail(failure)) => Err(failure),
            Some(Line::Hang) => std::future::pending().await,
            None => {
                let message = "the script of the model has no more answers".to_owned();
                Err(Cause::Refused { status: 400, message }.into())
            }
        }
    }
}
