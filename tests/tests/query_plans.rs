//! No query grows with the size of a tenant: the statements that the product sends, as it sends them, are explained
//! by both databases, and none reads a whole table or a whole index.
//!
//! The product tells of its statements on `goalwright::sql`. The use cases are driven once over tables of thousands
//! of rows; what no use case drives is noticed, too.

#![allow(missing_docs, reason = "a test's name says what it shows")]

#[path = "query_plans/api_keys.rs"]
mod api_keys;
#[path = "query_plans/changes.rs"]
mod changes;
#[path = "query_plans/hardly.rs"]
mod hardly;
#[path = "query_plans/lists.rs"]
mod lists;
#[path = "query_plans/models.rs"]
mod models;
#[path = "query_plans/plan.rs"]
mod plan;
#[path = "query_plans/pruning.rs"]
mod pruning;
#[path = "query_plans/record.rs"]
mod record;
#[path = "query_plans/redaction.rs"]
mod redaction;
#[path = "query_plans/requests.rs"]
mod requests;
#[path = "query_plans/schedules.rs"]
mod schedules;
#[path = "query_plans/selection.rs"]
mod selection;
#[path = "query_plans/source.rs"]
mod source;
#[path = "query_plans/work.rs"]
mod work;

use std::collections::{BTreeMap, BTreeSet};

use goalwright_testkit::{Backend, TestApp};
use rstest::rstest;

use lists::Listed;
use plan::{Explainer, Plan};
use record::{Record, Sent};
use work::Log;

/// Indexes that are read as a whole, since they hold just what is asked for.
const WHOLE: [(&str, &str); 12] = [
    ("0:=", "the words of an experience are found by their number"),
    ("ix_agents_limited", "agents with a limit, of all workspaces, are looked through for one that has work"),
    ("ix_attempts_agent", "attempts are in it while a worker holds them, and workers hold few"),
    ("ix_attempts_lease", "as the one before"),
    ("ix_events_unplaced", "events are in it until they have a position"),
    ("ix_tasks_pending", "open work is counted now and then, for a bounded share of the time"),
    ("ix_tasks_unassigned", "tasks are in it while nobody has them"),
    ("ux_runs_driving", "as for pending tasks: it holds the open runs that drive their tasks"),
    ("ix_runs_beside", "as ux_runs_driving, of the open runs that do not drive theirs"),
    (
        "ix_hook_runs_failed",
        "hooks are in it that failed for good; they are listed and had again up to a limit",
    ),
    (
        "ix_workspace_settings_retention",
        "workspaces are in it that do not keep everything, and all of them are pruned",
    ),
    ("ix_ledger_heads_unsealed", "ledgers are in it until what they had before there were seals is sealed"),
];

/// Indexes that no statement uses.
const IDLE: [(&str, &str); 1] =
    [("ix_events_unplaced", "on SQLite events get their positions at once, so it is empty there")];

