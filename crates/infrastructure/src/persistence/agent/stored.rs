//! Agents as they are compared with what their events tell.

use goalwright_application::Error;
use goalwright_domain::ledger::Stored;
use goalwright_domain::workspace::WorkspaceId;
use serde_json::json;
use uuid::Uuid;

use super::{from_row, select};
use crate::persistence::moment::Moment;

/// The next rows behind this id, by id.
pub(crate) async fn next(
    moment: &Moment,
    workspace: WorkspaceId,
    after: Option<Uuid>,
    most: usize,
) -> Result<Vec<(Uuid, Stored)>, Error> {
    let rows = moment.all(moment.sql(&select()).behind_id(workspace, after, most)).await?;
    let mut stored = Vec::new();
    for row in &rows {
        let agent = from_row(row)?;
        let state = json!(agent.state()).as_object().cloned().unwrap_or_default();
        let (revision, updated_at) = (agent.revision(), agent.updated_at());
        stored.push((agent.id().uuid(), Stored { state, revision, updated_at }));
    }
    Ok(stored)
}
