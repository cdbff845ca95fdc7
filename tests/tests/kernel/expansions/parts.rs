//! What parts get of their whole: what they wait for, read, and when they begin.

use std::time::Duration;

use goalwright_application::planning::{DecomposeRequest, DecompositionStatus};
use goalwright_application::read::TaskView;
use goalwright_application::{Error, Precondition};
use goalwright_domain::model::Content;
use goalwright_domain::task::{DraftTask, TaskEdit, TaskStatus};
use goalwright_testkit::{Backend, TestApp};
use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::planners::{by_model, task};

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_task_waits_for_its_parts_and_they_for_what_it_waits_for(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let goal = app.import(PLAN).await;
    let bake = find(&app, goal, "T002").await;
    let made = expand(&app, bake, &outline(PARTS)).await.expect("made");
    assert_eq!(
        (made.status, made.goal_id, made.expanded),
        (DecompositionStatus::Applied, Some(goal), Some(bake))
    );
    assert_eq!(made.changes.add, ["T002_1", "T002_2"]);
    assert!(made.findings.is_empty(), "nobody is told of names that nothing has: {:?}", made.findings);
    let [changed] = made.changes.change.as_slice() else { panic!("{:?}", made.changes) };
    assert_eq!((changed.key.as_str(), changed.task_id), ("T002", bake));
    assert_eq!(changed.fields[0].to, json!(["T001", "T002_1", "T002_2"]));
    assert_eq!(waits(&app, goal, "T002_1").await, ["T001"]);
    assert_eq!(waits(&app, goal, "T002_2").await, ["T001", "T002_1"]);
    assert_eq!(waits(&app, goal, "T002").await, ["T001", "T002_1", "T002_2"]);
    assert_eq!(waits(&app, goal, "T003").await, ["T002"]);

    let event = &app.events_of("goal.decomposed").await[0];
    assert_eq!(event.changes, json!({"tasks_created": 2, "dependencies_created": 5}));
    assert_eq!(event.metadata["expanded_task_id"], json!(bake));
    let kept = app.services.planning.get(&app.ada, made.id).await.expect("kept");
    assert_eq!((kept.expanded, kept.task_ids.len()), (Some(bake), 2));

    app.drain().await;
    let tasks = app.tasks(goal).await;
    let done = |key: &str| {
        let of = |task: &&TaskView| task.state.key.as_deref() == Some(key);
        let task = tasks.iter().find(of).expect("it is there");
        assert_eq!(task.state.status, TaskStatus::Completed, "{key}");
        task.updated_at
    };
    assert!(done("T001") <= done("T002_1") && done("T002_1") <= done("T002_2"));
    assert!(done("T002_2") <= done("T002") && done("T002") <= done("T003"));
    assert_eq!(app.progress(goal).await.completed, 5);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_ready_task_gives_its_run_back_until_its_parts_are_done(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let goal = app.import("# Bread\n\n- [ ] T001 Knead\n  use: time.now\n").await;
    let knead = find(&app, goal, "T001").await;
    assert_eq!(app.task(goal, "T001").await.state.status, TaskStatus::Ready);
    let parts = "- [x] T010 Buy flour\n- [-] T011 Sing\n- [ ] T012 Weigh it\n  use: time.now\n";
    expand(&app, knead, &outline(parts)).await.expect("made");
    assert_eq!(app.task(goal, "T001").await.state.status, TaskStatus::Pending);
    assert_eq!(app.task(goal, "T010").await.state.status, TaskStatus::Completed);
    assert_eq!(app.task(goal, "T011").await.state.status, TaskStatus::Skipped);
    let claimed = app.kernel.claim(9).await.expect("claims");
    let claimed: Vec<&str> = claimed.iter().map(|one| one.task.title.as_str()).collect();
    assert_eq!(claimed, ["Weigh it"]);
    app.clock.advance(Duration::from_secs(31));
    app.kernel.reclaim().await.expect("reclaims");
    app.clock.advance(Duration::from_secs(60));
    app.drain().await;
    assert_eq!(app.task(goal, "T001").await.state.status, TaskStatus::Completed);

    // Parts that are all done free it at once.
    let goal = app.import("# Cake\n\n- [ ] T001 Stir\n  use: time.now\n").await;
    let stir = find(&app, goal, "T001").await;
    expand(&app, stir, &outline("- [x] Whisk\n")).await.expect("made");
    assert_eq!(app.task(goal, "T001").await.state.status, TaskStatus::Ready);
    app.drain().await;
    assert_eq!(app.task(goal, "T001").await.state.status, TaskStatus::Completed);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_person_who_was_asked_is_asked_again_when_the_parts_are_done(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let goal =
        app.import("# Bread\n\n- [ ] T001 Bake for everybody\n- [ ] T002 Eat (depends on T001)\n").await;
    let bake = find(&app, goal, "T001").await;
    app.drain().await;
    assert_eq!(app.task(goal, "T001").await.state.status, TaskStatus::Waiting);
    let dry = DecomposeRequest { dry_run: true, ..outline(PARTS) };
    let shown = expand(&app, bake, &dry).await.expect("shown");
    assert_eq!(app.task(goal, "T001").await.state.status, TaskStatus::Waiting, "nothing is written");
    app.services.planning.accept(&app.ada, shown.id, &shown.plan_hash).await.expect("applied");
    let waiting = app.task(goal, "T001").await.state;
    assert_eq!((waiting.status, waiting.waiting), (TaskStatus::Pending, None));
    assert_eq!(app.progress(goal).await.by_status.pending, 3);
    app.drain().await;
    let again = app.task(goal, "T001").await.state;
    assert_eq!((again.status, again.attempt), (TaskStatus::Waiting, 2), "the parts are done");
    app.services.tasks.complete(&app.ada, bake, &Default::default()).await.expect("done");
    assert_eq!(app.task(goal, "T002").await.state.status, TaskStatus::Ready);
    let runs = app.db.number("SELECT COUNT(*) FROM runs WHERE status NOT IN ('succeeded', 'queued')").await;
    assert_eq!(runs, 0, "no run is left over");
    // Every attempt has its experience, also the one that was given back.
    let of_bake = app
        .experiences()
        .await
        .into_iter()
        .filter(|one| one.content.to_string().contains("Bake for"))
        .count();
    assert!(of_bake >= 2, "{of_bake}");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_has_failed_is_retried_when_its_parts_are_done(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let plan = "# P\n\n- [ ] T001 Broken\n  use: probe.none {\"name\": \"b\", \"fail\": 1, \"retryable\": false}\n\
                - [ ] T002 Behind (depends on T001)\n  use: time.now\n";
    let goal = app.import(plan).await;
    app.drain().await;
    let broken = find(&app, goal, "T001").await;
    assert_eq!(app.task(goal, "T001").await.state.status, TaskStatus::Failed);
    let made = expand(&app, broken, &outline(PARTS)).await.expect("made");
    let [finding] = made.findings.as_slice() else { panic!("{:?}", made.findings) };
    assert_eq!(&*finding.code, "failed_whole");
    let refused = app.services.tasks.retry(&app.ada, broken, "").await.expect_err("its parts are not done");
    assert_eq!(refused.code(), "dependencies_open");
    app.drain().await;
    assert_eq!(app.task(goal, "T001_2").await.state.status, TaskStatus::Completed);
    assert_eq!(app.task(goal, "T001").await.state.status, TaskStatus::Failed, "as was said");
    app.services.tasks.retry(&app.ada, broken, "").await.expect("tried again");
    app.drain().await;
    assert_eq!(app.progress(goal).await.percentage, 100.0);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn parts_read_what_their_whole_waits_for_and_no_other_task(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let goal = app.import(PLAN).await;
    let bake = find(&app, goal, "T002").await;
    // The reader calls the first of these parts T001; the goal has another task of that name.
    let parts = "- [ ] Put it in\n  use: time.now\n- [ ] Say it\n  use: text.render {\"template\": \"at {T001.date}\"}\n";
    let Err(Error::Invalid { code: "invalid_plan", violations, .. }) =
        expand(&app, bake, &outline(parts)).await
    else {
        panic!("one of two is read")
    };
    assert_eq!((violations[0].code.as_ref(), violations.len()), ("ambiguous_reference", 1), "{violations:?}");
    assert!(violations[0].message.starts_with("line 4:") && violations[0].message.contains("in line 1"));
    let named = parts.replace("Put", "T020 Put").replace("Say", "T021 Say");
    expand(&app, bake, &outline(&named)).await.expect("made");
    app.drain().await;
    let said = app.task(goal, "T021").await.state;
    assert_eq!(said.status, TaskStatus::Completed, "{:?}", said.error);
    assert_eq!(app.progress(goal).await.percentage, 100.0);

    let goal = app.import(PLAN).await;
    let bake = find(&app, goal, "T002").await;
    let before = count(&app, "tasks").await;
    for (root, code) in
        [("T002", "unknown_reference"), ("T003", "unknown_reference"), ("T001.nothing", "unknown_path")]
    {
        let text = format!(
            "- [ ] T020 First\n  use: time.now\n- [ ] T021 Say it\n  use: text.render {{\"template\": \"{{{root}}}\"}}\n"
        );
        let Err(Error::Invalid { code: "invalid_plan", violations, .. }) =
            expand(&app, bake, &outline(&text)).await
        else {
            panic!("{root} is read")
        };
        assert_eq!((violations[0].code.as_ref(), violations.len()), (code, 1), "{violations:?}");
        assert!(violations[0].message.starts_with("line 4:"), "{violations:?}");
    }
    assert_eq!(count(&app, "tasks").await, before);

    // A model may do the same.
    app.models.offer("openai/gpt-4o-mini");
    let reading = |root: &str| {
        let mut part = task("T002_1", "Say it", &[]);
        let parameters = json!({"template": format!("at {{{root}}}")}).to_string();
        part["use"] = json!({"tool": "text.render", "parameters": parameters});
        json!({"tasks": [part]})
    };
    app.models.form(&reading("T003.date"));
    app.models.form(&reading("T001.date"));
    let made = expand(&app, bake, &by_model()).await.expect("made");
    assert_eq!(made.making.rejected[0].problems[0].code, "unknown_reference");
    let Content::Text { text } = &app.models.asked()[0].messages[0].content[0] else { panic!("words") };
    assert!(text.contains("of what `T002` waits for, and of no other task"), "{text}");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn parts_begin_no_earlier_than_their_whole_and_are_as_urgent(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let goal = app.import("# Bread\n\n- [ ] T001 Knead\n  use: time.now\n").await;
    let knead = find(&app, goal, "T001").await;
    let monday = app.ports.clock.now() + Duration::from_secs(3_600);
    let edit = TaskEdit { scheduled_at: Some(Some(monday)), priority: Some(5), ..TaskEdit::default() };
    app.services.tasks.edit(&app.ada, knead, edit, &Precondition::Any).await.expect("edited");
    let dry = DecomposeRequest { dry_run: true, ..outline(PARTS) };
    let shown = expand(&app, knead, &dry).await.expect("shown");
    let later =
        TaskEdit { scheduled_at: Some(Some(monday + Duration::from_secs(60))), ..TaskEdit::default() };
    app.services.tasks.edit(&app.ada, knead, later, &Precondition::Any).await.expect("edited");
    let outdated =
        app.services.planning.accept(&app.ada, shown.id, &shown.plan_hash).await.expect_err("later");
    assert_eq!(outdated.code(), "plan_outdated");
    expand(&app, knead, &outline(PARTS)).await.expect("made");
    let part = app.task(goal, "T001_1").await.state;
    assert_eq!((part.priority, part.scheduled_at), (5, Some(monday + Duration::from_secs(60))));
    app.drain().await;
    assert_eq!(app.progress(goal).await.completed, 0, "it is not Monday yet");
    app.clock.advance(Duration::from_secs(3_700));
    app.drain().await;
    assert_eq!(app.progress(goal).await.percentage, 100.0);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn parts_of_a_task_without_a_key_have_none(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let goal = app.import(PLAN).await;
    let draft = DraftTask { goal_id: Some(goal), title: "Sing".into(), ..DraftTask::default() };
    let sing = app.create_task(draft).await;
    app.models.offer("openai/gpt-4o-mini");
    app.models.form(&json!({"tasks": [task("N001_1", "Breathe", &[]), task("N001_2", "Hum", &["N001_1"])]}));
    let made = expand(&app, sing.state.id, &by_model()).await.expect("made");
    assert_eq!(made.making.repairs, 0);
    let tasks = app.tasks(goal).await;
    let keys = tasks.iter().filter(|task| matches!(&*task.state.title, "Breathe" | "Hum" | "Sing"));
    assert!(keys.map(|task| &task.state.key).all(Option::is_none), "nobody else knows these names");
    let of = |title: &str| tasks.iter().find(|task| task.state.title == title).expect("it is there");
    assert_eq!(of("Hum").depends_on[0].task_id, of("Breathe").state.id);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_model_that_answers_with_too_many_parts_may_answer_with_fewer(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let keys: Vec<String> = (1..=100).map(|number| format!("T{number:03}")).collect();
    let before: String = keys.iter().map(|key| format!("- [ ] {key} [P] Knead\n  use: time.now\n")).collect();
    let goal =
        app.import(&format!("# Bread\n\n{before}- [ ] T900 Bake (depends on {})\n", keys.join(", "))).await;
    let bake = find(&app, goal, "T900").await;
    // Each of a thousand parts would wait for a hundred tasks, and the whole for each of them.
    let parts: Vec<Value> =
        (1..=1_000).map(|number| task(&format!("T900_{number}"), "Bake one", &[])).collect();
    app.models.form(&json!({"tasks": parts}));
    app.models
        .form(&json!({"tasks": [task("T900_1", "Heat the oven", &[]), task("T900_2", "Wait", &["T900_1"])]}));
    let request = DecomposeRequest { max_tasks: Some(1_000), ..by_model() };
    let made = expand(&app, bake, &request).await.expect("made");
    let [rejected] = made.making.rejected.as_slice() else { panic!("{:?}", made.making.rejected.len()) };
    let [problem] = rejected.problems.as_slice() else { panic!("{:?}", rejected.problems) };
    assert_eq!((problem.code.as_str(), problem.path.as_str()), ("too_many_dependencies", "tasks"));
    assert!(problem.message.contains("use fewer parts"), "{}", problem.message);
    assert_eq!((made.making.repairs, made.changes.add.len()), (1, 2));
    assert_eq!(waits(&app, goal, "T900_1").await.len(), 100);
}
