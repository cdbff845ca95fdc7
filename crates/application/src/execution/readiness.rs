//! What a task needs before somebody works on it. Who asks about a task and the kernel that is about to perform it look
//! through the same eyes.

use goalwright_domain::agent::{Agent, AgentKind, AgentStatus};
use goalwright_domain::execution::{Action, Outcome};
use goalwright_domain::goal::GoalStatus;
use goalwright_domain::task::TaskState;
use uuid::Uuid;

use super::{Assignment, Kernel};
use crate::ports::Tools;

/// One thing that is in the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unready {
    /// `no_agent`, `goal_not_active`, `resource_missing`, `dependency_cycle`, `dependencies_open`, `not_open`.
    pub code: &'static str,
    /// In words, with what to do.
    pub message: String,
    /// The tasks, the agent or the goal that it is about.
    pub related: Vec<Uuid>,
}

impl Unready {
    pub(crate) const fn new(code: &'static str, message: String, related: Vec<Uuid>) -> Self {
        Self { code, message, related }
    }
}

/// Whether its agent can work on it: there, active, and of a kind that performs its action.
pub(crate) fn agent(task: &TaskState, id: Uuid, agent: Option<&Agent>) -> Vec<Unready> {
    let Some(agent) = agent else {
        let message = "its agent is not there any more; assign another one".to_owned();
        return vec![Unready::new("no_agent", message, vec![id])];
    };
    let mut failures = Vec::new();
    if agent.state().status == AgentStatus::Retired {
        let message = "its agent is retired; assign another one".to_owned();
        failures.push(Unready::new("no_agent", message, vec![id]));
    }
    failures
        .extend(unsuitable(task, agent.kind()).map(|message| Unready::new("no_agent", message, vec![id])));
    failures
}

/// What to say where agents of this kind cannot perform the task.
fn unsuitable(task: &TaskState, kind: AgentKind) -> Option<String> {
    let suits = match &task.action {
        Some(action) => action.suits(kind),
        None => kind != AgentKind::Tool,
    };
    let kind = kind.as_str();
    (!suits)
        .then(|| format!("its agent is of kind `{kind}`, which cannot do this; assign it to another agent"))
}

/// Whether its goal is worked on.
pub(crate) fn goal(id: Uuid, status: GoalStatus) -> Option<Unready> {
    let works = matches!(status, GoalStatus::Active | GoalStatus::Achieved);
    let message = || format!("its goal is {}; make it active first", status.as_str());
    (!works).then(|| Unready::new("goal_not_active", message(), vec![id]))
}

/// What its action needs and is not there: an operation that is switched off, or parameters that it does not take.
pub(crate) fn resources(tools: &dyn Tools, action: Option<&Action>) -> Vec<Unready> {
    let missing = |message| Unready::new("resource_missing", message, Vec::new());
    match action {
        Some(Action::Tool { tool, operation, parameters }) => match unavailable(tools, tool, operation) {
            Some(message) => vec![missing(message)],
            None => {
                let problems = tools.check(tool, operation, parameters).into_iter();
                let message = |message: String| format!("`{tool}.{operation}` cannot be called: {message}");
                problems.map(|problem| missing(message(problem.message))).collect()
            }
        },
        Some(Action::Orchestrated { tools: wanted, .. }) => {
            absent(tools, wanted).into_iter().map(|(_, message)| missing(message)).collect()
        }
        Some(Action::Human { .. } | Action::External) | None => Vec::new(),
    }
}

/// Which of these patterns name no tool that is there: where in the list, and what to say.
pub(crate) fn absent(tools: &dyn Tools, patterns: &[String]) -> Vec<(usize, String)> {
    let all = tools.all();
    let there = |pattern: &String| {
        pattern.split_once('.').is_some_and(|(tool, operation)| {
            all.iter().any(|one| one.tool == tool && (operation == "*" || one.operation == operation))
        })
    };
    let absent = patterns.iter().enumerate().filter(|(_, pattern)| !there(pattern));
    absent
        .map(|(index, pattern)| {
            (index, format!("there is no tool `{pattern}` here; `GET /v1/tools` lists them"))
        })
        .collect()
}

/// Whether a model is to do it.
pub(crate) fn is_for_model(task: &TaskState, kind: AgentKind) -> bool {
    kind == AgentKind::Llm && matches!(task.action, None | Some(Action::Orchestrated { .. }))
}

/// Why an operation is not there, with what to switch on; none if it is.
pub(crate) fn unavailable(tools: &dyn Tools, tool: &str, operation: &str) -> Option<String> {
    if tools.find(tool, operation).is_some() {
        return None;
    }
    let problem = tools.check(tool, operation, &serde_json::json!({})).into_iter().next();
    Some(problem.map_or_else(
        || format!("`{tool}.{operation}` is not registered here; see the list of tools"),
        |problem| problem.message,
    ))
}

impl Kernel {
    /// What is in the way of an attempt that is about to begin, as the outcome that it has instead. What was begun before
    /// its goal was put to rest may finish.
    pub(super) fn in_the_way(&self, assignment: &Assignment) -> Option<Outcome> {
        let Assignment { task, run, .. } = assignment;
        if assignment.goal_rests {
            // A task that the goal is made of waits for it; what was asked for beside it would wait for nothing.
            let message = "its goal is not worked on; make it active, then run the task again";
            let refused = || Outcome::failed("GoalNotActive", message);
            return Some(if run.drives_task { Outcome::Released } else { refused() });
        }
        if let Some(message) = unsuitable(task, run.performer) {
            return Some(Outcome::failed("AgentUnavailable", &message));
        }
        match &task.action {
            Some(Action::Tool { tool, operation, .. }) => {
                let message = unavailable(&*self.ports.tools, tool, operation)?;
                Some(Outcome::failed("ToolUnavailable", &message))
            }
            Some(Action::Orchestrated { .. } | Action::Human { .. } | Action::External) | None => None,
        }
    }
}
