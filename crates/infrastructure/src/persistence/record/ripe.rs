//! What of the record may go.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use goalwright_application::ports::{Dependent, RecordCursor, Ripe, RipeRun, RunCursor, StorageError};
use goalwright_domain::Timestamp;
use goalwright_domain::execution::{RunId, RunStatus};
use goalwright_domain::experience::Experience;
use goalwright_domain::goal::{GoalId, GoalStatus};
use goalwright_domain::task::{TaskId, TaskStatus};
use goalwright_domain::workspace::WorkspaceId;
use uuid::Uuid;

use crate::persistence::experience;
use crate::persistence::row::Row;
use crate::persistence::sql::{batches, time};
use crate::persistence::unit_of_work::Unit;

/// An attempt of a run that may go.
struct Attempt {
    span: Uuid,
    run: RunId,
    experience: Option<String>,
    ended_at: Option<Timestamp>,
}

/// The oldest experiences behind the cursor, and the runs that some of them are of. A run goes with all its attempts, or
/// stays with them.
pub(crate) async fn find(
    unit: &Unit,
    workspace: WorkspaceId,
    before: Timestamp,
    (after, most): (Option<&RecordCursor>, usize),
    hooks: &[String],
) -> Result<Ripe, StorageError> {
    let old = oldest(unit, workspace, before, after, most).await?;
    let next = old.last().filter(|_| old.len() == most);
    let next = next.map(|last| RecordCursor { ts: last.ts, id: last.id.clone() });
    let spans: Vec<Uuid> = old.iter().filter_map(span_of).collect();
    let executed = attempts(unit, "span_id", &spans).await?;
    let begun: BTreeSet<RunId> = executed.iter().map(|attempt| attempt.run).collect();
    let mut runs = over(unit, workspace, &begun, before).await?;
    let ids: Vec<Uuid> = runs.keys().map(|run| run.uuid()).collect();
    let all = attempts(unit, "run_id", &ids).await?;
    for attempt in &all {
        if attempt.ended_at.is_none_or(|at| at >= before) {
            runs.remove(&attempt.run);
        }
    }
    // Experiences that are of no run that is there.
    let of_runs: BTreeSet<Uuid> = executed.iter().map(|attempt| attempt.span).collect();
    let alone = old.iter().filter(|one| span_of(one).is_none_or(|span| !of_runs.contains(&span)));
    let mut ids: BTreeSet<String> = alone.map(|one| one.id.clone()).collect();
    ids.extend(all.iter().filter_map(|attempt| attempt.experience.clone()));
    let unread = followed_by_somebody(unit, &ids, hooks).await?;
    for unread in &unread {
        ids.remove(unread);
        for attempt in all.iter().filter(|attempt| attempt.experience.as_ref() == Some(unread)) {
            runs.remove(&attempt.run);
        }
    }
    for attempt in all.iter().filter(|attempt| !runs.contains_key(&attempt.run)) {
        if let Some(id) = &attempt.experience {
            ids.remove(id);
        }
    }
    let spans: Vec<Uuid> =
        all.iter().filter(|attempt| runs.contains_key(&attempt.run)).map(|attempt| attempt.span).collect();
    let ids = still_there(unit, &ids).await?;
    let experiences = experiences(unit, old, &ids).await?;
    let counts = dependent(unit, &spans, before).await?;
    let unread = u64::try_from(unread.len()).unwrap_or(u64::MAX);
    Ok(Ripe { experiences, runs: runs.into_values().collect(), spans, counts, unread, next })
}

/// The oldest runs behind the cursor that are over and never had an attempt, as far as they may go.
pub(crate) async fn never_begun(
    unit: &Unit,
    workspace: WorkspaceId,
    before: Timestamp,
    (after, most): (Option<RunCursor>, usize),
) -> Result<(Vec<RipeRun>, Option<RunCursor>), StorageError> {
    let mut sql = unit
        .sql(
            "SELECT id, updated_at FROM runs WHERE attempts = 0 AND status IN ('succeeded', 'failed', 'cancelled') \
             AND workspace_id = ",
        )
        .bind(workspace.uuid())
        .text(" AND updated_at < ")
        .bind(time(before));
    if let Some(RunCursor { updated_at, id }) = after {
        sql =
            sql.text(" AND (updated_at, id) > (").bind(time(updated_at)).text(", ").bind(id.uuid()).text(")");
    }
    let sql = sql.text(" ORDER BY updated_at, id LIMIT ").bind(i64::try_from(most).unwrap_or(i64::MAX));
    let (mut ids, mut last) = (BTreeSet::new(), None);
    for row in &unit.all(sql).await? {
        let row = Row::of("runs", row);
        let cursor = RunCursor { updated_at: row.time("updated_at")?, id: row.id("id")? };
        ids.insert(cursor.id);
        last = Some(cursor);
    }
    let next = last.filter(|_| ids.len() == most);
    Ok((over(unit, workspace, &ids, before).await?.into_values().collect(), next))
}

