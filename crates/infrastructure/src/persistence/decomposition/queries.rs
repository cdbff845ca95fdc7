use goalwright_application::Error;
use goalwright_application::planning::{Decomposition, DecompositionSummary};
use goalwright_application::read::{Page, PageRequest};
use goalwright_domain::goal::GoalId;
use goalwright_domain::workspace::WorkspaceId;
use uuid::Uuid;

use super::{SUMMARY, columns, from_row, select, summary};
use crate::persistence::reader::Reader;

pub(crate) async fn one(
    reader: &Reader,
    workspace: WorkspaceId,
    id: Uuid,
) -> Result<Option<Decomposition>, Error> {
    let sql = reader
        .sql(&select(&columns()))
        .text(" WHERE id = ")
        .bind(id)
        .text(" AND workspace_id = ")
        .bind(workspace.uuid());
    Ok(reader.one(sql).await?.as_ref().map(from_row).transpose()?)
}

pub(crate) async fn of_goal(
    reader: &Reader,
    workspace: WorkspaceId,
    goal: GoalId,
    page: &PageRequest,
) -> Result<Page<DecompositionSummary>, Error> {
    let sql = reader
        .sql(&select(&SUMMARY))
        .text(" WHERE workspace_id = ")
        .bind(workspace.uuid())
        .text(" AND goal_id = ")
        .bind(goal.uuid());
    let rows = reader.all(sql.before_id(page)?).await?;
    let items: Vec<DecompositionSummary> = rows.iter().map(summary).collect::<Result<_, _>>()?;
    Ok(Page::cut(items, page.limit, |one| one.id.to_string()))
}
