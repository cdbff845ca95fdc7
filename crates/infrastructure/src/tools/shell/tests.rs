//! `shell.run` through the port, and what it looks at.

use std::path::Path;
use std::time::{Duration, Instant};

use goalwright_application::ports::telemetry::TraceContext;
use goalwright_application::ports::tools::{Fate, Invocation, Reply, Script, ToolFailure, Tools};
use goalwright_domain::execution::{Content, FolderChanges, FolderEntry, ScriptStatus};
use goalwright_domain::workspace::WorkspaceId;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::process::KEPT;
use super::watch::{Bounds, look, look_within};
use super::*;
use crate::tools::BuiltinTools;
use crate::waiting::until;

async fn call_until(
    folder: &Path,
    parameters: Value,
    cancel: CancellationToken,
) -> Result<(Value, Script), ToolFailure> {
    let invocation = Invocation {
        tool: "shell".to_owned(),
        operation: "run".to_owned(),
        parameters,
        workspace: WorkspaceId::new(uuid::Uuid::nil()),
        task: None,
        sandbox: folder.to_owned(),
        idempotency_key: "key".to_owned(),
        trace: TraceContext { trace_id: uuid::Uuid::from_u128(0xa1), span_id: 0xb2, sampled: true },
        now: chrono::DateTime::default(),
        cancel,
    };
    match BuiltinTools::new().with_shell().call(invocation).await? {
        Reply::Done { result, files_written, script: Some(script), .. } => {
            assert_eq!(result["files_written"], json!(files_written));
            Ok((result, *script))
        }
        other => panic!("{other:?}"),
    }
}

async fn call(folder: &Path, parameters: Value) -> Result<(Value, Script), ToolFailure> {
    call_until(folder, parameters, CancellationToken::new()).await
}

/// Waits until the process has ended whose number is in this file: what was killed dies when it is next given a processor.
async fn until_gone(folder: &Path, file: &str) {
    let id = std::fs::read_to_string(folder.join(file)).expect("its number");
    let stat = || std::fs::read_to_string(format!("/proc/{}/stat", id.trim())).unwrap_or_default();
    until(&format!("{file} has ended"), || stat().is_empty() || stat().contains(") Z ")).await;
}

#[tokio::test]
async fn a_command_runs_in_its_folder_with_what_it_is_given_and_nothing_else() {
    let folder = TempDir::new().expect("a folder");
    std::fs::create_dir(folder.path().join("inner")).expect("a folder");
    let root = folder.path().canonicalize().expect("a path");
    let (result, script) = call(
        folder.path(),
        json!({
            "command": "env | cut -d= -f1 | grep -v '^_$' | sort | tr '\\n' ' '; pwd; echo $HOME; cat; echo \"$GREETING\"; echo no >&2",
            "cwd": "inner", "env": {"GREETING": "hello"}, "stdin": "read\n"
        }),
    )
    .await
    .expect("runs");
    // `SHLVL`, `PWD` and the like are the shell's own.
    let said = result["stdout"].as_str().expect("a text");
    let (names, rest) = said.split_once('/').expect("a path");
    for name in names.split_whitespace() {
        assert!(
            ["GREETING", "HOME", "LANG", "PATH", "PWD", "OLDPWD", "SHLVL"].contains(&name),
            "{name} was passed on"
        );
    }
    let root = root.display().to_string();
    assert_eq!(format!("/{rest}"), format!("{root}/inner\n{root}\nread\nhello\n"));
    assert_eq!((&result["exit_code"], &result["stderr"]), (&json!(0), &json!("no\n")));
    assert_eq!((script.status, script.exit_code), (ScriptStatus::Succeeded, Some(0)));
    let words = json!({"command": ["printf", "%s|", "a b", "$HOME", "it's"]});
    let (result, script) = call(folder.path(), words).await.expect("runs");
    assert_eq!(result["stdout"], "a b|$HOME|it's|");
    assert_eq!(script.command, "printf %s'|' 'a b' '$HOME' 'it'\\''s'".replace("%s'|'", "'%s|'"));
}

