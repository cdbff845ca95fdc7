//! An operation as it is registered: its declaration, its checks, and the function that does it.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use goalwright_application::ports::tools::{Operation, Reply, ToolFailure};
use goalwright_domain::execution::Effect;
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
    pub(super) sandbox: PathBuf,
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

type Run = Box<dyn Fn(&Call, Value) -> Result<Reply, ToolFailure> + Send + Sync>;
type Lint = fn(&Value) -> Vec<(String, ToolFailure)>;

/// One operation of the registry.
pub(super) struct Registered {
    pub(super) operation: Operation,
    /// Sets of parameters of which exactly one has to be there: `file.read` takes `path` or `paths`.
    pub(super) forms: &'static [&'static [&'static str]],
    /// Finds what no schema can say, in values without holes; paths start at the parameters.
    pub(super) lint: Lint,
    pub(super) validator: Option<Validator>,
    pub(super) run: Run,
}

impl Registered {
    /// An operation whose parameters are `P` and whose result is `R`.
    pub(super) fn new<P, R>(
        name: (&str, &str),
        effect: Effect,
        summary: &str,
        run: fn(&Call, P) -> Result<Reply, ToolFailure>,
    ) -> Self
    where
        P: DeserializeOwned + JsonSchema + 'static,
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
            lint: |_| Vec::new(),
            run: Box::new(move |call, parameters| {
                let parameters = serde_json::from_value(parameters).map_err(|error| {
                    failure("InvalidParameters", format!("{error}; see the operation's schema"))
                })?;
                run(call, parameters)
            }),
        }
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
    pub(super) fn lint(mut self, lint: Lint) -> Self {
        self.lint = lint;
        self
    }
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
    Ok(Reply::Done { result: to_value(result)?, files_written })
}

pub(super) fn to_value(result: impl Serialize) -> Result<Value, ToolFailure> {
    serde_json::to_value(result)
        .map_err(|error| failure("InvalidResult", format!("the result has no form in JSON: {error}")))
}
