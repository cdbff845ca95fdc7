//! From the end of a command to a result or a failure.

use std::io;

use goalwright_application::ports::tools::{Fate, Reply, Script, ToolFailure};
use goalwright_domain::execution::{FolderChanges, ScriptStatus};
use goalwright_domain::experience::REDACTED;

use super::Ran;
use super::process::{End, Ended, KEPT, Printed};
use crate::tools::failure::{failure, shortened};
use crate::tools::operation::to_value;

/// So much of each output stands in the result, in bytes.
const SHOWN: usize = 1024 * 1024;
/// So much of the standard error stands in the message of a failure.
const TOLD_LINES: usize = 5;
const TOLD_CHARACTERS: usize = 600;

/// The result, or the failure, of a command that ended like this.
pub(super) fn of(
    written: &str,
    secrets: &[String],
    expected: &[i32],
    ended: io::Result<Ended>,
    changes: &FolderChanges,
) -> Result<Reply, ToolFailure> {
    let command = without(written, secrets);
    let named = format!("`{}`", shortened(command.lines().next().unwrap_or_default()));
    let ended = match ended {
        Ok(ended) => ended,
        Err(error) => return Err(not_begun(&named, command, &error)),
    };
    let Ended { end, stdout, stderr, duration } = ended;
    let (stdout, stderr) = (text(&stdout, secrets), text(&stderr, secrets));
    let duration_ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let (status, exit_code) = match end {
        End::Exited(0) => (ScriptStatus::Succeeded, Some(0)),
        End::Exited(code) => (ScriptStatus::Failed, Some(code)),
        End::Signalled(_) => (ScriptStatus::Failed, None),
        End::TimedOut => (ScriptStatus::TimedOut, None),
        End::Cancelled => (ScriptStatus::Cancelled, None),
    };
    let script =
        Script { command, status, exit_code, stdout: stdout.clone(), stderr: stderr.clone(), duration };
    if let Some(exit_code) = exit_code.filter(|code| expected.contains(code)) {
        let ran = Ran {
            exit_code,
            stdout: cut(stdout, SHOWN),
            stderr: cut(stderr, SHOWN),
            duration_ms,
            files_written: changes.written(),
            files_deleted: changes.removed(),
            files_untold: changes.caveat(),
        };
        return Ok(Reply::Done {
            result: to_value(ran)?,
            files_written: changes.written(),
            retrieval: None,
            script: Some(Box::new(script)),
        });
    }
    let seconds = duration.as_secs_f64();
    let (kind, fate, mut message) = match end {
        End::Exited(code) => {
            ("ScriptFailed", Fate::Failed, format!("{named} ended with exit code {code}{}", hint(code)))
        }
        End::Signalled(signal) => (
            "ScriptFailed",
            Fate::Failed,
            format!("{named} was ended by signal {signal}{}", signal_name(signal)),
        ),
        End::TimedOut => (
            "TimedOut",
            Fate::Unknown,
            format!("{named} was stopped after {seconds:.1} s; give it a longer `timeout`, or less to do"),
        ),
        End::Cancelled => (
            "Cancelled",
            Fate::Unknown,
            format!("{named} was stopped after {seconds:.1} s, since it was cancelled"),
        ),
    };
    let said = last_lines(&stderr);
    if !said.is_empty() {
        message.push_str(&format!(". Its standard error ends: {said}"));
    }
    if let Some(caveat) = changes.caveat() {
        message.push_str(&format!(". Of its files, {caveat}"));
    }
    if !changes.deleted.is_empty() {
        let shown: Vec<&str> = changes.deleted.iter().take(5).map(String::as_str).collect();
        message.push_str(&format!(". It deleted {} files: {}", changes.deleted.len(), shown.join(", ")));
    }
    Err(ToolFailure {
        // What cannot be found or started now will not be later.
        retryable: !matches!(end, End::Exited(126 | 127)),
        fate,
        files_written: changes.written(),
        script: Some(Box::new(script)),
        ..failure(kind, message)
    })
}

fn not_begun(named: &str, command: String, error: &io::Error) -> ToolFailure {
    let (kind, advice) = match error.kind() {
        io::ErrorKind::NotFound => ("CommandNotFound", "; check its name, and `PATH` in `env`"),
        io::ErrorKind::PermissionDenied => ("PermissionDenied", "; check that it may be executed"),
        io::ErrorKind::ArgumentListTooLong => {
            ("InvalidParameters", "; give less in `command` and `env`, more in `stdin`")
        }
        _ => ("ScriptFailed", ""),
    };
    let script = Script {
        command,
        status: ScriptStatus::Failed,
        exit_code: None,
        stdout: String::new(),
        stderr: String::new(),
        duration: std::time::Duration::ZERO,
    };
    ToolFailure {
        sources: vec![error.to_string()],
        retryable: matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::OutOfMemory),
        script: Some(Box::new(script)),
        ..failure(kind, format!("{named} could not be started: {error}{advice}"))
    }
}

const fn hint(code: i32) -> &'static str {
    match code {
        126 => ", which says that it may not be executed",
        127 => ", which says that there is no such command",
        _ => "",
    }
}

const fn signal_name(signal: i32) -> &'static str {
    match signal {
        2 => " (INT)",
        6 => " (ABRT)",
        8 => " (FPE)",
        9 => " (KILL), as the system does where memory runs out",
        11 => " (SEGV)",
        13 => " (PIPE)",
        15 => " (TERM)",
        _ => "",
    }
}

/// What was printed, as text without the secrets it was given.
fn text(printed: &Printed, secrets: &[String]) -> String {
    let kept = without(&String::from_utf8_lossy(&printed.kept), secrets);
    let kept = cut(kept, KEPT);
    match printed.bytes.checked_sub(printed.kept.len() as u64).filter(|lost| *lost > 0) {
        Some(lost) => format!("{kept}\n… {lost} more bytes were not kept\n"),
        None => kept,
    }
}

fn without(text: &str, secrets: &[String]) -> String {
    secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), REDACTED))
}

fn cut(mut text: String, limit: usize) -> String {
    if text.len() <= limit {
        return text;
    }
    let bytes = text.len();
    text.truncate(text.floor_char_boundary(limit));
    text.push_str(&format!("… ({bytes} bytes in all)"));
    text
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let told = lines[lines.len().saturating_sub(TOLD_LINES)..].join("\n");
    match told.char_indices().rev().nth(TOLD_CHARACTERS) {
        Some((start, _)) => format!("…{}", &told[start..]),
        None => told,
    }
}
