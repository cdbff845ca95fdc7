//! A model's endpoint and whoever asks it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use goalwright_application::models::{Answered, ModelCalls, ModelPorts, Patience, Unanswered};
use goalwright_application::ports::{Happening, Listener, ModelRequest, Models, Telemetry};
use goalwright_domain::model::{BreakerRule, Message, Provider, ToolChoice, ToolSpec};
use goalwright_infrastructure::llm::{Endpoint, EndpointSettings, ModelEndpoints};
use goalwright_testkit::{FakeClock, SequentialIds};
use serde_json::{Value, json};
use uuid::Uuid;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

/// The key that no message may contain.
pub(crate) const KEY: &str = "key-that-nobody-may-see-0123456789";
/// How long an attempt may take here.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// Whoever asks, with time in the test's hands.
pub(crate) struct Stage {
    pub(crate) clock: Arc<FakeClock>,
    pub(crate) calls: ModelCalls,
    pub(crate) told: Arc<Told>,
}

impl Stage {
    /// Asks these models.
    pub(crate) fn over(models: Arc<dyn Models>, clock: Arc<FakeClock>) -> Self {
        let told = Arc::new(Told::default());
        let ports = ModelPorts {
            models,
            clock: clock.clone(),
            timer: clock.clone(),
            ids: Arc::new(SequentialIds::default()),
            telemetry: told.clone(),
        };
        let calls = ModelCalls::new(ports, Patience::default(), BreakerRule::default());
        Self { clock, calls, told }
    }

    /// Asks a provider that is reached at this host and port.
    pub(crate) fn at(base: &str) -> Self {
        let clock = Arc::new(FakeClock::default());
        let endpoint = |provider| Endpoint::new(provider, base, Some(KEY)).expect("an endpoint");
        let settings = EndpointSettings {
            usual: None,
            anthropic: endpoint(Provider::Anthropic),
            openai: endpoint(Provider::OpenAi),
        };
        Self::over(Arc::new(ModelEndpoints::new(settings, clock.clone())), clock)
    }

    /// One call, with the patience of the defaults. Every pause is skipped; they are given.
    pub(crate) async fn ask(&self, request: &ModelRequest) -> (Result<Answered, Unanswered>, Vec<Duration>) {
        self.ask_with(request, self.calls.patience(), None).await
    }

    pub(crate) async fn ask_with(
        &self,
        request: &ModelRequest,
        patience: Patience,
        listener: Option<&dyn Listener>,
    ) -> (Result<Answered, Unanswered>, Vec<Duration>) {
        let pauses = Mutex::new(Vec::new());
        let skip = async {
            loop {
                let pause = self.clock.skip_pause(LIMIT).await;
                pauses.lock().expect("whole").push(pause);
            }
        };
        let answer = tokio::select! {
            answer = self.calls.ask(request, patience, listener) => answer,
            () = skip => unreachable!("it never ends"),
        };
        (answer, pauses.into_inner().expect("whole"))
    }

    /// One call without a second attempt.
    pub(crate) async fn once(&self, request: &ModelRequest) -> Result<Answered, Unanswered> {
        let patience = Patience { attempts: 1, ..self.calls.patience() };
        self.calls.ask(request, patience, None).await
    }
}

/// Keeps what was told, in words.
#[derive(Debug, Default)]
pub(crate) struct Told(Mutex<Vec<String>>);

impl Told {
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().expect("whole"))
    }
}

impl Telemetry for Told {
    fn tell(&self, happening: Happening<'_>) {
        let words = match happening {
            Happening::Asked(call) => format!("{} {}", call.provider, call.outcome),
            Happening::AskedAgain { provider, class } => format!("{provider} again after {class}"),
            Happening::BreakerChanged { provider, state } => format!("{provider} {}", state.as_str()),
            other => format!("{other:?}"),
        };
        self.0.lock().expect("whole").push(words);
    }

    fn watches(&self) -> bool {
        true
    }

    fn follows_traces(&self) -> bool {
        false
    }

    fn samples(&self, _: Uuid, wanted: Option<bool>) -> bool {
        wanted.unwrap_or(true)
    }
}

/// Keeps the words it hears.
#[derive(Debug, Default)]
pub(crate) struct Ear(Mutex<Vec<String>>);

impl Ear {
    pub(crate) fn heard(&self) -> Vec<String> {
        self.0.lock().expect("whole").clone()
    }
}

impl Listener for Ear {
    fn hear(&self, words: &str) {
        self.0.lock().expect("whole").push(words.to_owned());
    }
}

/// Answers in this order, the last one for ever.
struct Sequence(Mutex<VecDeque<ResponseTemplate>>);

impl Respond for Sequence {
    fn respond(&self, _: &Request) -> ResponseTemplate {
        let mut left = self.0.lock().expect("whole");
        if left.len() > 1 { left.pop_front().expect("one") } else { left[0].clone() }
    }
}

/// An endpoint that answers in this order.
pub(crate) async fn endpoint(answers: Vec<ResponseTemplate>) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(Sequence(Mutex::new(answers.into()))).mount(&server).await;
    server
}

/// What an endpoint was sent, each body.
pub(crate) async fn bodies(server: &MockServer) -> Vec<Value> {
    let requests = server.received_requests().await.expect("recorded");
    requests.iter().map(|request| serde_json::from_slice(&request.body).expect("JSON")).collect()
}

pub(crate) fn ok(body: &Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

pub(crate) fn refused(status: u16, body: &Value) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(body)
}

/// A stream of these texts, each of which is an event or a part of one.
pub(crate) fn stream(text: &str) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_raw(text.as_bytes().to_vec(), "text/event-stream; charset=utf-8")
}

/// Events of Anthropic, named as their data are.
pub(crate) fn anthropic_events(events: &[Value]) -> String {
    events
        .iter()
        .map(|event| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().expect("a type")))
        .collect()
}

/// Chunks of a completion.
pub(crate) fn chunks(chunks: &[Value]) -> String {
    chunks.iter().map(|chunk| format!("data: {chunk}\n\n")).collect()
}

/// A question with everything that a request can have.
pub(crate) fn request(model: &str) -> ModelRequest {
    ModelRequest {
        model: model.parse().expect("a model"),
        system: "You break goals down.".to_owned(),
        messages: vec![Message::user("Bake a cake.")],
        tools: Vec::new(),
        choice: ToolChoice::Auto,
        form: None,
        max_output_tokens: 1_000,
        trace: None,
    }
}

pub(crate) fn tool(name: &str) -> ToolSpec {
    let parameters =
        json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    ToolSpec { name: name.to_owned(), description: "Tells the weather.".to_owned(), parameters }
}

/// An answer in words, as Anthropic gives it.
pub(crate) fn anthropic_words(text: &str) -> Value {
    json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-test-1",
           "content": [{"type": "text", "text": text}], "stop_reason": "end_turn", "stop_sequence": null,
           "usage": {"input_tokens": 10, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 90,
                     "output_tokens": 5}})
}

/// An answer in words, as Chat Completions give it.
pub(crate) fn openai_words(text: &str) -> Value {
    json!({"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-test-1",
           "choices": [{"index": 0, "message": {"role": "assistant", "content": text, "refusal": null},
                        "finish_reason": "stop"}],
           "usage": {"prompt_tokens": 100, "completion_tokens": 5, "total_tokens": 105,
                     "prompt_tokens_details": {"cached_tokens": 90}}})
}
