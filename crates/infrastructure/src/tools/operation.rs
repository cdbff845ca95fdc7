//! An operation as it is registered: its declaration, its checks, and the function that does it.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;

use chrono::{DateTime, Utc};
use goalwright_application::ports::telemetry::TraceContext;
use goalwright_application::ports::tools::{Operation, Reply, ToolFailure};
use goalwright_domain::execution::Effect;
use goalwright_domain::task::TaskId;
use goalwright_domain::workspace::WorkspaceId;
use jsonschema::Validator;
use schemars::{JsonSchema, SchemaGenerator};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::failure::failure;
use super::sandbox::Sandbox;

/// What an operation knows of its call besides its parameters.
pub(super) struct Call {
    pub(super) workspace: WorkspaceId,
    pub(super) task: Option<TaskId>,
    pub(super) sandbox: PathBuf,
    pub(super) idempotency_key: String,
    pub(super) trace: TraceContext,
    pub(super) now: DateTime<Utc>,
    pub(super) cancel: CancellationToken,
}

impl Call {
    pub(super) fn sandbox(&self) -> Result<Sandbox, ToolFailure> {
        Sandbox::open(&self.sandbox)
    }

    /// For the places of long work where it can end without leaving anything half done.
    pub(super) fn check_cancelled(&self) -> Result<(), ToolFailure> {
        if self.cancel.is_cancelled() { Err(cancelled()) } else { Ok(()) }
    }
}

pub(super) fn cancelled() -> ToolFailure {
    failure("Cancelled", "the call was cancelled before it was done; run it again if it is still wanted")
}

type Outcome = Result<Reply, ToolFailure>;
type Answering = Pin<Box<dyn Future<Output = Outcome> + Send>>;
type Block = dyn Fn(&Call, Value) -> Outcome + Send + Sync;
type Wait = dyn Fn(Call, Value) -> Answering + Send + Sync;
type Lint = Box<dyn Fn(&Value) -> Vec<(String, ToolFailure)> + Send + Sync>;
type EffectOf = fn(&Value) -> Option<Effect>;

/// The function that does it.
pub(super) enum Work {
    /// It computes or uses the file system, on a thread where it may block.
    Blocking(Box<Block>),
    /// It waits for others, and ends soon after its call was cancelled.
    Waiting(Box<Wait>),
}

/// One operation of the registry.
pub(super) struct Registered {
    pub(super) operation: Operation,
    /// Sets of parameters of which exactly one has to be there: `file.read` takes `path` or `paths`.
    pub(super) forms: &'static [&'static [&'static str]],
    /// Finds what no schema can say, in values without holes; paths start at the parameters.
    pub(super) lint: Lint,
    /// The effect of a call with these parameters, where that is not always the declared one and can be told.
    pub(super) effect_of: EffectOf,
    pub(super) validator: Option<Validator>,
    /// Whether it only computes, see [`goalwright_application::ports::tools::Tools::computes`].
    pub(super) computes: bool,
    pub(super) work: Work,
}

impl Registered {
    /// An operation that blocks, whose parameters are `P` and whose result is `R`.
    pub(super) fn new<P, R>(
        name: (&str, &str),
        effect: Effect,
        summary: &str,
        run: fn(&Call, P) -> Outcome,
    ) -> Self
    where
        P: DeserializeOwned + JsonSchema + 'static,
        R: JsonSchema,
    {
        let work = move |call: &Call, parameters| run(call, typed(parameters)?);
        Self::declared::<P, R>(name, effect, summary, Work::Blocking(Box::new(work)))
    }

    /// An operation that waits for others, whose parameters are `P` and whose result is `R`.
    pub(super) fn waiting<P, R, F>(
        name: (&str, &str),
        effect: Effect,
        summary: &str,
        run: impl Fn(Call, P) -> F + Send + Sync + 'static,
    ) -> Self
    where
        P: DeserializeOwned + JsonSchema + Send + 'static,
        R: JsonSchema,
        F: Future<Output = Outcome> + Send + 'static,
    {
        let work = move |call, parameters| -> Answering {
            match typed(parameters) {
                Ok(parameters) => Box::pin(run(call, parameters)),
                Err(failure) => Box::pin(std::future::ready(Err(failure))),
            }
        };
        Self::declared::<P, R>(name, effect, summary, Work::Waiting(Box::new(work)))
    }

    fn declared<P, R>(name: (&str, &str), effect: Effect, summary: &str, work: Work) -> Self
    where
        P: JsonSchema,
        R: JsonSchema,
    {
        let parameters = schema_of::<P>();
        Self {
            // Our own schemas compile, as a test shows; without a validator serde still refuses what is wrong.
            validator: jsonschema::validator_for(&parameters).ok(),
            operation: Operation {
                tool: name.0.to_owned(),
                operation: name.1.to_owned(),
                summary: summary.to_owned(),
                effect,
                parameters,
                result: schema_of::<R>(),
            },
            forms: &[],
            computes: false,
            lint: Box::new(|_| Vec::new()),
            effect_of: |_| None,
            work,
        }
    }

    /// It uses nothing but its parameters and the moment of the call, and never waits.
    pub(super) fn computing(mut self) -> Self {
        self.computes = true;
        self
    }

    /// Exactly one of these sets of parameters.
    pub(super) fn one_of(mut self, forms: &'static [&'static [&'static str]]) -> Self {
        let choices: Vec<Value> = forms.iter().map(|form| json!({ "required": form })).collect();
        if forms.iter().all(|form| !form.is_empty())
            && let Some(schema) = self.operation.parameters.as_object_mut()
        {
            schema.insert("oneOf".to_owned(), Value::Array(choices));
        }
        self.forms = forms;
        self
    }

    /// With a check of literal values.
    pub(super) fn lint(
        mut self,
        lint: impl Fn(&Value) -> Vec<(String, ToolFailure)> + Send + Sync + 'static,
    ) -> Self {
        self.lint = Box::new(lint);
        self
    }

    /// With an effect that depends on the parameters; none means the declared one, which is the strongest.
    pub(super) fn effect_of(mut self, effect_of: EffectOf) -> Self {
        self.effect_of = effect_of;
        self
    }
}

fn typed<P: DeserializeOwned>(parameters: Value) -> Result<P, ToolFailure> {
    serde_json::from_value(parameters)
        .map_err(|error| failure("InvalidParameters", format!("{error}; see the operation's schema")))
}

fn schema_of<T: JsonSchema>() -> Value {
    let mut schema = SchemaGenerator::default().into_root_schema_for::<T>();
    schema.remove("$schema");
    // "Anything" as an object, which every reader of schemas understands.
    match schema.to_value() {
        Value::Bool(true) => json!({}),
        schema => schema,
    }
}

/// The result of an operation.
pub(super) fn done(result: impl Serialize) -> Result<Reply, ToolFailure> {
    done_writing(result, Vec::new())
}

/// The result of an operation that wrote files.
pub(super) fn done_writing(result: impl Serialize, files_written: Vec<String>) -> Result<Reply, ToolFailure> {
    Ok(Reply::Done { result: to_value(result)?, files_written, retrieval: None, script: None })
}

pub(super) fn to_value(result: impl Serialize) -> Result<Value, ToolFailure> {
    serde_json::to_value(result)
        .map_err(|error| failure("InvalidResult", format!("the result has no form in JSON: {error}")))
}