fn span_of(experience: &Experience) -> Option<Uuid> {
    experience.content["structured"]["span_id"].as_str()?.parse().ok()
}

async fn oldest(
    unit: &Unit,
    workspace: WorkspaceId,
    before: Timestamp,
    after: Option<&RecordCursor>,
    most: usize,
) -> Result<Vec<Experience>, StorageError> {
    let mut sql = unit
        .sql("SELECT * FROM experiences WHERE workspace_id = ")
        .bind(workspace.uuid())
        .text(" AND ts < ")
        .bind(before.as_seconds());
    if let Some(RecordCursor { ts, id }) = after {
        sql = sql.text(" AND (ts, id) > (").bind(*ts).text(", ").bind(id.as_str()).text(")");
    }
    let sql = sql.text(" ORDER BY ts, id LIMIT ").bind(i64::try_from(most).unwrap_or(i64::MAX));
    unit.all(sql).await?.iter().map(experience::from_row).collect()
}

async fn attempts(unit: &Unit, column: &str, ids: &[Uuid]) -> Result<Vec<Attempt>, StorageError> {
    let mut found = Vec::new();
    for batch in batches(ids) {
        let sql = unit
            .sql("SELECT span_id, run_id, experience_id, ended_at FROM attempts WHERE ")
            .text(column)
            .one_of(batch.iter().copied());
        for row in &unit.all(sql).await? {
            let row = Row::of("attempts", row);
            found.push(Attempt {
                span: row.get("span_id")?,
                run: row.id("run_id")?,
                experience: row.get("experience_id")?,
                ended_at: row.time_or_none("ended_at")?,
            });
        }
    }
    Ok(found)
}

/// Those of these runs that are over and belong to nothing that is worked on or may be again, locked. A failed task may be
/// tried again in the run that it had, and a goal that is no more than a draft may be begun.
async fn over(
    unit: &Unit,
    workspace: WorkspaceId,
    ids: &BTreeSet<RunId>,
    before: Timestamp,
) -> Result<BTreeMap<RunId, RipeRun>, StorageError> {
    let mut runs = BTreeMap::new();
    let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
    for batch in batches(&ids) {
        let sql = unit
            .sql("SELECT id, workspace_id, task_id, scheduled_at, status, updated_at FROM runs WHERE id")
            .one_of(batch.iter().copied())
            .text(" ORDER BY id")
            .text(unit.dialect.lock());
        for row in &unit.all(sql).await? {
            let row = Row::of("runs", row);
            let (id, task_id) = (row.id("id")?, row.id("task_id")?);
            // Asked for in the statement, SQLite would read all runs of the workspace.
            let of: WorkspaceId = row.id("workspace_id")?;
            if of == workspace
                && row.word("status", RunStatus::parse)?.is_over()
                && row.time("updated_at")? < before
            {
                let scheduled_at = row.time_or_none("scheduled_at")?;
                runs.insert(id, RipeRun { id, task_id, scheduled_at, task_is_there: false });
            }
        }
    }
    let tasks: BTreeSet<TaskId> = runs.values().map(|run| run.task_id).collect();
    let tasks = tasks_of(unit, tasks).await?;
    let goals = goals_of(unit, tasks.values().filter_map(|(_, goal)| *goal).collect()).await?;
    runs.retain(|_, run| match tasks.get(&run.task_id) {
        None => true,
        Some((status, goal)) => {
            run.task_is_there = true;
            let goal = goal.and_then(|goal| goals.get(&goal));
            let over = matches!(status, TaskStatus::Completed | TaskStatus::Cancelled | TaskStatus::Skipped);
            over && goal.is_none_or(|goal| matches!(goal, GoalStatus::Achieved | GoalStatus::Abandoned))
        }
    });
    Ok(runs)
}

type Standing = (TaskStatus, Option<GoalId>);

async fn tasks_of(unit: &Unit, ids: BTreeSet<TaskId>) -> Result<HashMap<TaskId, Standing>, StorageError> {
    let sql = unit
        .sql("SELECT id, status, goal_id FROM tasks WHERE id")
        .one_of(ids.iter().map(|id| id.uuid()))
        .text(" ORDER BY id")
        .text(unit.dialect.lock());
    let mut tasks = HashMap::new();
    for row in &unit.all(sql).await? {
        let row = Row::of("tasks", row);
        tasks.insert(row.id("id")?, (row.word("status", TaskStatus::parse)?, row.id_or_none("goal_id")?));
    }
    Ok(tasks)
}

async fn goals_of(unit: &Unit, ids: BTreeSet<GoalId>) -> Result<HashMap<GoalId, GoalStatus>, StorageError> {
    let sql = unit
        .sql("SELECT id, status FROM goals WHERE id")
        .one_of(ids.iter().map(|id| id.uuid()))
        .text(" ORDER BY id")
        .text(unit.dialect.lock());
    let mut goals = HashMap::new();
    for row in &unit.all(sql).await? {
        let row = Row::of("goals", row);
        goals.insert(row.id("id")?, row.word("status", GoalStatus::parse)?);
    }
    Ok(goals)
}

