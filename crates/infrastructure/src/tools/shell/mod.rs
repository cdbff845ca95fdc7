//! `shell.run`: a command of the machine, in the sandbox's folder.

mod answer;
mod process;
#[cfg(test)]
mod tests;
mod watch;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use goalwright_application::ports::tools::{Reply, ToolFailure};
use goalwright_domain::execution::{Effect, FolderChanges, FolderState};
use goalwright_domain::experience::names_secret;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::failure::{failure, file_failure};
use super::lint::{Found, note};
use super::operation::Call;
use super::sandbox::{Sandbox, relative};
use process::Job;

/// The shell that runs a command given as a text, and watches over every command.
const SHELL: &str = "/bin/sh";
/// How long a command may take unless it is said.
const USUAL_TIMEOUT: f64 = 300.0;
/// Where programs are looked for if this process has no `PATH` itself.
const USUAL_PATH: &str = "/usr/local/bin:/usr/bin:/bin";
/// Shorter ones would be found everywhere.
const SHORTEST_SECRET: usize = 4;

/// Parameters of `shell.run`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RunParameters {
    /// A text for `sh -c`, or a list of the program and its arguments, which no shell reads.
    command: CommandLine,
    /// The folder it starts in, relative to the sandbox.
    cwd: Option<String>,
    /// Variables besides `PATH`, `HOME` and `LANG`. Values of names such as `API_TOKEN` are kept out of the record.
    #[serde(default)]
    env: BTreeMap<String, String>,
    /// What it reads from its standard input; nothing unless given.
    stdin: Option<String>,
    /// How long it may take, in seconds; 300 unless given, at most 600.
    #[schemars(range(min = 0.001, max = 600))]
    timeout: Option<f64>,
    /// What doing it again would do; `irreversible` unless given.
    #[expect(dead_code, reason = "states the schema; `effect_of` reads it before the call is made")]
    effect: Option<Repeated>,
    /// The exit codes that are no failure; 0 unless given.
    #[schemars(length(min = 1), inner(range(min = 0, max = 255)))]
    expect_exit: Option<Vec<i32>>,
}

/// A command.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
enum CommandLine {
    /// For `sh -c`.
    Text(#[schemars(length(min = 1))] String),
    /// The program and its arguments.
    Words(#[schemars(length(min = 1))] Vec<String>),
}

impl CommandLine {
    /// As somebody would write it in a shell.
    fn written(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Words(words) => words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" "),
        }
    }

    fn program(self) -> (String, Vec<String>) {
        match self {
            Self::Text(text) => (SHELL.to_owned(), vec!["-c".to_owned(), text]),
            Self::Words(mut words) => {
                let arguments = words.split_off(words.len().min(1));
                (words.pop().unwrap_or_default(), arguments)
            }
        }
    }
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./=:,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// What doing it again would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Repeated {
    /// It changes nothing.
    None,
    /// It leaves what doing it once leaves.
    Idempotent,
    /// It can be undone.
    Reversible,
    /// It cannot be undone.
    Irreversible,
}

/// What `shell.run` answers.
#[derive(Serialize, JsonSchema)]
pub(super) struct Ran {
    /// One of `expect_exit`.
    exit_code: i32,
    /// What it wrote to its standard output; what is no UTF-8 is replaced.
    stdout: String,
    /// What it wrote to its standard error.
    stderr: String,
    /// How long it took.
    duration_ms: u64,
    /// Files that were created or written to meanwhile, sorted, relative to the sandbox.
    files_written: Vec<String>,
    /// Files that were deleted meanwhile, sorted, relative to the sandbox.
    files_deleted: Vec<String>,
    /// What the lists of files do not tell, if anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    files_untold: Option<String>,
}

/// The effect that is stated; none where it is not, or still a template.
pub(super) fn effect_of(parameters: &Value) -> Option<Effect> {
    let stated = Repeated::deserialize(parameters.get("effect")?).ok()?;
    Some(match stated {
        Repeated::None => Effect::None,
        Repeated::Idempotent => Effect::Idempotent,
        Repeated::Reversible => Effect::Reversible,
        Repeated::Irreversible => Effect::Irreversible,
    })
}

