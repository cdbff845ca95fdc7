//! What was shown and is applied later, and what changes a plan that is there.

use goalwright_application::Precondition;
use goalwright_application::planning::{DecomposeRequest, DecompositionStatus, Mode};
use goalwright_application::read::PageRequest;
use goalwright_domain::goal::GoalEdit;
use goalwright_domain::model::{Cause, Content};
use goalwright_domain::task::{DraftTask, TaskStatus};
use goalwright_testkit::{Backend, TestApp};
use rstest::rstest;
use serde_json::json;

use super::*;
use crate::planners::{by_model, goal, meanwhile, task};

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_was_shown_is_applied_without_asking_again_while_the_goal_is_the_same(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let planning = &app.services.planning;
    let id = goal(&app).await;
    let dry = DecomposeRequest { dry_run: true, ..by_model() };
    let show = async || {
        app.models.form(&bread());
        decompose(&app, id, &dry).await.expect("shown")
    };
    let (first, second, third) = (show().await, show().await, show().await);
    assert_eq!((first.status, app.tasks(id).await.len()), (DecompositionStatus::Proposed, 0));
    let calls = app.models.asked().len();

    let other = planning.accept(&app.ada, first.id, "sha256:00").await.expect_err("another plan");
    assert_eq!(other.code(), "plan_outdated");
    let rejected = planning.reject(&app.ada, second.id, Some("too long")).await.expect("rejected");
    assert_eq!(rejected.status, DecompositionStatus::Rejected);
    let applied = planning.accept(&app.ada, first.id, &first.plan_hash).await.expect("applied");
    assert_eq!(
        (applied.status, applied.id, applied.task_ids.len()),
        (DecompositionStatus::Applied, first.id, 3)
    );
    assert_eq!(app.tasks(id).await.len(), 3);
    assert_eq!(app.models.asked().len(), calls, "nobody was asked again");
    for (one, hash) in [(&first, &first.plan_hash), (&second, &second.plan_hash)] {
        let again = planning.accept(&app.ada, one.id, hash).await.expect_err("decided");
        assert_eq!(again.code(), "decomposition_decided");
    }
    let outdated = planning.accept(&app.ada, third.id, &third.plan_hash).await.expect_err("outdated");
    assert_eq!(outdated.code(), "plan_outdated", "the goal has tasks now");
    assert_eq!(planning.get(&app.ada, third.id).await.expect("kept").status, DecompositionStatus::Proposed);

    let told = app.events_of("decomposition.applied").await;
    assert_eq!(told[0].changes, json!({"status": {"from": "proposed", "to": "applied"}}));
    assert_eq!(told[0].metadata["tasks_created"], 3);
    assert_eq!(app.events_of("decomposition.rejected").await[0].metadata["reason"], "too long");
    assert_eq!(app.events_of("goal.decomposed").await.len(), 3, "one for each that was made");
    assert_eq!(spent(&app).await, (3, 360));

    let edited = GoalEdit { title: Some("Cake".into()), ..GoalEdit::default() };
    let empty = goal(&app).await;
    app.models.form(&bread());
    let shown = decompose(&app, empty, &dry).await.expect("shown");
    app.services.goals.edit(&app.ada, empty, edited, &Precondition::Any).await.expect("edited");
    let outdated = planning.accept(&app.ada, shown.id, &shown.plan_hash).await.expect_err("outdated");
    assert_eq!(outdated.code(), "plan_outdated");
    let stranger = app.user("eve").await;
    for refused in [
        planning.accept(&stranger, shown.id, &shown.plan_hash).await.map(|_| ()),
        planning.reject(&stranger, shown.id, None).await.map(|_| ()),
        planning.get(&stranger, shown.id).await.map(|_| ()),
        planning.history(&stranger, empty, &PageRequest::first(1)).await.map(|_| ()),
    ] {
        assert_eq!(refused.expect_err("not hers").code(), "not_found");
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn an_update_by_a_model_touches_nothing_that_is_done(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let id = app
        .import("# Bread\n\n- [x] T001 Knead\n- [ ] T002 Bake (depends on T001)\n- [ ] T003 Slice (depends on T002)\n")
        .await;
    // Other words for what is done, for what is not; one goes, one comes, and the nameless one stays.
    let draft = DraftTask { title: "Clean up".into(), goal_id: Some(id), ..DraftTask::default() };
    app.create_task(draft).await;
    app.models.form(&json!({"tasks": [
        task("T001", "Knead longer", &[]), task("T002", "Bake slowly", &["T001"]), task("N001", "Clean up", &[]),
        task("T009", "Eat", &["T002"]),
    ]}));
    let request = DecomposeRequest { dry_run: true, mode: Mode::Update, ..by_model() };
    let shown = decompose(&app, id, &request).await.expect("shown");
    assert_eq!(shown.changes.add, ["T009"]);
    assert_eq!(shown.changes.remove, ["T003"]);
    let changed: Vec<&str> = shown.changes.change.iter().map(|one| one.key.as_str()).collect();
    assert!(changed.contains(&"T002") && !changed.contains(&"T001"), "{changed:?}");
    assert!(
        shown.findings.iter().any(|finding| finding.code == "finished_task_changed"),
        "{:?}",
        shown.findings
    );
    let Content::Text { text } = &app.models.asked()[0].messages[0].content[0] else { panic!("words") };
    assert!(text.contains("T001 is completed"), "{text}");

    app.services.planning.accept(&app.ada, shown.id, &shown.plan_hash).await.expect("applied");
    let done = app.task(id, "T001").await;
    assert_eq!((done.state.title.as_str(), done.state.status), ("Knead", TaskStatus::Completed));
    assert_eq!(app.task(id, "T002").await.state.title, "Bake slowly");
    assert_eq!(app.task(id, "T009").await.depends_on.len(), 1);
    let titles: Vec<String> = app.tasks(id).await.into_iter().map(|task| task.state.title).collect();
    assert!(!titles.contains(&"Slice".to_owned()) && titles.contains(&"Clean up".to_owned()), "{titles:?}");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn an_update_never_removes_what_the_model_did_not_see(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let id = app.import("# Bread\n\n- [ ] T001 Knead\n- [ ] T002 Bake (depends on T001)\n").await;
    app.models.offer("openai/gpt-4o-mini");
    app.models.fail(Cause::Overloaded { retry_after: None });
    app.models.form(&json!({"tasks": [task("T001", "Knead", &[])]}));
    let request = DecomposeRequest { mode: Mode::Update, ..by_model() };
    let somebody_adds_a_task = async {
        let draft = DraftTask { title: "Ring the bell".into(), goal_id: Some(id), ..DraftTask::default() };
        app.create_task(draft).await;
    };
    let refused = meanwhile(&app, decompose(&app, id, &request), somebody_adds_a_task).await;
    assert_eq!(refused.expect_err("outdated").code(), "plan_outdated");
    assert_eq!(app.tasks(id).await.len(), 3);
    assert_eq!(spent(&app).await, (1, 120), "what it cost is counted");
}