#[tokio::test]
async fn files_that_were_written_and_deleted_are_told_also_of_a_failure() {
    let folder = TempDir::new().expect("a folder");
    for name in ["kept", "changed", "gone"] {
        std::fs::write(folder.path().join(name), "then").expect("a file");
    }
    let command =
        "mkdir -p a/b && echo 1 > a/b/new && printf nowy > changed && rm gone && ln -s /etc/passwd out";
    let (result, _) = call(folder.path(), json!({"command": command})).await.expect("runs");
    assert_eq!(result["files_written"], json!(["a/b/new", "changed", "out"]));
    assert_eq!((&result["files_deleted"], &result["files_untold"]), (&json!(["gone"]), &Value::Null));
    let command = "echo 2 > a/b/new; rm kept; echo one >&2; echo two >&2; exit 3";
    let failed = call(folder.path(), json!({"command": command})).await.expect_err("fails");
    assert_eq!((failed.kind.as_str(), failed.fate), ("ScriptFailed", Fate::Failed));
    assert_eq!(failed.files_written, ["a/b/new"]);
    assert!(failed.message.contains("exit code 3. Its standard error ends: one\ntwo"), "{failed}");
    assert!(failed.message.contains("deleted 1 files: kept"), "{failed}");
    assert_eq!(failed.script.expect("its run").exit_code, Some(3));
    let expected = json!({"command": "exit 3", "expect_exit": [0, 3]});
    assert_eq!(call(folder.path(), expected).await.expect("expected").0["exit_code"], 3);
}

#[tokio::test]
async fn ends_that_are_not_its_own_are_told_apart() {
    let folder = TempDir::new().expect("a folder");
    let signalled = call(folder.path(), json!({"command": "kill -s SEGV $$"})).await.expect_err("dies");
    assert_eq!((signalled.kind.as_str(), signalled.fate), ("ScriptFailed", Fate::Failed));
    assert!(signalled.message.contains("signal 11 (SEGV)"), "{signalled}");
    let missing = call(folder.path(), json!({"command": ["no-such-program"]})).await.expect_err("missing");
    assert_eq!((missing.kind.as_str(), missing.retryable), ("CommandNotFound", false));
    let missing = call(folder.path(), json!({"command": "no-such-program"})).await.expect_err("missing");
    assert!(!missing.retryable && missing.message.contains("no such command"), "{missing}");
    for (parameters, kind) in [
        (json!({"command": "true", "cwd": ".."}), "InvalidParameters"),
        (json!({"command": ""}), "InvalidParameters"),
        (json!({"command": []}), "InvalidParameters"),
        (json!({"command": "true", "env": {"a=b": "c"}}), "InvalidParameters"),
        (json!({"command": "true", "timeout": 0}), "InvalidParameters"),
        (json!({"command": "true", "expect_exit": [256]}), "InvalidParameters"),
        (json!({"command": "true", "cwd": "missing"}), "FileNotFound"),
    ] {
        let refused = call(folder.path(), parameters.clone()).await.expect_err("refused");
        assert_eq!(refused.kind, kind, "{parameters}");
    }
    std::os::unix::fs::symlink("/", folder.path().join("out")).expect("a link");
    let outside = call(folder.path(), json!({"command": "true", "cwd": "out"})).await.expect_err("refused");
    assert_eq!(outside.kind, "PathOutsideSandbox");
}

