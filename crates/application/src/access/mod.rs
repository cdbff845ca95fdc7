//! From credentials to a principal.

mod key;

use std::sync::Arc;

use goalwright_domain::agent::{Agent, AgentKind, DraftAgent};
use goalwright_domain::api_key;
use goalwright_domain::workspace::{Actor, Principal, SUBJECT_LIMIT, User, Workspace, WorkspaceId};
use goalwright_domain::{Violation, workspace::UserId};

use crate::Error;
use crate::agents::MODEL_AGENT;
use crate::context::{events, new_id};
use crate::execution::KernelPorts;
use crate::models::ModelCalls;
use crate::ports::{Clock, Ids, Tokens, Transactions};
use crate::read::Queries;
use crate::retrying::retrying;

/// The user that the command line acts as.
pub const LOCAL_USER: &str = "local";
/// Names that people's agents do not get.
const RESERVED: [&str; 2] = ["tools", MODEL_AGENT];

/// Lets callers in.
pub struct Access {
    transactions: Arc<dyn Transactions>,
    queries: Arc<dyn Queries>,
    tokens: Arc<dyn Tokens>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    models: Arc<ModelCalls>,
}

impl Access {
    /// Over these ports.
    pub fn new(ports: &KernelPorts, tokens: Arc<dyn Tokens>) -> Self {
        let KernelPorts { transactions, queries, clock, ids, models, .. } = ports.clone();
        Self { transactions, queries, tokens, clock, ids, models }
    }

    /// The principal of a bearer token: a JSON Web Token or an API key. `workspace` picks another workspace than the personal one.
    ///
    /// # Errors
    /// `Unauthenticated` if the token does not hold; `Forbidden` if the caller is no member of the workspace, or the key is
    /// for another one.
    pub async fn authenticate(&self, token: &str, workspace: Option<&str>) -> Result<Principal, Error> {
        if token.starts_with(api_key::PREFIX) {
            return self.by_key(token, workspace).await;
        }
        let claims = self.tokens.verify(token, self.clock.now()).map_err(|error| {
            tracing::info!(reason = %error, "authentication failed");
            Error::Unauthenticated { message: error.0 }
        })?;
        if let (Some(wanted), Some(granted)) = (workspace, claims.workspace.as_deref())
            && !wanted.eq_ignore_ascii_case(granted)
        {
            return Err(not_a_member());
        }
        self.enter(&claims.subject, workspace.or(claims.workspace.as_deref())).await
    }

    /// The principal of a user, who is made, with a personal workspace, when seen for the first time.
    ///
    /// # Errors
    /// `Invalid` if the subject is empty or too long; `Forbidden` if the user is no member of the workspace.
    pub async fn enter(&self, subject: &str, workspace: Option<&str>) -> Result<Principal, Error> {
        let length = subject.chars().count();
        if length == 0 || length > SUBJECT_LIMIT || subject.contains('\0') {
            let message = format!("a user is named by 1 to {SUBJECT_LIMIT} characters");
            return Err(Error::invalid(vec![Violation::new("sub", "invalid_subject", message)]));
        }
        // Known users cost a read; only a new one takes the writer.
        let (user, personal) = match self.queries.user(subject).await? {
            Some(known) => known,
            None => retrying(|| self.user(subject)).await?,
        };
        let Some(wanted) = workspace else { return Ok(Principal::person(user, personal)) };
        // A workspace that cannot exist and one of somebody else get the same answer.
        let wanted: WorkspaceId = wanted.parse().map_err(|_| not_a_member())?;
        if wanted != personal && !self.queries.is_member(wanted, user).await? {
            return Err(not_a_member());
        }
        Ok(Principal::person(user, wanted))
    }

    async fn user(&self, subject: &str) -> Result<(UserId, WorkspaceId), Error> {
        let unit = self.transactions.begin().await?;
        if let Some(user) = unit.workspaces().find_user(subject).await?
            && let Some(workspace) = unit.workspaces().personal(user.id).await?
        {
            return Ok((user.id, workspace));
        }
        let now = self.clock.now();
        let user = User { id: new_id(&*self.ids), subject: subject.to_owned(), created_at: now };
        let workspace =
            Workspace { id: new_id(&*self.ids), name: format!("{subject}'s workspace"), created_at: now };
        unit.workspaces().insert(&user, &workspace).await?;
        // Every workspace starts with somebody who can call tools and, for what is only words, a model if there is one, else its
        // person.
        let model = self.models.usual().is_some();
        let mut first = vec![(AgentKind::Tool, "tools", None), (AgentKind::Human, subject, Some(user.id))];
        let mut facts = Vec::new();
        if model {
            first.push((AgentKind::Llm, MODEL_AGENT, None));
        }
        for (kind, name, user_id) in first {
            let draft = DraftAgent {
                name: name.chars().take(goalwright_domain::task::NAME_LIMIT).collect(),
                kind,
                capabilities: if kind == AgentKind::Tool { vec!["tool".to_owned()] } else { Vec::new() },
                max_concurrency: None,
                is_default: kind == if model { AgentKind::Llm } else { AgentKind::Human },
                user_id,
                llm: None,
            };
            // A subject that is blank or called like one of the other agents still gets its own name.
            let draft = if draft.name.trim().is_empty()
                || (user_id.is_some() && RESERVED.contains(&draft.name.as_str()))
            {
                DraftAgent { name: format!("person {}", user.id), ..draft }
            } else {
                draft
            };
            let mut agent = Agent::create(new_id(&*self.ids), workspace.id, draft, now)?;
            facts.extend(agent.take_facts());
            unit.agents().insert(&agent).await?;
        }
        let actor = Actor::user(user.id);
        unit.outbox().append(&events(&*self.ids, workspace.id, &actor, None, facts, now)).await?;
        unit.commit().await?;
        Ok((user.id, workspace.id))
    }
}

fn not_a_member() -> Error {
    Error::Forbidden {
        message: "you are no member of the workspace in X-Workspace-Id; leave the header out for your own"
            .to_owned(),
    }
}
