//! Tools that count their calls and fail when told to, besides the built-in ones.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use goalwright_application::ports::Tools;
use goalwright_application::ports::tools::{
    Fate, Invocation, Operation, ParameterProblem, Reply, ToolFailure,
};
use goalwright_domain::execution::Effect;
use goalwright_infrastructure::tools::BuiltinTools;
use serde_json::{Value, json};

/// The built-in tools, `shell.run` among them, and `probe.none`, `probe.idempotent`, `probe.irreversible`. A probe takes `{name, fail?, retryable?,
/// unknown?, result?}`: its first `fail` calls under this name fail, with an unknown outcome if it says so, later ones
/// answer `result`.
pub struct ProbeTools {
    builtin: BuiltinTools,
    operations: Vec<Operation>,
    calls: Mutex<HashMap<String, Vec<String>>>,
}

impl ProbeTools {
    /// Besides these.
    pub fn beside(builtin: BuiltinTools) -> Self {
        let operation = |name: &str, effect| Operation {
            tool: "probe".to_owned(),
            operation: name.to_owned(),
            summary: "counts its calls".to_owned(),
            effect,
            parameters: json!({"type": "object"}),
            result: json!({}),
        };
        Self {
            builtin,
            operations: vec![
                operation("idempotent", Effect::Idempotent),
                operation("irreversible", Effect::Irreversible),
                operation("none", Effect::None),
            ],
            calls: Mutex::default(),
        }
    }
}

impl ProbeTools {
    /// The idempotency keys of the calls under this name, in order.
    pub fn calls(&self, name: &str) -> Vec<String> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned().unwrap_or_default()
    }
}

#[async_trait]
impl Tools for ProbeTools {
    fn find(&self, tool: &str, operation: &str) -> Option<&Operation> {
        self.operations
            .iter()
            .find(|known| known.tool == tool && known.operation == operation)
            .or_else(|| self.builtin.find(tool, operation))
    }

    fn effect_of(&self, tool: &str, operation: &str, parameters: &Value) -> Option<Effect> {
        let probe = self.operations.iter().find(|known| known.tool == tool && known.operation == operation);
        probe.map(|known| known.effect).or_else(|| self.builtin.effect_of(tool, operation, parameters))
    }

    fn all(&self) -> Vec<&Operation> {
        let mut all = self.builtin.all();
        all.extend(&self.operations);
        all
    }

    fn check(&self, tool: &str, operation: &str, parameters: &Value) -> Vec<ParameterProblem> {
        if tool == "probe" { Vec::new() } else { self.builtin.check(tool, operation, parameters) }
    }

    fn check_result_path(&self, tool: &str, operation: &str, path: &[String]) -> Option<String> {
        if tool == "probe" { None } else { self.builtin.check_result_path(tool, operation, path) }
    }

    fn computes(&self, tool: &str, operation: &str) -> bool {
        self.builtin.computes(tool, operation)
    }

    fn compute(&self, invocation: Invocation) -> Option<Result<Reply, ToolFailure>> {
        self.builtin.compute(invocation)
    }

    async fn call(&self, invocation: Invocation) -> Result<Reply, ToolFailure> {
        if invocation.tool != "probe" {
            return self.builtin.call(invocation).await;
        }
        let name = invocation.parameters["name"].as_str().unwrap_or("unnamed").to_owned();
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let made = calls.entry(name).or_default();
        made.push(invocation.idempotency_key);
        let failing = invocation.parameters["fail"].as_u64().unwrap_or(0);
        if u64::try_from(made.len()).unwrap_or(u64::MAX) <= failing {
            let message = format!("call {} fails as it was told to", made.len());
            let unknown = invocation.parameters["unknown"].as_bool().unwrap_or(false);
            return Err(ToolFailure {
                sources: vec!["the test".to_owned()],
                retryable: invocation.parameters["retryable"].as_bool().unwrap_or(true),
                fate: if unknown { Fate::Unknown } else { Fate::Failed },
                ..ToolFailure::new("Probed", message)
            });
        }
        Ok(Reply::Done {
            result: invocation.parameters["result"].clone(),
            files_written: Vec::new(),
            retrieval: None,
            script: None,
        })
    }
}
