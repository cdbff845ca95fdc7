use clap::Args;
use serde_json::Value;

use super::table::{agent_name, agent_names};
use crate::cli::fields::{moment, page, short_id, text, texts};
use crate::cli::session::Session;
use crate::client::{Call, Noun};
use crate::failure::{Exit, Failure, printable};
use crate::terminal::{status, strong};

/// So many of the tasks that a task waits for are named.
const NAMED: usize = 10;

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  goalwright task show write-the-list-down")]
pub(super) struct Show {
    /// The task: its id, the beginning or end of it, its slug, or its key
    id: String,
}

impl Show {
    pub(super) async fn execute(self, session: &Session) -> Result<Exit, Failure> {
        let id = session.id(Noun::Task, &self.id).await?;
        let task = session.client.send(Call::get(&["tasks", &id])).await?;
        let lines = match session.json || session.quiet {
            true => Vec::new(),
            false => lines(session, &task.value).await?,
        };
        Ok(session.show(&task, || lines))
    }
}

/// A page about one task.
pub(super) async fn lines(session: &Session, task: &Value) -> Result<Vec<String>, Failure> {
    let agents = agent_names(session, std::slice::from_ref(task)).await?;
    let mut lines =
        vec![format!("{}  {}", strong(&printable(&text(task, "title"))), status(&text(task, "status")))];
    lines.extend(page(&[
        ("id", text(task, "id")),
        ("key", text(task, "key")),
        ("slug", text(task, "slug")),
        ("goal", text(task, "goal_id")),
        ("type", text(task, "task_type")),
        ("agent", agent_name(&agents, task)),
        ("priority", unless(text(task, "priority"), "0")),
        ("labels", texts(task, "labels").join(", ")),
        ("attempts", attempts(task)),
        ("scheduled", moment(task, "scheduled_at", session.now)),
        ("recurs", recurs(&task["schedule"])),
        ("next run", moment(task, "next_run_at", session.now)),
        ("created", moment(task, "created_at", session.now)),
        ("changed", moment(task, "updated_at", session.now)),
        ("does", action(&task["action"])),
        ("waits for", waits_for(session, task).await?),
        ("waiting", wait(session, &task["waiting"])),
        ("error", error(&task["error"])),
        ("description", text(task, "description")),
        ("result", document(&task["result"])),
    ]));
    Ok(lines)
}

fn unless(value: String, dull: &str) -> String {
    if value == dull { String::new() } else { value }
}

/// A schedule in a line: how often, when, and where.
fn recurs(schedule: &Value) -> String {
    if !schedule.is_object() {
        return String::new();
    }
    let mut parts = vec![text(schedule, "frequency")];
    let minute = schedule["minute"].as_i64().map(|minute| format!("at minute {minute}"));
    let day = schedule["day"].as_i64().map(|day| format!("on day {day}"));
    let last = schedule["last"].as_bool().map(|_| "on the last day".to_owned());
    parts.extend([minute, day, last].into_iter().flatten());
    parts.push(texts(schedule, "weekdays").join(" "));
    parts.extend(["cron", "at", "time", "timezone"].map(|field| text(schedule, field)));
    parts.retain(|part| !part.is_empty() && part != "cron");
    parts.join(" ")
}

fn attempts(task: &Value) -> String {
    match task["attempt"].as_i64() {
        Some(attempt @ 1..) => format!("{attempt} of {}", text(task, "max_attempts")),
        _ => String::new(),
    }
}

/// What it does, as a plan would write it.
fn action(action: &Value) -> String {
    match action["kind"].as_str() {
        Some("tool") => {
            let parameters = &action["parameters"];
            let parameters = if parameters.is_null() { String::new() } else { format!(" {parameters}") };
            format!("{}.{}{parameters}", text(action, "tool"), text(action, "operation"))
        }
        Some(kind) => format!("{kind}: {}", text(action, "instructions")),
        None => String::new(),
    }
}

async fn waits_for(session: &Session, task: &Value) -> Result<String, Failure> {
    let open = texts(task, "blocked_by");
    let mut lines = Vec::new();
    for id in open.iter().take(NAMED) {
        let other = session.client.send(Call::get(&["tasks", id])).await?.value;
        lines.push(format!(
            "{}  {} ({})",
            short_id(&other, "id"),
            text(&other, "title"),
            text(&other, "status")
        ));
    }
    if let more @ 1.. = open.len().saturating_sub(NAMED) {
        lines.push(format!("and {more} more"));
    }
    Ok(lines.join("\n"))
}

fn wait(session: &Session, wait: &Value) -> String {
    match (text(wait, "message"), moment(wait, "until", session.now)) {
        (message, until) if until.is_empty() => message,
        (message, until) => format!("{message}, until {until}"),
    }
}

fn error(error: &Value) -> String {
    match (text(error, "message"), text(error, "type")) {
        (message, kind) if kind.is_empty() => message,
        (message, kind) => format!("{message} ({kind})"),
    }
}

/// Texts as they are, everything else as indented JSON.
fn document(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => serde_json::to_string_pretty(other).unwrap_or_default(),
    }
}

/// What a selection left out, a line for each reason.
pub(super) fn left_out(answer: &Value) -> Vec<String> {
    let reasons = answer["left_out"].as_array().map_or(&[][..], Vec::as_slice);
    reasons.iter().map(|reason| format!("left out: {}", printable(&text(reason, "message")))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_action_reads_as_in_a_plan() {
        let call = json!({"kind": "tool", "tool": "file", "operation": "read", "parameters": {"path": "a"}});
        assert_eq!(action(&call), "file.read {\"path\":\"a\"}");
        assert_eq!(action(&json!({"kind": "human", "instructions": "look"})), "human: look");
        assert_eq!(action(&Value::Null), "");
    }

    #[test]
    fn an_error_names_its_type() {
        assert_eq!(error(&json!({"type": "NotFound", "message": "gone"})), "gone (NotFound)");
        assert_eq!(error(&Value::Null), "");
    }
}
