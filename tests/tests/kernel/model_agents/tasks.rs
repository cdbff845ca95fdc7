//! A task from its question to its result: what the model is given, and what it may answer.

use goalwright_application::ports::{ModelReply, Stop};
use goalwright_application::tasks::NewTask;
use goalwright_domain::agent::Profile;
use goalwright_domain::execution::Action;
use goalwright_domain::model::Content;
use goalwright_domain::task::{DraftTask, TaskStatus};
use goalwright_testkit::{Backend, TestApp, scripted_reply};
use rstest::rstest;
use serde_json::{Value, json};

use super::*;

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_model_performs_a_task_with_its_tools(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    model_agent(&app, Profile { instructions: "Write plainly.".into(), ..Profile::default() }).await;
    let goal = app
        .import("# Trip\n\n- [ ] T001 Look around\n  use: text.render {\"template\": \"rain in York\"}\n- [ ] T002 Write the report (depends on T001)\n")
        .await;
    app.models.call(vec![
        call("a", "file_write", json!({"path": "report.md", "content": "Rain. Mail ann@example.org"})),
        call("b", "file_read", json!({"path": "report.md"})),
    ]);
    app.models.call(vec![call(
        "c",
        "finish",
        json!({"result": "report.md has it", "summary": "The report is written.", "outcome": "partial"}),
    )]);
    app.drain().await;
    let task = app.task(goal, "T002").await.state;
    assert_eq!((task.status, task.result.clone()), (TaskStatus::Completed, Some(json!("report.md has it"))));
    let written = std::fs::read_to_string(app.sandbox().join("report.md")).expect("written");
    assert_eq!(written, "Rain. Mail ann@example.org");

    let asked = app.models.asked();
    assert_eq!(asked.len(), 2);
    assert!(
        asked[0].system.contains("You carry out one task") && asked[0].system.ends_with("Write plainly.")
    );
    let Content::Text { text } = &asked[0].messages[0].content[0] else { panic!("words") };
    for told in ["Trip", "Write the report", "T001", "Look around", "rain in York"] {
        assert!(text.contains(told), "{told} is missing in {text}");
    }
    let names: Vec<&str> = asked[0].tools.iter().map(|tool| tool.name.as_str()).collect();
    assert!(names.contains(&"file_write") && names.contains(&"finish") && names.contains(&"give_up"));
    assert!(!names.contains(&"shell_run") && !names.contains(&"http_request"), "{names:?}");
    assert_eq!(asked[0].system, asked[1].system, "what comes first stays the same");
    assert_eq!(asked[0].tools, asked[1].tools);
    assert_eq!(asked[1].messages[..1], asked[0].messages[..]);

    let record = executions(&app).await.pop().expect("a record");
    let structured = &record.content["structured"];
    assert_eq!(structured["status"], "partial");
    assert_eq!(record.content["text"], "The report is written.");
    assert_eq!(structured["io"]["files_written"], json!(["report.md"]));
    assert_eq!(structured["io"]["tool_calls"].as_array().map(Vec::len), Some(2), "{structured}");
    let text = transcript(&app, &record).await;
    assert!(text.contains("file_write") && !text.contains("ann@example.org"), "{text}");

    let trace: uuid::Uuid = structured["trace_id"].as_str().expect("a trace").parse().expect("an id");
    let trace = app.services.traces.get(&app.ada, trace).await.expect("a trace");
    let attempt = &trace.runs[0].attempts[0];
    assert_eq!((attempt.model_calls.len(), attempt.calls.len(), trace.model_calls.len()), (2, 2, 0));
    assert!(attempt.model_calls.iter().all(|call| call.purpose == "task" && call.cost.is_some()));
    assert_eq!(
        attempt.stages.iter().map(|stage| stage.name).collect::<Vec<_>>(),
        ["claimed", "resolved", "performing", "settling"]
    );

    let usage = app.services.usage.budget(&app.ada).await.expect("a budget");
    assert_eq!(usage.spent.tokens, 240);
    assert!(usage.spent.money.nanos() > 0);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_result_is_checked_against_the_schema_and_sent_back_with_all_that_is_wrong(
    #[case] backend: Backend,
) {
    let Some(app) = TestApp::start(backend).await else { return };
    model_agent(&app, Profile::default()).await;
    let schema = json!({
        "type": "object", "required": ["city", "days"], "additionalProperties": false,
        "properties": {"city": {"type": "string"}, "days": {"$ref": "#/$defs/days"}},
        "$defs": {"days": {"type": "integer", "minimum": 1}},
    });
    let action = |schema: &Value| Action::Orchestrated {
        instructions: "Plan a trip".into(),
        tools: vec!["time.*".into()],
        output_schema: Some(schema.clone()),
    };
    let id = make(&app, DraftTask { action: Some(action(&schema)), ..titled("Trip") }).await;
    app.models.call(finish("1", json!({"city": 7})));
    // Words where JSON is asked for end nothing.
    app.models.say("It is done.");
    app.models.call(finish("2", json!({"city": "York", "days": 3})));
    app.drain().await;
    assert_eq!(state(&app, id).await.result, Some(json!({"city": "York", "days": 3})));
    let asked = app.models.asked();
    let Some(Content::ToolResult(sent_back)) = asked[1].messages.last().and_then(|last| last.content.first())
    else {
        panic!("sent back: {:?}", asked[1].messages)
    };
    assert!(
        sent_back.is_error && sent_back.text.contains("/city") && sent_back.text.contains("days"),
        "{sent_back:?}"
    );
    let names: Vec<&str> = asked[0].tools.iter().map(|tool| tool.name.as_str()).collect();
    assert_eq!(names, ["time_now", "time_sleep", "finish", "give_up"]);

    let stubborn = make(&app, DraftTask { action: Some(action(&schema)), ..titled("Another") }).await;
    for id in ["1", "2", "3"] {
        app.models.call(finish(id, json!({"city": 7})));
    }
    app.drain().await;
    let failed = state(&app, stubborn).await;
    assert_eq!(failed.status, TaskStatus::Failed);
    assert_eq!(failed.error.expect("an error").kind, "ResultInvalid");
    assert_eq!(app.models.left(), 0);

    let wrong = Action::Orchestrated {
        instructions: "x".into(),
        tools: vec!["time.now".into(), "no.such".into()],
        output_schema: Some(json!({"type": "objekt"})),
    };
    let draft = DraftTask { action: Some(wrong), ..titled("Wrong") };
    let refused = app.services.tasks.create(&app.ada, NewTask { draft, depends_on: vec![] }).await;
    let Err(goalwright_application::Error::Invalid { violations, .. }) = refused else {
        panic!("{refused:?}")
    };
    let paths: Vec<&str> = violations.iter().map(|one| one.path.as_str()).collect();
    assert_eq!(paths, ["action.tools[1]", "action.output_schema"]);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_a_model_does_wrong_it_is_told(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    model_agent(&app, with_tools(&["file.read", "probe.none"])).await;
    let id = make(&app, titled("Err")).await;
    app.models.call(vec![
        call("a", "shell_run", json!({"command": "rm -rf /"})),
        call("b", "file_read", json!({"pfad": "x"})),
        call("c", "file_read", json!({"path": "../outside"})),
        call("d", "file_read", json!("x")),
        call("", "probe_none", json!({"name": "odd", "result": "a\u{0}b"})),
    ]);
    // Cut off in the middle of a call: nothing of it is carried out.
    let made = Content::ToolCall(call("e", "probe_none", json!({"name": "half"})));
    app.models.answer(ModelReply { content: vec![made], stop: Stop::Length, ..scripted_reply("") });
    app.models.say("  All done.  ");
    app.drain().await;
    let task = state(&app, id).await;
    assert_eq!((task.status, task.result), (TaskStatus::Completed, Some(json!("All done."))));
    assert_eq!(app.tools.calls("half").len(), 0);
    let asked = app.models.asked();
    let results: Vec<(String, bool)> = asked[1]
        .messages
        .last()
        .expect("results")
        .content
        .iter()
        .filter_map(|part| match part {
            Content::ToolResult(result) => Some((result.text.clone(), result.is_error)),
            _ => None,
        })
        .collect();
    assert_eq!(results.len(), 5);
    assert!(results[0].0.contains("there is no tool `shell_run`") && results[0].0.contains("file_read"));
    assert!(
        results[1].0.contains("pfad") && results[2].1 && results[3].0.contains("no JSON object"),
        "{results:?}"
    );
    assert!(told_last(&app).contains("cut off"));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_was_experienced_before_is_given_to_the_model_and_recorded(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    model_agent(&app, with_tools(&["probe.none"])).await;
    let first = make(&app, titled("Weigh the brass kettle")).await;
    app.models.call(finish("a", json!("The kettle weighs 3 kg")));
    app.drain().await;
    assert_eq!(state(&app, first).await.status, TaskStatus::Completed);
    make(&app, titled("Pack the brass kettle")).await;
    app.models.call(finish("b", json!("packed")));
    app.drain().await;
    let asked = app.models.asked();
    let Content::Text { text } = &asked[1].messages[0].content[0] else { panic!("words") };
    assert!(text.contains("It is done.") && text.contains("Weigh the brass kettle"), "{text}");
    let records = executions(&app).await;
    let (one, two) = (&records[0], &records[1]);
    assert_eq!(two.parents, std::slice::from_ref(&one.id));
    let retrieval = &two.content["structured"]["retrieval"];
    assert_eq!(retrieval["memory_count"], 1);
    assert_eq!(retrieval["source"], json!(["experiences"]));
    assert!(retrieval["query"].as_str().is_some_and(|query| query.contains("kettle")));
    assert_eq!(one.parents.len(), 0);
    assert!(!two.causes.contains(&one.id), "what it read did not cause it");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_model_is_told_how_many_tasks_before_its_own_are_not_shown(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    model_agent(&app, with_tools(&["probe.none"])).await;
    for (count, told) in [(50, "Results of the tasks before it:"), (52, "the first 50 of the 52 tasks")] {
        let keys: Vec<String> = (1..=count).map(|number| format!("T{number:03}")).collect();
        let each = |key: &String| format!("- [ ] {key} [P] Look\n  use: time.now\n");
        let before: String = keys.iter().map(each).collect();
        let plan = format!("# Many\n\n{before}- [ ] T900 Report (depends on {})\n", keys.join(", "));
        let goal = app.import(&plan).await;
        app.models.call(finish("a", json!("done")));
        app.drain().await;
        assert_eq!(app.task(goal, "T900").await.state.status, TaskStatus::Completed);
        assert!(told_last(&app).contains(told), "{}", told_last(&app));
    }
}
