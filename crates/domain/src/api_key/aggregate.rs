//! The key itself.

use serde::Serialize;

use super::{ApiKeyId, KeyDigest, Scopes};
use crate::agent::AgentId;
use crate::ledger::Fact;
use crate::workspace::{Credential, UserId, WorkspaceId};
use crate::{Timestamp, Violation};

/// The longest name, in characters.
pub const NAME_LIMIT: usize = crate::task::NAME_LIMIT;

/// Everything that is told of a key. Its digest is not.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ApiKeyState {
    /// Its id; it stands in the key as well.
    pub id: ApiKeyId,
    /// The one workspace that it is good for.
    pub workspace_id: WorkspaceId,
    /// On whose behalf it is used.
    pub created_by: UserId,
    /// What people know it by.
    pub name: String,
    /// What it may be used for.
    pub scopes: Scopes,
    /// The only agent that it may act for.
    pub agent_id: Option<AgentId>,
    /// From when on it is not good any more.
    pub expires_at: Option<Timestamp>,
    /// Since when it is not good any more.
    pub revoked_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What somebody asks for.
#[derive(Debug, Clone, Default)]
pub struct DraftApiKey {
    /// What people know it by.
    pub name: String,
    /// What it may be used for; [`Scopes::USUAL`], or [`Scopes::OF_AGENTS`] for the key of an agent, unless given.
    pub scopes: Option<Scopes>,
    /// The only agent that it may act for.
    pub agent_id: Option<AgentId>,
    /// From when on it is not good any more.
    pub expires_at: Option<Timestamp>,
}

impl DraftApiKey {
    /// What the key is going to be good for.
    pub fn scopes(&self) -> Scopes {
        let usual = if self.agent_id.is_some() { Scopes::OF_AGENTS } else { Scopes::USUAL };
        self.scopes.unwrap_or(usual)
    }
}

/// Why a key lets nobody in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyRefusal {
    /// The secret is not the one that belongs to the id.
    #[error("the API key is not known; it may have been made for another server")]
    Unknown,
    /// Somebody took it back.
    #[error("the API key is revoked; make another with `POST /v1/api-keys`")]
    Revoked,
    /// Its time is over.
    #[error("the API key has expired; make another with `POST /v1/api-keys`")]
    Expired,
}

/// A key. It is revoked, never deleted.
#[derive(Debug, Clone)]
pub struct ApiKey {
    state: ApiKeyState,
    digest: KeyDigest,
    last_used_at: Option<Timestamp>,
    facts: Vec<Fact>,
}

impl ApiKey {
    /// A new key.
    ///
    /// # Errors
    /// Every violation.
    pub fn create(
        id: ApiKeyId,
        workspace_id: WorkspaceId,
        created_by: UserId,
        draft: DraftApiKey,
        digest: KeyDigest,
        now: Timestamp,
    ) -> Result<Self, Vec<Violation>> {
        let violations = check(&draft, now);
        if !violations.is_empty() {
            return Err(violations);
        }
        let state = ApiKeyState {
            id,
            workspace_id,
            created_by,
            name: draft.name.trim().to_owned(),
            scopes: draft.scopes(),
            agent_id: draft.agent_id,
            expires_at: draft.expires_at,
            revoked_at: None,
            created_at: now,
        };
        let facts = vec![Fact::created("api_key", "api_key.created", id, &state)];
        Ok(Self { state, digest, last_used_at: None, facts })
    }

    /// As it is stored.
    pub fn rehydrate(state: ApiKeyState, digest: KeyDigest, last_used_at: Option<Timestamp>) -> Self {
        Self { state, digest, last_used_at, facts: Vec::new() }
    }

    /// What is told of it.
    pub const fn state(&self) -> &ApiKeyState {
        &self.state
    }

    /// Its id.
    pub const fn id(&self) -> ApiKeyId {
        self.state.id
    }

    /// What is kept of its text.
    pub const fn digest(&self) -> KeyDigest {
        self.digest
    }

    /// The number of its events.
    pub const fn revision(&self) -> i64 {
        if self.state.revoked_at.is_some() { 2 } else { 1 }
    }

    /// When it was last used, to the minute.
    pub const fn last_used_at(&self) -> Option<Timestamp> {
        self.last_used_at
    }

    /// What is to be told.
    pub fn take_facts(&mut self) -> Vec<Fact> {
        std::mem::take(&mut self.facts)
    }

