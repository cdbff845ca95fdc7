use goalwright_application::execution::Settings;
use goalwright_application::maintenance::Maintenance;
use goalwright_application::tasks::{Ending, RunRequest};
use goalwright_domain::execution::Mode;
use goalwright_domain::goal::TaskCounts;
use goalwright_domain::task::TaskStatus;
use goalwright_testkit::{Backend, TestApp};
use rstest::rstest;

const PLAN: &str = "# P\n\n- [ ] T001 [P] Tick\n  use: probe.none {\"name\": \"tick\", \"result\": 1}\n\
                    - [ ] T002 [P] Tock\n  use: probe.none {\"name\": \"tock\", \"result\": 1}\n- [x] T003 Done\n";

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn counters_are_computed_anew_from_the_tasks(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let (drifting, sound) = (app.import(PLAN).await, app.import(PLAN).await);
    let empty = app.import("# E\n\n- [x] T001 Done\n").await;
    let maintenance = Maintenance::new(&app.ports);
    assert_eq!(maintenance.rebuild_counts(false).await.expect("compares"), [], "what agrees is left alone");

    let untouched = app.progress(sound).await;
    let first = "(SELECT goal_id FROM goal_progress WHERE ready = 2 ORDER BY goal_id LIMIT 1)";
    let forge = format!("UPDATE goal_progress SET completed = 7, ready = 0 WHERE goal_id = {first}");
    assert_eq!(app.db.execute(&forge).await.expect("forged"), 1);

    let told = maintenance.rebuild_counts(true).await.expect("compares");
    let actual = TaskCounts { completed: 1, ready: 2, ..TaskCounts::default() };
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].goal, told[0].actual), (drifting, actual));
    assert_eq!((told[0].stored.completed, told[0].stored.ready), (7, 0));
    assert_eq!(app.progress(drifting).await.completed, 7, "a dry run writes nothing");

    assert_eq!(maintenance.rebuild_counts(false).await.expect("mends"), told);
    let mended = app.progress(drifting).await;
    assert_eq!((mended.completed, mended.total, mended.errors), (1, 3, Vec::new()));
    assert_eq!(app.progress(sound).await.revision, untouched.revision);
    assert_eq!(app.progress(empty).await.completed, 1);
    app.drain().await;
    assert_eq!(maintenance.rebuild_counts(false).await.expect("compares"), []);
    assert_eq!(mended_events(&app).await, ["goal_counters"]);
}

async fn mended_events(app: &TestApp) -> Vec<String> {
    app.db.texts("SELECT entity_type FROM events WHERE event_type = 'counters.mended'").await
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn open_dependencies_are_counted_anew_and_what_waits_for_nothing_goes_on(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let plan = "# C\n\n- [x] T001 Done\n- [ ] T002 Next (depends on T001)\n  use: time.now\n- [ ] T003 Last (depends on T002)\n  use: time.now\n";
    let goal = app.import(plan).await;
    let maintenance = Maintenance::new(&app.ports);
    assert_eq!(
        maintenance.recount_dependencies(false).await.expect("compares"),
        [],
        "what agrees is left alone"
    );
    let last = app.task(goal, "T003").await.state.id;
    app.kernel.claim(16).await.expect("claims");
    assert_eq!(
        app.db
            .execute("UPDATE tasks SET open_dependencies = 5 WHERE status = 'pending'")
            .await
            .expect("forged"),
        1
    );
    let told = maintenance.recount_dependencies(true).await.expect("compares");
    assert_eq!((told.len(), told[0].task, told[0].stored, told[0].actual), (1, last, 5, 1));
    assert_eq!(maintenance.recount_dependencies(false).await.expect("mends"), told);
    assert_eq!(maintenance.recount_dependencies(true).await.expect("compares"), []);
    assert_eq!(mended_events(&app).await, ["task_counters"]);
    // One that waits for nothing goes on.
    app.clock.advance(std::time::Duration::from_secs(31));
    app.kernel.reclaim().await.expect("reclaims");
    app.drain().await;
    let next = app.import(plan).await;
    let waits = app.task(next, "T003").await.state.id;
    app.services
        .tasks
        .end(&app.ada, app.task(next, "T002").await.state.id, Ending::Skipped, "")
        .await
        .expect("skips");
    app.drain().await;
    assert_eq!(app.task(next, "T003").await.state.status, TaskStatus::Completed, "{waits}");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_kernel_that_is_bound_to_a_run_claims_nothing_else(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let goal = app.import(PLAN).await;
    let asked = RunRequest { task: "tock".to_owned(), mode: Mode::Manual, scheduled_at: None, wait: None };
    let asked = app.services.tasks.run(&app.ada, &asked).await.expect("asked");
    // Whatever its queue: a person who asks for one run means that one.
    let bound = app.kernel_with(Settings {
        queue: "elsewhere".to_owned(),
        only: Some(asked.run_id),
        ..Settings::default()
    });
    let claimed = bound.claim(16).await.expect("claims");
    assert_eq!(claimed.iter().map(|one| one.run.id).collect::<Vec<_>>(), [asked.run_id]);
    assert!(bound.claim(16).await.expect("claims").is_empty(), "once it is claimed there is nothing left");
    assert_eq!(app.task(goal, "T001").await.state.status, TaskStatus::Ready);
}