/// The folder and the names of variables, as far as they are literal.
pub(super) fn lint(parameters: &Value) -> Found {
    let mut found = note("/cwd", relative(parameters.get("cwd").and_then(Value::as_str).unwrap_or_default()));
    let variables = parameters.get("env").and_then(Value::as_object);
    for (name, value) in variables.into_iter().flatten() {
        let pointer = format!("/env/{}", name.replace('~', "~0").replace('/', "~1"));
        found.extend(note(pointer, variable(name, value.as_str().unwrap_or_default())));
    }
    let words = match parameters.get("command") {
        Some(Value::Array(words)) => words.iter().filter_map(Value::as_str).collect(),
        Some(Value::String(text)) => vec![text.as_str()],
        _ => Vec::new(),
    };
    found.extend(note("/command", command(&words)));
    found
}

fn command(words: &[&str]) -> Result<(), ToolFailure> {
    if words.iter().any(|word| word.contains('\0')) {
        return Err(failure("InvalidParameters", "a command cannot contain U+0000"));
    }
    if words.first().is_some_and(|program| program.trim().is_empty()) {
        return Err(failure("InvalidParameters", "the command is empty; say what to run"));
    }
    Ok(())
}

fn variable(name: &str, value: &str) -> Result<(), ToolFailure> {
    if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
        let message = "a variable has a name without `=`, and a value without U+0000";
        return Err(failure("InvalidParameters", message));
    }
    Ok(())
}

/// Where programs are looked for: as this process does.
pub(super) fn search_path() -> OsString {
    std::env::var_os("PATH").filter(|path| !path.is_empty()).unwrap_or_else(|| USUAL_PATH.into())
}

pub(super) async fn run(path: OsString, call: Call, parameters: RunParameters) -> Result<Reply, ToolFailure> {
    let sandbox = call.sandbox()?;
    let (root, folder) = places(&sandbox, &call, parameters.cwd.as_deref().unwrap_or_default())?;
    let expected = parameters.expect_exit.unwrap_or_else(|| vec![0]);
    let secrets: Vec<String> = parameters
        .env
        .iter()
        .filter(|(name, value)| names_secret(name) && value.len() >= SHORTEST_SECRET)
        .map(|(_, value)| value.clone())
        .collect();
    let written = parameters.command.written();
    let (program, arguments) = parameters.command.program();
    let mut environment: BTreeMap<OsString, OsString> = BTreeMap::from([
        ("PATH".into(), path),
        ("HOME".into(), root.into_os_string()),
        ("LANG".into(), "C.UTF-8".into()),
    ]);
    environment.extend(
        parameters.env.into_iter().map(|(name, value)| (OsString::from(name), OsString::from(value))),
    );
    let seconds = parameters.timeout.unwrap_or(USUAL_TIMEOUT);
    let job = Job {
        program,
        arguments,
        folder,
        environment,
        stdin: parameters.stdin.map(String::into_bytes),
        timeout: Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX),
    };

    let (sandbox, before) = look(sandbox, None).await?;
    call.check_cancelled()?;
    let ended = process::run(job, &call.cancel).await;
    let (_, after) = look(sandbox, Some(before.clone())).await?;
    let changes = FolderChanges::between(&before, &after);
    answer::of(&written, &secrets, &expected, ended, &changes)
}

/// The sandbox as an absolute path, and the folder in it in which the command starts.
fn places(sandbox: &Sandbox, call: &Call, cwd: &str) -> Result<(PathBuf, PathBuf), ToolFailure> {
    let failed = |error: std::io::Error| file_failure(cwd, &error);
    let inside = sandbox.dir().canonicalize(relative(cwd)?).map_err(failed)?;
    let root = std::fs::canonicalize(&call.sandbox).map_err(failed)?;
    if !sandbox.dir().metadata(&inside).map_err(failed)?.is_dir() {
        let message = format!("`cwd` is `{cwd}`, which is no folder; name one, or leave it out");
        return Err(failure("NotAFolder", message));
    }
    let folder = root.join(inside);
    Ok((root, folder))
}

/// How the folder is, with what has to be known of it to compare it with how it was.
async fn look(sandbox: Sandbox, before: Option<FolderState>) -> Result<(Sandbox, FolderState), ToolFailure> {
    let looking = tokio::task::spawn_blocking(move || {
        let state = watch::look(&sandbox, before.as_ref());
        (sandbox, state)
    });
    looking.await.map_err(|error| {
        let message = "the folder could not be looked at; please report what was run";
        ToolFailure { sources: vec![error.to_string()], ..failure("ToolCrashed", message) }
    })
}
