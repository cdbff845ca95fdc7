//! Chat Completions: OpenAI, Gemini, Ollama, vLLM, and whoever else offers them.

mod answer;
mod request;
mod stream;

use goalwright_application::ports::ModelReply;
use goalwright_domain::model::{Cause, ModelFailure};
use serde_json::Value;

use super::endpoint::Endpoint;
use super::wire::Denied;
pub(super) use request::body;
pub(super) use stream::Stream;

/// How a provider's own parts of a conversation are marked, so that no other provider is sent them.
const PROVIDER: &str = "openai";

/// Below so many characters nothing can be said about how many tokens they are.
const SURE: usize = 8_000;

/// The answer, unless the endpoint read only a part of what it was sent: servers of models on one's own machine cut what does
/// not fit, and say nothing. No tokeniser needs as few tokens as what is asked for here.
pub(super) fn all_was_read(site: &Endpoint, body: &Value, reply: ModelReply) -> Result<ModelReply, Denied> {
    let sent = request::characters(body);
    let (read, least) = (reply.usage.input_tokens, (sent / 16) as u64);
    if site.is_usual() || read == 0 || sent < SURE || read >= least {
        return Ok(reply);
    }
    let about = sent / 4;
    let message = format!(
        "it read {read} tokens of about {about} that were sent, and left out the rest without a word; let it read more \
         (Ollama: OLLAMA_CONTEXT_LENGTH, or `num_ctx` of the model) or send less"
    );
    let cause = Cause::Refused { status: 200, message };
    let failure = ModelFailure { usage: Some(reply.usage), untold: false, ..cause.into() };
    Err(Denied { failure, said: String::new() })
}
