use goalwright_application::Error;
use goalwright_application::read::{AgentFilter, Page, PageRequest};
use goalwright_domain::agent::{Agent, AgentId};
use goalwright_domain::workspace::WorkspaceId;

use super::{from_row, select};
use crate::persistence::reader::Reader;

pub(crate) async fn one(
    reader: &Reader,
    workspace: WorkspaceId,
    id: AgentId,
) -> Result<Option<Agent>, Error> {
    let sql = reader
        .sql(&select())
        .text(" WHERE workspace_id = ")
        .bind(workspace.uuid())
        .text(" AND id = ")
        .bind(id.uuid());
    Ok(reader.one(sql).await?.as_ref().map(from_row).transpose()?)
}

/// Every one that gets work.
pub(crate) async fn active(reader: &Reader, workspace: WorkspaceId) -> Result<Vec<Agent>, Error> {
    let sql = reader
        .sql(&select())
        .text(" WHERE workspace_id = ")
        .bind(workspace.uuid())
        .text(" AND status = 'active' ORDER BY id");
    Ok(reader.all(sql).await?.iter().map(from_row).collect::<Result<_, _>>()?)
}

pub(crate) async fn list(
    reader: &Reader,
    workspace: WorkspaceId,
    filter: &AgentFilter,
    page: &PageRequest,
) -> Result<Page<Agent>, Error> {
    let mut sql = reader.sql(&select()).text(" WHERE workspace_id = ").bind(workspace.uuid());
    if let Some(status) = filter.status {
        sql = sql.text(" AND status = ").bind(status.as_str());
    }
    let rows = reader.all(sql.before_id(page)?).await?;
    let agents: Vec<Agent> = rows.iter().map(from_row).collect::<Result<_, _>>()?;
    Ok(Page::cut(agents, page.limit, |agent| agent.id().to_string()))
}
