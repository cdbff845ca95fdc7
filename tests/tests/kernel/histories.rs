//! Changes by chance, for histories of the ledger. What is refused is refused: the history goes on.

use std::time::Duration;

use goalwright_application::execution::LeaseKey;
use goalwright_application::planning::DecomposeRequest;
use goalwright_application::read::{PageRequest, TaskView};
use goalwright_application::tasks::{Claimed, Completion, Ending, Failure, Wanted};
use goalwright_application::{Error, Precondition};
use goalwright_domain::agent::{AgentKind, DraftAgent};
use goalwright_domain::execution::{Action, Backoff, OnExhausted};
use goalwright_domain::goal::{GoalEdit, GoalId, GoalStatus};
use goalwright_domain::schedule::Schedule;
use goalwright_domain::task::TaskEdit;
use goalwright_testkit::{TestApp, draft_agent};
use proptest::prelude::*;
use serde_json::json;

/// What is changed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Change {
    /// The title and the priority of a task.
    Words,
    /// What a task does: a tool, a person, or a worker outside.
    Performance,
    /// The goal of a task.
    Home,
    /// What a task waits for.
    Dependencies,
    /// A task is broken further down.
    Expansion,
    /// A task is cancelled.
    Cancel,
    /// A task is skipped.
    Skip,
    /// A task is deleted.
    Delete,
    /// A task is given to another agent.
    Assign,
    /// A task is tried again.
    Retry,
    /// A person approves of a task, or lets it fail.
    Approve,
    /// What becomes of a task that is not tried again.
    Policy,
    /// A worker outside takes a task, and reports, gives it back or dies.
    Outside,
    /// A goal is put to rest, or goes on.
    GoalStatus,
    /// A goal is deleted.
    GoalDeletion,
    /// An agent comes.
    Agent,
    /// An agent retires.
    Retirement,
    /// A task recurs, or does so no more.
    Schedule,
    /// Minutes pass, and what recurs is looked after.
    Minutes,
}

/// Any of them.
pub(crate) fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        2 => Just(Change::Words),
        2 => Just(Change::Performance),
        1 => Just(Change::Home),
        5 => Just(Change::Dependencies),
        2 => Just(Change::Expansion),
        2 => Just(Change::Cancel),
        2 => Just(Change::Skip),
        2 => Just(Change::Delete),
        2 => Just(Change::Assign),
        3 => Just(Change::Retry),
        2 => Just(Change::Approve),
        2 => Just(Change::Policy),
        3 => Just(Change::Outside),
        3 => Just(Change::GoalStatus),
        1 => Just(Change::GoalDeletion),
        1 => Just(Change::Agent),
        1 => Just(Change::Retirement),
        2 => Just(Change::Schedule),
        2 => Just(Change::Minutes),
    ]
}

