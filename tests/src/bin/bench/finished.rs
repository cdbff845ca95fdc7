//! Finished tasks in any number, made of one that the product finished: its rows, again and again, each time with ids of
//! their own. What is random in the product is random here, and rows come in the order in which a drain leaves them, so
//! that tables and indexes look as they do after as many drains.

use anyhow::Context as _;
use sea_orm::{ConnectionTrait, DatabaseBackend, DatabaseConnection, Statement, TryGetable};
use uuid::Uuid;

use crate::drain::{PER_GOAL, number};
use crate::plain::{self, Table};
use crate::words::Words;

/// Tasks that are made at once.
const BATCH: u32 = 50_000;

/// Kinds of ids, so that no two things share one. Events have those from the last on.
const GOAL: u16 = 0x11;
const TASK: u16 = 0x12;
const RUN: u16 = 0x13;
const CALL: u16 = 0x14;
const EVENT: u16 = 0x20;

/// What is random of each task: its span, its trace, and a digest.
const DRAWN: &str = "drawn";

/// Adds so many finished tasks, in goals of the usual size, to a workspace that has finished some. Nothing else may be
/// connected to the database.
pub(crate) async fn fill(url: &str, workspace: Uuid, tasks: u32) -> anyhow::Result<()> {
    if tasks == 0 {
        return Ok(());
    }
    let database = plain::connect(url, 1).await?;
    let words = Words(database.get_database_backend());
    // Rows of one origin agree with each other: what the product checks row by row is left out where that can be done, and
    // nothing has to survive a loss of power.
    let (hasty, rested) = match words.0 {
        DatabaseBackend::Postgres => (
            "SET session_replication_role = replica; SET synchronous_commit = off; \
             CREATE TEMP TABLE drawn (i BIGINT, span TEXT, trace TEXT, digest TEXT)",
            // As autovacuum does it in a database that is in use.
            "VACUUM ANALYZE",
        ),
        _ => (
            "PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF; \
             PRAGMA cache_size = -786432; \
             CREATE TEMP TABLE drawn (i INTEGER PRIMARY KEY, span TEXT, trace TEXT, digest TEXT)",
            "PRAGMA journal_mode = WAL",
        ),
    };
    database.execute_unprepared(hasty).await?;
    let sample = Sample::read(&database, words).await?;
    let goals = format!("(SELECT i * {PER_GOAL} AS i FROM {})", words.numbers(tasks.div_ceil(PER_GOAL)));
    for statement in sample.goals(&goals) {
        database.execute_unprepared(&statement).await?;
    }
    let mut made = 0;
    while made < tasks {
        let count = BATCH.min(tasks - made);
        database.execute_unprepared(&draw(words, made, count)).await?;
        for statement in sample.tasks() {
            database.execute_unprepared(&statement).await?;
        }
        made += count;
    }
    database.execute_unprepared(&sample.rest(workspace, tasks)).await?;
    database.execute_unprepared(rested).await?;
    database.close().await?;
    Ok(())
}

/// Draws what is random of the tasks from `first` on.
fn draw(words: Words, first: u32, count: u32) -> String {
    let numbers = words.numbers(count);
    let drawn = match words.0 {
        DatabaseBackend::Postgres => "gen_random_uuid(), gen_random_uuid(), \
             replace(CAST(gen_random_uuid() AS TEXT) || CAST(gen_random_uuid() AS TEXT), '-', '')"
            .to_owned(),
        _ => {
            let part = "lower(hex(randomblob(2)))";
            let uuid = format!(
                "lower(hex(randomblob(4))) || '-' || {part} || '-4' || substr({part}, 2) || '-8' || substr({part}, 2) || '-' || \
                 lower(hex(randomblob(6)))"
            );
            format!("{uuid}, {uuid}, lower(hex(randomblob(32)))")
        }
    };
    format!("DELETE FROM {DRAWN}; INSERT INTO {DRAWN} SELECT i + {first}, {drawn} FROM {numbers}")
}

