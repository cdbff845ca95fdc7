//! Tasks that change, start or become ready while they are broken down.

use goalwright_application::planning::{DecomposeRequest, Mode};
use goalwright_application::tasks::Ending;
use goalwright_application::usage::UsageBy;
use goalwright_domain::model::Cause;
use goalwright_domain::task::TaskStatus;
use goalwright_testkit::{Backend, TestApp, until};
use rstest::rstest;
use serde_json::json;

use super::*;
use crate::planners::{by_model, meanwhile, task};

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_task_that_changes_while_the_model_thinks_keeps_what_it_waits_for(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let goal = app.import("# Bread\n\n- [ ] T001 Knead\n").await;
    let knead = find(&app, goal, "T001").await;
    app.models.offer("openai/gpt-4o-mini");
    app.models.fail(Cause::Overloaded { retry_after: None });
    app.models.form(&json!({"tasks": [task("T001_1", "Weigh", &[])]}));
    let it_is_skipped = async {
        app.services.tasks.end(&app.ada, knead, Ending::Skipped, "").await.expect("skipped");
    };
    let refused = meanwhile(&app, expand(&app, knead, &by_model()), it_is_skipped).await;
    assert_eq!(refused.expect_err("outdated").code(), "plan_outdated");
    assert_eq!(app.tasks(goal).await.len(), 1);
    let usage = app.services.usage.usage(&app.ada, UsageBy::Goal, None, None).await.expect("sums");
    assert_eq!(usage.rows[0].usage.cost_tokens(), 120, "what it cost is counted");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_task_that_starts_while_the_model_thinks_is_not_broken_down(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let goal = app.import("# Bread\n\n- [ ] T001 Knead\n  use: time.now\n").await;
    let knead = find(&app, goal, "T001").await;
    app.models.offer("openai/gpt-4o-mini");
    app.models.fail(Cause::Overloaded { retry_after: None });
    app.models.form(&json!({"tasks": [task("T001_1", "Weigh", &[])]}));
    let it_starts = async { assert_eq!(app.kernel.claim(1).await.expect("claims").len(), 1) };
    let refused = meanwhile(&app, expand(&app, knead, &by_model()), it_starts).await;
    assert_eq!(refused.expect_err("outdated").code(), "plan_outdated");
    assert_eq!(app.task(goal, "T001").await.state.status, TaskStatus::Running);
    assert_eq!(app.tasks(goal).await.len(), 1);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_who_break_the_same_task_down_at_once_give_it_the_parts_of_both(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let goal = app.import(PLAN).await;
    let knead = find(&app, goal, "T001").await;
    let request = outline(PARTS);
    let (one, two) = tokio::join!(expand(&app, knead, &request), expand(&app, knead, &request));
    one.expect("made");
    two.expect("made");
    assert_eq!(waits(&app, goal, "T001").await, ["T001_1", "T001_2", "T001_3", "T001_4"]);
    app.drain().await;
    assert_eq!(app.progress(goal).await.percentage, 100.0);
}

/// Waits until so many units wait for locks of others.
async fn until_waiting(app: &TestApp, units: i64) {
    let waiting = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    until("others are waited for", async || app.db.number(waiting).await >= units).await;
}

#[rstest]
#[case::an_expansion(true)]
#[case::an_update(false)]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_task_that_becomes_ready_while_its_plan_changes_leaves_no_run_behind(#[case] expands: bool) {
    // SQLite has one writer at a time.
    let Some(app) = TestApp::start(Backend::Postgres).await else { return };
    let goal = app.import(PLAN).await;
    let bake = find(&app, goal, "T002").await;
    let held = app.kernel.claim(1).await.expect("claims");
    // The settlement writes tasks and runs, and then waits for the goal's counters.
    let counters = app.ports.transactions.begin().await.expect("begins");
    counters.goals().lock_counts(&[goal]).await.expect("locks");
    let settled = [app.done(&held[0], json!({}))];
    let settlement = app.kernel.settle(&settled);
    let changed = async {
        until_waiting(&app, 1).await;
        if expands {
            return expand(&app, bake, &outline(PARTS)).await;
        }
        let text = "# Bread\n\n- [ ] T001 Knead\n  use: time.now\n- [ ] [P] T004 Heat the oven\n  use: time.now\n\
                    - [ ] T002 Bake (depends on T001, T004)\n  use: time.now\n- [ ] T003 Eat (depends on T002)\n  use: time.now\n";
        let request = DecomposeRequest { mode: Mode::Update, ..outline(text) };
        app.services.planning.decompose(&app.ada, goal, &request).await
    };
    let release = async {
        // It looked at the runs, and waits for the tasks.
        until_waiting(&app, 2).await;
        counters.commit().await.expect("commits");
    };
    let (settled, changed, ()) = tokio::join!(settlement, changed, release);
    assert_eq!(settled.expect("settles"), [Ok(())]);
    changed.expect("changed, on a second look");
    assert_eq!(app.task(goal, "T002").await.state.status, TaskStatus::Pending);
    let left = format!("SELECT COUNT(*) FROM runs WHERE status = 'queued' AND task_id = '{bake}'");
    assert_eq!(app.db.number(&left).await, 0, "nobody can claim it");
    app.drain().await;
    assert_eq!(app.progress(goal).await.percentage, 100.0);
}
