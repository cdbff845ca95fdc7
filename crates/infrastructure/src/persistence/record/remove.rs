//! What of the record goes.

use std::collections::BTreeSet;

use goalwright_application::ports::{Dependent, FileKind, Ripe, StorageError};
use goalwright_domain::Timestamp;
use goalwright_domain::experience::Experience;
use goalwright_domain::workspace::WorkspaceId;
use sea_orm::Value;
use uuid::Uuid;

use crate::persistence::row::Row;
use crate::persistence::sql::{Dialect, batches, insert_many, time};
use crate::persistence::unit_of_work::Unit;

/// Removes attempts, runs and experiences with what depends on them and is derived from them.
pub(crate) async fn all(
    unit: &Unit,
    workspace: WorkspaceId,
    before: Timestamp,
    ripe: &Ripe,
    results: &[String],
) -> Result<Dependent, StorageError> {
    let mut gone = Dependent::default();
    let mut artifacts: BTreeSet<Uuid> = BTreeSet::new();
    for batch in batches(&ripe.spans) {
        let of = |text: &str| unit.sql(text).one_of(batch.iter().copied());
        let calls = of("DELETE FROM tool_calls WHERE (task_id, span_id) IN \
             (SELECT task_id, span_id FROM attempts WHERE span_id");
        gone.tool_calls += unit.run(calls.text(")")).await?;
        gone.script_runs += unit.run(of("DELETE FROM script_runs WHERE span_id")).await?;
        for (text, column) in [
            ("SELECT id FROM artifacts WHERE span_id", "id"),
            ("SELECT artifact_id FROM artifact_uses WHERE span_id", "artifact_id"),
        ] {
            for row in &unit.all(of(text)).await? {
                artifacts.insert(Row::of("artifacts", row).get(column)?);
            }
        }
        unit.run(of("DELETE FROM artifact_uses WHERE span_id")).await?;
    }
    remove_runs(unit, ripe).await?;
    let digests = remove_artifacts(unit, before, &artifacts).await?;
    gone.artifacts = u64::try_from(digests.len()).unwrap_or(u64::MAX);
    for experiences in ripe.experiences.chunks(500) {
        remove_experiences(unit, workspace, experiences).await?;
    }
    let file = |kind: FileKind, name: &String| -> Vec<Value> {
        vec![workspace.uuid().into(), kind.as_str().into(), name.as_str().into()]
    };
    let files = digests.iter().map(|digest| file(FileKind::Artifact, digest));
    let files = files.chain(results.iter().map(|name| file(FileKind::Result, name))).collect();
    unit.run_all(insert_many(unit.dialect, "pruned_files", &["workspace_id", "kind", "name"], files, ""))
        .await?;
    Ok(gone)
}

/// A run of a task that is still there is remembered, so that it is not made again.
async fn remove_runs(unit: &Unit, ripe: &Ripe) -> Result<(), StorageError> {
    let remembered = ripe.runs.iter().filter(|run| run.task_is_there).filter_map(|run| {
        run.scheduled_at.map(|at| -> Vec<Value> { vec![run.task_id.uuid().into(), time(at)] })
    });
    let rows = remembered.collect();
    unit.run_all(insert_many(unit.dialect, "pruned_runs", &["task_id", "scheduled_at"], rows, "")).await?;
    let ids: Vec<Uuid> = ripe.runs.iter().map(|run| run.id.uuid()).collect();
    for batch in batches(&ids) {
        for text in ["DELETE FROM attempts WHERE run_id", "DELETE FROM runs WHERE id"] {
            unit.run(unit.sql(text).one_of(batch.iter().copied())).await?;
        }
    }
    Ok(())
}

/// Those of these artifacts that no attempt made or made again. Gives their digests.
async fn remove_artifacts(
    unit: &Unit,
    before: Timestamp,
    ids: &BTreeSet<Uuid>,
) -> Result<Vec<String>, StorageError> {
    let ids: Vec<Uuid> = ids.iter().copied().collect();
    let mut digests = Vec::new();
    for batch in batches(&ids) {
        // Whoever keeps the same bytes just now has the row, or finds that it is gone.
        let held = unit.sql("SELECT id FROM artifacts WHERE id").one_of(batch.iter().copied());
        unit.all(held.text(" ORDER BY id").text(unit.dialect.lock())).await?;
        let unused = unit
            .sql("SELECT a.id, a.digest FROM artifacts a WHERE a.id")
            .one_of(batch.iter().copied())
            .text(" AND a.created_at < ")
            .bind(time(before))
            .text(
                " AND NOT EXISTS (SELECT 1 FROM attempts t WHERE t.span_id = a.span_id) \
                 AND NOT EXISTS (SELECT 1 FROM artifact_uses u WHERE u.artifact_id = a.id)",
            );
        let mut unneeded: Vec<Uuid> = Vec::new();
        for row in &unit.all(unused).await? {
            let row = Row::of("artifacts", row);
            unneeded.push(row.get("id")?);
            digests.push(row.text("digest")?);
        }
        unit.run(unit.sql("DELETE FROM artifacts WHERE id").one_of(unneeded)).await?;
    }
    Ok(digests)
}

/// Links that lead to them stay with what they come from: its record names them for as long as it is there.
async fn remove_experiences(
    unit: &Unit,
    workspace: WorkspaceId,
    experiences: &[Experience],
) -> Result<(), StorageError> {
    let of = |text: &str| unit.sql(text).one_of_words(experiences.iter().map(|one| one.id.as_str()));
    let documents = "(SELECT document FROM experience_documents WHERE experience_id";
    if unit.dialect == Dialect::Sqlite {
        let words = format!("DELETE FROM experience_words WHERE rowid IN {documents}");
        unit.run(of(&words).text(")")).await?;
        let noted = "INSERT INTO pruned_words (id) VALUES (1) ON CONFLICT DO NOTHING";
        unit.run(unit.sql(noted)).await?;
    }
    // As an array, it is found by its numbers and by nothing else on PostgreSQL, whatever the planner believes.
    let executions = match unit.dialect {
        Dialect::Sqlite => {
            of(&format!("DELETE FROM task_executions WHERE document IN {documents}")).text(")")
        }
        Dialect::Postgres => {
            of(&format!("DELETE FROM task_executions WHERE document = ANY (ARRAY{documents}")).text("))")
        }
    };
    unit.run(executions).await?;
    let far: BTreeSet<&str> = experiences
        .iter()
        .flat_map(|one| one.parents.iter().chain(&one.causes))
        .map(String::as_str)
        .collect();
    let far: Vec<&str> = far.into_iter().collect();
    for batch in batches(&far) {
        let links = unit
            .sql("DELETE FROM experience_links WHERE workspace_id = ")
            .bind(workspace.uuid())
            .text(" AND to_id")
            .one_of_words(batch.iter().copied())
            .text(" AND from_id")
            .one_of_words(experiences.iter().map(|one| one.id.as_str()));
        unit.run(links).await?;
    }
    for text in [
        "DELETE FROM experience_documents WHERE experience_id",
        "DELETE FROM hook_runs WHERE experience_id",
        "DELETE FROM experiences_set_aside WHERE experience_id",
        "DELETE FROM experiences WHERE id",
    ] {
        unit.run(of(text)).await?;
    }
    Ok(())
}