/// Statements that are sent to PostgreSQL only, or not by tests, which move the clock themselves.
const NOT_SENT: [(&str, Option<Backend>); 37] = [
    // Words stay for a while in SQLite's index only.
    ("INSERT INTO pruned_words", Some(Backend::Postgres)),
    ("DELETE FROM pruned_words", Some(Backend::Postgres)),
    ("SELECT id FROM pruned_words", Some(Backend::Postgres)),
    ("SELECT id FROM experience_words_data", Some(Backend::Postgres)),
    ("SELECT total_changes()", Some(Backend::Postgres)),
    ("INSERT INTO experience_words (experience_words, rank)", Some(Backend::Postgres)),
    // Each database has its own way to names that are taken.
    ("SELECT {column} AS name FROM tasks", Some(Backend::Postgres)),
    ("SELECT w.name FROM UNNEST(", Some(Backend::Sqlite)),
    // Each database has its own way to the executions of experiences that go.
    ("DELETE FROM task_executions WHERE document = ANY (ARRAY", Some(Backend::Sqlite)),
    ("DELETE FROM task_executions WHERE document IN", Some(Backend::Postgres)),
    // `admin rebuild` looks at everything, as it says; it is no use case of a tenant.
    ("SELECT p.goal_id, ", None),
    ("SELECT t.id, t.workspace_id, t.open_dependencies, ", None),
    // As is the second half of it.
    ("DELETE FROM {table}", None),
    ("INSERT INTO experience_words (experience_words)", None),
    ("INSERT INTO experience_unread (experience_id) SELECT id", None),
    ("INSERT INTO experience_documents (workspace_id, experience_id, words)", Some(Backend::Sqlite)),
    ("INSERT INTO experience_documents (workspace_id, experience_id) ", Some(Backend::Postgres)),
    ("INSERT INTO experience_words (rowid", Some(Backend::Postgres)),
    (
        "INSERT INTO experience_links (workspace_id, to_id, from_id, kind) SELECT e.workspace_id, l.value, e.id, l.kind",
        Some(Backend::Sqlite),
    ),
    (
        "INSERT INTO experience_links (workspace_id, to_id, from_id, kind) SELECT e.workspace_id, l.value, e.id, '{kind}'",
        Some(Backend::Postgres),
    ),
    // Once when a process starts: all workspaces, as it says.
    ("SELECT w.id FROM workspaces w WHERE w.id > ", None),
    // What follows the ledgers of all tenants asks how far each of them goes.
    ("SELECT workspace_id, position FROM ledger_heads", None),
    ("SELECT clock_timestamp()", None),
    ("SELECT pg_advisory_xact_lock(", Some(Backend::Sqlite)),
    ("SELECT pg_try_advisory_xact_lock(", Some(Backend::Sqlite)),
    ("SELECT seq, workspace_id, digest FROM events", Some(Backend::Sqlite)),
    ("SELECT COUNT(*) AS unplaced", Some(Backend::Sqlite)),
    // Once when a process starts, of a table with one row.
    ("SELECT fingerprint FROM ledger_key", None),
    ("INSERT INTO ledger_key", None),
    // `admin continue-ledger`: all ledgers, as it says.
    ("UPDATE ledger_key SET", None),
    ("SELECT workspace_id, position, sealed, seal, mark FROM ledger_heads", None),
    // What a redacted experience is found by.
    ("UPDATE experience_documents", Some(Backend::Sqlite)),
    ("DELETE FROM experience_words", Some(Backend::Postgres)),
    // `admin verify-audit`, and what is noted outside the database: all ledgers, as they say.
    ("SELECT workspace_id FROM ledger_heads ORDER BY workspace_id", None),
    ("SELECT workspace_id, sealed, seal FROM ledger_heads", None),
    // Part of a longer one on PostgreSQL.
    ("SELECT 1 AS waiting FROM ledger_heads", Some(Backend::Postgres)),
    ("SELECT goal_id FROM goal_progress", Some(Backend::Sqlite)),
];

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn no_query_grows_with_the_size_of_a_tenant(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let goal = work::fill(&app, backend).await;
    requests::fill(&app, backend).await;
    schedules::fill(&app, backend).await;
    api_keys::fill(&app, backend).await;
    models::fill(&app, backend).await;
    if backend == Backend::Postgres {
        app.db.execute("ANALYZE").await.expect("analyzes");
    }
    for table in ["tasks", "runs", "attempts", "tool_calls", "experiences", "events"] {
        let rows = app.db.number(&format!("SELECT COUNT(*) FROM {table}")).await;
        assert!(rows >= 1_000, "{rows} rows in {table} prove nothing");
    }
    let (record, guard) = Record::listen();
    let mut log = Log { record, sent: Vec::new() };
    work::people_and_agents(&app, &mut log).await;
    Box::pin(work::planning(&app, &mut log)).await;
    work::execution(&app, &mut log).await;
    work::reads(&app, &mut log, goal).await;
    requests::all(&app, &mut log, goal).await;
    changes::all(&app, &mut log).await;
    schedules::all(&app, &mut log).await;
    selection::all(&app, &mut log).await;
    api_keys::all(&app, &mut log).await;
    redaction::all(&app, &mut log).await;
    Box::pin(models::all(&app, &mut log)).await;
    Box::pin(pruning::all(&app, &mut log, goal)).await;
    let mut listed = lists::all(&app, &mut log, goal).await;
    let combined = lists::combined(&app, &mut log, goal).await;
    if backend == Backend::Postgres {
        // SQLite sorts what was looked at, of which there is a bounded number.
        listed.extend(combined);
    }
    lists::others(&app, &mut log, goal).await;
    drop(guard);

    let explainer = Explainer::new(&app, backend).await;
    let (mut violations, mut used) = (Vec::new(), BTreeSet::new());
    let statements: BTreeMap<&Sent, &str> = log.sent.iter().map(|(what, sent)| (sent, *what)).collect();
    for (sent, what) in &statements {
        let plan = explainer.explain(sent).await;
        let problems = reads_all(&plan).chain(goes_beyond(&plan, &sent.text));
        // PostgreSQL knows how few rows there are here, and may well read all of them.
        let tenants = reads_a_tenant(&plan, &sent.text).filter(|_| backend == Backend::Sqlite);
        let problems = problems.chain(tenants);
        violations.extend(problems.map(|problem| told(what, &problem, sent, &plan)));
        used.extend(plan.accesses.into_iter().filter_map(|access| access.index));
    }
    for Listed { table, columns, sent } in &listed {
        let plan = explainer.explain(sent).await;
        let what = format!("list {table} by {columns:?}");
        violations
            .extend(out_of_order(&plan, table, columns).map(|problem| told(&what, &problem, sent, &plan)));
    }
    violations.extend(idle(&app, backend, &used).await);
    violations.extend(unsent(&statements, backend));
    assert!(violations.is_empty(), "{} violations:\n\n{}", violations.len(), violations.join("\n\n"));
    app.db.discard().await;
}

