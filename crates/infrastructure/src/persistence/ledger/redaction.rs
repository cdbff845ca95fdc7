//! Payloads that go, under an event that says so.

use async_trait::async_trait;
use goalwright_application::ports::{
    ExperienceRepository, OnRecord, PruningRepository, RedactableEvent, RedactionRepository, RedactionScope,
    StorageError,
};
use goalwright_domain::canonical;
use goalwright_domain::execution::{ExecutionError, SpanId};
use goalwright_domain::experience::{Artifact, Experience};
use goalwright_domain::ledger::{EventId, blank};
use sea_orm::{QueryResult, Value};
use serde_json::json;
use uuid::Uuid;

use crate::persistence::experience;
use crate::persistence::row::Row;
use crate::persistence::sql::{Dialect, Sql, batches, json_or_null, update_many};
use crate::persistence::unit_of_work::Unit;

/// So many experiences are read into words at once.
const UNREAD: usize = 4_000;
const EVENT: &str =
    "SELECT id, entity_id, event_type, digest, changes, redacted_by FROM events WHERE workspace_id = ";

#[async_trait]
impl RedactionRepository for Unit {
    async fn hold(&self, scope: &RedactionScope) -> Result<OnRecord, StorageError> {
        self.lock_ledger().await?;
        while !self.place_waiting().await?.is_all() {}
        // Whoever reads these experiences into words just now would write what is gone when they are done.
        while self.follow(UNREAD).await? > 0 {}
        let mut found = OnRecord { events: self.events_of(scope).await?, ..OnRecord::default() };
        let (experiences, artifacts) = self.experiences_of(scope).await?;
        found.experiences = experiences;
        let spans = self.attempts_of(scope, &mut found).await?;
        found.tool_calls = self.calls_of(scope).await?;
        found.script_runs = self.scripts_of(&spans).await?;
        found.artifacts = self.artifacts_of(scope, &spans, &artifacts).await?;
        let entities: Vec<(String, String)> = scope
            .entities
            .iter()
            .flat_map(|id| ["goal", "task", "agent"].map(|kind| (kind.to_owned(), id.to_string())))
            .collect();
        found.snapshots = self.snapshots(scope.workspace_id, &entities).await?;
        Ok(found)
    }

    async fn blank_events(&self, by: EventId, events: &[RedactableEvent]) -> Result<(), StorageError> {
        // The ledger keeps texts, see `sql::picked`.
        let (open, close) = match self.dialect {
            Dialect::Postgres => ("CAST(", " AS JSON)"),
            Dialect::Sqlite => ("", ""),
        };
        for event in events {
            let sql = self
                .sql("UPDATE events SET changes = ")
                .text(open)
                .bind(canonical::to_string(&blank(&event.changes)))
                .text(close)
                .text(", metadata = '{}', redacted_by = ")
                .bind(by.uuid())
                .text(" WHERE id = ")
                .bind(event.id.uuid());
            self.run(sql).await?;
        }
        Ok(())
    }

    async fn blank_copies(&self, by: EventId, found: &OnRecord) -> Result<(), StorageError> {
        self.blank_experiences(by, found).await?;
        let row = |(span, error): &(SpanId, Option<ExecutionError>)| -> Vec<Value> {
            let error = error.as_ref().map(|error| json!(error.redacted()));
            vec![(*span).into(), json_or_null(error), json_or_null(None), by.uuid().into()]
        };
        let columns = ["span_id", "error", "recorded", "redacted_by"];
        let rows = found.attempts.iter().map(row).collect();
        self.run_all(update_many(self.dialect, "attempts", &columns, rows)).await?;
        let ids: Vec<&str> = found.experiences.iter().map(|(one, _)| one.id.as_str()).collect();
        for batch in batches(&ids) {
            let hooks =
                self.sql("UPDATE hook_runs SET error = 'redacted' WHERE error IS NOT NULL AND experience_id");
            self.run(hooks.one_of_words(batch.iter().copied())).await?;
        }
        let artifacts: Vec<Uuid> =
            found.artifacts.iter().filter(|one| !one.redacted).map(|artifact| artifact.id).collect();
        for (set, ids) in [
            ("UPDATE tool_calls SET parameters = '{}', result = NULL, error = NULL", &found.tool_calls),
            ("UPDATE script_runs SET command = '', stdout = '', stderr = ''", &found.script_runs),
            ("UPDATE artifacts SET media_type = media_type", &artifacts),
        ] {
            for batch in batches(ids) {
                let sql = self.sql(set).text(", redacted_by = ").bind(by.uuid()).text(" WHERE id");
                self.run(sql.one_of(batch.iter().copied())).await?;
            }
        }
        Ok(())
    }
}

