use goalwright_domain::agent::choose;
use goalwright_domain::execution::Action;
use goalwright_domain::task::{TaskId, TaskStatus};

use super::Tasks;
use crate::read::{AgentFilter, PageRequest, TaskView};
use crate::{Context, Error};

/// Whether a task can be worked on, and what is in the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readiness {
    /// Nothing is in the way.
    pub ready: bool,
    /// Everything that is.
    pub failures: Vec<Unready>,
}

/// One thing that is in the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unready {
    /// `no_agent`, `goal_not_active`, `resource_missing`, `dependency_cycle`, `dependencies_open`, `not_open`.
    pub code: &'static str,
    /// In words, with what to do.
    pub message: String,
    /// The tasks, the agent or the goal that it is about.
    pub related: Vec<uuid::Uuid>,
}

impl Tasks {
    /// Looks at everything that a task needs before it can be worked on.
    ///
    /// # Errors
    /// `NotFound`.
    #[tracing::instrument(name = "task.readiness", skip_all, fields(task.id = %id))]
    pub async fn readiness(&self, context: &Context, id: TaskId) -> Result<Readiness, Error> {
        let task = self.get(context, id).await?;
        let mut failures = Vec::new();
        failures.extend(not_open(&task));
        failures.extend(self.agent(context, &task).await?);
        failures.extend(self.goal(context, &task).await?);
        failures.extend(self.resources(&task));
        failures.extend(self.dependencies(context, &task).await?);
        Ok(Readiness { ready: failures.is_empty(), failures })
    }

    async fn agent(&self, context: &Context, task: &TaskView) -> Result<Option<Unready>, Error> {
        if let Some(id) = task.state.agent_id {
            let agent = self.queries.agent(context.workspace(), id).await?;
            let active = agent
                .is_some_and(|agent| agent.state().status == goalwright_domain::agent::AgentStatus::Active);
            let message = "its agent is retired; assign another one".to_owned();
            return Ok((!active).then(|| Unready { code: "no_agent", message, related: vec![id.uuid()] }));
        }
        let page = PageRequest::first(crate::read::MAX_LIMIT);
        let agents = self.queries.agents(context.workspace(), &AgentFilter::default(), &page).await?.items;
        let load = std::collections::HashMap::new();
        let found = choose(&agents, &load, &task.state.task_type, task.state.action.as_ref());
        let message = match found {
            Ok(agent) => format!("nobody has it; `{}` could do it: assign it", agent.state().name),
            Err(nobody) => nobody.message,
        };
        Ok(Some(Unready { code: "no_agent", message, related: Vec::new() }))
    }

    async fn goal(&self, context: &Context, task: &TaskView) -> Result<Option<Unready>, Error> {
        let Some(id) = task.state.goal_id else { return Ok(None) };
        let Some(goal) = self.queries.goal(context.workspace(), id).await? else { return Ok(None) };
        let status = goal.state.status;
        let workable = matches!(
            status,
            goalwright_domain::goal::GoalStatus::Active | goalwright_domain::goal::GoalStatus::Achieved
        );
        let message = format!("its goal is {}; make it active first", status.as_str());
        Ok((!workable).then(|| Unready { code: "goal_not_active", message, related: vec![id.uuid()] }))
    }

    fn resources(&self, task: &TaskView) -> Option<Unready> {
        let message = match task.state.action.as_ref()? {
            Action::Tool { tool, operation, parameters } => {
                let problem = self.tools.check(tool, operation, parameters).into_iter().next()?;
                format!("`{tool}.{operation}` cannot be called: {}", problem.message)
            }
            Action::Orchestrated { .. } => "no model is configured; set GOALWRIGHT_MODEL".to_owned(),
            Action::Human { .. } | Action::External => return None,
        };
        Some(Unready { code: "resource_missing", message, related: Vec::new() })
    }

    async fn dependencies(&self, context: &Context, task: &TaskView) -> Result<Option<Unready>, Error> {
        let open = &task.blocked_by;
        if open.is_empty() || task.state.status.is_final() {
            return Ok(None);
        }
        let cycle = self.queries.cycle_through(context.workspace(), task.state.id).await?;
        if !cycle.is_empty() {
            let message = "it waits for itself, in a circle; take one of these edges away".to_owned();
            let related = cycle.iter().map(|id| id.uuid()).collect();
            return Ok(Some(Unready { code: "dependency_cycle", message, related }));
        }
        let number = open.len();
        let message = format!("it waits for {number} other task{}", if number == 1 { "" } else { "s" });
        let related = open.iter().map(|id| id.uuid()).collect();
        Ok(Some(Unready { code: "dependencies_open", message, related }))
    }
}

fn not_open(task: &TaskView) -> Option<Unready> {
    let message = match task.state.status {
        TaskStatus::Pending | TaskStatus::Ready => return None,
        TaskStatus::Running => "a worker holds it".to_owned(),
        TaskStatus::Waiting => {
            let why = task.state.waiting.as_ref().map(|wait| wait.message.clone()).unwrap_or_default();
            format!("it has begun and waits: {why}")
        }
        TaskStatus::Failed => "it has failed".to_owned(),
        over @ (TaskStatus::Completed | TaskStatus::Cancelled | TaskStatus::Skipped) => {
            format!("it is {} already", over.as_str())
        }
    };
    Some(Unready { code: "not_open", message, related: vec![task.state.id.uuid()] })
}