fn told(what: &str, problem: &str, sent: &Sent, plan: &Plan) -> String {
    format!("{what}: {problem}\n{}\n{}", sent.text, plan.text)
}

/// Tables and indexes that are read from one end to the other.
fn reads_all(plan: &Plan) -> impl Iterator<Item = String> {
    let whole = plan.accesses.iter().filter(|access| access.condition.is_empty());
    whole.filter_map(|access| match &access.index {
        Some(index) if WHOLE.iter().any(|(known, _)| known == index) => None,
        Some(index) => Some(format!("reads all of the index {index} of {}", access.table)),
        None => Some(format!("reads all of {}", access.table)),
    })
}

/// Tables in which a tenant has as many rows as it likes.
const LARGE: [&str; 9] = [
    "tasks",
    "task_dependencies",
    "runs",
    "attempts",
    "tool_calls",
    "experiences",
    "events",
    "model_calls",
    "goals",
];

/// What is searched for the workspace alone is all that a tenant has, unless it is read in order up to a limit. Filters that let
/// hardly anything through, so that the limit bounds nothing, do not show in a plan: `hardly` has them.
fn reads_a_tenant(plan: &Plan, text: &str) -> impl Iterator<Item = String> {
    let is_bounded = text.contains("LIMIT") && !plan.gathers;
    let searched = plan.accesses.iter().filter(move |access| {
        !is_bounded && LARGE.contains(&&*access.table) && searched_for(access) == ["workspace_id"]
    });
    searched.map(|access| format!("reads all that a tenant has of {}", access.table))
}

/// The columns that an index is searched for.
fn searched_for(access: &plan::Access) -> Vec<&str> {
    let names = access.condition.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    names.filter(|name| name.len() > 1 && name.starts_with(|c: char| c.is_ascii_lowercase())).collect()
}

/// SQLite looks for rows that refer to what an update of a key leaves behind, even if the key stays what it is.
fn goes_beyond(plan: &Plan, text: &str) -> impl Iterator<Item = String> {
    let updates = text.starts_with("UPDATE");
    let unnamed = plan.accesses.iter().filter(move |access| updates && !text.contains(access.table.as_str()));
    unnamed.map(|access| format!("reads {} for a foreign key", access.table))
}