impl Unit {
    async fn events_of(&self, scope: &RedactionScope) -> Result<Vec<RedactableEvent>, StorageError> {
        let mut events = Vec::new();
        let start = || self.sql(EVENT).bind(scope.workspace_id.uuid());
        let mut entities: Vec<String> = scope.entities.iter().map(Uuid::to_string).collect();
        entities.extend(self.told_of_beside(scope).await?);
        for batch in batches(&entities) {
            let batch = batch.iter().map(String::as_str);
            let sql = start().text(" AND position IS NOT NULL AND entity_id").one_of_words(batch);
            events.extend(self.read(sql.text(" ORDER BY position"), to_event).await?);
        }
        for batch in batches(&scope.events) {
            let sql =
                start().text(" AND position IS NOT NULL AND id").one_of(batch.iter().map(|id| id.uuid()));
            for event in self.read(sql, to_event).await? {
                if !events.iter().any(|known: &RedactableEvent| known.id == event.id) {
                    events.push(event);
                }
            }
        }
        Ok(events)
    }

    /// What else events of these tasks are about: their runs, and the experiences of these.
    async fn told_of_beside(&self, scope: &RedactionScope) -> Result<Vec<String>, StorageError> {
        let mut beside = Vec::new();
        for batch in batches(&scope.entities) {
            let runs = self.sql("SELECT id FROM runs WHERE task_id").one_of(batch.iter().copied());
            for row in &self.all(runs).await? {
                beside.push(Row::of("runs", row).get::<Uuid>("id")?.to_string());
            }
            let texts: Vec<String> = batch.iter().map(Uuid::to_string).collect();
            let experiences = self
                .sql("SELECT id FROM experiences WHERE workspace_id = ")
                .bind(scope.workspace_id.uuid())
                .text(" AND task_id")
                .one_of_words(texts.iter().map(String::as_str));
            for row in &self.all(experiences).await? {
                beside.push(Row::of("experiences", row).text("id")?);
            }
        }
        beside.extend(scope.experiences.iter().cloned());
        Ok(beside)
    }

    /// Experiences, and the ids of the artifacts that they name.
    async fn experiences_of(
        &self,
        scope: &RedactionScope,
    ) -> Result<(Vec<(Experience, bool)>, Vec<Uuid>), StorageError> {
        let mut found: Vec<(Experience, bool)> = Vec::new();
        let texts: Vec<String> = scope.entities.iter().map(Uuid::to_string).collect();
        for (column, ids) in [("task_id", &texts), ("id", &scope.experiences)] {
            for batch in batches(ids) {
                let sql = self
                    .sql("SELECT * FROM experiences WHERE workspace_id = ")
                    .bind(scope.workspace_id.uuid())
                    .text(" AND ")
                    .text(column)
                    .text(" IN ")
                    .list(batch.iter().map(String::as_str));
                for (one, redacted) in self.read(sql, to_experience).await? {
                    if !found.iter().any(|(known, _)| known.id == one.id) {
                        found.push((one, redacted));
                    }
                }
            }
        }
        let named = found.iter().flat_map(|(one, _)| {
            one.content["structured"]["io"]["artifact_ids"].as_array().into_iter().flatten()
        });
        let artifacts = named.filter_map(|id| id.as_str()?.parse().ok()).collect();
        Ok((found, artifacts))
    }

    /// Notes what of the tasks' attempts is to be redacted; gives the spans of all of them.
    async fn attempts_of(
        &self,
        scope: &RedactionScope,
        found: &mut OnRecord,
    ) -> Result<Vec<Uuid>, StorageError> {
        let mut spans = Vec::new();
        for batch in batches(&scope.entities) {
            let sql = self
                .sql("SELECT span_id, error, ended_at, redacted_by FROM attempts WHERE task_id")
                .one_of(batch.iter().copied())
                .text(" AND workspace_id = ")
                .bind(scope.workspace_id.uuid());
            for row in &self.all(sql).await? {
                let row = Row::of("attempts", row);
                let span: SpanId = row.get("span_id")?;
                spans.push(span);
                if row.time_or_none("ended_at")?.is_none() {
                    found.under_way = true;
                } else if row.get::<Option<Uuid>>("redacted_by")?.is_none() {
                    found.attempts.push((span, row.json_or_none("error")?));
                }
            }
        }
        Ok(spans)
    }

