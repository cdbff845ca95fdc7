//! Who gets a task.

use std::collections::HashMap;

use super::{Agent, AgentId, AgentKind, AgentStatus};
use crate::Rejection;
use crate::execution::Action;

/// The agents of a workspace and how much open work each has.
#[derive(Debug, Clone, Default)]
pub struct Directory {
    agents: Vec<Agent>,
    load: HashMap<AgentId, u64>,
}

impl Directory {
    /// Of these agents; `load` counts open tasks by agent.
    pub fn new(agents: Vec<Agent>, load: HashMap<AgentId, u64>) -> Self {
        Self { agents, load }
    }

    /// The agent with this id.
    pub fn find(&self, id: AgentId) -> Option<&Agent> {
        self.agents.iter().find(|agent| agent.id() == id)
    }

    /// Chooses an agent and counts the task as its open work, so that a batch is spread.
    ///
    /// # Errors
    /// As [`choose`].
    pub fn assign(&mut self, task_type: &str, action: Option<&Action>) -> Result<&Agent, Rejection> {
        let id = choose(&self.agents, &self.load, task_type, action)?.id();
        *self.load.entry(id).or_default() += 1;
        self.find(id).ok_or_else(|| nobody(task_type, action))
    }
}

/// The appropriate agent: active, able to perform the action, meant for the task type, least loaded; else the
/// default agent if it is able; else, for an action that only one kind can perform, any agent of that kind.
/// A task of plain words goes to anybody but a tool.
///
/// # Errors
/// `no_agent`, naming what would be needed.
pub fn choose<'a>(
    agents: &'a [Agent],
    load: &HashMap<AgentId, u64>,
    task_type: &str,
    action: Option<&Action>,
) -> Result<&'a Agent, Rejection> {
    let able: Vec<&Agent> = agents
        .iter()
        .filter(|agent| agent.state().status == AgentStatus::Active)
        .filter(|agent| action.map_or(agent.kind() != AgentKind::Tool, |action| action.suits(agent.kind())))
        .collect();
    // The id breaks ties, so that the choice is the same wherever it is made.
    let least_loaded = |candidates: Vec<&'a Agent>| {
        candidates.into_iter().min_by_key(|agent| (load.get(&agent.id()).copied().unwrap_or(0), agent.id()))
    };
    let meant = able
        .iter()
        .copied()
        .filter(|agent| agent.state().capabilities.iter().any(|known| known == task_type));
    least_loaded(meant.collect())
        .or_else(|| able.iter().copied().find(|agent| agent.state().is_default))
        .or_else(|| action.and_then(|_| least_loaded(able.clone())))
        .ok_or_else(|| nobody(task_type, action))
}

fn nobody(task_type: &str, action: Option<&Action>) -> Rejection {
    let needed = match action {
        Some(Action::Tool { .. }) => "an active agent of kind `tool`".to_owned(),
        Some(Action::Orchestrated { .. }) => "an active agent of kind `llm`".to_owned(),
        Some(Action::Human { .. }) => "an active agent of kind `human`".to_owned(),
        Some(Action::External) => "an active agent of kind `external`".to_owned(),
        None => format!("an active agent with the capability `{task_type}`, or a default agent"),
    };
    Rejection::new("no_agent", format!("nobody can do this task: it needs {needed}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::DraftAgent;
    use crate::{Id, Timestamp};
    use uuid::Uuid;

    fn agent(n: u128, kind: AgentKind, capabilities: &[&str], is_default: bool) -> Agent {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().expect("time");
        let draft = DraftAgent {
            name: format!("agent {n}"),
            kind,
            capabilities: capabilities.iter().map(|&c| c.to_owned()).collect(),
            max_concurrency: None,
            is_default,
            user_id: None,
            llm: None,
        };
        Agent::create(Id::new(Uuid::from_u128(n)), Id::new(Uuid::from_u128(1)), draft, now).expect("valid")
    }

    fn tool() -> Action {
        Action::Tool { tool: "file".into(), operation: "list".into(), parameters: serde_json::json!({}) }
    }

    #[test]
    fn capability_beats_default_and_load_decides_between_equals() {
        let agents = [
            agent(1, AgentKind::Human, &[], true),
            agent(2, AgentKind::Human, &["review"], false),
            agent(3, AgentKind::Human, &["review"], false),
        ];
        let mut directory = Directory::new(agents.to_vec(), HashMap::new());
        let given: Vec<u128> = (0..3)
            .map(|_| directory.assign("review", None).expect("someone").id().uuid().as_u128())
            .collect();
        assert_eq!(given, [2, 3, 2]);
        assert_eq!(choose(&agents, &HashMap::new(), "general", None).expect("default").id(), agents[0].id());
    }

    #[test]
    fn an_agent_that_cannot_perform_the_action_is_never_chosen() {
        let agents =
            [agent(1, AgentKind::Human, &["tool"], true), agent(2, AgentKind::Tool, &["tool"], false)];
        assert_eq!(
            choose(&agents, &HashMap::new(), "tool", Some(&tool())).expect("tool").id(),
            agents[1].id()
        );
        assert_eq!(
            choose(&agents, &HashMap::new(), "odd", Some(&tool())).expect("tool").id(),
            agents[1].id()
        );
        let refused =
            choose(&agents[..1], &HashMap::new(), "tool", Some(&tool())).expect_err("no tool agent");
        assert_eq!(refused.code, "no_agent");
        assert!(
            choose(&agents[1..], &HashMap::new(), "general", None).is_err(),
            "plain words are not for a tool"
        );
    }
}
