//! From a problem document to what the command line says: the detail, a line for each error, and what to do.

use serde_json::Value;

use super::{Call, Reply};
use crate::failure::{Exit, Failure};

/// The failure that a bad reply is.
pub(super) fn failure(call: &Call, reply: &Reply, local: bool) -> Failure {
    let exit = match reply.status {
        400 | 404 | 409 | 412 | 413 | 415 | 422 => Exit::Usage,
        _ => Exit::Failed,
    };
    let problem: Value = serde_json::from_str(&reply.text).unwrap_or_default();
    let Some(detail) = problem["detail"].as_str() else {
        let message = format!("the server answered {} without a word that is understood", reply.status);
        return Failure::new(Exit::Failed, message).with_help(
            "look whether --server or GOALWRIGHT_SERVER names a Goalwright and not something before it",
        );
    };
    let errors = problem["errors"].as_array().map_or(&[][..], Vec::as_slice);
    let details = errors.iter().filter_map(|error| {
        let message = error["message"].as_str()?;
        let path = error["path"].as_str().filter(|path| !path.is_empty());
        // What names its line is found without its path.
        let line = match path.filter(|_| !message.starts_with("line ")) {
            Some(path) => format!("{path}: {message}"),
            None => message.to_owned(),
        };
        (!detail.contains(message)).then_some(line)
    });
    let code = problem["code"].as_str().unwrap_or_default();
    let failure = Failure { details: details.collect(), ..Failure::new(exit, detail) };
    failure.with_help(help(code, call, reply, &problem, local))
}

fn help(code: &str, call: &Call, reply: &Reply, problem: &Value, local: bool) -> String {
    let noun = noun(&call.target);
    let fixed = match code {
        "unauthenticated" if local => {
            "GOALWRIGHT_TOKEN or --token is not of this installation; without one you act as the local user"
        }
        "unauthenticated" => {
            "`goalwright token`, on the server's machine, mints a token; give it with --token or GOALWRIGHT_TOKEN"
        }
        "forbidden" => {
            "leave --workspace out or name one that you are a member of; an API key may need other scopes"
        }
        "not_found" if nowhere(problem) && local => "this version cannot do that yet",
        "not_found" if nowhere(problem) => NOT_YET,
        "method_not_allowed" => NOT_YET,
        "conflict" => "run the same command again; nothing of this attempt was kept",
        "dependencies_open" => "`goalwright task ready ID` tells what is missing; complete that first",
        "dependency_cycle" => "leave one of these dependencies out",
        "goal_needed" => {
            "set its `goal_id` over HTTP, or make it again with `goalwright task create TITLE --goal ID`"
        }
        "goal_running" => "wait until nothing of it runs; `goalwright task list --status running` tells",
        "agent_needed" => {
            "`goalwright agent update ID --default` makes another agent the default first; a member's own agent stays"
        }
        "type_reserved" => "choose another type, such as OBSERVATION",
        "goal_not_active" => "`goalwright goal update ID --status active` makes the goal active",
        "invalid_transition" => "`goalwright task show ID` tells where it stands",
        "lease_lost" => "drop the result, and claim new work with `goalwright task claim AGENT`",
        "not_waiting" => "`goalwright task show ID` tells what it waits for",
        "task_leased" => "wait until it is done; `goalwright task show ID` tells",
        "name_taken" if noun == "prompt" => {
            "choose another name; `goalwright prompt list` shows those that are taken"
        }
        "name_taken" => "choose another name; `goalwright agent list` shows those that are taken",
        "no_agent" => "`goalwright agent create NAME --kind human --default` makes an agent for everything",
        "tool_unavailable" => "correct the tool's name in --use, or in the plan",
        "waiting_for_person" => "`goalwright task complete ID` completes it",
        "payload_too_large" | "plan_too_large" => "make several plans of it; nothing was written",
        "invalid_plan" => "mend the plan and send it again; no task was written",
        "plan_outdated" | "decomposition_decided" if noun == "task" => {
            "`goalwright task expand ID --dry-run` makes a new plan"
        }
        "plan_outdated" | "decomposition_decided" => {
            "`goalwright goal decompose ID --dry-run` makes a new plan, of a task `goalwright task expand ID --dry-run`"
        }
        "budget_exhausted" => {
            "`goalwright budget` shows what is left, `goalwright budget set` says what may be spent"
        }
        "not_a_plan" => "a plan is Markdown with checklist items such as `- [ ] T001 Title`",
        "scheduled_at_required" => "give the moment with --scheduled-at, such as 2026-12-24T18:00:00Z",
        "model_not_configured" => {
            "give a written plan with --outline FILE, or set GOALWRIGHT_MODEL and the key of its provider"
        }
        "model_credentials" => "whoever runs the server checks the key and starts the server anew",
        "model_context_too_long" => "shorten what is sent, or name a model that reads more",
        "database_unavailable" => {
            "look whether the database answers and its disk has room; then run the same command again"
        }
        "timed_out" => "run the same command again later",
        _ => "",
    };
    match (code, reply.status) {
        _ if !fixed.is_empty() => fixed.to_owned(),
        ("not_found", _) => format!("`goalwright {noun} list` shows what there is"),
        ("rate_limited", _) | (_, 429 | 503) => match &reply.retry_after {
            Some(seconds) => format!("run the same command again in {seconds} s"),
            None => "run the same command again later".to_owned(),
        },
        (_, 500..) => {
            let trace = problem["trace_id"].as_str().unwrap_or("unknown");
            format!("this is a defect: please report it with the trace id {trace}")
        }
        _ => format!("`goalwright {noun} --help` shows what can be given"),
    }
}

