//! The ledger tells everything: folding its events gives the rows.

use std::collections::BTreeMap;
use std::time::Duration;

use goalwright_application::read::{EventFilter, EventView, PageRequest};
use goalwright_domain::Timestamp;
use goalwright_domain::ledger::fold;
use goalwright_domain::task::{LIFECYCLE, TaskStatus};
use goalwright_testkit::{Backend, TestApp};
use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};

use crate::{derived, histories, rows, selection};

/// Something that happens in a history.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// A plan with so many tasks, of which the marked ones are done, words, flaky or broken.
    Import(Vec<u8>),
    /// A worker takes so many and settles them.
    Work(usize),
    /// A worker takes so many and dies.
    Die(usize),
    /// A person completes the n-th task that lets them.
    Complete(usize),
    /// The n-th finished task is run again.
    Rerun(usize),
    /// Time passes.
    Wait(u8),
    /// The n-th goal or task is changed, as the second number says.
    Change(histories::Change, usize, usize),
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => prop::collection::vec(0u8..5, 1..8).prop_map(Step::Import),
        6 => (1usize..6).prop_map(Step::Work),
        2 => (1usize..3).prop_map(Step::Die),
        3 => (0usize..10).prop_map(Step::Complete),
        1 => (0usize..10).prop_map(Step::Rerun),
        2 => (1u8..100).prop_map(Step::Wait),
        10 => (histories::change(), 0usize..20, 0usize..20).prop_map(|(change, n, how)| Step::Change(change, n, how)),
    ]
}

fn plan(kinds: &[u8], number: usize) -> String {
    let mut plan = format!("# Plan {number}\n\n");
    for (index, kind) in kinds.iter().enumerate() {
        let key = index + 1;
        let mark = if *kind == 0 { "x" } else { " " };
        let parallel = if kind % 2 == 0 { "[P] " } else { "" };
        plan.push_str(&format!("- [{mark}] T{key:03} {parallel}Task {number} {key}\n"));
        match kind {
            1 => plan.push_str("  use: time.now\n"),
            2 => plan.push_str(&format!("  use: probe.none {{\"name\": \"{number}-{key}\", \"fail\": 1}}\n")),
            3 => plan
                .push_str("  use: probe.none {\"name\": \"broken\", \"fail\": 999, \"retryable\": false}\n"),
            _ => {}
        }
    }
    plan
}

async fn play(app: &TestApp, steps: Vec<Step>) {
    for (number, step) in steps.into_iter().enumerate() {
        happen(app, number, step).await;
    }
}

/// One step, the `number`-th of its history.
pub(crate) async fn happen(app: &TestApp, number: usize, step: Step) {
    app.clock.advance(Duration::from_millis(7));
    match step {
        Step::Import(kinds) => {
            app.import(&plan(&kinds, number)).await;
        }
        Step::Work(limit) => {
            app.step(limit).await;
        }
        Step::Die(limit) => {
            app.kernel.claim(limit).await.expect("claims");
            app.clock.advance(Duration::from_secs(31));
            app.kernel.reclaim().await.expect("reclaims");
        }
        Step::Complete(n) => {
            let tasks = all_tasks(app).await;
            let open: Vec<_> = tasks
                .iter()
                .filter(|t| matches!(t.state.status, TaskStatus::Waiting | TaskStatus::Ready))
                .collect();
            if let Some(task) = open.get(n % open.len().max(1)) {
                let completion = Default::default();
                let _ = app.services.tasks.complete(&app.ada, task.state.id, &completion).await;
            }
        }
        Step::Rerun(n) => {
            let tasks = all_tasks(app).await;
            let over: Vec<_> = tasks.iter().filter(|t| t.state.status == TaskStatus::Completed).collect();
            if let Some(task) = over.get(n % over.len().max(1)) {
                let request = goalwright_application::tasks::RunRequest {
                    task: task.state.slug.clone(),
                    mode: goalwright_domain::execution::Mode::Manual,
                    scheduled_at: None,
                    wait: None,
                };
                let _ = app.services.tasks.run(&app.ada, &request).await;
            }
        }
        Step::Wait(seconds) => app.clock.advance(Duration::from_secs(seconds.into())),
        Step::Change(change, n, how) => histories::apply(app, change, n, how).await,
    }
}

