//! What cannot be broken down.

use goalwright_application::tasks::Ending;
use goalwright_application::{Context, Precondition};
use goalwright_domain::schedule::Schedule;
use goalwright_domain::task::{DraftTask, TaskEdit, TaskId};
use goalwright_testkit::{Backend, TestApp};
use rstest::rstest;
use serde_json::json;

use super::*;
use crate::planners::by_model;

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_cannot_be_broken_down_is_refused_and_nothing_changes(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let plan = "# P\n\n- [ ] T001 [P] Running\n  use: time.now\n- [x] T002 [P] Completed\n- [ ] T003 [P] Cancelled\n\
                - [-] T004 [P] Skipped\n- [ ] T005 [P] Recurring\n  use: time.now\n- [ ] T006 [P] Open\n";
    let goal = app.import(plan).await;
    let ids: Vec<TaskId> = app.tasks(goal).await.iter().map(|task| task.state.id).collect();
    app.services.tasks.end(&app.ada, ids[2], Ending::Cancelled, "").await.expect("cancelled");
    let schedule = Schedule::read(&json!({"frequency": "hourly"}), "schedule").expect("a schedule");
    let recurring = TaskEdit { schedule: Some(Some(schedule)), ..TaskEdit::default() };
    app.services.tasks.edit(&app.ada, ids[4], recurring, &Precondition::Any).await.expect("recurs");
    let draft = DraftTask { title: "Homeless".into(), ..DraftTask::default() };
    let homeless = app.create_task(draft).await;
    let claimed = app.kernel.claim(1).await.expect("claims");
    assert_eq!(claimed[0].task.id, ids[0]);
    // A workspace of her own is made for her.
    let eve: Context = app.user("eve").await;

    let before =
        (count(&app, "events").await, count(&app, "tasks").await, count(&app, "decompositions").await);
    for request in [outline("- [ ] A\n"), by_model()] {
        for id in &ids[..5] {
            let refused = expand(&app, *id, &request).await.expect_err("refused");
            assert_eq!(refused.code(), "invalid_transition", "{refused}");
        }
        let refused = expand(&app, homeless.state.id, &request).await.expect_err("refused");
        assert_eq!(refused.code(), "goal_needed");
        let refused = app.services.planning.expand(&eve, ids[5], &request).await.expect_err("not hers");
        assert_eq!(refused.code(), "not_found");
    }
    let after =
        (count(&app, "events").await, count(&app, "tasks").await, count(&app, "decompositions").await);
    assert_eq!(after, before, "nothing is written, and nothing is told");
    assert!(app.models.asked().is_empty());

    for (text, code) in [("only words", "not_a_plan"), ("- [ ] T001 Taken\n", "invalid_plan")] {
        let refused = expand(&app, ids[5], &outline(text)).await.expect_err("refused");
        assert_eq!(refused.code(), code, "{refused}");
    }
    assert_eq!(count(&app, "tasks").await, before.1);
    let failed = app.events_of("goal.decomposition_failed").await;
    assert_eq!(failed.len(), 2);
    assert!(failed.iter().all(|event| event.metadata["expanded_task_id"] == json!(ids[5])));
}
