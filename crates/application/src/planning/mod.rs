//! Planning: from a written plan to a goal with its task graph.

mod apply;
mod ask;
mod by_model;
mod change;
mod check;
mod compare;
mod decide;
mod decompose;
mod decomposition;
mod edit;
mod expand;
mod export;
mod import;
mod limits;
mod prompt;
mod prompts;
mod record;
mod scene;
mod weigh;
mod write;

use std::sync::Arc;

use goalwright_domain::Violation;
use goalwright_domain::experience::Runner;
use goalwright_domain::goal::GoalId;
use goalwright_domain::plan::{Finding, Format, Limits, OutlineError, Plan, read_plan, validate};
use goalwright_domain::task::TaskId;

use crate::Error;
use crate::models::ModelCalls;
use crate::ports::{Clock, Ids, Signals, Telemetry, Tools, Transactions};
use crate::read::Queries;
use crate::usage::Spendings;

pub use by_model::{INSTRUCTIONS_LIMIT, MOST_TASKS};
pub use compare::{Compared, Comparison, Edits, Touch};
pub use decompose::DecomposeRequest;
pub use decomposition::{
    AnswerProblem, Decomposition, DecompositionStatus, DecompositionSummary, Failure, Making, Planner,
    RejectedAnswer, ShownChanges, ShownField, ShownTask,
};
pub use import::{ImportRequest, Imported};
pub use prompt::BUILT_IN as BUILT_IN_PROMPT;
pub use prompts::PROMPT_LIMIT;

/// Makes task graphs of plans.
pub struct Planning {
    transactions: Arc<dyn Transactions>,
    queries: Arc<dyn Queries>,
    tools: Arc<dyn Tools>,
    models: Arc<ModelCalls>,
    usage: Arc<Spendings>,
    limits: limits::OutputLimits,
    telemetry: Arc<dyn Telemetry>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    signals: Arc<dyn Signals>,
    runner: Runner,
}

/// What becomes of the tasks that a goal has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    /// The plan's tasks are added to them.
    #[default]
    Create,
    /// They become what the plan says; what is finished or being worked on stays.
    Update,
}

impl Mode {
    /// The stored spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
        }
    }

    /// Reads the stored spelling.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Create, Self::Update].into_iter().find(|mode| mode.as_str() == text)
    }
}

/// A plan that holds: read, validated, its tool calls checked.
#[derive(Clone)]
pub(crate) struct Prepared {
    pub(crate) plan: Plan,
    pub(crate) findings: Vec<Finding>,
}

/// What is broken down.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Aim {
    pub(crate) goal_id: GoalId,
    /// What becomes of the tasks that the goal has.
    pub(crate) mode: Mode,
    /// The task that is broken further down; none where it is the goal.
    pub(crate) task_id: Option<TaskId>,
}

impl Aim {
    /// The goal itself.
    pub(crate) const fn goal(goal_id: GoalId, mode: Mode) -> Self {
        Self { goal_id, mode, task_id: None }
    }

    /// One of its tasks: others stay as they are.
    pub(crate) const fn task(goal_id: GoalId, task_id: TaskId) -> Self {
        Self { goal_id, mode: Mode::Create, task_id: Some(task_id) }
    }
}

/// What is written where, and how it came about.
pub(crate) struct Target {
    pub(crate) aim: Aim,
    pub(crate) dry_run: bool,
    pub(crate) making: Making,
    /// The proposal that is applied, if it is one.
    pub(crate) proposal: Option<Decomposition>,
    /// What a model was told of, if it matters: it must still be so.
    pub(crate) seen: Option<String>,
    /// The digest of the file that the plan was read from, if the goal is to remember it.
    pub(crate) digest: Option<String>,
}

impl Target {
    /// For a plan that somebody wrote down.
    pub(crate) fn of_outline(aim: Aim, dry_run: bool) -> Self {
        Self { aim, dry_run, making: Making::default(), proposal: None, seen: None, digest: None }
    }
}

impl Planning {
    /// Over these ports; `runner` names this process in what an update ticks off.
    pub fn new(ports: &crate::execution::KernelPorts, usage: Arc<Spendings>, runner: Runner) -> Self {
        Self {
            transactions: ports.transactions.clone(),
            queries: ports.queries.clone(),
            tools: ports.tools.clone(),
            models: ports.models.clone(),
            usage,
            limits: limits::OutputLimits::default(),
            telemetry: ports.telemetry.clone(),
            clock: ports.clock.clone(),
            ids: ports.ids.clone(),
            signals: ports.signals.clone(),
            runner,
        }
    }

    /// Reads a written plan and checks everything that can be known before it runs. All problems are reported at once.
    pub(crate) fn prepare(&self, text: &str, format: Format) -> Result<Prepared, Error> {
        self.prepare_with(text, format, check::actions)
    }

    /// The same for the parts of a task. What they read is checked when they are named, beside the task that they are parts of.
    pub(crate) fn prepare_parts(&self, text: &str, format: Format) -> Result<Prepared, Error> {
        self.prepare_with(text, format, check::calls)
    }

    fn prepare_with(
        &self,
        text: &str,
        format: Format,
        check: fn(&Plan, &dyn Tools, &mut Vec<Finding>) -> Vec<Violation>,
    ) -> Result<Prepared, Error> {
        let outline = read_plan(text, format, &Limits::IMPORT).map_err(unreadable)?;
        let mut violations: Vec<Violation> = Vec::new();
        if let Err(problems) = validate(&outline.plan, &Limits::IMPORT) {
            violations.extend(problems.into_iter().map(|problem| {
                Violation::new(problem.path, problem.code, on_line(problem.line, &problem.message))
            }));
        }
        let mut findings = outline.findings;
        violations.extend(check(&outline.plan, &*self.tools, &mut findings));
        refuse(violations)?;
        Ok(Prepared { plan: outline.plan, findings })
    }
}

/// Refuses a plan with all that is wrong with it.
fn refuse(violations: Vec<Violation>) -> Result<(), Error> {
    let message = match violations.as_slice() {
        [] => return Ok(()),
        [one] => format!("the plan cannot be used: {}", one.message),
        many => format!("the plan cannot be used: it has {} problems", many.len()),
    };
    Err(Error::Invalid { code: "invalid_plan", message, violations })
}

fn unreadable(error: OutlineError) -> Error {
    let message = error.to_string();
    // Too many tasks or edges is one of the things that can be wrong with a plan; being no plan, or too long to be read,
    // is something else.
    let code = match &error {
        OutlineError::TooLarge { .. } | OutlineError::NotAPlan { .. } => error.code(),
        OutlineError::Invalid(_) | OutlineError::TooManyTasks { .. } | OutlineError::TooManyEdges { .. } => {
            "invalid_plan"
        }
    };
    let violations = match &error {
        OutlineError::Invalid(findings) => findings
            .iter()
            .map(|finding| {
                Violation::new("content", finding.code.to_string(), on_line(finding.line, &finding.message))
            })
            .collect(),
        _ => vec![Violation::new("content", error.code(), message.clone())],
    };
    Error::Invalid { code, message, violations }
}

fn on_line(line: Option<u32>, message: &str) -> String {
    match line {
        Some(line) if !message.starts_with("line ") => format!("line {line}: {message}"),
        _ => message.to_owned(),
    }
}
