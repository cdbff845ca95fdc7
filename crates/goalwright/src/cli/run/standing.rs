//! Where a goal stands, as far as this process can move it.

use std::time::Duration;

use goalwright_application::read::{MAX_LIMIT, PageRequest, TaskFilter, TaskView};
use goalwright_application::{Context, Error};
use goalwright_domain::Timestamp;
use goalwright_domain::agent::AgentKind;
use goalwright_domain::execution::{Wait, WaitKind};
use goalwright_domain::goal::{GoalId, GoalStatus, TaskCounts};
use goalwright_domain::task::TaskStatus;

use crate::compose::App;

/// What is away for longer is not waited for.
const SOON: Duration = Duration::from_secs(15 * 60);

/// Where a goal stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Every task that counts is completed.
    Achieved,
    /// Something runs, can be claimed, or wakes up by itself.
    Moving,
    /// Nothing moves, and something failed.
    Failed,
    /// Nothing moves until a person does something that was asked of them.
    People,
    /// Nothing moves, and nobody was asked: tasks have no agent that this command could work for.
    Stuck,
}

/// Looks at the counters, and further only where they do not tell.
pub(super) async fn look(
    app: &App,
    context: &Context,
    goal: GoalId,
) -> Result<(Standing, TaskCounts), Error> {
    let view = app.services.goals.get(context, goal).await?;
    let counts = view.counts;
    let standing = match view.state.status {
        GoalStatus::Achieved => Standing::Achieved,
        GoalStatus::Draft | GoalStatus::Abandoned => Standing::Stuck,
        GoalStatus::Active if counts.running > 0 => Standing::Moving,
        GoalStatus::Active if counts.ready > 0 && claimable(app, context, goal).await? => Standing::Moving,
        GoalStatus::Active if counts.waiting > 0 && wakes_up(app, context, goal).await? => Standing::Moving,
        GoalStatus::Active => {
            // Counters and tasks were read one after the other. What changed in between is looked at again.
            let again = app.services.goals.get(context, goal).await?;
            match again.progress_revision == view.progress_revision {
                true => why_still(app, context, goal, &counts).await?,
                false => Standing::Moving,
            }
        }
    };
    Ok((standing, counts))
}

async fn why_still(
    app: &App,
    context: &Context,
    goal: GoalId,
    counts: &TaskCounts,
) -> Result<Standing, Error> {
    let progress = app.services.goals.progress(context, goal).await?;
    let blocked =
        progress.reasons.iter().any(|reason| matches!(reason.code, "task_failed" | "dependency_failed"));
    Ok(if blocked {
        Standing::Failed
    } else if counts.waiting > 0 {
        Standing::People
    } else {
        Standing::Stuck
    })
}

/// Whether a ready task has an agent of a kind that this command works for.
async fn claimable(app: &App, context: &Context, goal: GoalId) -> Result<bool, Error> {
    let mut tasks = Tasks::of(goal, TaskStatus::Ready);
    while let Some(page) = tasks.next(app, context).await? {
        for task in page {
            let Some(id) = task.state.agent_id else { continue };
            let agent = app.services.queries.agent(context.workspace(), id).await?;
            if agent.is_some_and(|agent| match agent.kind() {
                AgentKind::Tool | AgentKind::Human => true,
                AgentKind::Llm => app.services.models.any(),
                AgentKind::External => false,
            }) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

async fn wakes_up(app: &App, context: &Context, goal: GoalId) -> Result<bool, Error> {
    let mut tasks = Tasks::of(goal, TaskStatus::Waiting);
    while let Some(page) = tasks.next(app, context).await? {
        let now = app.ports.clock.now();
        if page.iter().filter_map(|task| task.state.waiting.as_ref()).any(|wait| comes_by_itself(wait, now)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a wait ends without anybody doing anything, and soon enough to stay for it.
fn comes_by_itself(wait: &Wait, now: Timestamp) -> bool {
    match wait.kind {
        WaitKind::Time => true,
        WaitKind::Model | WaitKind::Budget => wait.until.is_some_and(|until| until.since(now) <= SOON),
        WaitKind::Person | WaitKind::Decision => false,
    }
}

/// The tasks of a goal in one status, page by page, so that ten thousand of them cost no more memory than one page.
pub(super) struct Tasks {
    filter: TaskFilter,
    page: Option<PageRequest>,
}

impl Tasks {
    pub(super) fn of(goal: GoalId, status: TaskStatus) -> Self {
        let filter = TaskFilter { goal_id: Some(goal), status: Some(status), ..TaskFilter::default() };
        Self { filter, page: Some(PageRequest::first(MAX_LIMIT)) }
    }

    /// The next page; none behind the last.
    pub(super) async fn next(
        &mut self,
        app: &App,
        context: &Context,
    ) -> Result<Option<Vec<TaskView>>, Error> {
        let Some(page) = self.page.take() else { return Ok(None) };
        let tasks = app.services.queries.tasks(context.workspace(), &self.filter, &page).await?;
        self.page = tasks.next.map(|after| PageRequest { limit: MAX_LIMIT, after: Some(after) });
        Ok(Some(tasks.items))
    }

    /// All of them, oldest first, for lists that are printed.
    pub(super) async fn all(mut self, app: &App, context: &Context) -> Result<Vec<TaskView>, Error> {
        let mut all = Vec::new();
        while let Some(page) = self.next(app, context).await? {
            all.extend(page);
        }
        all.reverse();
        Ok(all)
    }
}