pub(crate) async fn all_tasks(app: &TestApp) -> Vec<goalwright_application::read::TaskView> {
    let page = PageRequest::first(200);
    app.services.tasks.list(&app.ada, &Default::default(), &page).await.expect("lists").items
}

/// Every event, oldest first.
async fn events(app: &TestApp) -> Vec<EventView> {
    app.sequence().await;
    let (mut all, mut page) = (Vec::new(), PageRequest::first(200));
    loop {
        let answer = app
            .services
            .queries
            .events(app.ada.workspace(), &EventFilter::default(), &page)
            .await
            .expect("lists");
        all.extend(answer.items);
        match answer.next {
            Some(after) => page.after = Some(after),
            None => break,
        }
    }
    all.reverse();
    all
}

/// What is there, as the fold of its events must give it.
struct Row {
    state: Value,
    /// The revision, and when it last changed.
    stands: Option<(i64, Timestamp)>,
}

/// Edges are a set; those of an imported plan are told in the order of the plan.
fn sorted_edges(mut state: serde_json::Map<String, Value>) -> Value {
    if let Some(Value::Array(edges)) = state.get_mut("depends_on") {
        edges.sort_by_key(|edge| edge["task_id"].to_string());
    }
    Value::Object(state)
}

async fn check_fold(app: &TestApp) {
    let events = events(app).await;
    let positions: Vec<i64> = events.iter().map(|event| event.position).collect();
    let expected: Vec<i64> = (1..).take(events.len()).collect();
    assert_eq!(positions, expected, "positions have no gaps");
    let mut by_entity: BTreeMap<(String, String), Vec<&EventView>> = BTreeMap::new();
    for event in &events {
        by_entity.entry((event.entity_type.clone(), event.entity_id.clone())).or_default().push(event);
    }
    let mut rows: BTreeMap<(String, String), Row> = BTreeMap::new();
    for task in all_tasks(app).await {
        let mut state = json!(task.state);
        // The ledger has edges in the order of their ids.
        let mut edges = task.depends_on.clone();
        edges.sort_unstable_by_key(|edge| edge.task_id);
        state["depends_on"] = json!(edges);
        let row = Row { state, stands: Some((task.revision, task.updated_at)) };
        rows.insert(("task".to_owned(), task.state.id.to_string()), row);
    }
    let page = PageRequest::first(200);
    for goal in app.services.goals.list(&app.ada, &Default::default(), &page).await.expect("lists").items {
        let row = Row { state: json!(goal.state), stands: Some((goal.revision, goal.updated_at)) };
        rows.insert(("goal".to_owned(), goal.state.id.to_string()), row);
    }
    for agent in app.services.agents.list(&app.ada, &Default::default(), &page).await.expect("lists").items {
        let row = Row { state: json!(agent.state()), stands: None };
        rows.insert(("agent".to_owned(), agent.id().to_string()), row);
    }
    for (entity, told) in
        by_entity.iter().filter(|((kind, _), _)| ["task", "goal", "agent"].contains(&kind.as_str()))
    {
        let folded = fold(&entity.0, told.iter().map(|e| (&e.changes, e.created_at)))
            .expect("consistent")
            .expect("some");
        let Some(row) = rows.remove(entity) else {
            assert!(folded.is_gone(), "{entity:?} has no row, and the ledger does not say that it is gone");
            continue;
        };
        assert_eq!(sorted_edges(folded.state), row.state, "{entity:?}");
        if let Some(stands) = row.stands {
            assert_eq!((folded.revision, folded.updated_at), stands, "{entity:?}");
        }
    }
    assert!(rows.is_empty(), "the ledger tells nothing of {:?}", rows.keys());
    rows::are_what_events_tell(app).await;
    derived::check(app).await;
    selection::agrees_with_the_definition(app).await;
    within_the_table(&events);
}

/// Every change of a task's status is a line of its lifecycle.
fn within_the_table(events: &[EventView]) {
    let changed =
        events.iter().filter(|event| event.entity_type == "task" && event.event_type != "task.created");
    for event in changed {
        let status = |side: &str| event.changes["status"][side].as_str().and_then(TaskStatus::parse);
        let (Some(from), Some(to)) = (status("from"), status("to")) else { continue };
        let known = LIFECYCLE.iter().any(|line| line.from == from && line.to == Some(to));
        assert!(known, "{} leads from {from:?} to {to:?}", event.event_type);
    }
}

