//! What is given to commands besides words: files, standard input, JSON, tool calls, and a yes.

use std::io::{self, BufRead, IsTerminal, Read};
use std::path::Path;

use serde_json::{Value, json};

use crate::failure::{Failure, printable};
use crate::terminal;

/// Stands for standard input.
const STDIN: &str = "-";
/// No document that is taken is larger: 4 MiB, and what JSON adds to it.
const LARGEST: u64 = 8 * 1024 * 1024;

/// The text itself, or standard input for `-`.
pub(super) fn text(given: String) -> Result<String, Failure> {
    if given == STDIN { read(Path::new(STDIN)) } else { Ok(given) }
}

/// The text itself, the content of a file for `@FILE`, or standard input for `-`.
pub(super) fn text_or_file(given: String) -> Result<String, Failure> {
    match given.strip_prefix('@') {
        Some(path) => read(Path::new(path)),
        None => text(given),
    }
}

/// The content of a file, or standard input for `-`.
pub(super) fn read(path: &Path) -> Result<String, Failure> {
    let name = if path == Path::new(STDIN) { "standard input".into() } else { path.display().to_string() };
    let mut bytes = Vec::new();
    let read = if path == Path::new(STDIN) {
        io::stdin().lock().take(LARGEST + 1).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes))
    };
    read.map_err(|error| {
        Failure::usage(format!("{name} cannot be read: {error}"), "look at its name and its permissions")
    })?;
    if bytes.len() as u64 > LARGEST {
        return Err(Failure::usage(
            format!("{name} has more than {} MiB", LARGEST / 1024 / 1024),
            "make several documents of it",
        ));
    }
    String::from_utf8(bytes).map_err(|error| {
        let line =
            error.as_bytes()[..error.utf8_error().valid_up_to()].iter().filter(|b| **b == b'\n').count() + 1;
        Failure::usage(format!("{name}, line {line}: the text is not UTF-8"), "save it as UTF-8")
    })
}

/// The body of a request that may say why.
pub(super) fn because(reason: Option<String>) -> Value {
    reason.map_or_else(|| json!({}), |reason| json!({"reason": reason}))
}

/// JSON, given as it is or through `-`.
pub(super) fn json(option: &str, given: String) -> Result<Value, Failure> {
    let text = text(given)?;
    serde_json::from_str(&text).map_err(|error| {
        Failure::usage(
            format!("{option} is no JSON: {error}"),
            format!("write texts in quotes, such as {option} '\"done\"', and objects such as {option} '{{\"n\": 1}}'"),
        )
    })
}

/// A call of a tool, written as in a plan: `tool.operation {json}`.
pub(super) fn tool_call(given: &str) -> Result<Value, Failure> {
    let refused = |message: String| {
        Failure::usage(message, "write --use 'file.read {\"path\": \"notes.txt\"}', as in a plan")
    };
    let given = given.trim();
    let (name, parameters) = given.split_once(char::is_whitespace).unwrap_or((given, "{}"));
    let (tool, operation) = name
        .split_once('.')
        .filter(|(tool, operation)| !tool.is_empty() && !operation.is_empty())
        .ok_or_else(|| refused(format!("--use `{name}` names no operation of a tool")))?;
    let parameters: Value = serde_json::from_str(parameters.trim())
        .map_err(|error| refused(format!("the parameters of --use are no JSON: {error}")))?;
    if !parameters.is_object() {
        return Err(refused("the parameters of --use are no JSON object".to_owned()));
    }
    Ok(json!({"kind": "tool", "tool": tool, "operation": operation, "parameters": parameters}))
}

/// A schedule: a cron text in a zone, or JSON.
pub(super) fn schedule(given: String, timezone: Option<String>) -> Result<Value, Failure> {
    if !given.trim_start().starts_with('{') && given != STDIN {
        return Ok(match timezone {
            Some(zone) => json!({"cron": given, "timezone": zone}),
            None => json!({"cron": given}),
        });
    }
    let mut schedule = self::json("--schedule", given)?;
    if let Some(zone) = timezone {
        schedule["timezone"] = json!(zone);
    }
    Ok(schedule)
}

/// Asks for a yes before something is taken away. Where nobody can be asked, `--yes` says it.
pub(super) fn confirm(question: &str, yes: bool) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Err(Failure::usage(
            format!("nobody can be asked: {}", printable(question)),
            "give --yes to do it without being asked",
        ));
    }
    terminal::ask(&format!("{} [y/N] ", printable(question)));
    let mut answer = String::new();
    // No answer is no yes.
    let _ = io::stdin().lock().read_line(&mut answer);
    match answer.trim().to_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(Failure::usage("nothing was done", "answer `y`, or give --yes")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_call_is_written_as_in_a_plan() {
        assert_eq!(
            tool_call(" file.read  {\"path\": \"a b\"} "),
            Ok(json!({"kind": "tool", "tool": "file", "operation": "read", "parameters": {"path": "a b"}}))
        );
        assert_eq!(tool_call("time.now").map(|call| call["parameters"].clone()), Ok(json!({})));
        for wrong in ["", "file", "file.", ".read", "file.read {", "file.read [1]", "file.read x"] {
            let refused = tool_call(wrong).expect_err(wrong);
            assert!(refused.to_string().contains("--use"), "{refused}");
        }
    }

    #[test]
    fn a_result_is_json() {
        assert_eq!(json("--result", "{\"n\": 1}".to_owned()), Ok(json!({"n": 1})));
        let refused = json("--result", "done".to_owned()).expect_err("no JSON");
        assert!(refused.to_string().contains("--result '\"done\"'"), "{refused}");
    }

    #[test]
    fn a_text_may_be_in_a_file() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), "Write plainly.\n").expect("writes");
        let given = format!("@{}", file.path().display());
        assert_eq!(text_or_file(given), Ok("Write plainly.\n".to_owned()));
        assert_eq!(text_or_file("a@b".to_owned()), Ok("a@b".to_owned()));
        assert!(
            text_or_file("@nowhere".to_owned()).is_err_and(|refused| refused.message.contains("nowhere"))
        );
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named() {
        let refused = read(Path::new("nowhere/plan.md")).expect_err("not there");
        assert!(refused.message.starts_with("nowhere/plan.md cannot be read: "), "{refused}");
    }
}
