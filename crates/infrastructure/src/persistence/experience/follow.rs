//! What is derived from experiences: words, links, executions. Statements name the experiences they read, so that one that
//! is committed in between is left for the next time.

use goalwright_application::ports::StorageError;
use goalwright_domain::Timestamp;
use goalwright_domain::workspace::WorkspaceId;
use sea_orm::{QueryResult, Value};

use crate::persistence::row::Row;
use crate::persistence::sql::{Dialect, Sql, batches, time};
use crate::persistence::unit_of_work::Unit;

/// What people read of an experience, and of an execution the name of its task.
const WORDS: &str =
    "coalesce(e.content -> 'structured' ->> 'task_name', '') || ' ' || coalesce(e.content ->> 'text', '')";

/// What is there of an execution's attempt. A backfilled one may have none.
const EXECUTIONS: &str = "INSERT INTO task_executions (document, workspace_id, experience_id, task_id, task_slug, task_type, status, \
     agent_id, tool, attempt, duration_ms, queued_at, started_at) \
     SELECT d.document, e.workspace_id, e.id, e.task_id, coalesce(e.task_slug, ''), \
     coalesce(e.content -> 'structured' ->> 'task_type', ''), e.content -> 'structured' ->> 'status', a.agent_id, \
     (SELECT c.tool || '.' || c.operation FROM tool_calls c WHERE c.task_id = a.task_id AND c.span_id = a.span_id ORDER BY c.id LIMIT 1), \
     coalesce(CAST(CAST(e.content -> 'structured' ->> 'attempt' AS DOUBLE PRECISION) AS INTEGER), 1), \
     coalesce(CAST(CAST(e.content -> 'structured' ->> 'duration_ms' AS DOUBLE PRECISION) AS BIGINT), 0), \
     CASE WHEN a.number = 1 THEN r.created_at END, e.created_at \
     FROM experience_unread u JOIN experiences e ON e.id = u.experience_id \
     JOIN experience_documents d ON d.experience_id = e.id \
     LEFT JOIN attempts a ON a.span_id = {span} LEFT JOIN runs r ON r.id = a.run_id \
     WHERE e.type = 'TASK_EXECUTION' AND e.task_id IS NOT NULL \
     AND e.content -> 'structured' ->> 'status' IN ('success', 'failed', 'partial') AND u.n";

impl Unit {
    /// Reads up to `most` experiences, oldest notes first.
    pub(super) async fn read_experiences(&self, most: usize) -> Result<usize, StorageError> {
        let sql = self
            .sql("SELECT n FROM experience_unread WHERE n > 0 ORDER BY n LIMIT ")
            .bind(i64::try_from(most).unwrap_or(i64::MAX))
            // Whoever else reads waits here, and then finds these gone.
            .text(if self.dialect == Dialect::Postgres { " FOR UPDATE" } else { "" });
        let rows = self.all(sql).await?;
        let numbers = rows
            .iter()
            .map(|row| Row::of("experience_unread", row).get("n"))
            .collect::<Result<Vec<i64>, _>>()?;
        if numbers.is_empty() {
            return Ok(0);
        }
        let of = |sql: Sql| sql.one_of_numbers(numbers.iter().copied());
        match self.dialect {
            Dialect::Postgres => {
                let text = format!(
                    "INSERT INTO experience_documents (workspace_id, experience_id, words) SELECT e.workspace_id, e.id, \
                     words_of_experience({WORDS}) || array_to_tsvector(ARRAY['workspace:' || CAST(e.workspace_id AS TEXT)]) \
                     FROM experience_unread u JOIN experiences e ON e.id = u.experience_id WHERE u.n"
                );
                self.run(of(self.sql(&text)).text(" ORDER BY u.n ON CONFLICT DO NOTHING")).await?;
                let links = "INSERT INTO experience_links (workspace_id, to_id, from_id, kind) \
                     SELECT e.workspace_id, l.value, e.id, l.kind \
                     FROM experience_unread u JOIN experiences e ON e.id = u.experience_id CROSS JOIN LATERAL \
                     (SELECT value, 'parent' AS kind FROM jsonb_array_elements_text(e.parents) AS p (value) \
                     UNION SELECT value, 'cause' FROM jsonb_array_elements_text(e.causes) AS c (value)) AS l \
                     WHERE l.value <> e.id AND u.n";
                self.run(of(self.sql(links)).text(" ON CONFLICT DO NOTHING")).await?;
            }
            Dialect::Sqlite => {
                let documents = "INSERT INTO experience_documents (workspace_id, experience_id) \
                     SELECT e.workspace_id, e.id FROM experience_unread u JOIN experiences e ON e.id = u.experience_id \
                     WHERE u.n";
                self.run(of(self.sql(documents)).text(" ORDER BY u.n ON CONFLICT DO NOTHING")).await?;
                let text = format!(
                    "INSERT INTO experience_words (rowid, workspace, words) \
                     SELECT d.document, lower(hex(e.workspace_id)), substr({WORDS}, 1, 20000) \
                     FROM experience_unread u JOIN experiences e ON e.id = u.experience_id \
                     JOIN experience_documents d ON d.experience_id = e.id WHERE u.n"
                );
                self.run(of(self.sql(&text)).text(" ORDER BY u.n")).await?;
                for (kind, column) in [("parent", "parents"), ("cause", "causes")] {
                    let text = format!(
                        "INSERT INTO experience_links (workspace_id, to_id, from_id, kind) \
                         SELECT e.workspace_id, l.value, e.id, '{kind}' FROM experience_unread u \
                         JOIN experiences e ON e.id = u.experience_id JOIN json_each(e.{column}) l \
                         WHERE l.value <> e.id AND u.n"
                    );
                    self.run(of(self.sql(&text)).text(" ON CONFLICT DO NOTHING")).await?;
                }
            }
        }
        let span = match self.dialect {
            Dialect::Postgres => {
                "CAST(substring(e.content -> 'structured' ->> 'span_id' FROM '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$') AS UUID)"
            }
            Dialect::Sqlite => "unhex(replace(e.content -> 'structured' ->> 'span_id', '-', ''))",
        };
        let executions = of(self.sql(&EXECUTIONS.replace("{span}", span)));
        self.run(executions.text(" ORDER BY u.n ON CONFLICT DO NOTHING")).await?;
        self.run(of(self.sql("DELETE FROM experience_unread WHERE n"))).await?;
        Ok(numbers.len())
    }

