//! `goalwright decomposition`: what was planned, and what becomes of it.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::fields::{count, moment, number, page, short_id, text, when};
use super::input;
use super::planning::{changes, dollars, findings, plan_table};
use super::session::{Paging, Session, Shared};
use crate::client::{Answer, Call, Noun, short};
use crate::failure::{Exit, Failure, printable};
use crate::terminal::{Column, Table, accent, note, status, strong};

/// The field with its id.
const ID: &str = "decomposition_id";

/// Read what was planned for a goal, and apply or reject what was shown.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  goalwright decomposition list 1cef10aa")]
pub(super) struct Decomposition {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    shared: Shared,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List what was planned for a goal, newest first, with what it cost
    #[command(after_help = "Example:\n  goalwright decomposition list 1cef10aa")]
    List {
        /// The goal: its id, or the beginning or end of it
        goal: String,
        #[command(flatten)]
        paging: Paging,
    },
    /// Show a plan: its tasks, how it was made, what it changes
    #[command(after_help = "Example:\n  goalwright decomposition show 01a1fca3-d64a-770a-a83d-a75e8cd5b695")]
    Show {
        /// The decomposition: its whole id
        id: String,
    },
    /// Apply a plan that was shown, without asking a model again
    #[command(after_help = "Example:\n  goalwright decomposition apply 01a1fca3-d64a-770a-a83d-a75e8cd5b695")]
    Apply {
        /// The decomposition: its whole id
        id: String,
        /// The `plan_hash` of what was shown; another plan is refused. Else it is the one that is kept
        #[arg(long, value_name = "HASH")]
        plan_hash: Option<String>,
    },
    /// Reject a plan that was shown; it stays on record
    #[command(
        after_help = "Example:\n  goalwright decomposition reject 01a1fca3-d64a-770a-a83d-a75e8cd5b695 --reason \"Too coarse\""
    )]
    Reject {
        /// The decomposition: its whole id
        id: String,
        /// Why, for the record
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
}

impl Decomposition {
    pub(super) async fn execute(self) -> Result<Exit, Failure> {
        Session::with(self.shared, async |session| self.action.execute(session).await).await
    }
}

impl Action {
    async fn execute(self, session: &Session) -> Result<Exit, Failure> {
        match self {
            Self::List { goal, paging } => list(session, &goal, &paging).await,
            Self::Show { id } => {
                let answer = read(session, &id).await?;
                Ok(session.show_by(ID, &answer, || shown(session, &answer.value)))
            }
            Self::Apply { id, plan_hash } => {
                let hash = match plan_hash {
                    Some(hash) => hash,
                    None => text(&read(session, &id).await?.value, "plan_hash"),
                };
                let call = Call::post(&["decompositions", id.trim(), "apply"], json!({"plan_hash": hash}));
                let answer = session.client.send(call).await?;
                let goal = short_id(&answer.value, "goal_id");
                let (tasks, edges) = (count(&answer.value, "tasks"), count(&answer.value, "dependencies"));
                let exit = session.show_by(ID, &answer, || {
                    vec![format!("applied a plan of {tasks} tasks with {edges} dependencies to goal {goal}")]
                });
                if !session.json && !session.quiet {
                    note(&format!("{} `goalwright goal show {goal}` shows it", accent("next:")));
                }
                Ok(exit)
            }
            Self::Reject { id, reason } => {
                let call = Call::post(&["decompositions", id.trim(), "reject"], input::because(reason));
                let answer = session.client.send(call).await?;
                let goal = short_id(&answer.value, "goal_id");
                Ok(session.show_by(ID, &answer, || vec![format!("rejected a plan for goal {goal}")]))
            }
        }
    }
}

async fn list(session: &Session, goal: &str, paging: &Paging) -> Result<Exit, Failure> {
    let goal = session.id(Noun::Goal, goal).await?;
    let listed = session.client.list(&format!("goals/{goal}/decompositions"), &[], paging.limit()).await?;
    let empty =
        format!("nothing was planned yet; `goalwright goal decompose {}` breaks the goal down", short(&goal));
    Ok(session.list_by(ID, &listed, || table(session, listed.items()), &empty))
}

async fn read(session: &Session, id: &str) -> Result<Answer, Failure> {
    session.client.send(Call::get(&["decompositions", id.trim()])).await
}

fn table(session: &Session, plans: &[Value]) -> Table {
    let columns = [
        Column::Word("ID"),
        Column::Status("STATUS"),
        Column::Text("BY"),
        Column::Text("PROMPT"),
        Column::Number("TASKS"),
        Column::Number("TOKENS"),
        Column::Number("COST"),
        Column::Text("FAILURE"),
        Column::Aside("MADE"),
    ];
    Table::of(columns, plans, |plan| {
        [
            text(plan, ID),
            text(plan, "status"),
            planner(plan),
            text(plan, "prompt_version"),
            text(plan, "task_count"),
            text(&plan["usage"], "cost_tokens"),
            dollars(&plan["usage"]["cost_usd"], ""),
            text(&plan["failure"], "code"),
            when(plan, "created_at", session.now),
        ]
    })
}

/// The model, or whoever planned else.
fn planner(plan: &Value) -> String {
    let model = text(plan, "model");
    if model.is_empty() { text(plan, "planner") } else { model }
}

fn shown(session: &Session, plan: &Value) -> Vec<String> {
    findings(plan).iter().for_each(|line| note(line));
    let mut lines = vec![format!("{}  {}", strong("Plan"), status(&text(plan, "status")))];
    let usage = &plan["usage"];
    let attempts = number(plan, "attempts");
    let cost = format!("{} tokens{}", number(usage, "cost_tokens"), dollars(&usage["cost_usd"], ", "));
    let changed = &plan["changes"];
    let changes = Some(changes(changed)).filter(|_| count(changed, "add") + count(changed, "keep") > 0);
    lines.extend(page(&[
        ("id", text(plan, ID)),
        ("goal", text(plan, "goal_id")),
        ("task", text(plan, "expanded_task_id")),
        ("plan hash", text(plan, "plan_hash")),
        ("by", planner(plan)),
        ("prompt", text(plan, "prompt_version")),
        (
            "calls",
            Some(attempts).filter(|calls| *calls > 0).map(|calls| calls.to_string()).unwrap_or_default(),
        ),
        ("cost", Some(cost).filter(|_| attempts > 0).unwrap_or_default()),
        ("made", moment(plan, "created_at", session.now)),
        ("decided", moment(plan, "decided_at", session.now)),
        ("changes", changes.unwrap_or_default()),
        ("failure", printable(&text(&plan["failure"], "message"))),
    ]));
    if count(plan, "tasks") > 0 {
        lines.push(String::new());
        lines.extend(plan_table(plan).lines());
    }
    lines
}
