use goalwright_application::ports::{CallStatus, ModelCall, ToolCall};
use goalwright_application::traces::{AttemptTrace, RunTrace, Stage, Trace};
use goalwright_domain::execution::{Mode, RunStatus, ScriptRun};
use goalwright_domain::model::Usd;
use poem_openapi::Object;
use uuid::Uuid;

use crate::events::EventBody;
use crate::nullable::Nullable;
use crate::values::{FreeObject, Moment, Word, vocabulary};

vocabulary!(CallStatus, "call status", {
    Intended: "intended", Succeeded: "succeeded", Failed: "failed", Unknown: "unknown",
});

/// All that happened in a trace.
#[derive(Debug, Object)]
#[oai(rename = "Trace")]
pub(super) struct TraceBody {
    /// What was asked for.
    trace_id: Uuid,
    /// Runs of the trace, and runs that a request in it asked for; oldest first.
    runs: Vec<RunBody>,
    /// Calls of models that belong to none of the attempts: breakdowns of goals, and what was learned afterwards.
    model_calls: Vec<ModelCallBody>,
    /// Events of the trace, and of the traces of its runs and of the requests that asked for them; oldest first.
    events: Vec<EventBody>,
    /// Whether there is more than is told.
    truncated: bool,
}

/// A run in a trace.
#[derive(Debug, Object)]
#[oai(rename = "TraceRun")]
struct RunBody {
    /// Its id.
    id: Uuid,
    /// The task.
    task_id: Uuid,
    /// Constant over its attempts.
    trace_id: Uuid,
    /// The trace of the request that asked for it.
    request_trace_id: Nullable<Uuid>,
    /// Whether it was asked for by a schedule or by a person.
    mode: Word<Mode>,
    /// Where it stands.
    status: Word<RunStatus>,
    /// With the task its identity.
    scheduled_at: Nullable<Moment>,
    /// When it was queued.
    queued_at: Moment,
    /// In their order.
    attempts: Vec<AttemptBody>,
}

/// An attempt in a trace.
#[derive(Debug, Object)]
#[oai(rename = "TraceAttempt")]
struct AttemptBody {
    /// Its id in the trace.
    span_id: Uuid,
    /// From 1.
    number: u32,
    /// `running`, `suspended`, `succeeded`, `partial` or `failed`.
    status: String,
    /// Who performed it.
    agent_id: Uuid,
    /// In which process.
    worker: String,
    /// When it was claimed.
    started_at: Moment,
    /// When it ended.
    ended_at: Nullable<Moment>,
    /// Its stages, as far as times were recorded.
    stages: Vec<StageBody>,
    /// Calls of tools.
    tool_calls: Vec<CallBody>,
    /// Runs of scripts.
    script_runs: Vec<ScriptBody>,
    /// Calls of the model that performed it.
    model_calls: Vec<ModelCallBody>,
    /// `{type, message, stack_hash}` if it failed.
    error: Nullable<FreeObject>,
    /// Its record, once it has ended.
    experience_id: Nullable<String>,
}

/// A stage of an attempt.
#[derive(Debug, Object)]
#[oai(rename = "TraceStage")]
struct StageBody {
    /// `claimed`, `resolved`, `performing` or `settling`.
    name: String,
    /// When it began.
    from: Moment,
    /// When it ended; null while it lasts.
    to: Nullable<Moment>,
}

/// A call of a tool in a trace; an audit copy.
#[derive(Debug, Object)]
#[oai(rename = "TraceCall")]
struct CallBody {
    /// Its id.
    id: Uuid,
    /// Such as `file.list`.
    tool: String,
    /// What a repetition would do: `none`, `idempotent`, `reversible` or `irreversible`.
    effect: String,
    /// How it stands.
    status: Word<CallStatus>,
    /// What it was given.
    parameters: FreeObject,
    /// What it answered; one that is too large names the artifact that holds it.
    result: Nullable<poem_openapi::types::Any<serde_json::Value>>,
    /// `{type, message, stack_hash}` if it failed.
    error: Nullable<FreeObject>,
    /// When it was begun.
    started_at: Moment,
    /// When it ended.
    ended_at: Nullable<Moment>,
}

/// The run of a script in a trace; an audit copy.
#[derive(Debug, Object)]
#[oai(rename = "TraceScript")]
struct ScriptBody {
    /// Its id.
    id: Uuid,
    /// What was run.
    command: String,
    /// `sha256:` of what was run.
    command_digest: String,
    /// `succeeded`, `failed`, `timed_out` or `cancelled`.
    status: String,
    /// What it ended with.
    exit_code: Nullable<i32>,
    /// The beginning of its standard output.
    stdout: String,
    /// The artifact with all of it, if that is more.
    stdout_artifact_id: Nullable<Uuid>,
    /// The beginning of its standard error.
    stderr: String,
    /// The artifact with all of it, if that is more.
    stderr_artifact_id: Nullable<Uuid>,
    /// How long it took.
    duration_ms: u64,
    /// When it was started.
    started_at: Moment,
}

