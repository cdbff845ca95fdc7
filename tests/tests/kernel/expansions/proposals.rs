//! Parts that a model proposes, and what was shown and is applied later.

use goalwright_application::Precondition;
use goalwright_application::planning::{DecomposeRequest, DecompositionStatus};
use goalwright_application::usage::UsageBy;
use goalwright_domain::model::Content;
use goalwright_domain::task::{DraftTask, TaskEdit};
use goalwright_testkit::{Backend, TestApp};
use rstest::rstest;
use serde_json::json;

use super::*;
use crate::planners::{by_model, task};

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_model_breaks_a_task_down_and_what_was_shown_is_applied(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    app.models.offer("openai/gpt-4o-mini");
    let goal = app.import(PLAN).await;
    let bake = find(&app, goal, "T002").await;
    // A key that the goal has, then parts that hold.
    app.models.form(&json!({"tasks": [task("T001", "Heat", &[])]}));
    let parts = json!({"tasks": [task("T002_1", "Heat", &[]), task("T002_2", "Wait", &["T002_1"])]});
    app.models.form(&parts);
    let dry = DecomposeRequest { dry_run: true, ..by_model() };
    let shown = expand(&app, bake, &dry).await.expect("shown");
    assert_eq!((shown.status, shown.making.repairs), (DecompositionStatus::Proposed, 1));
    assert_eq!(shown.making.rejected[0].problems[0].code, "duplicate_key");
    assert_eq!((app.tasks(goal).await.len(), shown.changes.add.len()), (3, 2));
    let Content::Text { text } = &app.models.asked()[0].messages[0].content[0] else { panic!("words") };
    assert!(text.contains("Break the task `T002` further down") && text.contains("Eat"), "{text}");

    // What happens to other tasks does not matter.
    let other = TaskEdit { title: Some("Devour".into()), ..TaskEdit::default() };
    let eat = find(&app, goal, "T003").await;
    app.services.tasks.edit(&app.ada, eat, other, &Precondition::Any).await.expect("edited");
    let applied = app.services.planning.accept(&app.ada, shown.id, &shown.plan_hash).await.expect("applied");
    assert_eq!((applied.status, applied.task_ids.len()), (DecompositionStatus::Applied, 2));
    assert_eq!(waits(&app, goal, "T002").await, ["T001", "T002_1", "T002_2"]);
    assert_eq!(app.events_of("decomposition.applied").await[0].metadata["expanded_task_id"], json!(bake));
    let usage = app.services.usage.usage(&app.ada, UsageBy::Goal, None, None).await.expect("sums");
    assert_eq!((usage.rows[0].goal_id, usage.rows[0].usage.cost_tokens()), (Some(goal), 240));
    let spent = app.db.texts("SELECT purpose FROM model_calls WHERE task_id IS NOT NULL").await;
    assert_eq!(spent, ["expand"]);

    // Once more: the new part does not wait for the earlier ones.
    app.models.form(&json!({"tasks": [task("T002_3", "Open a window", &[])]}));
    expand(&app, bake, &by_model()).await.expect("made");
    assert_eq!(waits(&app, goal, "T002_3").await, ["T001"]);
    assert_eq!(waits(&app, goal, "T002").await, ["T001", "T002_1", "T002_2", "T002_3"]);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_was_shown_for_a_task_is_not_applied_to_another_one(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let goal = app.import(PLAN).await;
    let bake = find(&app, goal, "T002").await;
    let dry = |text: &str| DecomposeRequest { dry_run: true, ..outline(text) };
    let planning = &app.services.planning;
    let edited = expand(&app, bake, &dry(PARTS)).await.expect("shown");
    for other in ["NULL", "id"] {
        let moved = app.db.execute(&format!("UPDATE decompositions SET expanded_task_id = {other}")).await;
        assert!(moved.is_err(), "it keeps the task that it breaks down");
    }
    let retitled = TaskEdit { title: Some("Bake slowly".into()), ..TaskEdit::default() };
    app.services.tasks.edit(&app.ada, bake, retitled, &Precondition::Any).await.expect("edited");
    let outdated = planning.accept(&app.ada, edited.id, &edited.plan_hash).await.expect_err("outdated");
    assert_eq!(outdated.code(), "plan_outdated");

    // Of two that were shown, the second was made for a task without parts.
    let (one, two) = (dry(PARTS), dry("- [ ] Slowly\n"));
    let first = expand(&app, bake, &one).await.expect("shown");
    let second = expand(&app, bake, &two).await.expect("shown");
    planning.accept(&app.ada, first.id, &first.plan_hash).await.expect("applied");
    let outdated = planning.accept(&app.ada, second.id, &second.plan_hash).await.expect_err("outdated");
    assert_eq!(outdated.code(), "plan_outdated");
    let third = expand(&app, bake, &two).await.expect("shown");
    app.services.tasks.delete(&app.ada, bake, &Precondition::Any).await.expect("gone");
    let outdated = planning.accept(&app.ada, third.id, &third.plan_hash).await.expect_err("outdated");
    assert_eq!(outdated.code(), "plan_outdated");
    planning.reject(&app.ada, third.id, None).await.expect("rejected");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_key_that_is_taken_meanwhile_makes_what_was_shown_outdated(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let goal = app.import(PLAN).await;
    let bake = find(&app, goal, "T002").await;
    let dry = DecomposeRequest { dry_run: true, ..outline(PARTS) };
    let shown = expand(&app, bake, &dry).await.expect("shown");
    let draft = DraftTask {
        goal_id: Some(goal),
        key: Some("T002_1".into()),
        title: "Between".into(),
        ..DraftTask::default()
    };
    app.create_task(draft).await;
    let outdated =
        app.services.planning.accept(&app.ada, shown.id, &shown.plan_hash).await.expect_err("taken");
    assert_eq!(outdated.code(), "plan_outdated", "{outdated}");
    let made = expand(&app, bake, &outline(PARTS)).await.expect("made");
    assert_eq!(made.changes.add, ["T002_2", "T002_3"]);
}