    /// The next one is noted elsewhere, if it is still this one.
    pub(super) async fn put_aside(
        &self,
        experience: &str,
        error: &str,
        now: Timestamp,
    ) -> Result<Option<WorkspaceId>, StorageError> {
        let sql = self
            .sql("SELECT n, experience_id FROM experience_unread WHERE n > 0 ORDER BY n LIMIT 1")
            .text(if self.dialect == Dialect::Postgres { " FOR UPDATE" } else { "" });
        let Some(next) = self.one(sql).await? else { return Ok(None) };
        let next = Row::of("experience_unread", &next);
        if next.text("experience_id")? != experience {
            return Ok(None);
        }
        let noted = self
            .sql("INSERT INTO experiences_set_aside (experience_id, error, set_aside_at) VALUES ")
            .list([Value::from(experience), error.into(), time(now)])
            .text(
                " ON CONFLICT (experience_id) DO UPDATE SET error = excluded.error, \
                 set_aside_at = excluded.set_aside_at",
            );
        self.run(noted).await?;
        self.run(self.sql("DELETE FROM experience_unread WHERE n = ").bind(next.get::<i64>("n")?)).await?;
        let of = self.sql("SELECT workspace_id FROM experiences WHERE id = ").bind(experience);
        let workspace = |row: QueryResult| Row::of("experiences", &row).id("workspace_id");
        self.one(of).await?.map(workspace).transpose()
    }

    /// What these experiences are found by, derived anew from what is left of them, with nothing of what was there before
    /// left in the index.
    pub(crate) async fn derive_redacted(&self, ids: &[&str]) -> Result<(), StorageError> {
        for batch in batches(ids) {
            let of = |text: &str| self.sql(text).list(batch.iter().copied());
            match self.dialect {
                Dialect::Postgres => {
                    let text = format!(
                        "UPDATE experience_documents d SET words = words_of_experience({WORDS}) || \
                         array_to_tsvector(ARRAY['workspace:' || CAST(e.workspace_id AS TEXT)]) \
                         FROM experiences e WHERE e.id = d.experience_id AND d.experience_id IN "
                    );
                    self.run(of(&text)).await?;
                }
                Dialect::Sqlite => {
                    let gone = "DELETE FROM experience_words WHERE rowid IN \
                         (SELECT document FROM experience_documents WHERE experience_id IN ";
                    self.run(of(gone).text(")")).await?;
                    let text = format!(
                        "INSERT INTO experience_words (rowid, workspace, words) \
                         SELECT d.document, lower(hex(e.workspace_id)), substr({WORDS}, 1, 20000) \
                         FROM experience_documents d JOIN experiences e ON e.id = d.experience_id WHERE d.experience_id IN "
                    );
                    self.run(of(&text)).await?;
                }
            }
            let slugs = "UPDATE task_executions SET task_slug = 'redacted' WHERE document IN \
                 (SELECT document FROM experience_documents WHERE experience_id IN ";
            self.run(of(slugs).text(")")).await?;
        }
        if self.dialect == Dialect::Sqlite && !ids.is_empty() {
            // Words that were deleted stay in the index until its parts are merged.
            let merge = "INSERT INTO experience_words (experience_words) VALUES ('optimize')";
            self.run(self.sql(merge)).await?;
        }
        Ok(())
    }

    /// Everything that is derived goes, and everything is unread.
    pub(super) async fn unread_all(&self) -> Result<(), StorageError> {
        if self.dialect == Dialect::Sqlite {
            // The table keeps no text, so that this is how it is emptied.
            self.run(self.sql("INSERT INTO experience_words (experience_words) VALUES ('delete-all')"))
                .await?;
        }
        for table in [
            "task_executions",
            "experience_links",
            "experience_documents",
            "experience_unread",
            "experiences_set_aside",
        ] {
            self.run(self.sql(&format!("DELETE FROM {table}"))).await?;
        }
        let all = "INSERT INTO experience_unread (experience_id) SELECT id FROM experiences ORDER BY ts, id";
        self.run(self.sql(all)).await.map(|_| ())
    }
}