/// A call of a model in a trace.
#[derive(Debug, Object)]
#[oai(rename = "TraceModelCall")]
struct ModelCallBody {
    /// Its id.
    id: Uuid,
    /// What for: `decompose`, `expand`, `task` or `lessons`.
    purpose: String,
    /// Which model.
    model: String,
    /// How often it was asked, retries included.
    attempts: u32,
    /// All that it read, cached or not.
    input_tokens: u64,
    /// All that it wrote.
    output_tokens: u64,
    /// Of what it read: what came from the provider's cache.
    cache_read_tokens: u64,
    /// What it cost; null where that is not known.
    cost_usd: Nullable<f64>,
    /// How long it took, pauses included; null where that was not noted.
    duration_ms: Nullable<u64>,
    /// When it was over.
    ended_at: Moment,
}

fn each<F, T: From<F>>(from: Vec<F>) -> Vec<T> {
    from.into_iter().map(T::from).collect()
}

impl From<Trace> for TraceBody {
    fn from(trace: Trace) -> Self {
        Self {
            trace_id: trace.trace_id,
            runs: each(trace.runs),
            model_calls: each(trace.model_calls),
            events: each(trace.events),
            truncated: trace.truncated,
        }
    }
}

impl From<RunTrace> for RunBody {
    fn from(RunTrace { run, attempts }: RunTrace) -> Self {
        Self {
            id: run.id.uuid(),
            task_id: run.task_id.uuid(),
            trace_id: run.trace_id,
            request_trace_id: run.request_trace_id.into(),
            mode: Word(run.mode),
            status: Word(run.status),
            scheduled_at: run.scheduled_at.map(Moment).into(),
            queued_at: run.created_at.into(),
            attempts: each(attempts),
        }
    }
}

impl From<AttemptTrace> for AttemptBody {
    fn from(AttemptTrace { attempt, stages, calls, scripts, model_calls }: AttemptTrace) -> Self {
        Self {
            span_id: attempt.span_id,
            number: attempt.number,
            status: attempt.status.as_str().to_owned(),
            agent_id: attempt.agent_id.uuid(),
            worker: attempt.worker,
            started_at: attempt.started_at.into(),
            ended_at: attempt.ended_at.map(Moment).into(),
            stages: each(stages),
            tool_calls: each(calls),
            script_runs: each(scripts),
            model_calls: each(model_calls),
            error: attempt.error.map(|error| FreeObject(serde_json::json!(error))).into(),
            experience_id: attempt.experience_id.into(),
        }
    }
}

impl From<Stage> for StageBody {
    fn from(stage: Stage) -> Self {
        Self { name: stage.name.to_owned(), from: stage.from.into(), to: stage.to.map(Moment).into() }
    }
}

impl From<ToolCall> for CallBody {
    fn from(call: ToolCall) -> Self {
        Self {
            id: call.id,
            tool: format!("{}.{}", call.tool, call.operation),
            effect: call.effect.as_str().to_owned(),
            status: Word(call.status),
            parameters: FreeObject(call.parameters),
            result: call.result.map(poem_openapi::types::Any).into(),
            error: call.error.map(|error| FreeObject(serde_json::json!(error))).into(),
            started_at: call.started_at.into(),
            ended_at: call.ended_at.map(Moment).into(),
        }
    }
}

impl From<ModelCall> for ModelCallBody {
    fn from(call: ModelCall) -> Self {
        Self {
            id: call.id,
            purpose: call.purpose,
            model: call.model,
            attempts: call.attempts,
            input_tokens: call.usage.input_tokens,
            output_tokens: call.usage.output_tokens,
            cache_read_tokens: call.usage.cache_read_tokens,
            cost_usd: call.cost.map(Usd::dollars).into(),
            duration_ms: call.took.map(|took| u64::try_from(took.as_millis()).unwrap_or(u64::MAX)).into(),
            ended_at: call.ended_at.into(),
        }
    }
}

impl From<ScriptRun> for ScriptBody {
    fn from(script: ScriptRun) -> Self {
        Self {
            id: script.id,
            command: script.command,
            command_digest: script.command_digest,
            status: script.status.as_str().to_owned(),
            exit_code: script.exit_code.into(),
            stdout: script.stdout.text,
            stdout_artifact_id: script.stdout.artifact_id.into(),
            stderr: script.stderr.text,
            stderr_artifact_id: script.stderr.artifact_id.into(),
            duration_ms: script.duration_ms,
            started_at: script.started_at.into(),
        }
    }
}