/// A slug over the number `i`: as long and as random as those of the product, and never the same twice.
fn slug_text() -> String {
    let of_goal = format!("substr(CAST(10000 + i / {PER_GOAL} AS TEXT), 2)");
    format!("'tell-the-time-call-' || (i % {PER_GOAL} + 1) || '-' || substr(digest, 1, 4) || {of_goal}")
}

/// A finished task, its goal, and everything that was recorded of it.
struct Sample {
    words: Words,
    /// What stands in its rows, and what stands there instead.
    replaced: Vec<Replaced>,
    /// Tables with a row of the goal, and the row.
    goal: Vec<(Table, Vec<String>)>,
    /// Tables with rows of the task, and the rows, as the database writes their values.
    rows: Vec<(Table, Vec<Vec<String>>)>,
    events: usize,
    /// The last position of the workspace before.
    before: i64,
}

struct Replaced {
    known: Known,
    /// The text that stands there instead, over the number `i`.
    text: String,
}

enum Known {
    /// Wherever it is, as text or as 16 bytes.
    Id(Uuid),
    /// Wherever it is.
    Text(String),
}

impl Sample {
    async fn read(database: &DatabaseConnection, words: Words) -> anyhow::Result<Self> {
        let task =
            one(database, words, "SELECT id FROM tasks WHERE status = 'completed' ORDER BY id DESC LIMIT 1")
                .await?;
        let of = |table: &str, column: &str| {
            format!("SELECT {column} FROM {table} WHERE task_id = {}", words.known(task))
        };
        let task_row = format!("tasks WHERE id = {}", words.known(task));
        let goal = one(database, words, &format!("SELECT goal_id FROM {task_row}")).await?;
        let slug = one(database, words, &format!("SELECT slug FROM {task_row}")).await?;
        let run = one(database, words, &of("runs", "id")).await?;
        let trace = one(database, words, &of("runs", "trace_id")).await?;
        let span = one(database, words, &of("attempts", "span_id")).await?;
        let call = one(database, words, &of("tool_calls", "id")).await?;
        let digest = one(database, words, &of("attempts", "idempotency_key")).await?;

        let own = format!("entity_id = '{task}' ORDER BY position");
        let mut rows = Vec::new();
        for (name, which) in [
            ("tasks", format!("id = {}", words.known(task))),
            ("runs", format!("id = {}", words.known(run))),
            ("attempts", format!("span_id = {}", words.known(span))),
            ("tool_calls", format!("id = {}", words.known(call))),
            ("experiences", format!("task_id = '{task}'")),
            ("events", own),
        ] {
            let table = Table::read(database, name).await?;
            let literals = table.literals(database, &which).await?;
            rows.push((table, literals));
        }
        let mut goals = Vec::new();
        for (name, column) in [("goals", "id"), ("goal_progress", "goal_id")] {
            let table = Table::read(database, name).await?;
            let which = format!("{column} = {}", words.known(goal));
            let row = table.literals(database, &which).await?.pop().context("a goal has its row")?;
            goals.push((table, row));
        }

        let by_number = |kind, id| Replaced { known: Known::Id(id), text: words.id_text(kind, "i") };
        let drawn = |column: &str, id| Replaced { known: Known::Id(id), text: column.to_owned() };
        let goal_text = words.id_text(GOAL, &format!("(i / {PER_GOAL})"));
        let mut replaced = vec![
            by_number(TASK, task),
            by_number(RUN, run),
            by_number(CALL, call),
            Replaced { known: Known::Id(goal), text: goal_text },
            drawn("span", span),
            drawn("trace", trace),
            Replaced { known: Known::Text(digest), text: "digest".to_owned() },
            Replaced { known: Known::Text(slug), text: slug_text() },
        ];
        let ids = format!("SELECT id FROM events WHERE entity_id = '{task}' ORDER BY position");
        let ids = database.query_all_raw(Statement::from_string(words.0, ids)).await?;
        for (kind, row) in (EVENT..).zip(&ids) {
            replaced.push(by_number(kind, row.try_get_by_index(0)?));
        }
        let before = number(database, "SELECT MAX(position) FROM events").await?;
        Ok(Self { words, replaced, goal: goals, rows, events: ids.len(), before })
    }