const NOT_YET: &str = "the server is of a version that cannot do this yet; its page /docs says what it can";

/// Whether the address is one that nobody answers.
fn nowhere(problem: &Value) -> bool {
    problem["detail"].as_str().is_some_and(|detail| detail.contains("openapi.json"))
}

/// The commands that an address belongs to.
fn noun(target: &str) -> &'static str {
    let first = target.trim_start_matches("/v1/").split(['/', '?']).next().unwrap_or_default();
    match first {
        "goals" => "goal",
        "agents" => "agent",
        "experiences" => "experience",
        "events" => "event",
        "decompositions" => "decomposition",
        "prompts" => "prompt",
        "budget" => "budget",
        "usage" => "usage",
        _ => "task",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said(status: u16, problem: &Value) -> (Exit, String) {
        let reply = Reply { status, retry_after: Some("7".to_owned()), text: problem.to_string() };
        let failure = failure(&Call::get(&["goals", "x"]), &reply, false);
        (failure.exit, failure.to_string())
    }

    #[test]
    fn every_error_has_its_line_and_none_is_said_twice() {
        let problem = json!({"code": "invalid_plan", "detail": "the plan cannot be used: it has 3 problems", "errors": [
            {"path": "tasks[0]", "code": "a", "message": "line 3: one"},
            {"path": "title", "code": "b", "message": "two"},
            {"path": "", "code": "c", "message": "it has 3 problems"},
        ]});
        assert_eq!(
            said(422, &problem),
            (
                Exit::Usage,
                "error: the plan cannot be used: it has 3 problems\n  line 3: one\n  title: two\n\
                 help: mend the plan and send it again; no task was written"
                    .to_owned()
            )
        );
    }

    #[test]
    fn input_ends_with_2_and_everything_else_with_1() {
        for (status, exit) in [
            (400, Exit::Usage),
            (401, Exit::Failed),
            (403, Exit::Failed),
            (404, Exit::Usage),
            (405, Exit::Failed),
            (409, Exit::Usage),
            (412, Exit::Usage),
            (413, Exit::Usage),
            (415, Exit::Usage),
            (422, Exit::Usage),
            (429, Exit::Failed),
            (500, Exit::Failed),
            (503, Exit::Failed),
        ] {
            assert_eq!(said(status, &json!({"code": "x", "detail": "why"})).0, exit, "{status}");
        }
    }

    #[test]
    fn help_leads_somewhere() {
        let told =
            |status, code: &str| said(status, &json!({"code": code, "detail": "why", "trace_id": "abc"})).1;
        assert!(told(404, "not_found").ends_with("help: `goalwright goal list` shows what there is"));
        assert!(told(429, "rate_limited").ends_with("help: run the same command again in 7 s"));
        assert!(told(500, "internal").contains("trace id abc"));
        assert!(told(422, "new_code").ends_with("help: `goalwright goal --help` shows what can be given"));
    }

    #[test]
    fn what_is_no_problem_document_is_said_to_be_none() {
        let reply = Reply { status: 502, retry_after: None, text: "<html>".to_owned() };
        let failure = failure(&Call::get(&["goals"]), &reply, false);
        assert!(failure.message.contains("502") && failure.help.is_some(), "{failure}");
    }
}
