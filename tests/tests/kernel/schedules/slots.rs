use std::sync::Arc;

use futures::future::join_all;
use goalwright_application::schedules::{PreviewRequest, Schedules};
use goalwright_application::tasks::{Completion, NewTask, RunRequest};
use goalwright_domain::execution::Mode;
use goalwright_domain::experience::Runner;
use goalwright_domain::task::TaskStatus;
use goalwright_testkit::{Backend, TestApp};
use rstest::rstest;
use serde_json::json;

use super::*;

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn every_slot_is_a_run_of_the_same_task(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let id = make(&app, recurring("tick", json!({"frequency": "hourly"}))).await;
    app.drain().await;
    let fresh = task(&app, id).await;
    assert_eq!(fresh.state.status, TaskStatus::Pending, "it waits for its slot");
    assert_eq!(fresh.next_run_at.expect("planned").to_string(), "2026-01-01T13:00:00.000000Z");
    assert_eq!(app.tools.calls("tick").len(), 0);

    at(&app, "2026-01-01T13:00:00.2Z").await;
    let first = task(&app, id).await;
    assert_eq!(
        (first.state.status, first.state.attempt),
        (TaskStatus::Completed, 1),
        "the first run drives it"
    );
    assert_eq!(first.state.scheduled_at.expect("ran").to_string(), "2026-01-01T13:00:00.000000Z");
    at(&app, "2026-01-01T14:00:01Z").await;
    at(&app, "2026-01-01T15:00:30Z").await;
    let later = task(&app, id).await;
    assert_eq!(
        (later.state.status, later.revision),
        (TaskStatus::Completed, first.revision),
        "the others do not"
    );
    assert_eq!(later.next_run_at.expect("planned").to_string(), "2026-01-01T16:00:00.000000Z");
    assert_eq!(app.tools.calls("tick").len(), 3);
    let records = app.experiences().await;
    assert_eq!(records.len(), 3, "a history of one task");
    for record in &records {
        assert_eq!(record.content["structured"]["task_id"], json!(id));
        assert_eq!(record.content["structured"]["scheduled_vs_manual"], "scheduled");
    }
    assert_eq!(
        told(&app, id).await,
        ["slot.fired 01-01T13:00", "slot.fired 01-01T14:00", "slot.fired 01-01T15:00"]
    );
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn one_slot_is_one_run_however_many_schedulers_there_are(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let mut ids = Vec::new();
    for number in 0..12 {
        let value = json!({"frequency": "hourly", "overlap": "allow", "misfire": "all"});
        ids.push(make(&app, recurring(&format!("task {number}"), value)).await);
    }
    let runner = Runner { name: "other".into(), version: "0".into(), pid: 2, host: "test".into() };
    let schedulers: Vec<Arc<Schedules>> =
        (0..6).map(|_| Arc::new(Schedules::new(&app.ports, runner.clone()))).collect();
    for moment in ["2026-01-01T13:00:00Z", "2026-01-01T14:00:00Z", "2026-01-01T15:59:00Z"] {
        wait_until(&app, moment);
        let ticks = schedulers.iter().cycle().take(18).map(|scheduler| scheduler.tick());
        for answer in join_all(ticks).await {
            answer.expect("ticks");
        }
        tick(&app).await;
        app.drain().await;
    }
    for (number, id) in ids.iter().enumerate() {
        assert_eq!(app.tools.calls(&format!("task {number}")).len(), 3);
        assert_eq!(told(&app, *id).await.len(), 3);
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn days_on_which_clocks_are_changed_have_the_slots_of_their_zone(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let nightly = |fold: &str| json!({"frequency": "daily", "time": "02:30", "timezone": "Europe/Berlin", "fold": fold});
    make(&app, recurring("both", nightly("both"))).await;
    make(&app, recurring("first", nightly("first"))).await;
    let hourly = json!({"frequency": "hourly", "minute": 30, "timezone": "Europe/Berlin", "start": "2026-03-29T00:00:00", "end": "2026-03-29T06:00:00"});
    make(&app, recurring("hourly", hourly)).await;
    // Clocks went from 2:00 to 3:00 on 29 March: the nightly run comes at 3:00.
    at(&app, "2026-03-29T00:59:59Z").await;
    let before = app.tools.calls("first").len();
    at(&app, "2026-03-29T01:00:00Z").await;
    assert_eq!(app.tools.calls("first").len(), before + 1);
    for hour in ["01:30", "02:30", "03:30", "04:30"] {
        at(&app, &format!("2026-03-29T{hour}:30Z")).await;
    }
    assert_eq!(app.tools.calls("first").len(), before + 1);
    // 0:30 and 1:30 were passed over, 2:30 does not exist; then 3:30, 4:30 and 5:30.
    assert_eq!(app.tools.calls("hourly").len(), 4, "1:30 is caught up, and three more");
    // They went back on 25 October: 2:30 comes twice.
    at(&app, "2026-10-25T00:00:00Z").await;
    let (both, first) = (app.tools.calls("both").len(), app.tools.calls("first").len());
    at(&app, "2026-10-25T00:30:00Z").await;
    assert_eq!((app.tools.calls("both").len(), app.tools.calls("first").len()), (both + 1, first + 1));
    at(&app, "2026-10-25T01:30:00Z").await;
    assert_eq!((app.tools.calls("both").len(), app.tools.calls("first").len()), (both + 2, first + 1));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_task_waits_for_others_and_for_its_slot(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let sleep =
        Action::Tool { tool: "time".into(), operation: "sleep".into(), parameters: json!({"seconds": 5400}) };
    let draft = DraftTask { title: "Slow".into(), action: Some(sleep), ..DraftTask::default() };
    let slow = make(&app, draft).await;
    let new = NewTask { draft: recurring("tick", json!({"frequency": "hourly"})), depends_on: vec![slow] };
    let id = app.services.tasks.create(&app.ada, new).await.expect("made").state.id;
    app.drain().await;
    at(&app, "2026-01-01T13:00:00Z").await;
    assert_eq!(task(&app, id).await.state.status, TaskStatus::Pending);
    at(&app, "2026-01-01T13:45:00Z").await;
    assert_eq!(task(&app, slow).await.state.status, TaskStatus::Completed);
    assert_eq!(task(&app, id).await.state.status, TaskStatus::Pending, "free, but it is not its time");
    at(&app, "2026-01-01T14:00:00Z").await;
    assert_eq!(task(&app, id).await.state.status, TaskStatus::Completed);
    assert_eq!(
        told(&app, id).await,
        ["slot.skipped (dependencies_open) 01-01T13:00", "slot.fired 01-01T14:00"]
    );
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn somebody_can_run_it_besides_and_the_same_moment_is_the_same_run(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let id = make(&app, recurring("tick", json!({"frequency": "hourly"}))).await;
    let run = async |mode, at: Option<&str>| {
        let scheduled_at = at.map(|at| at.parse().expect("a moment"));
        let request = RunRequest { task: id.to_string(), mode, scheduled_at, wait: None };
        app.services.tasks.run(&app.ada, &request).await.expect("asked")
    };
    run(Mode::Manual, None).await;
    app.drain().await;
    assert_eq!(
        (task(&app, id).await.state.status, app.tools.calls("tick").len()),
        (TaskStatus::Completed, 1)
    );
    let asked = run(Mode::Scheduled, Some("2026-01-01T13:00:00Z")).await;
    app.drain().await;
    at(&app, "2026-01-01T13:00:00Z").await;
    assert_eq!(app.tools.calls("tick").len(), 2, "the slot is the run that was asked for");
    assert_eq!(told(&app, id).await, ["slot.fired 01-01T13:00"]);
    assert_eq!(run(Mode::Scheduled, Some("2026-01-01T13:00:00Z")).await.run_id, asked.run_id);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn jitter_delays_the_run_and_not_its_slot(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let id = make(&app, recurring("tick", json!({"frequency": "hourly", "jitter": 1200}))).await;
    at(&app, "2026-01-01T13:00:00Z").await;
    assert_eq!(app.tools.calls("tick").len(), 0, "not yet");
    at(&app, "2026-01-01T13:20:01Z").await;
    assert_eq!(app.tools.calls("tick").len(), 1);
    assert_eq!(
        task(&app, id).await.state.scheduled_at.expect("ran").to_string(),
        "2026-01-01T13:00:00.000000Z"
    );
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_preview_shows_what_is_to_come(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let daily = json!({"frequency": "daily", "time": "02:30", "timezone": "Europe/Berlin"});
    let id = make(&app, recurring("nightly", daily)).await;
    let from = Some("2026-03-28T00:00:00Z".parse().expect("a moment"));
    let preview = app.services.schedules.preview(&app.ada, id, &PreviewRequest { from, limit: 3 }).await;
    let shown: Vec<String> = preview.expect("there").iter().map(chrono::DateTime::to_rfc3339).collect();
    assert_eq!(
        shown,
        ["2026-03-28T02:30:00+01:00", "2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"]
    );
    let eve = app.user("eve").await;
    let refused = app.services.schedules.preview(&eve, id, &PreviewRequest { from: None, limit: 3 }).await;
    assert_eq!(refused.expect_err("not hers").code(), "not_found");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_person_completes_what_recurs_every_time(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let id = make(
        &app,
        DraftTask { action: None, ..recurring("Water the plants", json!({"frequency": "hourly"})) },
    )
    .await;
    for (hour, count) in [(13, 1), (14, 2), (15, 3)] {
        at(&app, &format!("2026-01-01T{hour}:00:00Z")).await;
        let done = Completion { result: json!(hour), ..Completion::default() };
        let after = app.services.tasks.complete(&app.ada, id, &done).await.expect("completes");
        assert_eq!((after.state.status, after.state.result), (TaskStatus::Completed, Some(json!(13))));
        assert_eq!(app.experiences().await.len(), count);
    }
    let again = app.services.tasks.complete(&app.ada, id, &Completion::default()).await;
    assert_eq!(again.expect_err("nothing waits").code(), "invalid_transition");
    assert!(told(&app, id).await.iter().all(|line| line.starts_with("slot.fired")));
}