    /// Statements that make goals, one for each number of a source of numbers `i`.
    fn goals(&self, numbers: &str) -> Vec<String> {
        self.goal.iter().map(|(table, row)| self.insert(table, row, numbers, &[])).collect()
    }

    /// Statements that make the tasks that were drawn, with all that was recorded of them.
    fn tasks(&self) -> Vec<String> {
        let mut statements = Vec::new();
        for (table, rows) in &self.rows {
            for (number, row) in (1_i64..).zip(rows) {
                let own = match table.name() {
                    "tasks" => Some(("key", format!("'T' || (i % {PER_GOAL} + 1)"))),
                    "events" => Some(("position", format!("i * {} + {}", self.events, self.before + number))),
                    _ => None,
                };
                statements.push(self.insert(table, row, DRAWN, own.as_slice()));
            }
        }
        statements
    }

    fn insert(&self, table: &Table, row: &[String], source: &str, own: &[(&str, String)]) -> String {
        let (mut names, mut values) = (Vec::new(), Vec::new());
        for ((name, kind), literal) in table.columns().zip(row) {
            let own = own.iter().find(|(column, _)| *column == name);
            values.push(own.map_or_else(|| self.anew(literal, kind), |(_, value)| value.clone()));
            names.push(name);
        }
        let (names, values) = (names.join(", "), values.join(", "));
        format!("INSERT INTO {} ({names}) SELECT {values} FROM {source} AS source ORDER BY i", table.name())
    }

    /// A value with other ids in the place of those that are known.
    fn anew(&self, literal: &str, kind: &str) -> String {
        let mut value = literal.to_owned();
        let quote = if literal.starts_with('E') { "E'" } else { "'" };
        for Replaced { known, text } in &self.replaced {
            let known = match known {
                Known::Id(id) if literal == format!("X'{:X}'", id.simple()) => {
                    return format!("unhex(replace({text}, '-', ''))");
                }
                Known::Id(id) => id.to_string(),
                Known::Text(known) => known.clone(),
            };
            value = value.replace(&known, &format!("' || ({text}) || {quote}"));
        }
        match self.words.0 {
            DatabaseBackend::Postgres => format!("CAST({value} AS {kind})"),
            _ => value,
        }
    }

    /// What follows from the rows: where the ledger ends, and words of tasks where no trigger writes them. What is derived
    /// from experiences is neither read nor written by a drain; there is nothing left to derive.
    fn rest(&self, workspace: Uuid, tasks: u32) -> String {
        let end = self.before + i64::from(tasks) * self.events as i64;
        let workspace = self.words.known(workspace);
        let mut rest = format!(
            "UPDATE ledger_heads SET position = {end}, sealed = {end} WHERE workspace_id = {workspace}; \
             DELETE FROM experience_unread"
        );
        if self.words.0 == DatabaseBackend::Postgres {
            rest.push_str(
                "; INSERT INTO task_words SELECT id, words_of_task(workspace_id, key, title, description) FROM tasks t \
                 WHERE NOT EXISTS (SELECT 1 FROM task_words w WHERE w.task_id = t.id)",
            );
        }
        rest
    }
}

/// The first column of the first row.
async fn one<T: TryGetable>(database: &DatabaseConnection, words: Words, sql: &str) -> anyhow::Result<T> {
    let row = database.query_one_raw(Statement::from_string(words.0, sql)).await?;
    Ok(row.context("there is a finished task")?.try_get_by_index(0)?)
}
