//! A tenant of any size, made by a few statements.

use sea_orm::{ConnectionTrait, DatabaseBackend, DatabaseConnection, Statement};
use uuid::Uuid;

use crate::plain;
use crate::product::Product;
use crate::words::{Words, id, spread};

pub(super) const GOALS: u32 = 50;
const AGENTS: u32 = 20;
const TYPES: u32 = 12;
/// The first goal has as many tasks in every tenant; the others share the rest.
const TASKS_OF_SMALL_GOAL: u32 = 20;
pub(super) const SMALL_GOAL: u32 = 0;
/// One of those that share the rest.
pub(super) const LARGEST_GOAL: u32 = 25;
/// The slug of a task that is there in every tenant.
pub(super) const SLUG: &str = "measure-500";

/// Kinds of ids, so that no two things share one.
const GOAL: u16 = 1;
const AGENT: u16 = 2;
const TASK: u16 = 3;
const EVENT: u16 = 4;

const NOW: &str = "'2026-01-01T00:00:00+00:00'";

/// What was made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Filled {
    pub(super) tasks: u32,
}

impl Filled {
    pub(super) fn goal(self, number: u32) -> Uuid {
        id(GOAL, number)
    }

    pub(super) fn agent(self, number: u32) -> Uuid {
        id(AGENT, number)
    }

    pub(super) fn task(self, number: u32) -> Uuid {
        id(TASK, number)
    }
}

/// Fills the workspace of the product's user.
pub(super) async fn fill(product: &Product, tasks: u32) -> anyhow::Result<Filled> {
    let database = plain::connect(&product.url, 1).await?;
    let words = Words(database.get_database_backend());
    let principal = &product.context.principal;
    let workspace = words.known(product.context.workspace().uuid());
    let user = words.known(principal.user_id.uuid());
    // Rows of one origin agree with each other: what the product checks row by row is left out while they are made.
    let hasty = match words.0 {
        DatabaseBackend::Postgres => "SET session_replication_role = replica",
        _ => "PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -262144",
    };
    database.execute_unprepared(hasty).await?;
    let before = positions(&database, &workspace).await?;
    let statements = [
        agents(words, &workspace),
        goals(words, &workspace, &user),
        self::tasks(words, &workspace, tasks),
        dependencies(words, &workspace, tasks),
        counters(),
        events(words, &workspace, tasks, before),
        head(&workspace, before + i64::from(tasks)),
    ];
    for statement in statements {
        database.execute_unprepared(&statement).await?;
    }
    let rested = match words.0 {
        // As autovacuum does it in a database that is in use.
        DatabaseBackend::Postgres => "VACUUM ANALYZE",
        _ => "PRAGMA wal_checkpoint(TRUNCATE)",
    };
    database.execute_unprepared(rested).await?;
    database.close().await?;
    Ok(Filled { tasks })
}

/// How many events of the workspace have a position.
async fn positions(database: &DatabaseConnection, workspace: &str) -> anyhow::Result<i64> {
    let sql = format!("SELECT COALESCE(MAX(position), 0) FROM events WHERE workspace_id = {workspace}");
    let row = database.query_one_raw(Statement::from_string(database.get_database_backend(), sql)).await?;
    Ok(row.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or(0))
}

fn agents(words: Words, workspace: &str) -> String {
    format!(
        "INSERT INTO agents (id, workspace_id, name, kind, capabilities, is_default, status, revision, created_at, \
         updated_at) SELECT {}, {workspace}, 'measure-' || i, 'external', '[]', FALSE, 'active', 1, {NOW}, {NOW} \
         FROM {}",
        words.id(AGENT, "i"),
        words.numbers(AGENTS)
    )
}

fn goals(words: Words, workspace: &str, user: &str) -> String {
    format!(
        "INSERT INTO goals (id, workspace_id, title, description, success_criteria, status, queue, created_by, \
         revision, created_at, updated_at) SELECT {}, {workspace}, 'Goal ' || i, 'A goal to measure with.', \
         '[\"it is measured\"]', 'active', 'default', {user}, 1, {NOW}, {NOW} FROM {}",
        words.id(GOAL, "i"),
        words.numbers(GOALS)
    )
}

/// The goal of a task: the first few are the small goal's, the others come in blocks, as imports make them.
fn goal_of(number: &str, tasks: u32) -> String {
    let (first, others) = (TASKS_OF_SMALL_GOAL, GOALS - 1);
    let rest = tasks - first;
    format!("(CASE WHEN {number} < {first} THEN 0 ELSE 1 + ({number} - {first}) * {others} / {rest} END)")
}