/// Those of these experiences that somebody follows and has not reached: they are not read into words and links, or not
/// looked at by each of these hooks, or one of these is still to run after them.
async fn followed_by_somebody(
    unit: &Unit,
    ids: &BTreeSet<String>,
    hooks: &[String],
) -> Result<BTreeSet<String>, StorageError> {
    // A hook that was switched off follows nothing, and one that was never run begins with what comes then.
    let mut reached: Option<i64> = None;
    if !hooks.is_empty() {
        let sql = unit.sql("SELECT MIN(document) AS reached FROM hook_positions WHERE hook");
        let row = unit.one(sql.one_of_words(hooks.iter().map(String::as_str))).await?;
        reached = row.map(|row| Row::of("hook_positions", &row).get("reached")).transpose()?.flatten();
    }
    let mut unread = ids.clone();
    let all: Vec<&str> = ids.iter().map(String::as_str).collect();
    for batch in batches(&all) {
        let of = |text: &str| unit.sql(text).one_of_words(batch.iter().copied());
        // What is no execution is no business of hooks.
        let read = "SELECT d.experience_id, d.document, (SELECT x.document FROM task_executions x \
                    WHERE x.document = d.document) AS executed FROM experience_documents d WHERE d.experience_id";
        for row in &unit.all(of(read)).await? {
            let row = Row::of("experience_documents", row);
            let executed: Option<i64> = row.get("executed")?;
            if executed.is_none_or(|document| reached.is_none_or(|reached| document <= reached)) {
                unread.remove(&row.text("experience_id")?);
            }
        }
        let aside = "SELECT experience_id FROM experiences_set_aside WHERE experience_id";
        for row in &unit.all(of(aside)).await? {
            unread.remove(&Row::of("experiences_set_aside", row).text("experience_id")?);
        }
        let queued = "SELECT experience_id, hook FROM hook_runs WHERE status = 'queued' AND experience_id";
        for row in &unit.all(of(queued)).await? {
            let row = Row::of("hook_runs", row);
            if hooks.contains(&row.text("hook")?) {
                unread.insert(row.text("experience_id")?);
            }
        }
    }
    Ok(unread)
}

/// Those of these experiences that are there, locked: somebody else who prunes may have been faster.
async fn still_there(unit: &Unit, ids: &BTreeSet<String>) -> Result<BTreeSet<String>, StorageError> {
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let mut there = BTreeSet::new();
    for batch in batches(&ids) {
        let sql = unit.sql("SELECT id FROM experiences WHERE id").one_of_words(batch.iter().copied());
        for row in &unit.all(sql.text(" ORDER BY id").text(unit.dialect.lock())).await? {
            there.insert(Row::of("experiences", row).text("id")?);
        }
    }
    Ok(there)
}

/// The experiences of these ids; some are known already.
async fn experiences(
    unit: &Unit,
    known: Vec<Experience>,
    ids: &BTreeSet<String>,
) -> Result<Vec<Experience>, StorageError> {
    let mut found: Vec<Experience> = known.into_iter().filter(|one| ids.contains(&one.id)).collect();
    let here: BTreeSet<&str> = found.iter().map(|one| one.id.as_str()).collect();
    let others: Vec<String> = ids.iter().filter(|id| !here.contains(id.as_str())).cloned().collect();
    for batch in batches(&others) {
        let sql =
            unit.sql("SELECT * FROM experiences WHERE id").one_of_words(batch.iter().map(String::as_str));
        for row in &unit.all(sql).await? {
            found.push(experience::from_row(row)?);
        }
    }
    Ok(found)
}

/// What would go with these attempts.
async fn dependent(unit: &Unit, spans: &[Uuid], before: Timestamp) -> Result<Dependent, StorageError> {
    let mut counts = Dependent::default();
    for batch in batches(spans) {
        let of = |text: &str| unit.sql(text).one_of(batch.iter().copied());
        let calls = of("SELECT COUNT(*) AS count FROM attempts a JOIN tool_calls c \
             ON c.task_id = a.task_id AND c.span_id = a.span_id WHERE a.span_id");
        counts.tool_calls += number(unit, calls).await?;
        counts.script_runs +=
            number(unit, of("SELECT COUNT(*) AS count FROM script_runs WHERE span_id")).await?;
        let artifacts = of("SELECT COUNT(*) AS count FROM artifacts a WHERE a.span_id")
            .text(" AND a.created_at < ")
            .bind(time(before))
            .text(" AND (SELECT COUNT(*) FROM artifact_uses u WHERE u.artifact_id = a.id) = 0");
        counts.artifacts += number(unit, artifacts).await?;
    }
    Ok(counts)
}

async fn number(unit: &Unit, sql: crate::persistence::sql::Sql) -> Result<u64, StorageError> {
    let row = unit.one(sql).await?;
    let count: i64 = row.map(|row| Row::of("record", &row).get("count")).transpose()?.unwrap_or(0);
    Ok(count.unsigned_abs())
}