/// Changes the `n`-th of what is there, as `how` says.
pub(crate) async fn apply(app: &TestApp, change: Change, n: usize, how: usize) {
    let (any, services, ada) = (Precondition::Any, &app.services, &app.ada);
    let tasks = tasks(app).await;
    let goals = goals(app).await;
    let task = nth(&tasks, n).map(|task| task.state.id);
    let goal = nth(&goals, n).copied();
    let refused = match (change, task, goal) {
        (Change::Words, Some(task), _) => {
            let priority = i32::try_from(how).ok();
            let edit = TaskEdit { title: Some(format!("Title {how}")), priority, ..TaskEdit::default() };
            services.tasks.edit(ada, task, edit, &any).await.err()
        }
        (Change::Performance, Some(task), _) => {
            let clock = Action::Tool { tool: "time".into(), operation: "now".into(), parameters: json!({}) };
            let action = [Some(clock), None, Some(Action::External)][how % 3].clone();
            let edit = TaskEdit { action: Some(action), ..TaskEdit::default() };
            services.tasks.edit(ada, task, edit, &any).await.err()
        }
        (Change::Home, Some(task), _) => {
            // Every third has no goal from now on. A key that is taken there is given up.
            let home = nth(&goals, how).copied().filter(|_| !how.is_multiple_of(3));
            let edit = TaskEdit { goal_id: Some(home), key: Some(None), ..TaskEdit::default() };
            services.tasks.edit(ada, task, edit, &any).await.err()
        }
        (Change::Dependencies, Some(task), _) => {
            let on: Vec<_> =
                tasks.iter().skip(how % 5).step_by(3).take(how % 4).map(|one| one.state.id).collect();
            services.tasks.depend(ada, task, &on, &any).await.err()
        }
        (Change::Expansion, Some(task), _) => {
            let marks = [" ", "x", " ", "-"];
            let parts: Vec<String> =
                (0..=how % 3).map(|part| format!("- [{}] Part {part}", marks[(how + part) % 4])).collect();
            let outline = parts.join("\n");
            let request = DecomposeRequest { outline, dry_run: how.is_multiple_of(7), ..Default::default() };
            match Box::pin(services.planning.expand(ada, task, &request)).await {
                // What was shown is applied, to a task that was retitled meanwhile now and then.
                Ok(shown) if request.dry_run => {
                    let title = (how % 14 == 7).then(|| format!("Title {n}"));
                    let edit = TaskEdit { title, ..TaskEdit::default() };
                    services.tasks.edit(ada, task, edit, &any).await.expect("it is there");
                    Box::pin(services.planning.accept(ada, shown.id, &shown.plan_hash)).await.err()
                }
                made => made.err(),
            }
        }
        (Change::Schedule, Some(task), _) => {
            let overlap = ["skip", "queue", "allow", "cancel_previous"][how % 4];
            let value = json!({"cron": "* * * * *", "overlap": overlap, "misfire": "all"});
            let schedule = Schedule::read(&value, "schedule").expect("a schedule");
            let schedule = (!how.is_multiple_of(5)).then_some(schedule);
            let edit = TaskEdit { schedule: Some(schedule), ..TaskEdit::default() };
            services.tasks.edit(ada, task, edit, &any).await.err()
        }
        (Change::Minutes, ..) => {
            app.clock.advance(std::time::Duration::from_secs(61 + 60 * u64::try_from(how % 3).expect("few")));
            let ticked = services.schedules.tick().await.err();
            services.selection.place().await.expect("places");
            ticked
        }
        (Change::Cancel, Some(task), _) => services.tasks.end(ada, task, Ending::Cancelled, "").await.err(),
        (Change::Skip, Some(task), _) => services.tasks.end(ada, task, Ending::Skipped, "").await.err(),
        (Change::Delete, Some(task), _) => services.tasks.delete(ada, task, &any).await.err(),
        (Change::Assign, Some(task), _) => {
            let agents = services.agents.list(ada, &Default::default(), &PageRequest::first(200)).await;
            let agents = agents.expect("lists").items;
            let agent = nth(&agents, how).expect("some").id();
            services.tasks.assign(ada, task, agent).await.err()
        }
        (Change::Retry, Some(task), _) => services.tasks.retry(ada, task, "again").await.err(),
        (Change::Approve, Some(task), _) => {
            services.tasks.approve(ada, task, how.is_multiple_of(2), "so be it").await.err()
        }
        (Change::Policy, Some(task), _) => {
            let on_exhausted = [OnExhausted::Pause, OnExhausted::Fail][how % 2];
            let retry = how.is_multiple_of(3).then(|| Backoff { initial_delay: 1.5, ..Backoff::default() });
            let edit = TaskEdit {
                on_exhausted: Some(on_exhausted),
                retry: Some(retry),
                max_attempts: Some(1 + u32::try_from(how % 3).unwrap_or(0)),
                ..TaskEdit::default()
            };
            services.tasks.edit(ada, task, edit, &any).await.err()
        }
        (Change::Outside, ..) => outside(app, n, how).await,
        (Change::GoalStatus, _, Some(goal)) => {
            let status =
                [GoalStatus::Draft, GoalStatus::Active, GoalStatus::Abandoned, GoalStatus::Active][how % 4];
            let edit = GoalEdit { status: Some(status), ..GoalEdit::default() };
            services.goals.edit(ada, goal, edit, &any).await.err()
        }
        (Change::GoalDeletion, _, Some(goal)) => services.goals.delete(ada, goal, &any).await.err(),
        (Change::Agent, ..) => {
            let kind = [AgentKind::External, AgentKind::Tool, AgentKind::Human][how % 3];
            let draft = DraftAgent {
                is_default: how.is_multiple_of(4),
                ..draft_agent(&format!("agent {n} {how}"), kind)
            };
            services.agents.create(ada, draft).await.err()
        }
        (Change::Retirement, ..) => {
            let agents = services.agents.list(ada, &Default::default(), &PageRequest::first(200)).await;
            let agents = agents.expect("lists").items;
            services.agents.retire(ada, nth(&agents, n).expect("some").id(), &any).await.err()
        }
        (_, _, _) => None,
    };
    // Rules may refuse; nothing may break.
    if let Some(refused) = refused {
        assert!(!matches!(refused.code(), "internal" | "conflict"), "{change:?} {n} {how}: {refused:?}");
    }
}

/// A worker of the `n`-th agent.
async fn outside(app: &TestApp, n: usize, how: usize) -> Option<Error> {
    let (services, ada) = (&app.services, &app.ada);
    let agents =
        services.agents.list(ada, &Default::default(), &PageRequest::first(200)).await.expect("lists");
    let agents: Vec<_> =
        agents.items.into_iter().filter(|agent| agent.kind() == AgentKind::External).collect();
    let agent = nth(&agents, n)?.id();
    let wanted = Wanted { agent, task_types: vec![], limit: 2, lease: None, wait: Duration::ZERO };
    let claimed = match services.tasks.claim(ada, &wanted).await {
        Ok(claimed) => claimed.tasks,
        Err(refused) => return Some(refused),
    };
    for Claimed { task, lease } in claimed {
        let (id, token) = (task.state.id, LeaseKey::from(&lease).to_string());
        let failure =
            Failure { kind: "Jam".into(), message: "Stuck".into(), retryable: how.is_multiple_of(2) };
        let reported = match how % 4 {
            0 => services.tasks.complete_leased(ada, id, &token, &Completion::default()).await,
            1 | 2 => services.tasks.fail_leased(ada, id, &token, &failure).await,
            _ => services.tasks.release(ada, id, &token).await,
        };
        reported.expect("held");
    }
    None
}

async fn tasks(app: &TestApp) -> Vec<TaskView> {
    app.services
        .tasks
        .list(&app.ada, &Default::default(), &PageRequest::first(200))
        .await
        .expect("lists")
        .items
}

async fn goals(app: &TestApp) -> Vec<GoalId> {
    let goals = app.services.goals.list(&app.ada, &Default::default(), &PageRequest::first(200)).await;
    goals.expect("lists").items.iter().map(|goal| goal.state.id).collect()
}

fn nth<T>(all: &[T], n: usize) -> Option<&T> {
    all.get(n % all.len().max(1))
}