#[tokio::test]
async fn what_takes_too_long_is_stopped_with_all_it_started() {
    let folder = TempDir::new().expect("a folder");
    let command = "echo $$ > shell; sh -c 'trap \"\" TERM; echo $$ > stubborn; while :; do sleep 1; done' & \
                   echo begun; wait";
    let since = Instant::now();
    let stopped =
        call(folder.path(), json!({"command": command, "timeout": 0.3})).await.expect_err("stopped");
    assert!(since.elapsed() < Duration::from_secs(20));
    assert_eq!((stopped.kind.as_str(), stopped.fate, stopped.retryable), ("TimedOut", Fate::Unknown, true));
    assert_eq!(stopped.files_written, ["shell", "stubborn"]);
    let script = stopped.script.expect("its run");
    assert_eq!(
        (script.status, script.exit_code, script.stdout.as_str()),
        (ScriptStatus::TimedOut, None, "begun\n")
    );
    until_gone(folder.path(), "shell").await;
    until_gone(folder.path(), "stubborn").await;

    // One that ends when it is asked to may clean up first.
    let command = "trap 'echo bye; exit 0' TERM; touch listening; sleep 60 & wait";
    let cancel = CancellationToken::new();
    let calling = call_until(folder.path(), json!({"command": command}), cancel.clone());
    let (stopped, ()) = tokio::join!(calling, async {
        until("it listens", || folder.path().join("listening").exists()).await;
        cancel.cancel();
    });
    let stopped = stopped.expect_err("stopped");
    assert_eq!((stopped.kind.as_str(), stopped.fate), ("Cancelled", Fate::Unknown));
    let script = stopped.script.expect("its run");
    assert_eq!((script.status, script.stdout.as_str()), (ScriptStatus::Cancelled, "bye\n"));
}

#[tokio::test]
async fn nothing_is_left_running() {
    let folder = TempDir::new().expect("a folder");
    let command = "sleep 600 & echo $! > left; echo done";
    let (result, _) = call(folder.path(), json!({"command": command})).await.expect("runs");
    assert_eq!(result["stdout"], "done\n");
    until_gone(folder.path(), "left").await;
    // Somebody who stops waiting leaves nothing either.
    let command = "echo $$ > whole; mv whole dropped; sleep 600";
    tokio::select! {
        _ = call(folder.path(), json!({"command": command})) => panic!("it does not end"),
        () = until("it has begun", || folder.path().join("dropped").exists()) => {}
    }
    until_gone(folder.path(), "dropped").await;
}

#[tokio::test]
async fn output_is_bounded_and_made_text() {
    let folder = TempDir::new().expect("a folder");
    let (result, _) = call(folder.path(), json!({"command": "printf 'a\\377\\000b'"})).await.expect("runs");
    assert_eq!(result["stdout"], "a\u{FFFD}\u{FFFD}b");
    let bytes = KEPT + 1_000_000;
    let command =
        format!("head -c {bytes} /dev/zero | tr '\\0' x; head -c 100000 /dev/zero | tr '\\0' y >&2");
    let (result, script) = call(folder.path(), json!({"command": command})).await.expect("runs");
    assert!(
        script.stdout.len() < KEPT + 100 && script.stdout.ends_with("1000000 more bytes were not kept\n")
    );
    assert_eq!(script.stderr.len(), 100_000);
    let shown = result["stdout"].as_str().expect("a text");
    assert!(shown.len() < 1_100_000 && shown.ends_with("bytes in all)"), "{}", shown.len());
    let (result, _) =
        call(folder.path(), json!({"command": "true", "stdin": "x".repeat(1_000_000)})).await.expect("runs");
    assert_eq!(result["exit_code"], 0, "whoever does not read has had enough");
}

#[tokio::test]
async fn secrets_are_in_nothing_that_is_kept() {
    let folder = TempDir::new().expect("a folder");
    let env = json!({"API_TOKEN": "s3cret-1", "PLAIN": "shown"});
    for exit in [0, 1] {
        let command = format!("echo $API_TOKEN $PLAIN; echo $API_TOKEN >&2; : s3cret-1; exit {exit}");
        let told = call(folder.path(), json!({"command": command, "env": env})).await;
        let told = format!("{told:?}");
        assert!(!told.contains("s3cret") && told.contains("[redacted]"), "{told}");
        assert!(told.contains("shown"), "{told}");
    }
}

