//! API keys.

pub(crate) mod queries;
mod repository;

use goalwright_application::ports::StorageError;
use goalwright_domain::api_key::{ApiKey, ApiKeyState, KeyDigest, Scope};
use sea_orm::{QueryResult, Value};

use super::row::Row;
use super::sql::{time, time_or_null, uuid_or_null};

const COLUMNS: [&str; 14] = [
    "id",
    "workspace_id",
    "created_by",
    "name",
    "digest",
    "may_read",
    "may_write",
    "may_work",
    "may_admin",
    "agent_id",
    "expires_at",
    "revoked_at",
    "last_used_at",
    "created_at",
];

fn select() -> String {
    format!("SELECT {} FROM api_keys", COLUMNS.join(", "))
}

const fn column(scope: Scope) -> &'static str {
    match scope {
        Scope::Read => "may_read",
        Scope::Write => "may_write",
        Scope::Work => "may_work",
        Scope::Admin => "may_admin",
    }
}

fn to_row(key: &ApiKey) -> Vec<Value> {
    let state = key.state();
    vec![
        state.id.uuid().into(),
        state.workspace_id.uuid().into(),
        state.created_by.uuid().into(),
        state.name.as_str().into(),
        key.digest().to_hex().into(),
        state.scopes.has(Scope::Read).into(),
        state.scopes.has(Scope::Write).into(),
        state.scopes.has(Scope::Work).into(),
        state.scopes.has(Scope::Admin).into(),
        uuid_or_null(state.agent_id.map(|id| id.uuid())),
        time_or_null(state.expires_at),
        time_or_null(state.revoked_at),
        time_or_null(key.last_used_at()),
        time(state.created_at),
    ]
}

fn from_row(row: &QueryResult) -> Result<ApiKey, StorageError> {
    let row = Row::of("api_keys", row);
    let mut scopes = Vec::new();
    for scope in Scope::ALL {
        if row.get::<bool>(column(scope))? {
            scopes.push(scope);
        }
    }
    let state = ApiKeyState {
        id: row.id("id")?,
        workspace_id: row.id("workspace_id")?,
        created_by: row.id("created_by")?,
        name: row.text("name")?,
        scopes: scopes.into_iter().collect(),
        agent_id: row.id_or_none("agent_id")?,
        expires_at: row.time_or_none("expires_at")?,
        revoked_at: row.time_or_none("revoked_at")?,
        created_at: row.time("created_at")?,
    };
    Ok(ApiKey::rehydrate(state, row.word("digest", KeyDigest::from_hex)?, row.time_or_none("last_used_at")?))
}
