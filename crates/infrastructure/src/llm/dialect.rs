//! What an endpoint understands. It is learned from what it refuses and from what it answers, once for each model.

use std::fmt;

use goalwright_application::ports::{ModelReply, ModelRequest, Stop};
use goalwright_domain::model::{Cause, Provider};

use super::endpoint::Endpoint;
use super::refusal::OutputBound;

/// With less room there is no answer worth asking for.
const LEAST_ROOM: u32 = 512;

/// How to say a request to an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dialect {
    pub(super) provider: Provider,
    /// How to ask for an answer of a form.
    pub(super) way: Way,
    /// Whether the bound of an answer is called `max_completion_tokens`, which newer models of `OpenAI` insist on and most
    /// others do not know.
    pub(super) new_limit: bool,
    /// Whether a stream is asked to tell its usage.
    pub(super) stream_usage: bool,
    /// The most tokens of an answer, where the endpoint said that it allows no more.
    pub(super) most: Option<u32>,
    /// The most tokens of the answer to this very request, which takes the rest of what the model can hold.
    pub(super) room: Option<u32>,
}

/// How an answer of a form is asked for, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// The endpoint holds to the schema.
    Schema,
    /// As the arguments of a tool that has to be called.
    Tool,
    /// The endpoint holds to JSON, and words say which.
    Json,
    /// Words alone.
    Words,
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limit = if self.new_limit { "max_completion_tokens" } else { "max_tokens" };
        let usage = if self.stream_usage { "" } else { ", no usage in streams" };
        write!(f, "answers of a form by {}, {limit}{usage}", self.way.as_str())?;
        self.most.map_or(Ok(()), |most| write!(f, " of at most {most}"))
    }
}

impl Way {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Schema => "schema",
            Self::Tool => "tool",
            Self::Json => "JSON mode",
            Self::Words => "words",
        }
    }

    const fn next(self, provider: Provider) -> Option<Self> {
        match (self, provider) {
            (Self::Schema, _) => Some(Self::Tool),
            (Self::Tool, Provider::OpenAi) => Some(Self::Json),
            (Self::Tool, Provider::Anthropic) | (Self::Json, _) => Some(Self::Words),
            (Self::Words, _) => None,
        }
    }

    /// Words that an endpoint uses when it does not know this way.
    const fn telling(self) -> &'static [&'static str] {
        match self {
            Self::Schema => &[
                "response_format",
                "json_schema",
                "structured output",
                "output_config",
                "output_format",
                "schema",
            ],
            Self::Tool => &["tool", "function"],
            Self::Json => &["response_format", "json"],
            Self::Words => &[],
        }
    }
}

impl Dialect {
    /// The best that an endpoint may understand of which nothing is known.
    pub(super) fn of(site: &Endpoint) -> Self {
        let provider = site.provider();
        Self {
            provider,
            way: Way::Schema,
            new_limit: site.is_usual(),
            stream_usage: true,
            most: None,
            room: None,
        }
    }

    /// After how many tokens the answer ends.
    pub(super) fn output(self, request: &ModelRequest) -> u32 {
        [self.most, self.room].into_iter().flatten().fold(request.max_output_tokens, u32::min)
    }

    /// After how many tokens any answer ends at the latest, if the endpoint said so.
    pub(super) const fn most(self) -> Option<u32> {
        self.most
    }

    /// What also holds of other requests.
    pub(super) const fn lasting(self) -> Self {
        Self { room: None, ..self }
    }

    /// With a shorter answer, where the endpoint said how long it may be.
    fn shorter(self, said: &str, request: &ModelRequest) -> Option<Self> {
        let bound = OutputBound::in_words(said)?;
        let fits = |tokens: u32| (1..self.output(request)).contains(&tokens);
        match bound {
            OutputBound::Always(most) => fits(most).then_some(Self { most: Some(most), ..self }),
            OutputBound::BesideThis(room) => {
                (fits(room) && room >= LEAST_ROOM).then_some(Self { room: Some(room), ..self })
            }
        }
    }

    /// How else to say it, after the endpoint said that it does not understand something, or not so much.
    pub(super) fn without(self, cause: &Cause, said: &str, request: &ModelRequest) -> Option<Self> {
        let said = said.to_ascii_lowercase();
        if matches!(cause, Cause::Refused { .. } | Cause::TooLong { .. })
            && let Some(shorter) = self.shorter(&said, request)
        {
            return Some(shorter);
        }
        match cause {
            Cause::Refused { status: 400 | 404 | 415 | 422, .. } => {}
            // Some servers of models say so with a status of their own failure.
            Cause::Server { status: 500 | 501, .. } if said.contains("param") || said.contains("support") => {
            }
            _ => return None,
        }
        if self.provider == Provider::OpenAi {
            if self.stream_usage && said.contains("stream_options") {
                return Some(Self { stream_usage: false, ..self });
            }
            if said.contains("max_completion_tokens") || (!self.new_limit && said.contains("max_tokens")) {
                return Some(Self { new_limit: !self.new_limit, ..self });
            }
        }
        let names = self.way.telling().iter().any(|word| said.contains(word));
        if request.form.is_some() && names { self.next_way() } else { None }
    }

    /// How else to ask, after an answer in which there is nothing of the form that was asked for: the endpoint passed over
    /// what it does not know.
    pub(super) fn after(self, reply: &ModelReply, request: &ModelRequest) -> Option<Self> {
        let nothing = request.form.is_some() && reply.formed.is_none() && reply.stop == Stop::Finished;
        if nothing { self.next_way() } else { None }
    }

    fn next_way(self) -> Option<Self> {
        self.way.next(self.provider).map(|way| Self { way, ..self })
    }
}
