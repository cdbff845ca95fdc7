use goalwright_application::Error;
use goalwright_application::read::{Page, PageRequest};
use goalwright_domain::api_key::{ApiKey, ApiKeyId};
use goalwright_domain::workspace::WorkspaceId;

use super::{from_row, select};
use crate::persistence::reader::Reader;

/// A key as long as the user on whose behalf it is used is a member of its workspace.
pub(crate) async fn in_use(reader: &Reader, id: ApiKeyId) -> Result<Option<ApiKey>, Error> {
    let sql = reader.sql(&select()).text(" WHERE id = ").bind(id.uuid()).text(
        " AND EXISTS (SELECT 1 FROM workspace_members m WHERE m.workspace_id = api_keys.workspace_id AND \
         m.user_id = api_keys.created_by)",
    );
    Ok(reader.one(sql).await?.as_ref().map(from_row).transpose()?)
}

pub(crate) async fn one(
    reader: &Reader,
    workspace: WorkspaceId,
    id: ApiKeyId,
) -> Result<Option<ApiKey>, Error> {
    let sql = reader
        .sql(&select())
        .text(" WHERE workspace_id = ")
        .bind(workspace.uuid())
        .text(" AND id = ")
        .bind(id.uuid());
    Ok(reader.one(sql).await?.as_ref().map(from_row).transpose()?)
}

pub(crate) async fn list(
    reader: &Reader,
    workspace: WorkspaceId,
    page: &PageRequest,
) -> Result<Page<ApiKey>, Error> {
    let sql = reader.sql(&select()).text(" WHERE workspace_id = ").bind(workspace.uuid());
    let rows = reader.all(sql.before_id(page)?).await?;
    let keys: Vec<ApiKey> = rows.iter().map(from_row).collect::<Result<_, _>>()?;
    Ok(Page::cut(keys, page.limit, |key| key.id().to_string()))
}
