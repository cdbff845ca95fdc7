//! Language models: one request, one answer.

use async_trait::async_trait;
use goalwright_domain::model::{
    Cause, Content, Message, ModelFailure, ModelName, ToolChoice, ToolSpec, Usage,
};
use serde_json::Value;

use super::telemetry::TraceContext;

/// The endpoints of models.
///
/// Obligations of an implementation:
///
/// - [`ask`](Models::ask) makes one attempt. It neither retries nor keeps time: whoever asks drops the future when it has
///   waited long enough, and the connection is closed then;
/// - the same request gives the same bytes on the wire: tools and members of objects keep their order, so that providers can
///   cache what comes first;
/// - an answer is whole: a stream without its end, a body that breaks off, one that is larger than any answer, text that is
///   no UTF-8 or none of the provider's JSON is a [`ModelFailure`];
/// - what it answers in [`Content`] can be sent back in the next request and loses nothing on the way;
/// - nothing that it says, logs or fails with contains a key.
#[async_trait]
pub trait Models: Send + Sync {
    /// The model that is asked where nobody names one.
    fn usual(&self) -> Option<ModelName>;

    /// Whether any model could be asked, if only by naming it.
    fn any(&self) -> bool {
        self.usual().is_some()
    }

    /// Where this model is asked, as figures and breakers name it: a host with its port, without credentials.
    ///
    /// # Errors
    /// `NotConfigured` with the setting that is missing.
    fn endpoint(&self, model: &ModelName) -> Result<String, ModelFailure>;

    /// After how many tokens an answer of this model ends at the latest, if its endpoint has said so.
    fn output_limit(&self, _model: &ModelName) -> Option<u32> {
        None
    }

    /// Asks once. With a listener the answer is streamed, and handed on as it comes.
    ///
    /// # Errors
    /// [`ModelFailure`], with what it cost as far as the provider told.
    async fn ask(
        &self,
        request: &ModelRequest,
        listener: Option<&dyn Listener>,
    ) -> Result<ModelReply, ModelFailure>;
}

/// No model anywhere.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoModels;

#[async_trait]
impl Models for NoModels {
    fn usual(&self) -> Option<ModelName> {
        None
    }

    fn endpoint(&self, _: &ModelName) -> Result<String, ModelFailure> {
        Err(nothing())
    }

    async fn ask(&self, _: &ModelRequest, _: Option<&dyn Listener>) -> Result<ModelReply, ModelFailure> {
        Err(nothing())
    }
}

fn nothing() -> ModelFailure {
    Cause::NotConfigured { setting: "GOALWRIGHT_MODEL" }.into()
}

/// What is asked.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelRequest {
    /// Which model.
    pub model: ModelName,
    /// What stands before everything and stays the same from request to request; it is cached by providers that can.
    pub system: String,
    /// The conversation so far. It ends with a turn of the user.
    pub messages: Vec<Message>,
    /// Tools the model may call, in the order in which they are sent.
    pub tools: Vec<ToolSpec>,
    /// Which of them it has to call.
    pub choice: ToolChoice,
    /// That the answer has to be JSON of this form. An implementation uses the best way that the endpoint knows: a schema, a
    /// forced tool call, or JSON in words.
    pub form: Option<AnswerForm>,
    /// The answer ends after so many tokens.
    pub max_output_tokens: u32,
    /// The trace it belongs to.
    pub trace: Option<TraceContext>,
}

/// A form that an answer is to have.
#[derive(Debug, Clone, PartialEq)]
pub struct AnswerForm {
    /// Its name: letters, digits, `_` and `-`.
    pub name: String,
    /// What it is for, in one sentence.
    pub description: String,
    /// JSON Schema; every object in it lists its properties and allows no others.
    pub schema: Value,
}

/// What was answered.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelReply {
    /// What was said; for an [`AnswerForm`] without the JSON, see [`ModelReply::formed`].
    pub content: Vec<Content>,
    /// The JSON of a request with a form, as it was written, which need not hold to the form or be JSON at all; none if there
    /// is nothing like it in the answer.
    pub formed: Option<String>,
    /// Why it ended.
    pub stop: Stop,
    /// What it consumed.
    pub usage: Usage,
    /// The same as the provider told it.
    pub raw_usage: Value,
    /// The model that answered, as the provider names it.
    pub model: String,
}

impl ModelReply {
    /// The words of it.
    pub fn text(&self) -> String {
        self.content
            .iter()
            .filter_map(|part| match part {
                Content::Text { text } => Some(text.as_str()),
                _ => None,
            })
            .collect()
    }
}

/// Why an answer ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// Everything is said.
    Finished,
    /// Tools are to be called.
    Tools,
    /// It was cut off: [`ModelRequest::max_output_tokens`] were reached, or all that the model can hold.
    Length,
    /// The model, or the provider, does not want to answer this.
    Refused {
        /// Which kind of content, or in which words.
        category: Option<String>,
    },
}

impl Stop {
    /// For logs and the record.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Tools => "tools",
            Self::Length => "length",
            Self::Refused { .. } => "refused",
        }
    }
}

/// Hears an answer while it is made.
pub trait Listener: Send + Sync {
    /// More words of it. They come in their order, and all of them are in the reply again.
    fn hear(&self, words: &str);
}