    async fn calls_of(&self, scope: &RedactionScope) -> Result<Vec<Uuid>, StorageError> {
        let mut ids = Vec::new();
        for batch in batches(&scope.entities) {
            let sql = self
                .sql("SELECT id FROM tool_calls WHERE task_id")
                .one_of(batch.iter().copied())
                .text(" AND redacted_by IS NULL AND workspace_id = ")
                .bind(scope.workspace_id.uuid());
            ids.extend(self.read(sql, |row| Row::of("tool_calls", row).get::<Uuid>("id")).await?);
        }
        Ok(ids)
    }

    async fn scripts_of(&self, spans: &[Uuid]) -> Result<Vec<Uuid>, StorageError> {
        let mut ids = Vec::new();
        for batch in batches(spans) {
            let sql = self
                .sql("SELECT id FROM script_runs WHERE span_id")
                .one_of(batch.iter().copied())
                .text(" AND redacted_by IS NULL");
            ids.extend(self.read(sql, |row| Row::of("script_runs", row).get::<Uuid>("id")).await?);
        }
        Ok(ids)
    }

    async fn artifacts_of(
        &self,
        scope: &RedactionScope,
        spans: &[Uuid],
        named: &[Uuid],
    ) -> Result<Vec<Artifact>, StorageError> {
        let mut artifacts: Vec<Artifact> = Vec::new();
        // Attempts are of the workspace already; what an experience names need not be.
        for (column, ids, own) in [("span_id", spans, true), ("id", named, false)] {
            for batch in batches(ids) {
                let sql =
                    self.sql("SELECT * FROM artifacts WHERE ").text(column).one_of(batch.iter().copied());
                let sql = match own {
                    true => sql,
                    false => sql.text(" AND workspace_id = ").bind(scope.workspace_id.uuid()),
                };
                for artifact in self.read(sql, experience::artifact::from_row).await? {
                    if !artifacts.contains(&artifact) {
                        artifacts.push(artifact);
                    }
                }
            }
        }
        Ok(artifacts)
    }

    async fn blank_experiences(&self, by: EventId, found: &OnRecord) -> Result<(), StorageError> {
        let fresh: Vec<Experience> = found
            .experiences
            .iter()
            .filter(|(_, redacted)| !redacted)
            .map(|(one, _)| one.redacted())
            .collect();
        let row = |one: &Experience| -> Vec<Value> {
            vec![
                one.id.as_str().into(),
                one.content.clone().into(),
                one.meta.clone().into(),
                by.uuid().into(),
            ]
        };
        let columns = ["id", "content", "meta", "redacted_by"];
        let rows = fresh.iter().map(row).collect();
        self.run_all(update_many(self.dialect, "experiences", &columns, rows)).await?;
        let ids: Vec<&str> = fresh.iter().map(|one| one.id.as_str()).collect();
        self.derive_redacted(&ids).await
    }

    async fn read<T>(
        &self,
        sql: Sql,
        of: impl Fn(&QueryResult) -> Result<T, StorageError>,
    ) -> Result<Vec<T>, StorageError> {
        self.all(sql).await?.iter().map(of).collect()
    }
}

fn to_event(row: &QueryResult) -> Result<RedactableEvent, StorageError> {
    let row = Row::of("events", row);
    Ok(RedactableEvent {
        id: row.id("id")?,
        entity_id: row.text("entity_id")?,
        event_type: row.text("event_type")?,
        digest: row.text("digest")?,
        changes: row.get("changes")?,
        redacted: row.get::<Option<Uuid>>("redacted_by")?.is_some(),
    })
}

fn to_experience(row: &QueryResult) -> Result<(Experience, bool), StorageError> {
    let redacted = Row::of("experiences", row).get::<Option<Uuid>>("redacted_by")?.is_some();
    Ok((experience::from_row(row)?, redacted))
}