    /// Whether whoever shows a key with this digest may come in, and as what. Only who has the key learns what became
    /// of it.
    ///
    /// # Errors
    /// Why not.
    pub fn admit(&self, shown: &KeyDigest, now: Timestamp) -> Result<Credential, KeyRefusal> {
        if !self.digest.is(shown) {
            return Err(KeyRefusal::Unknown);
        }
        if self.state.revoked_at.is_some() {
            return Err(KeyRefusal::Revoked);
        }
        if self.state.expires_at.is_some_and(|end| end <= now) {
            return Err(KeyRefusal::Expired);
        }
        let ApiKeyState { id, agent_id, scopes, .. } = self.state;
        Ok(Credential { api_key: id, agent_id, scopes })
    }

    /// Takes the key back. Nothing happens if that was done before.
    pub fn revoke(&mut self, now: Timestamp) {
        if self.state.revoked_at.is_some() {
            return;
        }
        let before = self.state.clone();
        self.state.revoked_at = Some(now);
        self.facts.push(Fact::changed("api_key", "api_key.revoked", before.id, &before, &self.state));
    }
}

fn check(draft: &DraftApiKey, now: Timestamp) -> Vec<Violation> {
    let mut violations = Violation::of_text("name", &draft.name, NAME_LIMIT);
    if draft.name.trim().is_empty() {
        violations.push(Violation::new("name", "empty", "an API key needs a name"));
    }
    if draft.scopes().is_empty() {
        let message = "give at least one scope, or leave the field out for the usual ones";
        violations.push(Violation::new("scopes", "too_few", message));
    }
    let more = draft.scopes().without(Scopes::OF_AGENTS);
    if draft.agent_id.is_some() && !more.is_empty() {
        let message = format!("the key of an agent can have {} only", Scopes::OF_AGENTS);
        violations.push(Violation::new("scopes", "too_many", message));
    }
    if draft.expires_at.is_some_and(|end| end <= now) {
        violations.push(Violation::new("expires_at", "not_in_the_future", "give a moment that is to come"));
    }
    violations
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;
    use uuid::Uuid;

    use super::super::{KeyText, Scope};
    use super::*;

    fn now() -> Timestamp {
        "2026-01-01T00:00:00Z".parse().expect("time")
    }

    fn text(of: u128) -> KeyText {
        KeyText::make(ApiKeyId::new(Uuid::from_u128(1)), [of, 2, 3].map(Uuid::from_u128))
    }

    fn made(draft: DraftApiKey) -> Result<ApiKey, Vec<Violation>> {
        let (workspace, user) = (WorkspaceId::new(Uuid::from_u128(2)), UserId::new(Uuid::from_u128(3)));
        ApiKey::create(ApiKeyId::new(Uuid::from_u128(1)), workspace, user, draft, text(1).digest(), now())
    }

    fn named(name: &str) -> DraftApiKey {
        DraftApiKey { name: name.to_owned(), ..DraftApiKey::default() }
    }

    #[test]
    fn a_key_lets_in_until_it_is_revoked_or_expires() {
        let end = now() + Duration::from_secs(60);
        let mut key = made(DraftApiKey { expires_at: Some(end), ..named(" ci ") }).expect("a key");
        assert_eq!(key.state().name, "ci");
        let shown = text(1).digest();
        assert_eq!(key.admit(&shown, now()).expect("good").scopes, Scopes::USUAL);
        assert_eq!(key.admit(&shown, end), Err(KeyRefusal::Expired));
        key.revoke(now());
        key.revoke(end);
        assert_eq!(key.state().revoked_at, Some(now()));
        assert_eq!(key.admit(&shown, now()), Err(KeyRefusal::Revoked));
        assert_eq!(key.admit(&text(9).digest(), now()), Err(KeyRefusal::Unknown), "nothing is told");
        let facts = key.take_facts();
        let told: Vec<_> = facts.iter().map(|fact| fact.event_type).collect();
        assert_eq!(told, ["api_key.created", "api_key.revoked"]);
        assert_eq!(facts[0].changes["scopes"]["to"], json!(["read", "write", "work"]));
        assert!(!facts[0].changes.to_string().contains(&shown.to_hex()), "the digest is not told");
    }

    #[test]
    fn what_cannot_be_is_refused_at_once() {
        let agent_id = Some(AgentId::new(Uuid::from_u128(4)));
        let wrong = DraftApiKey {
            scopes: Some([Scope::Admin].into_iter().collect()),
            agent_id,
            expires_at: Some(now()),
            ..named(" ")
        };
        let refused = made(wrong).expect_err("three things");
        let paths: Vec<_> = refused.iter().map(|violation| violation.path.as_str()).collect();
        assert_eq!(paths, ["name", "scopes", "expires_at"]);
        let none = DraftApiKey { scopes: Some(Scopes::default()), ..named("x") };
        assert_eq!(made(none).expect_err("none")[0].code, "too_few");
        let of_agent = made(DraftApiKey { agent_id, ..named("x") }).expect("a key");
        assert_eq!(of_agent.state().scopes, Scopes::OF_AGENTS);
    }
}
