//! How many open tasks stand where: of everybody, of a workspace or a goal, and for somebody who claims.

use goalwright_application::Error;
use goalwright_application::read::{CANDIDATES, Offer, Offered};
use goalwright_domain::Timestamp;
use goalwright_domain::goal::GoalId;
use goalwright_domain::task::{Standing, Standings};
use goalwright_domain::workspace::WorkspaceId;

use super::candidates::of;
use super::{BEGUN, BEGUN_END, DRIVING, PENDING};
use crate::persistence::reader::Reader;
use crate::persistence::row::Row;
use crate::persistence::sql::{Sql, time};

/// Of all workspaces. Reads two indexes that hold open tasks and open runs and nothing else.
pub(crate) async fn all(reader: &Reader, now: Timestamp) -> Result<Standings, Error> {
    let mut standings = Standings::default();
    let pending = reader.sql(&format!(
        "SELECT {PENDING} AS standing, COUNT(*) AS count FROM tasks t WHERE t.status = 'pending' GROUP BY 1"
    ));
    add(reader, &mut standings, pending).await?;
    // A run whose task is pending again waits for it, and for nobody.
    let begun = reader
        .sql(&format!("SELECT {BEGUN}"))
        .bind(time(now))
        .text(&format!(
            "{BEGUN_END} AS standing, COUNT(*) AS count FROM runs r WHERE {DRIVING} AND NOT (r.status = 'waiting' AND \
             r.available_at IS NULL AND NOT r.suspended AND EXISTS (SELECT 1 FROM tasks t WHERE t.id = r.task_id AND \
             t.status = 'pending')) GROUP BY 1"
        ));
    add(reader, &mut standings, begun).await?;
    Ok(standings)
}

/// Of a workspace or one of its goals, each status counted up to [`CANDIDATES`].
pub(crate) async fn of_workspace(
    reader: &Reader,
    workspace: WorkspaceId,
    goal: Option<GoalId>,
    now: Timestamp,
) -> Result<Standings, Error> {
    let mut standings = Standings::default();
    let pending =
        of(reader.sql(&format!("SELECT {PENDING} AS standing FROM tasks t")), workspace, goal, "pending");
    add(reader, &mut standings, counted(pending)).await?;
    for status in ["ready", "running", "waiting"] {
        let begun = reader.sql(&format!("SELECT {BEGUN}")).bind(time(now)).text(&format!(
            "{BEGUN_END} AS standing FROM tasks t JOIN runs r ON r.task_id = t.id AND {DRIVING}"
        ));
        add(reader, &mut standings, counted(of(begun, workspace, goal, status))).await?;
    }
    Ok(standings)
}

/// What is there for somebody who claims, each kind counted up to [`CANDIDATES`].
pub(crate) async fn offered(reader: &Reader, offer: &Offer, now: Timestamp) -> Result<Offered, Error> {
    let (workspace, agent) = (offer.workspace.uuid(), offer.agent.uuid());
    let mut offered = Offered::default();
    let pending = reader
        .sql(&format!(
            "SELECT {PENDING} AS standing FROM tasks t WHERE t.status = 'pending' AND t.agent_id = "
        ))
        .bind(agent)
        .text(" AND t.workspace_id = ")
        .bind(workspace);
    add(reader, &mut offered.pending, counted(pending)).await?;
    let unassigned = reader
        .sql("SELECT 'unassigned' AS standing FROM tasks t WHERE t.status = 'pending' AND t.agent_id IS NULL AND t.workspace_id = ")
        .bind(workspace);
    add(reader, &mut offered.pending, counted(unassigned)).await?;
    let sql = reader.sql("SELECT CASE WHEN r.available_at IS NULL THEN 'for_person' WHEN r.available_at > ");
    let sql = sql.bind(time(now)).text(" THEN 'later' WHEN r.queue <> ").bind(offer.queue.as_str());
    let sql = sql.text(" THEN 'other_queue'");
    let sql = if offer.task_types.is_empty() {
        sql
    } else {
        sql.text(" WHEN NOT EXISTS (SELECT 1 FROM tasks t WHERE t.id = r.task_id AND t.task_type IN ")
            .list(offer.task_types.iter().map(String::as_str))
            .text(") THEN 'other_types'")
    };
    let runs = sql
        .text(" ELSE 'claimable' END AS standing FROM runs r WHERE r.status IN ('queued', 'waiting') AND r.workspace_id = ")
        .bind(workspace)
        .text(" AND r.agent_id = ")
        .bind(agent);
    for row in &reader.all(counted(runs)).await? {
        let row = Row::of("runs", row);
        let count = row.get("count")?;
        match row.text("standing")?.as_str() {
            "for_person" => offered.for_person = count,
            "later" => offered.later = count,
            "other_queue" => offered.other_queue = count,
            "other_types" => offered.other_types = count,
            _ => offered.claimable = count,
        }
    }
    let held = reader
        .sql("SELECT 'held' AS standing FROM attempts a WHERE a.status = 'running' AND a.agent_id = ")
        .bind(agent);
    for row in &reader.all(counted(held)).await? {
        offered.held = Row::of("attempts", row).get("count")?;
    }
    Ok(offered)
}

/// How many rows of each standing a statement finds, among the first [`CANDIDATES`].
fn counted(sql: Sql) -> Sql {
    sql.text(" LIMIT ")
        .bind(i64::try_from(CANDIDATES).unwrap_or(i64::MAX))
        .before("SELECT s.standing, COUNT(*) AS count FROM (")
        .text(") AS s GROUP BY s.standing")
}

async fn add(reader: &Reader, standings: &mut Standings, sql: Sql) -> Result<(), Error> {
    for row in &reader.all(sql).await? {
        let row = Row::of("tasks", row);
        standings.add(row.word("standing", Standing::parse)?, row.get::<i64>("count")?);
    }
    Ok(())
}
