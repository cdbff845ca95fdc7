//! The tools through their port.

mod declarations;
mod files;
mod values;

use std::path::Path;

use chrono::{DateTime, Utc};
use goalwright_application::ports::telemetry::TraceContext;
use serde_json::json;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::waiting::wait;

fn invocation(sandbox: &Path, name: &str, parameters: Value) -> Invocation {
    let (tool, operation) = name.split_once('.').expect("tool.operation");
    Invocation {
        tool: tool.to_owned(),
        operation: operation.to_owned(),
        parameters,
        sandbox: sandbox.to_owned(),
        workspace: goalwright_domain::workspace::WorkspaceId::new(uuid::Uuid::nil()),
        task: None,
        idempotency_key: "key".to_owned(),
        trace: TraceContext { trace_id: uuid::Uuid::from_u128(0xa1), span_id: 0xb2, sampled: true },
        now: DateTime::<Utc>::from_timestamp(1_762_280_952, 0).expect("a time"),
        cancel: CancellationToken::new(),
    }
}

fn call(sandbox: &Path, name: &str, parameters: Value) -> Result<Reply, ToolFailure> {
    wait(BuiltinTools::new().call(invocation(sandbox, name, parameters)))
}

#[track_caller]
fn result(sandbox: &Path, name: &str, parameters: Value) -> Value {
    match call(sandbox, name, parameters) {
        Ok(Reply::Done { result, .. }) => result,
        other => panic!("{name}: {other:?}"),
    }
}

#[track_caller]
fn kind(sandbox: &Path, name: &str, parameters: Value) -> String {
    call(sandbox, name, parameters).expect_err("a failure").kind
}

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().expect("a folder");
    for (path, text) in files {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
        std::fs::write(path, text).expect("a file");
    }
    folder
}

#[test]
fn a_cancelled_call_ends() {
    let invocation = invocation(Path::new("."), "file.list", json!({}));
    invocation.cancel.cancel();
    let failure = wait(BuiltinTools::new().call(invocation)).expect_err("cancelled");
    assert_eq!(failure.kind, "Cancelled");
    assert_eq!(kind(Path::new("."), "file.shred", json!({})), "ToolUnavailable");
}
