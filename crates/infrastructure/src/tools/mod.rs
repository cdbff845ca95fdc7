//! The tools that are built in: files in a sandbox, HTTP, text, JSON, time and experiences, and commands where they are
//! allowed.
//!
//! Every operation is a function from typed parameters to a result, in the file of its tool; `operation.rs`
//! derives its schemas from the types, and `catalogue.rs` registers it. What an operation may rely on: its
//! parameters have the declared form, and unless it is one that waits, it runs on a thread where it may block.

mod catalogue;
mod experience;
mod failure;
mod file;
mod http;
mod json;
mod lint;
mod operation;
mod sandbox;
mod schema;
mod shell;
mod text;
mod time;

#[cfg(test)]
mod guide;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use goalwright_application::experiences::Experiences;
use goalwright_application::ports::tools::{
    Invocation, Operation, ParameterProblem, Reply, ToolFailure, Tools,
};
use goalwright_domain::execution::Effect;
use serde_json::Value;

use failure::{failure, shortened};
use operation::{Call, Registered, Work, cancelled};

use crate::outbound::{AllowList, Outbound};

/// The registry of the built-in tools.
pub struct BuiltinTools {
    operations: BTreeMap<(String, String), Arc<Registered>>,
}

impl std::fmt::Debug for BuiltinTools {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries(self.operations.keys().map(|(tool, operation)| format!("{tool}.{operation}")))
            .finish()
    }
}

impl Default for BuiltinTools {
    fn default() -> Self {
        Self::new()
    }
}

impl BuiltinTools {
    /// All of them; requests reach the public internet only.
    pub fn new() -> Self {
        Self::reaching(Outbound::new(AllowList::default()))
    }

    /// All of them; requests leave through `outbound`.
    pub fn reaching(outbound: Outbound) -> Self {
        Self::wired(outbound, None)
    }

    /// All of them; requests leave through `outbound`, and experiences are found and added where they are kept.
    pub fn over(outbound: Outbound, experiences: Arc<Experiences>) -> Self {
        Self::wired(outbound, Some(experiences))
    }

    fn wired(outbound: Outbound, experiences: Option<Arc<Experiences>>) -> Self {
        Self {
            operations: catalogue::builtin(&Arc::new(outbound), experiences.as_ref())
                .into_iter()
                .map(named)
                .collect(),
        }
    }

    /// With `shell.run` as well, which whoever runs this has to allow: a command may do whatever this process may.
    #[must_use]
    pub fn with_shell(mut self) -> Self {
        self.operations.extend([named(catalogue::shell(shell::search_path()))]);
        self
    }

    fn registered(&self, tool: &str, operation: &str) -> Option<&Arc<Registered>> {
        self.operations.get(&(tool.to_owned(), operation.to_owned()))
    }

    /// What to say of an operation that is not there.
    fn unavailable(&self, tool: &str, operation: &str) -> String {
        let of_tool: Vec<&str> = self
            .operations
            .keys()
            .filter(|(known, _)| known == tool)
            .map(|(_, operation)| operation.as_str())
            .collect();
        if (tool, operation) == ("shell", "run") {
            return "`shell.run` is switched off here; whoever runs this allows it with GOALWRIGHT_SHELL=on, or with \
                    `shell = \"on\"` in goalwright.toml"
                .to_owned();
        }
        let (tool, operation) = (shortened(tool), shortened(operation));
        if of_tool.is_empty() {
            let mut tools: Vec<&str> = self.operations.keys().map(|(tool, _)| tool.as_str()).collect();
            tools.dedup();
            return format!("there is no tool `{tool}` here; there are: {}", tools.join(", "));
        }
        format!("`{tool}` has no operation `{operation}`; it has: {}", of_tool.join(", "))
    }
}

fn named(registered: Registered) -> ((String, String), Arc<Registered>) {
    let Operation { tool, operation, .. } = &registered.operation;
    ((tool.clone(), operation.clone()), Arc::new(registered))
}

#[async_trait]
impl Tools for BuiltinTools {
    fn find(&self, tool: &str, operation: &str) -> Option<&Operation> {
        self.registered(tool, operation).map(|registered| &registered.operation)
    }

    fn effect_of(&self, tool: &str, operation: &str, parameters: &Value) -> Option<Effect> {
        let registered = self.registered(tool, operation)?;
        Some((registered.effect_of)(parameters).unwrap_or(registered.operation.effect))
    }