fn tasks(words: Words, workspace: &str, tasks: u32) -> String {
    // In a hundred: most are done, some wait their turn, a few are somewhere else.
    let status = "CASE WHEN s < 70 THEN 'completed' WHEN s < 85 THEN 'pending' WHEN s < 89 THEN 'ready' \
                  WHEN s < 91 THEN 'running' WHEN s < 94 THEN 'waiting' WHEN s < 97 THEN 'failed' \
                  WHEN s < 99 THEN 'cancelled' ELSE 'skipped' END";
    // The first agent and the first type have work, but never the kind that is asked for in vain: no task is of both,
    // none of either waits, and none of either is the largest goal's.
    let agent = "CASE WHEN a = 0 AND (s BETWEEN 91 AND 93 OR t = 0 OR g = 25) THEN 1 ELSE a END";
    let task_type = "CASE WHEN t = 0 AND (s BETWEEN 91 AND 93 OR g = 25) THEN 1 ELSE t END";
    format!(
        "INSERT INTO tasks (id, workspace_id, goal_id, key, slug, title, description, task_type, status, waiting, \
         priority, agent_id, action, labels, parallel, attempt, max_attempts, open_dependencies, revision, \
         created_at, updated_at) SELECT {id}, {workspace}, {goal}, 'T' || i, 'measure-' || i, 'Task ' || i, \
         'Some words that say what is to be done, and how one sees that it is.', 'type-' || ({task_type}), \
         {status}, CASE WHEN s BETWEEN 91 AND 93 THEN {waiting} END, 0, \
         CASE WHEN s BETWEEN 70 AND 74 THEN NULL ELSE {agent_id} END, {action}, '[\"US1\"]', FALSE, \
         CASE WHEN s < 70 THEN 1 ELSE 0 END, 3, CASE WHEN s BETWEEN 75 AND 84 THEN 1 ELSE 0 END, 2, {NOW}, {NOW} \
         FROM (SELECT i, {goal_number} AS g, {s} AS s, {a} AS a, {t} AS t FROM {numbers}) AS drawn",
        id = words.id(TASK, "i"),
        goal = words.id(GOAL, "g"),
        agent_id = words.id(AGENT, &format!("({agent})")),
        waiting = json(words, r#"{"kind":"person","until":null,"message":"a person does this"}"#),
        action = json(words, r#"{"kind":"external"}"#),
        goal_number = goal_of("i", tasks),
        s = spread(2_654_435_761, 100),
        a = spread(2_246_822_519, AGENTS),
        t = spread(3_266_489_917, TYPES),
        numbers = words.numbers(tasks),
    )
}

/// Inside a CASE, PostgreSQL does not take a text for JSON by itself.
fn json(words: Words, text: &str) -> String {
    if words.0 == DatabaseBackend::Postgres { format!("'{text}'::JSONB") } else { format!("'{text}'") }
}

/// Two of three tasks wait, or waited, for the one before.
fn dependencies(words: Words, workspace: &str, tasks: u32) -> String {
    format!(
        "INSERT INTO task_dependencies (workspace_id, task_id, depends_on_task_id, origin, created_at) \
         SELECT {workspace}, {}, {}, 'explicit', {NOW} FROM {} WHERE i % 3 <> 0 AND {} = {}",
        words.id(TASK, "i"),
        words.id(TASK, "i - 1"),
        words.numbers(tasks),
        goal_of("i", tasks),
        goal_of("(i - 1)", tasks)
    )
}

fn counters() -> String {
    let statuses = ["pending", "ready", "running", "waiting", "completed", "failed", "cancelled", "skipped"];
    let counts = statuses.map(|status| format!("COUNT(*) FILTER (WHERE status = '{status}')"));
    format!(
        "INSERT INTO goal_progress (goal_id, {}, revision) SELECT goal_id, {}, 1 FROM tasks GROUP BY goal_id",
        statuses.join(", "),
        counts.join(", ")
    )
}

fn events(words: Words, workspace: &str, tasks: u32, before: i64) -> String {
    format!(
        "INSERT INTO events (id, workspace_id, position, entity_type, entity_id, event_type, actor_type, actor_id, \
         changes, metadata, digest, created_at) SELECT {}, {workspace}, {before} + 1 + i, 'task', {}, \
         CASE WHEN i % 3 = 0 THEN 'task.created' WHEN i % 3 = 1 THEN 'task.started' ELSE 'task.completed' END, \
         'system', 'measure', '{{\"status\":{{\"from\":\"ready\",\"to\":\"running\"}},\"attempt\":{{\"from\":0,\
         \"to\":1}}}}', '{{}}', 'sha256:0', {NOW} FROM {}",
        words.id(EVENT, "i"),
        words.id_text(TASK, "i"),
        words.numbers(tasks)
    )
}

fn head(workspace: &str, position: i64) -> String {
    format!(
        "INSERT INTO ledger_heads (workspace_id, position) VALUES ({workspace}, {position}) \
         ON CONFLICT (workspace_id) DO UPDATE SET position = excluded.position"
    )
}
