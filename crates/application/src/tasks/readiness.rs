use goalwright_domain::agent::{Agent, AgentKind, choose};
use goalwright_domain::execution::Action;
use goalwright_domain::task::{TaskId, TaskStatus};

use super::Tasks;
use crate::execution::{Unready, readiness};
use crate::read::TaskView;
use crate::{Context, Error};

/// Whether a task can be worked on, and what is in the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readiness {
    /// Nothing is in the way.
    pub ready: bool,
    /// Everything that is.
    pub failures: Vec<Unready>,
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
        failures.extend(readiness::resources(&*self.tools, task.state.action.as_ref()));
        failures.extend(self.model(context, &task).await?);
        failures.extend(self.dependencies(context, &task).await?);
        Ok(Readiness { ready: failures.is_empty(), failures })
    }

    async fn agent(&self, context: &Context, task: &TaskView) -> Result<Vec<Unready>, Error> {
        if let Some(id) = task.state.agent_id {
            let agent = self.queries.agent(context.workspace(), id).await?;
            return Ok(readiness::agent(&task.state, id.uuid(), agent.as_ref()));
        }
        let agents = self.queries.active_agents(context.workspace()).await?;
        let load = std::collections::HashMap::new();
        let found = choose(&agents, &load, &task.state.task_type, task.state.action.as_ref());
        let message = match found {
            Ok(agent) => format!("nobody has it; `{}` could do it: assign it", agent.state().name),
            Err(nobody) => nobody.message,
        };
        Ok(vec![Unready::new("no_agent", message, Vec::new())])
    }

    /// Whether there is a model, and money for it, if a model is to do it.
    async fn model(&self, context: &Context, task: &TaskView) -> Result<Vec<Unready>, Error> {
        let workspace = context.workspace();
        let agent = match task.state.agent_id {
            Some(id) => self.queries.agent(workspace, id).await?,
            None => None,
        };
        let kind = agent.as_ref().map_or(AgentKind::Llm, Agent::kind);
        let orchestrated = matches!(task.state.action, Some(Action::Orchestrated { .. }));
        if !readiness::is_for_model(&task.state, kind) || (agent.is_none() && !orchestrated) {
            return Ok(Vec::new());
        }
        let missing = |message: String| Unready::new("resource_missing", message, Vec::new());
        let mut failures = Vec::new();
        if !self.models.any() {
            let message = "no model is configured; set GOALWRIGHT_MODEL, or give it to somebody else";
            failures.push(missing(message.to_owned()));
        } else {
            let own = agent.and_then(|agent| agent.state().llm.clone()).and_then(|profile| profile.model);
            let named = match own {
                Some(model) => Some(model),
                None => self.queries.settings(workspace).await?.and_then(|of| of.state().model.clone()),
            };
            failures
                .extend(self.models.choose(named).err().map(|unanswered| missing(unanswered.to_string())));
        }
        let budget = self.spendings.budget(context).await?;
        if budget.is_spent() {
            let message = format!(
                "the workspace's budget of this month is spent; raise it with `PUT /v1/budget`, or wait until {}",
                budget.resets_at
            );
            failures.push(missing(message));
        }
        Ok(failures)
    }

    async fn goal(&self, context: &Context, task: &TaskView) -> Result<Option<Unready>, Error> {
        let Some(id) = task.state.goal_id else { return Ok(None) };
        let goal = self.queries.goal(context.workspace(), id).await?;
        Ok(goal.and_then(|goal| readiness::goal(id.uuid(), goal.state.status)))
    }

    async fn dependencies(&self, context: &Context, task: &TaskView) -> Result<Vec<Unready>, Error> {
        let open = &task.blocked_by;
        if open.is_empty() || task.state.status.is_final() {
            return Ok(Vec::new());
        }
        let mut failures = Vec::new();
        let cycle = self.queries.cycle_through(context.workspace(), task.state.id).await?;
        if !cycle.is_empty() {
            let message = "it waits for itself, in a circle; take one of these edges away".to_owned();
            let related = cycle.iter().map(|id| id.uuid()).collect();
            failures.push(Unready::new("dependency_cycle", message, related));
        }
        let number = open.len();
        let message = format!("it waits for {number} other task{}", if number == 1 { "" } else { "s" });
        let related = open.iter().map(|id| id.uuid()).collect();
        failures.push(Unready::new("dependencies_open", message, related));
        Ok(failures)
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
    Some(Unready::new("not_open", message, vec![task.state.id.uuid()]))
}
