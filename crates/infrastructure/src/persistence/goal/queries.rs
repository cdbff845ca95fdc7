use goalwright_application::Error;
use goalwright_application::ports::StorageError;
use goalwright_application::read::{GoalFilter, GoalView, Page, PageRequest};
use goalwright_domain::goal::GoalId;
use goalwright_domain::workspace::WorkspaceId;
use sea_orm::QueryResult;

use super::{counts_of, state_of};
use crate::persistence::reader::Reader;
use crate::persistence::row::Row;

/// A goal with its counters; each side is found by its primary key.
const VIEW: &str = "SELECT goals.*, p.pending, p.ready, p.running, p.waiting, p.completed, p.failed, p.cancelled, \
                    p.skipped, p.revision AS progress_revision FROM goals JOIN goal_progress p ON p.goal_id = goals.id";

pub(crate) async fn one(
    reader: &Reader,
    workspace: WorkspaceId,
    id: GoalId,
) -> Result<Option<GoalView>, Error> {
    let sql = reader
        .sql(VIEW)
        .text(" WHERE goals.workspace_id = ")
        .bind(workspace.uuid())
        .text(" AND goals.id = ")
        .bind(id.uuid());
    Ok(reader.one(sql).await?.as_ref().map(view).transpose()?)
}

pub(crate) async fn list(
    reader: &Reader,
    workspace: WorkspaceId,
    filter: &GoalFilter,
    page: &PageRequest,
) -> Result<Page<GoalView>, Error> {
    let mut sql = reader.sql(VIEW).text(" WHERE goals.workspace_id = ").bind(workspace.uuid());
    if let Some(status) = filter.status {
        sql = sql.text(" AND goals.status = ").bind(status.as_str());
    }
    let rows = reader.all(sql.before_id(page)?).await?;
    let goals: Vec<GoalView> = rows.iter().map(view).collect::<Result<_, _>>()?;
    Ok(Page::cut(goals, page.limit, |goal| goal.state.id.to_string()))
}

fn view(row: &QueryResult) -> Result<GoalView, StorageError> {
    let row = Row::of("goals", row);
    Ok(GoalView {
        state: state_of(&row)?,
        revision: row.get("revision")?,
        updated_at: row.time("updated_at")?,
        counts: counts_of(&row)?,
        progress_revision: row.get("progress_revision")?,
    })
}