/// A list is searched for by all it is filtered by, and comes in order.
fn out_of_order(plan: &Plan, table: &str, columns: &[&str]) -> impl Iterator<Item = String> {
    let sorted = plan.sorts.then(|| "sorts what an index could give in order".to_owned());
    let first = plan.accesses.iter().find(|access| access.table == table);
    let condition = first.map(|access| access.condition.as_str()).unwrap_or_default();
    let names: Vec<&str> = condition.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
    let missing: Vec<&str> = columns.iter().copied().filter(|column| !names.contains(column)).collect();
    let missing = (!missing.is_empty()).then(|| format!("no index is searched for {missing:?}"));
    sorted.into_iter().chain(missing)
}

/// Indexes that cost something with every write and serve nothing. Unique ones are rules.
async fn idle(app: &TestApp, backend: Backend, used: &BTreeSet<String>) -> Vec<String> {
    let sql = match backend {
        Backend::Sqlite => {
            "SELECT i.name FROM sqlite_master t, pragma_index_list(t.name) i WHERE t.type = 'table' AND NOT i.\"unique\""
        }
        Backend::Postgres => {
            "SELECT CAST(c.relname AS TEXT) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid \
             WHERE c.relnamespace = CAST(current_schema() AS regnamespace) AND NOT i.indisunique"
        }
    };
    let indexes = app.db.texts(sql).await;
    assert!(indexes.len() > 10, "the indexes are found");
    let idle = indexes.into_iter().filter(|index| !used.contains(index));
    idle.filter(|index| IDLE.iter().all(|(known, _)| known != index))
        .map(|index| format!("no statement uses the index {index}"))
        .collect()
}

