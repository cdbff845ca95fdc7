use goalwright_application::Error;
use goalwright_domain::Violation;
use goalwright_domain::agent::{Agent, AgentKind, AgentStatus, DraftAgent, Profile};
use goalwright_domain::model::{ModelName, Usd};
use goalwright_domain::workspace::UserId;
use poem_openapi::Object;
use uuid::Uuid;

use crate::changes::valid;
use crate::nullable::Nullable;
use crate::values::{Moment, Word};

/// An agent to be made.
#[derive(Debug, Object)]
#[oai(rename = "NewAgent", deny_unknown_fields)]
pub(crate) struct NewAgentBody {
    /// Unique in the workspace.
    name: String,
    /// What it is.
    kind: Word<AgentKind>,
    /// The types of the tasks it is meant for.
    capabilities: Option<Vec<String>>,
    /// How many attempts it may hold at once; only the workers limit it unless given.
    max_concurrency: Option<u32>,
    /// Whether it gets what nobody else is meant for.
    is_default: Option<bool>,
    /// How it works, of the kind `llm` only; as usual unless given.
    llm: Option<NewProfileBody>,
}

impl NewAgentBody {
    pub(super) fn draft(self) -> Result<DraftAgent, Error> {
        let body = self;
        let mut violations = Vec::new();
        let llm = body.llm.map(|profile| profile.profile(&mut violations));
        let draft = DraftAgent {
            name: body.name,
            kind: body.kind.0,
            capabilities: body.capabilities.unwrap_or_default(),
            max_concurrency: body.max_concurrency,
            is_default: body.is_default.unwrap_or_default(),
            user_id: None,
            llm,
        };
        valid(draft, violations)
    }
}

/// How an agent works that is a model. What is left out is as usual.
#[derive(Debug, Object)]
#[oai(rename = "NewModelProfile", deny_unknown_fields)]
pub(crate) struct NewProfileBody {
    /// Which model: `anthropic/<model>` or `openai/<model>`; that of the workspace, else the server's, unless given.
    model: Option<String>,
    /// What it is told before every task.
    instructions: Option<String>,
    /// Which tools it may call: `tool.operation`, or `tool.*`. Unless given, those that a task names, else the usual ones, which
    /// stay in the task's folder.
    tools: Option<Vec<String>>,
    /// It is asked at most so often for one run of a task; 30 unless given.
    #[oai(validator(minimum(value = "1"), maximum(value = "500")))]
    max_turns: Option<u32>,
    /// It reads and writes at most so many tokens for one run; 1,000,000 unless given.
    #[oai(validator(minimum(value = "1000"), maximum(value = "1000000000")))]
    max_tokens: Option<u64>,
    /// One attempt ends after so many seconds; 1,800 unless given.
    #[oai(validator(minimum(value = "5"), maximum(value = "86400")))]
    max_seconds: Option<u64>,
    /// One run costs at most so much; only the budget limits it unless given.
    #[oai(validator(minimum(value = "0"), maximum(value = "9000000000")))]
    max_cost_usd: Option<f64>,
}

impl NewProfileBody {
    pub(super) fn profile(self, violations: &mut Vec<Violation>) -> Profile {
        let usual = Profile::default();
        let model = match self.model.map(|name| name.parse::<ModelName>()).transpose() {
            Ok(model) => model,
            Err(error) => {
                violations.push(Violation::new("llm.model", "unknown_model", error.to_string()));
                None
            }
        };
        let max_cost = self.max_cost_usd.and_then(Usd::from_dollars);
        if self.max_cost_usd.is_some() && max_cost.is_none() {
            let message = "an amount of dollars from 0 to 9,000,000,000";
            violations.push(Violation::new("llm.max_cost_usd", "out_of_range", message));
        }
        let profile = Profile {
            model,
            instructions: self.instructions.unwrap_or_default(),
            tools: self.tools,
            max_turns: self.max_turns.unwrap_or(usual.max_turns),
            max_tokens: self.max_tokens.unwrap_or(usual.max_tokens),
            max_seconds: self.max_seconds.unwrap_or(usual.max_seconds),
            max_cost_nanos: max_cost.map(Usd::nanos),
        };
        if !violations.is_empty() {
            violations.extend(profile.check());
        }
        profile
    }
}

/// How an agent works that is a model.
#[derive(Debug, Object)]
#[oai(rename = "ModelProfile")]
pub(crate) struct ProfileBody {
    /// Which model; null for that of the workspace, else the server's.
    model: Nullable<String>,
    /// What it is told before every task.
    instructions: String,
    /// Which tools it may call; null for those that a task names, else the usual ones.
    tools: Nullable<Vec<String>>,
    /// It is asked at most so often for one run of a task.
    max_turns: u32,
    /// It reads and writes at most so many tokens for one run.
    max_tokens: u64,
    /// One attempt ends after so many seconds.
    max_seconds: u64,
    /// One run costs at most so much; null if only the budget limits it.
    max_cost_usd: Nullable<f64>,
}

impl From<Profile> for ProfileBody {
    fn from(profile: Profile) -> Self {
        let max_cost_usd = profile.max_cost().map(Usd::dollars).into();
        Self {
            model: profile.model.map(|model| model.to_string()).into(),
            instructions: profile.instructions,
            tools: profile.tools.into(),
            max_turns: profile.max_turns,
            max_tokens: profile.max_tokens,
            max_seconds: profile.max_seconds,
            max_cost_usd,
        }
    }
}

/// An agent.
#[derive(Debug, Object)]
#[oai(rename = "Agent")]
pub(crate) struct AgentBody {
    /// Its id.
    id: Uuid,
    /// The tenant.
    workspace_id: Uuid,
    /// Unique in the workspace.
    name: String,
    /// What it is.
    kind: Word<AgentKind>,
    /// The types of the tasks it is meant for.
    capabilities: Vec<String>,
    /// How many attempts it may hold at once; null means that only the workers limit it.
    max_concurrency: Nullable<u32>,
    /// Whether it gets what nobody else is meant for.
    is_default: bool,
    /// Whether it can be given work.
    status: Word<AgentStatus>,
    /// The member whose human agent this is.
    user_id: Nullable<Uuid>,
    /// How it works, if it is a model; null for every other kind.
    llm: Nullable<ProfileBody>,
    /// Raised with every change; the `ETag`.
    revision: i64,
    /// When it was last heard of: it claimed, kept a lease or sent a heartbeat.
    last_seen_at: Nullable<Moment>,
    /// When it was made.
    created_at: Moment,
    /// When it last changed.
    updated_at: Moment,
}

impl From<Agent> for AgentBody {
    fn from(agent: Agent) -> Self {
        let (revision, updated_at) = (agent.revision(), agent.updated_at());
        let last_seen_at = agent.last_seen_at().map(Moment).into();
        let state = agent.state().clone();
        Self {
            id: state.id.uuid(),
            workspace_id: state.workspace_id.uuid(),
            name: state.name,
            kind: Word(state.kind),
            capabilities: state.capabilities,
            max_concurrency: state.max_concurrency.into(),
            is_default: state.is_default,
            status: Word(state.status),
            user_id: state.user_id.map(UserId::uuid).into(),
            llm: state.llm.map(ProfileBody::from).into(),
            revision,
            last_seen_at,
            created_at: state.created_at.into(),
            updated_at: updated_at.into(),
        }
    }
}
