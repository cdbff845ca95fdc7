//! What the record keeps of a call: audit copies, and artifacts of what is too large for them.

use goalwright_domain::Timestamp;
use goalwright_domain::execution::{ScriptOutput, ScriptRun, command_copy};
use goalwright_domain::experience::{Artifact, audit_value, whole_copy};
use goalwright_domain::scrub::scrub;
use serde_json::Value;
use uuid::Uuid;

use super::{Assignment, Kernel};
use crate::artifacts::Artifacts;
use crate::context::new_id;
use crate::ports::tools::Script;

impl Kernel {
    /// An audit copy of a value. One that is too large to stand in the record refers to the artifact that holds all of it;
    /// if that cannot be kept, the record says only what it was.
    pub(super) async fn audit_copy(
        &self,
        assignment: &Assignment,
        value: &Value,
        artifacts: &mut Vec<Uuid>,
    ) -> Value {
        let mut copy = audit_value(value);
        let Some((text, media_type)) = whole_copy(value, &copy) else { return copy };
        if let Some(artifact) = self.keep(assignment, media_type, &text, artifacts).await {
            copy["artifact_id"] = Value::String(artifact.id.to_string());
            copy["size"] = artifact.size.into();
        }
        copy
    }

    /// What is kept of a script: audit copies of its command and its output, and the whole of what is too long for them.
    pub(super) async fn script_run(
        &self,
        assignment: &Assignment,
        script: Script,
        started_at: Timestamp,
        artifacts: &mut Vec<Uuid>,
    ) -> ScriptRun {
        let (command_digest, command) = command_copy(&script.command);
        ScriptRun {
            id: new_id::<ScriptRun>(self.ids()).uuid(),
            workspace_id: assignment.run.workspace_id,
            task_id: assignment.task.id,
            span_id: assignment.attempt.span_id,
            trace_id: assignment.run.trace_id,
            command_digest,
            command,
            status: script.status,
            exit_code: script.exit_code,
            stdout: self.output_copy(assignment, &script.stdout, artifacts).await,
            stderr: self.output_copy(assignment, &script.stderr, artifacts).await,
            duration_ms: u64::try_from(script.duration.as_millis()).unwrap_or(u64::MAX),
            started_at,
        }
    }

    async fn output_copy(
        &self,
        assignment: &Assignment,
        text: &str,
        artifacts: &mut Vec<Uuid>,
    ) -> ScriptOutput {
        let mut copy = ScriptOutput::of(text);
        if ScriptOutput::is_cut(text) {
            let whole = scrub(text);
            let kept = self.keep(assignment, "text/plain; charset=utf-8", &whole, artifacts).await;
            copy.artifact_id = kept.map(|artifact| artifact.id);
        }
        copy
    }

    /// Keeps a text as an artifact; if there is no room for it, that is logged.
    pub(super) async fn keep(
        &self,
        assignment: &Assignment,
        media_type: &str,
        text: &str,
        artifacts: &mut Vec<Uuid>,
    ) -> Option<Artifact> {
        let (workspace, span) = (assignment.run.workspace_id, assignment.attempt.span_id);
        let store = Artifacts::new(&self.ports);
        match store.keep(workspace, Some(span), media_type, text.as_bytes()).await {
            Ok(artifact) => {
                if !artifacts.contains(&artifact.id) {
                    artifacts.push(artifact.id);
                }
                Some(artifact)
            }
            Err(error) => {
                tracing::warn!(error = %error, cause = ?std::error::Error::source(&error), "an audit copy could not be kept as an artifact");
                None
            }
        }
    }
}