    fn all(&self) -> Vec<&Operation> {
        self.operations.values().map(|registered| &registered.operation).collect()
    }

    fn check(&self, tool: &str, operation: &str, parameters: &Value) -> Vec<ParameterProblem> {
        match self.registered(tool, operation) {
            Some(registered) => schema::check(registered, parameters, false),
            None => vec![ParameterProblem {
                path: "tool".to_owned(),
                code: "tool_unavailable".to_owned(),
                message: self.unavailable(tool, operation),
            }],
        }
    }

    fn check_result_path(&self, tool: &str, operation: &str, path: &[String]) -> Option<String> {
        let registered = self.registered(tool, operation)?;
        let reason = schema::rules_out(&registered.operation.result, path)?;
        Some(format!("`{tool}.{operation}`: {reason}"))
    }

    fn computes(&self, tool: &str, operation: &str) -> bool {
        self.registered(tool, operation).is_some_and(|registered| registered.computes)
    }

    fn compute(&self, invocation: Invocation) -> Option<Result<Reply, ToolFailure>> {
        let registered = self.registered(&invocation.tool, &invocation.operation)?;
        if !registered.computes {
            return None;
        }
        let Invocation { parameters, workspace, task, sandbox, idempotency_key, trace, now, cancel, .. } =
            invocation;
        let call = Call { workspace, task, sandbox, idempotency_key, trace, now, cancel };
        Some(perform(registered, &call, parameters))
    }

    async fn call(&self, invocation: Invocation) -> Result<Reply, ToolFailure> {
        let Invocation {
            tool,
            operation,
            parameters,
            workspace,
            task,
            sandbox,
            idempotency_key,
            trace,
            now,
            cancel,
        } = invocation;
        let Some(registered) = self.registered(&tool, &operation).map(Arc::clone) else {
            return Err(failure("ToolUnavailable", self.unavailable(&tool, &operation)));
        };
        if cancel.is_cancelled() {
            return Err(cancelled());
        }
        let call = Call { workspace, task, sandbox, idempotency_key, trace, now, cancel };
        if let Work::Waiting(work) = &registered.work {
            check(&registered, &parameters)?;
            return work(call, parameters).await.map(storable);
        }
        // Where tools block. It is waited for to its end even when the call is cancelled: long
        // work looks at the token itself, and nothing goes on writing after it was said to have stopped.
        let work = tokio::task::spawn_blocking(move || perform(&registered, &call, parameters));
        work.await.unwrap_or_else(|error| {
            let message =
                format!("`{tool}.{operation}` stopped unexpectedly; please report what it was given");
            Err(ToolFailure { sources: vec![error.to_string()], ..failure("ToolCrashed", message) })
        })
    }
}

fn perform(registered: &Registered, call: &Call, parameters: Value) -> Result<Reply, ToolFailure> {
    check(registered, &parameters)?;
    match &registered.work {
        Work::Blocking(work) => work(call, parameters).map(storable),
        Work::Waiting(_) => Err(failure("ToolCrashed", "the operation waits, and was asked to block")),
    }
}

fn check(registered: &Registered, parameters: &Value) -> Result<(), ToolFailure> {
    let problems = schema::check(registered, parameters, true);
    if problems.is_empty() {
        return Ok(());
    }
    let listed: Vec<String> =
        problems.iter().map(|problem| format!("{}: {}", problem.path, problem.message)).collect();
    Err(failure("InvalidParameters", listed.join("; ")))
}

fn storable(mut reply: Reply) -> Reply {
    match &mut reply {
        Reply::Done { result, .. } | Reply::Sleep { result, .. } => replace_nul(result),
    }
    reply
}

/// PostgreSQL's `jsonb` has no U+0000; U+FFFD stands in for it.
fn replace_nul(value: &mut Value) {
    match value {
        Value::String(text) if text.contains('\0') => *text = text.replace('\0', "\u{FFFD}"),
        Value::Array(list) => list.iter_mut().for_each(replace_nul),
        Value::Object(object) => {
            if object.keys().any(|key| key.contains('\0')) {
                let entries = std::mem::take(object).into_iter();
                object.extend(entries.map(|(key, value)| (key.replace('\0', "\u{FFFD}"), value)));
            }
            object.values_mut().for_each(replace_nul);
        }
        _ => {}
    }
}
