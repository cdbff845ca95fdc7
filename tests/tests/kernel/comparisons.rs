//! Two plans of a goal side by side.

use std::time::Duration;

use goalwright_application::planning::{Comparison, DecomposeRequest, Decomposition};
use goalwright_application::read::PageRequest;
use goalwright_application::tasks::{Ending, NewTask};
use goalwright_application::{Error, Precondition};
use goalwright_domain::goal::GoalId;
use goalwright_domain::task::{DraftTask, TaskEdit};
use goalwright_testkit::{Backend, TestApp};
use rstest::rstest;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::planners::{self, by_model, goal};

/// A task that a tool does at once.
fn task(key: &str, depends_on: &[&str]) -> Value {
    let mut task = planners::task(key, key, depends_on);
    task["use"] = json!({"tool": "time.now", "parameters": "{}"});
    task
}

async fn plan(app: &TestApp, id: GoalId, version: &str, tasks: &[Value], dry_run: bool) -> Decomposition {
    app.clock.advance(Duration::from_secs(1));
    app.models.form(&json!({"tasks": tasks}));
    let prompt_version = Some(version.to_owned());
    let request = DecomposeRequest { dry_run, prompt_version, ..by_model() };
    app.services.planning.decompose(&app.ada, id, &request).await.expect("made")
}

async fn compare(app: &TestApp, id: GoalId, a: Uuid, b: Uuid) -> Comparison {
    app.sequence().await;
    app.services.planning.compare(&app.ada, id, Some(a), Some(b)).await.expect("compared")
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn two_versions_of_a_prompt_are_told_apart_by_what_came_of_them(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    app.models.offer("openai/gpt-4o-mini");
    app.services.planning.add_prompt(&app.ada, "short-1", "Be short.").await.expect("added");
    let id = goal(&app).await;
    // One that was sent back once and is applied, and one that was only shown.
    app.models.form(&json!({"tasks": [task("A1", &["A9"])]}));
    let chain = [task("A1", &[]), task("A2", &["A1"]), task("A3", &["A2", "A4"]), task("A4", &["A2"])];
    let a = plan(&app, id, "goalwright-1", &chain, false).await;
    let b = plan(&app, id, "short-1", &[task("B1", &[]), task("B2", &[])], true).await;

    let compared = compare(&app, id, a.id, b.id).await;
    let (one, other) = (&compared.a, &compared.b);
    let prompts = [one, other].map(|side| side.decomposition.making.prompt_version.clone().expect("named"));
    assert_eq!(prompts, ["goalwright-1", "short-1"]);
    assert_eq!((one.decomposition.making.repairs, other.decomposition.making.repairs), (1, 0));
    assert_eq!(one.decomposition.making.rejected[0].problems.len(), 1);
    let (size, width) = (one.size.expect("a plan"), other.size.expect("a plan").width);
    assert_eq!((size.tasks, size.dependencies, size.depth, size.width, width), (4, 4, 4, 1, 2));
    assert_eq!((size.estimate_minutes, size.estimated), (Some(120), 4));
    assert_eq!(one.decomposition.making.usage.cost_tokens(), 240);
    assert_eq!(one.applied_at, Some(a.created_at));
    assert_eq!((other.applied_at, &other.edits, other.completion), (None, &None, None), "nothing came of it");
    let edits = one.edits.clone().expect("known");
    assert_eq!((edits.changed, edits.added, edits.deleted, edits.fields.len()), (0, 0, 0, 0));
    assert_eq!(one.completion.expect("applied").total(), 4);

    // People change one task twice, delete one, skip one, add one; work goes on.
    app.clock.advance(Duration::from_secs(1));
    let (tasks, any) = (&app.services.tasks, Precondition::Any);
    let find = async |key: &str| app.task(id, key).await.state.id;
    let (a3, a4) = (find("A3").await, find("A4").await);
    for title in ["Slice", "Slice thinly"] {
        let edit = TaskEdit { title: Some(title.into()), priority: Some(1), ..TaskEdit::default() };
        tasks.edit(&app.ada, a3, edit, &any).await.expect("edited");
    }
    // One in the middle: that the next one waits for it no more is no edit of that one.
    tasks.delete(&app.ada, a4, &any).await.expect("deleted");
    app.clock.advance(Duration::from_millis(1));
    let draft = DraftTask { title: "Ring the bell".into(), goal_id: Some(id), ..DraftTask::default() };
    tasks.create(&app.ada, NewTask { draft, depends_on: vec![] }).await.expect("made");
    app.step(1).await;
    tasks.end(&app.ada, a3, Ending::Skipped, "").await.expect("skipped");
    // What comes with a plan of a model is no edit of a person.
    let c = plan(&app, id, "short-1", &[task("C1", &[])], false).await;

    let compared = compare(&app, id, a.id, c.id).await;
    let edits = compared.a.edits.expect("known");
    assert_eq!((edits.changed, edits.deleted, edits.added), (1, 1, 1));
    let fields: Vec<(&str, u64)> =
        edits.fields.iter().map(|(field, count)| (field.as_str(), *count)).collect();
    assert_eq!(fields, [("priority", 1), ("title", 2)]);
    let counts = compared.a.completion.expect("applied");
    assert_eq!((counts.completed, counts.skipped, counts.total()), (1, 1, 2), "the deleted one is gone");
    let edits = compared.b.edits.expect("known");
    assert_eq!((edits.changed, edits.deleted, edits.added), (0, 0, 0), "all of that was before");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_plan_that_failed_has_no_size_and_what_is_not_there_is_said(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    app.models.offer("openai/gpt-4o-mini");
    let id = goal(&app).await;
    for _ in 0..3 {
        app.models.form(&json!({"tasks": []}));
    }
    let request = by_model();
    app.services.planning.decompose(&app.ada, id, &request).await.expect_err("no plan");
    let history = app.services.planning.history(&app.ada, id, &PageRequest::first(5)).await.expect("lists");
    let failed = history.items[0].id;
    let outline =
        DecomposeRequest { outline: "- [x] T001 A\n- [ ] T002 B\n".into(), ..DecomposeRequest::default() };
    let written = app.services.planning.decompose(&app.ada, id, &outline).await.expect("made").id;
    let compared = compare(&app, id, failed, written).await;
    assert_eq!((compared.a.size, &compared.a.edits, compared.a.completion), (None, &None, None));
    assert_eq!(compared.a.decomposition.failure.as_ref().map(|one| one.code.as_str()), Some("invalid_plan"));
    assert_eq!(compared.a.decomposition.making.rejected.len(), 3);
    let (size, counts) = (compared.b.size.expect("a plan"), compared.b.completion.expect("applied"));
    assert_eq!((size.tasks, size.estimate_minutes, size.estimated), (2, None, 0));
    assert_eq!((counts.completed, counts.total()), (1, 2));

    let planning = &app.services.planning;
    let missing = planning.compare(&app.ada, id, Some(written), None).await.expect_err("one of two");
    assert!(
        matches!(&missing, Error::Invalid { violations, .. } if violations[0].path == "b"),
        "{missing:?}"
    );
    let other = goal(&app).await;
    let eve = app.user("eve").await;
    for refused in [
        planning.compare(&app.ada, other, Some(written), Some(failed)).await.expect_err("of another goal"),
        planning.compare(&app.ada, id, Some(written), Some(Uuid::from_u128(1))).await.expect_err("nowhere"),
        planning.compare(&eve, id, Some(written), Some(failed)).await.expect_err("not hers"),
    ] {
        assert_eq!(refused.code(), "not_found");
    }
}