#[test]
fn the_effect_is_the_one_that_is_stated() {
    let tools = BuiltinTools::new().with_shell();
    for (stated, effect) in [
        (json!("none"), Effect::None),
        (json!("idempotent"), Effect::Idempotent),
        (json!("reversible"), Effect::Reversible),
        (json!("irreversible"), Effect::Irreversible),
        (json!("{T001.effect}"), Effect::Irreversible),
        (json!(null), Effect::Irreversible),
    ] {
        let parameters = json!({"command": "true", "effect": stated});
        assert_eq!(tools.effect_of("shell", "run", &parameters), Some(effect), "{parameters}");
    }
    assert_eq!(tools.effect_of("shell", "run", &json!({"command": "true"})), Some(Effect::Irreversible));
}

#[test]
fn where_it_is_switched_off_it_says_how_to_switch_it_on() {
    let tools = BuiltinTools::new();
    assert!(tools.find("shell", "run").is_none());
    let problem = tools.check("shell", "run", &json!({"command": "true"})).remove(0);
    assert_eq!(problem.code, "tool_unavailable");
    assert!(problem.message.contains("GOALWRIGHT_SHELL=on"), "{}", problem.message);
}

#[test]
fn what_times_cannot_tell_content_does() {
    let folder = TempDir::new().expect("a folder");
    let file = |name: &str| folder.path().join(name);
    for name in ["a", "b", "c"] {
        std::fs::write(file(name), "1").expect("a file");
    }
    let sandbox = Sandbox::open(folder.path()).expect("opens");
    let before = look(&sandbox, None);
    let hashed = |entry: &FolderEntry| matches!(entry, FolderEntry::File { content: Content::Hashed(_), .. });
    assert!(before.entries.values().all(hashed), "all of them were just written");
    // As if it had been written in the same tick: same size, same times.
    std::fs::write(file("a"), "2").expect("a file");
    let mut after = look(&sandbox, None);
    for (path, entry) in &mut after.entries {
        if let (
            FolderEntry::File { modified, changed, .. },
            Some(FolderEntry::File { modified: then, changed: then_changed, .. }),
        ) = (entry, before.entries.get(path))
        {
            (*modified, *changed) = (*then, *then_changed);
        }
    }
    assert_eq!(FolderChanges::between(&before, &after).changed, ["a"]);
    // A time that is set back is found out by the other one, which nobody sets.
    let set_back = std::fs::File::options().append(true).open(file("b")).expect("opens");
    let then = set_back.metadata().expect("times").modified().expect("a time");
    std::fs::write(file("b"), "3").expect("a file");
    set_back.set_modified(then).expect("set back");
    let after = look(&sandbox, Some(&before));
    assert_eq!(FolderChanges::between(&before, &after).changed, ["a", "b"]);
}

#[test]
fn what_is_beyond_the_bounds_is_said() {
    let folder = TempDir::new().expect("a folder");
    for name in ["a", "b", "c"] {
        std::fs::create_dir(folder.path().join(name)).expect("a folder");
        std::fs::write(folder.path().join(name).join("file"), "12345").expect("a file");
    }
    let sandbox = Sandbox::open(folder.path()).expect("opens");
    let few = Bounds { entries: 4, bytes: 1_000 };
    let (before, after) = (look_within(&sandbox, None, few), look_within(&sandbox, None, few));
    assert!(!before.unseen.is_empty() && before.entries.len() < 3, "{before:?}");
    let changes = FolderChanges::between(&before, &after);
    assert!(changes.written().is_empty() && changes.deleted.is_empty(), "nothing is claimed");
    assert!(changes.caveat().expect("it is said").starts_with("not everything was looked at"));
    let unread = look_within(&sandbox, None, Bounds { entries: 100, bytes: 12 });
    let after = look(&sandbox, Some(&unread));
    let changes = FolderChanges::between(&unread, &after);
    assert_eq!(changes.undecided, ["c/file"]);
    assert!(changes.caveat().expect("it is said").contains("`c/file`"));
}