#[test]
fn random_histories_fold_back_to_their_rows() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let backends: &[Backend] = &[Backend::Sqlite, Backend::Postgres];
    for backend in backends {
        let config = ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() };
        let mut runner = proptest::test_runner::TestRunner::new(config);
        let histories = prop::collection::vec(step(), 1..25);
        let shown = runner.run(&histories, |steps| {
            runtime.block_on(async {
                if let Some(app) = TestApp::start(*backend).await {
                    play(&app, steps).await;
                    check_fold(&app).await;
                    app.db.discard().await;
                }
            });
            Ok(())
        });
        if let Err(error) = shown {
            panic!("{backend:?}: {error}");
        }
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn an_event_that_commits_late_gets_a_late_position_and_is_never_skipped(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    if backend == Backend::Sqlite {
        // One writer at a time: nothing can commit out of order.
        return;
    }
    app.sequence().await;
    let head = app.db.number("SELECT MAX(position) FROM events").await;
    let event = |n: u128| goalwright_domain::ledger::Event {
        id: goalwright_domain::Id::new(uuid::Uuid::from_u128(n)),
        workspace_id: app.ada.workspace(),
        fact: goalwright_domain::ledger::Fact {
            entity_type: "probe",
            entity_id: n.to_string(),
            event_type: "probe.noted",
            changes: json!({"n": 1.0}),
            metadata: json!({}),
        },
        actor: goalwright_domain::workspace::Actor::system("test"),
        trace_id: None,
        created_at: app.ports.clock.now(),
    };
    let unit = || async { app.ports.transactions.begin().await.expect("begins") };
    let placed = || {
        app.db.texts("SELECT entity_id FROM events WHERE entity_type = 'probe' AND position IS NOT NULL ORDER BY position")
    };
    // Whoever has the ledger places its events at once; the others wait for the sequencer, and it for the first.
    let first = unit().await;
    first.outbox().append(&[event(1)]).await.expect("appends");
    let second = unit().await;
    second.outbox().append(&[event(2)]).await.expect("appends");
    let third = unit().await;
    third.outbox().append(&[event(3)]).await.expect("appends");
    third.commit().await.expect("commits first");
    app.sequence().await;
    assert!(placed().await.is_empty(), "a reader who saw the third would never see the first");
    first.commit().await.expect("commits");
    // What is committed and known to a later unit comes before its own.
    let fourth = unit().await;
    fourth.outbox().append(&[event(4)]).await.expect("appends");
    fourth.commit().await.expect("commits");
    assert_eq!(placed().await, ["1", "3", "4"]);
    second.commit().await.expect("commits last");
    app.sequence().await;
    assert_eq!(placed().await, ["1", "3", "4", "2"]);
    let whole = app.services.audit.verify(app.ada.workspace()).await.expect("verifies");
    assert_eq!((whole.events, whole.first_invalid), (head + 4, None));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn the_digest_covers_what_is_stored(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    app.import("# P\n\n- [ ] T001 Löse `x` {}\n  use: probe.none {\"name\": \"a\", \"result\": {\"z\": 1.50, \"a\": 1e21, \"n\": -0.0}}\n").await;
    app.drain().await;
    for event in events(&app).await {
        let told = goalwright_domain::ledger::Event {
            id: goalwright_domain::Id::new(event.id),
            workspace_id: event.workspace_id,
            fact: goalwright_domain::ledger::Fact {
                entity_type: Box::leak(event.entity_type.into_boxed_str()),
                entity_id: event.entity_id,
                event_type: Box::leak(event.event_type.into_boxed_str()),
                changes: event.changes,
                metadata: event.metadata,
            },
            actor: event.actor,
            trace_id: event.trace_id,
            created_at: event.created_at,
        };
        let stored =
            app.db.texts(&format!("SELECT digest FROM events WHERE position = {}", event.position)).await;
        assert_eq!(stored, [told.digest()], "position {}", event.position);
    }
}