/// Statements in the source that nothing sent.
fn unsent(statements: &BTreeMap<&Sent, &str>, backend: Backend) -> Vec<String> {
    let written = source::statements();
    assert!(written.len() > 40, "the statements of the source are found");
    let is_exempt = |text: &str| {
        NOT_SENT.iter().any(|(start, on)| text.starts_with(start) && on.is_none_or(|on| on == backend))
    };
    let unsent = written.iter().filter(|(_, text)| {
        !is_exempt(text) && !statements.keys().any(|sent| source::is_made_of(&sent.text, text))
    });
    unsent.map(|(path, text)| format!("{path}: no use case here sends `{text}`")).collect()
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn pages_of_a_list_pass_over_nothing_while_others_write(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    hardly::stays_whole_while_others_write(&app, backend).await;
    app.db.discard().await;
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn two_filters_of_which_hardly_anything_matches_both_look_at_a_bounded_number_of_rows(
    #[case] backend: Backend,
) {
    let Some(app) = TestApp::start(backend).await else { return };
    hardly::matches_all_filters(&app, backend).await;
    app.db.discard().await;
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_search_whose_filters_let_hardly_anything_through_looks_at_a_bounded_number_of_matches(
    #[case] backend: Backend,
) {
    let Some(app) = TestApp::start(backend).await else { return };
    hardly::matches_words_and_filters(&app, backend).await;
    app.db.discard().await;
}

/// On SQLite statements that are sent together are told of one by one.
#[tokio::test]
async fn a_lone_task_takes_few_turns_of_the_database() {
    let Some(app) = TestApp::start(Backend::Postgres).await else { return };
    let (record, guard) = Record::listen();
    app.services.tasks.create(&app.ada, work::new_task("Tell the time", None)).await.expect("made");
    let asked = record.take();
    app.clock.advance(std::time::Duration::from_millis(1));
    let done = app.kernel.claim_or_compute(1, 0).await.expect("claims");
    let computed = record.take();
    drop(guard);
    assert_eq!(done.computed, 1);
    let texts = |sent: &[Sent]| sent.iter().map(|sent| sent.text.clone()).collect::<Vec<_>>().join("\n");
    assert!(asked.len() <= 6, "asking for it took {}:\n{}", asked.len(), texts(&asked));
    assert!(computed.len() <= 8, "doing it took {}:\n{}", computed.len(), texts(&computed));
    app.db.discard().await;
}

/// A server that was never told how large a table is takes it for small, and reads what is within a workspace or a goal to
/// compare it with every name.
#[tokio::test]
async fn names_are_looked_up_by_their_indexes_before_the_server_knows_the_table() {
    let Some(app) = TestApp::start(Backend::Postgres).await else { return };
    let explainer = Explainer::new(&app, Backend::Postgres).await;
    let (record, guard) = Record::listen();
    let goal = app.import("# P\n\n- [ ] T001 One\n- [ ] T002 Two\n").await;
    record.take();
    let unit = app.ports.transactions.begin().await.expect("begins");
    let names = ["one".to_owned(), "three".to_owned()];
    let slugs = unit.tasks().taken_slugs(app.ada.workspace(), &names).await.expect("looks");
    assert_eq!(slugs.into_iter().collect::<Vec<_>>(), ["one"]);
    let keys = unit.tasks().taken_keys(goal, &["T002".to_owned(), "T003".to_owned()]).await.expect("looks");
    assert_eq!(keys.into_iter().collect::<Vec<_>>(), ["T002"]);
    drop(unit);
    drop(guard);
    for (sent, column) in record.take().iter().zip(["slug", "key"]) {
        let plan = explainer.explain(sent).await;
        let found = out_of_order(&plan, "tasks", &[column]).next();
        assert_eq!(found, None, "{}\n{}", sent.text, plan.text);
    }
    app.db.discard().await;
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_query_that_grows_is_noticed(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let explainer = Explainer::new(&app, backend).await;
    let explain = async |text: &str, types: &str| {
        let text = if backend == Backend::Postgres { text.replace('?', "$1") } else { text.to_owned() };
        explainer.explain(&Sent { text, types: types.to_owned() }).await
    };
    for text in [
        "SELECT id FROM tasks WHERE title = ?",
        "SELECT t.id FROM tasks t JOIN goals g ON g.id = t.goal_id WHERE g.title = ?",
        "UPDATE runs SET priority = 0 WHERE performer = ?",
        "SELECT span_id FROM attempts WHERE worker = ? ORDER BY span_id LIMIT 1",
    ] {
        let plan = explain(text, "text").await;
        assert!(reads_all(&plan).next().is_some(), "{text}\n{}", plan.text);
    }
    let by_id = explain("SELECT title FROM tasks WHERE id = ?", "uuid").await;
    assert_eq!(reads_all(&by_id).collect::<Vec<_>>(), Vec::<String>::new());

    let moved = explain("UPDATE goals SET workspace_id = ? WHERE title = 'x'", "uuid").await;
    assert_eq!(
        goes_beyond(&moved, "UPDATE goals SET").next().is_some(),
        backend == Backend::Sqlite,
        "{}",
        moved.text
    );

    let list = "SELECT title FROM tasks WHERE workspace_id = ? ORDER BY";
    let sorted = explain(&format!("{list} title LIMIT 9"), "uuid").await;
    assert!(out_of_order(&sorted, "tasks", &["workspace_id"]).next().is_some(), "{}", sorted.text);
    let in_order = explain(&format!("{list} id DESC LIMIT 9"), "uuid").await;
    assert_eq!(out_of_order(&in_order, "tasks", &["workspace_id"]).next(), None, "{}", in_order.text);
    assert!(reads_a_tenant(&in_order, list).next().is_some(), "without a limit: {}", in_order.text);
    assert_eq!(reads_a_tenant(&in_order, "LIMIT").next(), None, "{}", in_order.text);
    let grouped = "SELECT priority, COUNT(*) FROM tasks WHERE workspace_id = ? GROUP BY priority LIMIT 9";
    let plan = explain(grouped, "uuid").await;
    assert!(reads_a_tenant(&plan, grouped).next().is_some(), "{}", plan.text);
    assert!(out_of_order(&in_order, "tasks", &["workspace_id", "status"]).next().is_some());
    app.db.discard().await;
}
