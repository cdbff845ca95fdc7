//! The endpoints of models: Anthropic's Messages, and Chat Completions as OpenAI defined them and many offer them.
//!
//! - `anthropic` and `openai` translate: a request into a body, an answer or a stream of events back,
//! - `history` brings a conversation into the shape that both insist on,
//! - `dialect` knows what an endpoint does not understand, and how else the same thing can be said to it,
//! - `form` gets an answer of a given form,
//! - `wire` sends, reads within bounds, and says what went wrong on the way,
//! - `refusal` reads what endpoints say when they do not answer.
//!
//! An endpoint is the operator's own setting, so the guard of `outbound` does not apply to it: a model on this machine is
//! what many want. Redirects are not followed, since they would carry the key to another place.

mod anthropic;
mod dialect;
mod endpoint;
mod events;
mod form;
mod history;
mod openai;
mod refusal;
mod wire;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use goalwright_application::ports::{Clock, Listener, ModelReply, ModelRequest, Models};
use goalwright_domain::model::{Cause, ModelFailure, ModelName, Provider, Usage};

use dialect::Dialect;
pub use endpoint::{Endpoint, EndpointError};
use wire::{Denied, Wire};

/// Where models are asked.
#[derive(Debug, Clone, PartialEq)]
pub struct EndpointSettings {
    /// The model that is asked where nobody names one.
    pub usual: Option<ModelName>,
    /// The Messages API.
    pub anthropic: Endpoint,
    /// Chat Completions.
    pub openai: Endpoint,
}

/// The endpoints of models.
pub struct ModelEndpoints {
    settings: EndpointSettings,
    wire: Wire,
    /// How to speak to an endpoint of which something was learned.
    known: Mutex<HashMap<ModelName, Dialect>>,
}

impl ModelEndpoints {
    /// These. Nothing is asked before the first request.
    pub fn new(settings: EndpointSettings, clock: Arc<dyn Clock>) -> Self {
        Self { settings, wire: Wire::new(clock), known: Mutex::default() }
    }

    fn site(&self, provider: Provider) -> Result<&Endpoint, ModelFailure> {
        let endpoint = match provider {
            Provider::Anthropic => &self.settings.anthropic,
            Provider::OpenAi => &self.settings.openai,
        };
        if endpoint.lacks_key() {
            return Err(Cause::NotConfigured { setting: endpoint.key_setting() }.into());
        }
        Ok(endpoint)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ModelName, Dialect>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One exchange in this dialect.
    async fn exchange(
        &self,
        site: &Endpoint,
        request: &ModelRequest,
        dialect: Dialect,
        listener: Option<&dyn Listener>,
    ) -> Result<ModelReply, Denied> {
        let streamed = listener.is_some();
        let body = match site.provider() {
            Provider::Anthropic => anthropic::body(request, dialect, streamed),
            Provider::OpenAi => openai::body(request, dialect, streamed),
        };
        let answer = self.wire.post(site, request, &body).await?;
        match site.provider() {
            Provider::Anthropic => answer.read::<anthropic::Stream>(request, listener).await,
            Provider::OpenAi => {
                let reply = answer.read::<openai::Stream>(request, listener).await?;
                openai::all_was_read(site, &body, reply)
            }
        }
    }
}

/// A request is said in so many ways at most.
const MOST_TRIED: usize = 12;
/// So many models' ways are remembered.
const MOST_KNOWN: usize = 1_000;

#[async_trait]
impl Models for ModelEndpoints {
    fn usual(&self) -> Option<ModelName> {
        self.settings.usual.clone()
    }

    fn any(&self) -> bool {
        let providers = [Provider::Anthropic, Provider::OpenAi];
        self.usual().is_some() || providers.into_iter().any(|provider| self.site(provider).is_ok())
    }

    fn endpoint(&self, model: &ModelName) -> Result<String, ModelFailure> {
        self.site(model.provider()).map(Endpoint::place)
    }

    fn output_limit(&self, model: &ModelName) -> Option<u32> {
        self.lock().get(model)?.most()
    }

    /// Says the same thing in other ways, where the endpoint does not understand the first, until it does.
    async fn ask(
        &self,
        request: &ModelRequest,
        listener: Option<&dyn Listener>,
    ) -> Result<ModelReply, ModelFailure> {
        let site = self.site(request.model.provider())?;
        let known = self.lock().get(&request.model).copied();
        let first = known.unwrap_or_else(|| Dialect::of(site));
        let (mut dialect, mut tried) = (first, vec![first]);
        let mut spent = Usage::default();
        loop {
            let next = match self.exchange(site, request, dialect, listener).await {
                Ok(mut reply) => {
                    spent += reply.usage;
                    reply.usage = spent;
                    let reply = form::take(reply, request, dialect);
                    let next = dialect.after(&reply, request).filter(|next| !tried.contains(next));
                    let learned = match next {
                        // Words that were heard cannot be taken back; the next call begins with what was learned.
                        Some(next) if listener.is_some() => next,
                        Some(next) => {
                            dialect = next;
                            tried.push(next);
                            continue;
                        }
                        None => dialect,
                    };
                    let learned = learned.lasting();
                    if learned != first
                        && (reply.formed.is_some() || request.form.is_none() || next.is_some())
                    {
                        self.learn(request, learned);
                    }
                    return Ok(reply);
                }
                Err(Denied { failure, said }) => {
                    spent += failure.usage.unwrap_or_default();
                    let next = dialect.without(&failure.cause, &said, request);
                    let goes_on = !failure.begun && tried.len() < MOST_TRIED;
                    match next.filter(|next| !tried.contains(next) && goes_on) {
                        Some(next) => next,
                        None => {
                            let usage = (spent != Usage::default()).then_some(spent);
                            return Err(ModelFailure { usage, ..failure });
                        }
                    }
                }
            };
            dialect = next;
            tried.push(next);
        }
    }
}

impl ModelEndpoints {
    fn learn(&self, request: &ModelRequest, dialect: Dialect) {
        tracing::info!(model = %request.model, dialect = %dialect, "how to speak to a model was learned");
        let mut known = self.lock();
        // Callers may name models, and a name must not cost memory for ever.
        if known.len() >= MOST_KNOWN {
            known.clear();
        }
        known.insert(request.model.clone(), dialect);
    }
}
