//! Tasks that a model performs: with its tools, within its bounds, and so that nothing is done or paid for twice.

use std::time::Duration;

use goalwright_application::Precondition;
use goalwright_application::execution::{Assignment, Settlement};
use goalwright_application::ports::{ModelReply, Stop};
use goalwright_application::read::{EventFilter, PageRequest};
use goalwright_application::tasks::{Ending, NewTask};
use goalwright_domain::agent::{AgentId, AgentKind, DraftAgent, Profile};
use goalwright_domain::execution::{Action, Outcome, WaitKind};
use goalwright_domain::experience::{Experience, ExperienceType};
use goalwright_domain::model::{Cause, Content, ModelFailure, Role, ToolCall, ToolChoice, Usage};
use goalwright_domain::task::{DraftTask, TaskId, TaskState, TaskStatus};
use goalwright_testkit::{Backend, TestApp, scripted_reply};
use rstest::rstest;
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

fn call(id: &str, name: &str, arguments: Value) -> ToolCall {
    ToolCall { id: id.to_owned(), name: name.to_owned(), arguments, extra: Map::new() }
}

fn finish(id: &str, result: Value) -> Vec<ToolCall> {
    vec![call(id, "finish", json!({"result": result, "summary": "It is done."}))]
}

/// A workspace whose default agent is a model with this profile.
async fn model_agent(app: &TestApp, profile: Profile) -> AgentId {
    app.models.offer("anthropic/claude-sonnet-4-5");
    let draft = DraftAgent {
        name: "model".into(),
        kind: AgentKind::Llm,
        capabilities: vec![],
        max_concurrency: None,
        is_default: true,
        user_id: None,
        llm: Some(profile),
    };
    app.services.agents.create(&app.ada, draft).await.expect("made").id()
}

fn with_tools(tools: &[&str]) -> Profile {
    let tools = tools.iter().map(|&tool| tool.to_owned()).collect();
    Profile { tools: Some(tools), ..Profile::default() }
}

async fn make(app: &TestApp, draft: DraftTask) -> TaskId {
    app.services.tasks.create(&app.ada, NewTask { draft, depends_on: vec![] }).await.expect("made").state.id
}

fn titled(title: &str) -> DraftTask {
    DraftTask { title: title.to_owned(), ..DraftTask::default() }
}

async fn state(app: &TestApp, id: TaskId) -> TaskState {
    app.services.tasks.get(&app.ada, id).await.expect("there").state
}

async fn executions(app: &TestApp) -> Vec<Experience> {
    let all = app.experiences().await;
    all.into_iter().filter(|one| one.kind == ExperienceType::TaskExecution).collect()
}

async fn claim(app: &TestApp) -> Assignment {
    app.clock.advance(Duration::from_millis(1));
    app.db.until_rolled_back().await;
    app.kernel.claim(1).await.expect("claims").pop().expect("something to do")
}

async fn settle(app: &TestApp, settlement: Settlement) {
    app.kernel.settle(&[settlement]).await.expect("settles")[0].expect("the lease holds");
}

/// The lease runs out, as that of a worker that vanished does.
async fn worker_vanishes(app: &TestApp) {
    app.clock.advance(Duration::from_secs(31));
    assert_eq!(app.kernel.reclaim().await.expect("reclaims"), 1);
}

/// An audit copy of what was said in an attempt.
async fn transcript(app: &TestApp, record: &Experience) -> String {
    let artifacts = record.content["structured"]["io"]["artifact_ids"].as_array().expect("artifacts").clone();
    let transcript: uuid::Uuid =
        artifacts.last().and_then(Value::as_str).expect("one").parse().expect("an id");
    let (_, bytes) = app.services.artifacts.read(&app.ada, transcript).await.expect("the transcript");
    String::from_utf8(bytes.to_vec()).expect("text")
}

/// What the model was told last, our turns only.
fn told_last(app: &TestApp) -> String {
    let asked = app.models.asked();
    let last = asked.last().expect("it was asked").messages.last().expect("a message").clone();
    assert_eq!(last.role, Role::User);
    last.content
        .iter()
        .map(|part| match part {
            Content::Text { text } => text.clone(),
            Content::ToolResult(result) => result.text.clone(),
            Content::ToolCall(_) | Content::Opaque { .. } => String::new(),
        })
        .collect::<Vec<_>>()
        .join("\n")
}

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
async fn who_takes_over_goes_on_where_the_dialogue_ended(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    model_agent(&app, with_tools(&["probe.*"])).await;
    let id = make(&app, titled("Count")).await;
    app.models.call(vec![
        call("a", "probe_idempotent", json!({"name": "first", "result": 1})),
        call("b", "probe_none", json!({"name": "second", "result": 2})),
    ]);
    // While the second answer is awaited the worker vanishes.
    app.models.hang();
    let lost = claim(&app).await;
    let never = CancellationToken::new();
    let hanging = app.kernel.perform(&lost, &never);
    let vanished = tokio::time::timeout(Duration::from_secs(5), async {
        tokio::select! {
            _ = hanging => panic!("the model does not answer"),
            () = async {
                while app.models.asked().len() < 2 {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            } => {}
        }
    });
    vanished.await.expect("it was asked twice");
    worker_vanishes(&app).await;
    app.models.call(finish("c", json!("both counted")));
    app.drain().await;
    let task = state(&app, id).await;
    assert_eq!(task.result, Some(json!("both counted")));
    assert_eq!(app.tools.calls("first").len(), 1, "nothing is called again");
    assert_eq!(app.tools.calls("second").len(), 1);
    let asked = app.models.asked();
    assert_eq!(asked.len(), 3);
    assert_eq!(asked[1].messages, asked[2].messages, "the same question, and nothing of it anew");
    let records = executions(&app).await;
    let of = |n: usize, field: &str| records[n].content["structured"][field].clone();
    assert_eq!((of(0, "status"), of(1, "status")), (json!("failed"), json!("success")));
    assert_eq!(of(1, "retry_of"), of(0, "span_id"));
    let calls = |n: usize| of(n, "io")["tool_calls"].as_array().map(Vec::len);
    assert_eq!((calls(0), calls(1)), (Some(2), Some(0)), "what it did before it vanished is told of it");
    let unit = app.ports.transactions.begin().await.expect("a unit");
    let left = unit.executions().dialogue(lost.run.id).await.expect("reads");
    assert!(left.is_empty(), "the dialogue ended with its run");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_call_whose_end_nobody_saw_is_not_simply_made_again(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    model_agent(&app, with_tools(&["probe.*"])).await;
    let id = make(&app, titled("Send it")).await;
    app.models.call(vec![call(
        "a",
        "probe_irreversible",
        json!({"name": "mail", "fail": 1, "unknown": true}),
    )]);
    let first = claim(&app).await;
    let asking = app.perform(&first).await;
    settle(&app, asking).await;
    let waiting = state(&app, id).await;
    assert_eq!(waiting.status, TaskStatus::Waiting);
    assert_eq!(waiting.waiting.as_ref().map(|wait| wait.kind), Some(WaitKind::Decision));
    app.services.tasks.retry(&app.ada, id, "it may go on").await.expect("retried");
    app.models.call(finish("b", json!("seen to it")));
    app.drain().await;
    assert_eq!(state(&app, id).await.result, Some(json!("seen to it")));
    assert_eq!(app.tools.calls("mail").len(), 1, "the model is told instead");
    assert!(told_last(&app).contains("took effect is not known"), "{}", told_last(&app));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_model_that_sleeps_holds_nothing_and_goes_on_then(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    model_agent(&app, with_tools(&["time.*", "file.write"])).await;
    let id = make(&app, titled("Wait for it")).await;
    app.models.call(vec![
        call("a", "file_write", json!({"path": "before.txt", "content": "x"})),
        call("b", "time_sleep", json!({"seconds": 3600})),
    ]);
    app.drain().await;
    let waiting = state(&app, id).await;
    assert_eq!(waiting.status, TaskStatus::Waiting);
    assert_eq!(waiting.waiting.as_ref().map(|wait| wait.kind), Some(WaitKind::Time));
    app.clock.advance(Duration::from_secs(3601));
    app.models.call(finish("c", json!("slept")));
    app.drain().await;
    assert_eq!(state(&app, id).await.result, Some(json!("slept")));
    let records = executions(&app).await;
    assert_eq!(records.len(), 1, "one attempt, however long it slept");
    let io = &records[0].content["structured"]["io"];
    assert_eq!(io["files_written"], json!(["before.txt"]), "what it did before it slept is told");
    assert_eq!(io["tool_calls"].as_array().map(Vec::len), Some(2));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn bounds_end_what_does_not_end_by_itself(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let agent = model_agent(&app, with_tools(&["probe.none"])).await;
    let become_other = async |profile: Profile| {
        let edit = goalwright_domain::agent::AgentEdit { llm: Some(Some(profile)), ..Default::default() };
        app.services.agents.edit(&app.ada, agent, edit, &Precondition::Any).await.expect("edited");
    };
    let error_of = async |id: TaskId| state(&app, id).await.error.expect("an error");

    // The same call with the same answer again and again.
    let looping = make(&app, titled("Loop")).await;
    for n in 0..4 {
        app.models.call(vec![call(&n.to_string(), "probe_none", json!({"name": "loop", "result": "same"}))]);
    }
    app.drain().await;
    assert_eq!(error_of(looping).await.kind, "LoopStopped");
    assert_eq!(app.tools.calls("loop").len(), 3);
    assert!(told_last(&app).contains("Do something else"), "it is warned before");

    // Turns: the last one has to finish.
    become_other(Profile { max_turns: 2, ..with_tools(&["probe.none"]) }).await;
    let endless = make(&app, titled("Endless")).await;
    for n in 0..2 {
        app.models.call(vec![call("a", "probe_none", json!({"name": "endless", "n": n}))]);
    }
    app.drain().await;
    assert_eq!(error_of(endless).await.kind, "TurnsExhausted");
    assert!(told_last(&app).contains("last turn"));

    // Tokens.
    become_other(Profile { max_tokens: 1_000, ..with_tools(&["probe.none"]) }).await;
    let greedy = make(&app, titled("Greedy")).await;
    let usage = Usage { input_tokens: 900, output_tokens: 100, ..Usage::default() };
    let made = Content::ToolCall(call("a", "probe_none", json!({"name": "greedy"})));
    app.models.answer(ModelReply { content: vec![made], stop: Stop::Tools, usage, ..scripted_reply("") });
    app.drain().await;
    assert_eq!(error_of(greedy).await.kind, "TokensExhausted");

    // Money: before any is spent.
    let asked = app.models.asked().len();
    become_other(Profile { max_cost_nanos: Some(1_000), ..with_tools(&["probe.none"]) }).await;
    let dear = make(&app, titled("Dear")).await;
    app.drain().await;
    assert_eq!(error_of(dear).await.kind, "CostExhausted");
    assert_eq!(app.models.asked().len(), asked);

    // It says itself that it cannot.
    become_other(with_tools(&["probe.none"])).await;
    let hopeless = make(&app, titled("Hopeless")).await;
    app.models.call(vec![call("a", "give_up", json!({"reason": "there is no file"}))]);
    app.drain().await;
    let error = error_of(hopeless).await;
    assert_eq!((error.kind.as_str(), error.message.as_str()), ("GaveUp", "there is no file"));
    assert_eq!(app.models.left(), 0);
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
async fn a_model_that_is_away_is_waited_for(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    model_agent(&app, with_tools(&["probe.none"])).await;
    let bad_key = make(&app, titled("No key")).await;
    app.models.fail(Cause::Credentials { setting: "ANTHROPIC_API_KEY", status: 401 });
    app.drain().await;
    let failed = state(&app, bad_key).await;
    assert_eq!(failed.error.expect("an error").kind, "ModelCredentials");
    assert_eq!(failed.attempt, 1, "trying again is of no use");

    // An endpoint that fails again and again is left alone, and what needs it waits.
    let away = make(&app, titled("Away")).await;
    for _ in 0..9 {
        app.models.fail(Cause::Overloaded { retry_after: None });
    }
    for _ in 0..3 {
        app.clock.advance(Duration::from_secs(60));
        impatiently(&app, app.drain()).await;
    }
    let failed = state(&app, away).await;
    assert_eq!((failed.error.expect("an error").kind.as_str(), failed.attempt), ("ModelUnavailable", 3));
    assert_eq!(app.models.left(), 0);
    let patient = make(&app, titled("Patient")).await;
    app.drain().await;
    let wait = state(&app, patient).await.waiting.expect("a wait");
    assert_eq!(wait.kind, WaitKind::Model, "{wait:?}");
    app.clock.advance(Duration::from_secs(61));
    app.models.call(finish("a", json!("it came back")));
    app.drain().await;
    assert_eq!(state(&app, patient).await.result, Some(json!("it came back")));
}

/// Nobody waits for the pauses between two attempts.
async fn impatiently<T>(app: &TestApp, work: impl Future<Output = T>) -> T {
    let skip = async {
        loop {
            app.clock.skip_pause(Duration::from_secs(60)).await;
        }
    };
    tokio::select! {
        done = work => done,
        () = skip => unreachable!("it never ends"),
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn money_that_is_gone_is_waited_for_and_money_that_never_comes_is_not(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    model_agent(&app, with_tools(&["probe.none"])).await;
    let budget = async |tokens: Option<u64>| {
        app.services.usage.set_budget(&app.ada, None, tokens, &Precondition::Any).await.expect("set")
    };
    // What could never be paid.
    budget(Some(10)).await;
    let never = make(&app, titled("Never")).await;
    app.drain().await;
    assert_eq!(state(&app, never).await.error.expect("an error").kind, "BudgetExhausted");
    assert_eq!(app.models.asked().len(), 0);

    // What is left is promised to others, for the moment.
    budget(Some(12_000)).await;
    let other = uuid::Uuid::from_u128(7);
    let (now, workspace) = (goalwright_application::ports::Clock::now(&*app.clock), app.ada.workspace());
    let amount = goalwright_application::ports::Amount { tokens: 11_000, ..Default::default() };
    let unit = app.ports.transactions.begin().await.expect("a unit");
    let until = now + Duration::from_secs(40);
    unit.usage().promise(workspace, other, amount, until, now).await.expect("promised");
    unit.commit().await.expect("commits");
    let soon = make(&app, titled("Soon")).await;
    app.drain().await;
    let wait = state(&app, soon).await.waiting.expect("a wait");
    assert_eq!(wait.kind, WaitKind::Budget);
    assert!(wait.until.expect("a moment").since(now) < Duration::from_secs(60), "{wait:?}");
    app.clock.advance(Duration::from_secs(41));
    let usage = Usage { input_tokens: 4_000, output_tokens: 1_000, ..Usage::default() };
    let made = Content::ToolCall(finish("a", json!("there was some")).remove(0));
    app.models.answer(ModelReply { content: vec![made], stop: Stop::Tools, usage, ..scripted_reply("") });
    app.drain().await;
    assert_eq!(state(&app, soon).await.result, Some(json!("there was some")));

    // It is spent: next month, or when somebody raises it.
    let poor = make(&app, titled("Poor")).await;
    app.drain().await;
    let wait = state(&app, poor).await.waiting.expect("a wait");
    assert_eq!(wait.kind, WaitKind::Budget);
    assert!(wait.until.expect("a moment").since(now) > Duration::from_secs(600), "{wait:?}");
    assert!(wait.message.contains("PUT /v1/budget"), "{}", wait.message);
    let filter = EventFilter { event_type: Some("budget.exhausted".into()), ..EventFilter::default() };
    let told = app.services.queries.events(workspace, &filter, &PageRequest::first(5)).await;
    assert_eq!(told.expect("lists").items.len(), 3);
    app.models.call(finish("b", json!("paid")));
    budget(None).await;
    app.drain().await;
    assert_eq!(state(&app, poor).await.result, Some(json!("paid")), "nobody had to do anything else");
    assert_eq!(budget(None).await.reserved.tokens, 0);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_failed_goes_on_when_somebody_has_it_tried_again(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let agent = model_agent(&app, with_tools(&["probe.*"])).await;
    let id = make(&app, titled("Order it")).await;
    app.models.call(vec![call("a", "probe_idempotent", json!({"name": "order", "result": "A"}))]);
    app.models.fail(Cause::Credentials { setting: "ANTHROPIC_API_KEY", status: 401 });
    app.drain().await;
    assert_eq!(state(&app, id).await.error.expect("an error").kind, "ModelCredentials");
    // The key was renewed: what was paid for and done is not done again.
    app.services.tasks.retry(&app.ada, id, "another key").await.expect("retried");
    app.models.call(vec![call("b", "give_up", json!({"reason": "it is sold out"}))]);
    app.drain().await;
    assert!(
        told_last(&app).contains("ModelCredentials")
            && app.models.asked().last().expect("asked").messages.len() > 2
    );
    assert_eq!(state(&app, id).await.error.expect("an error").kind, "GaveUp");
    let entries = "SELECT COUNT(*) FROM dialogue_entries";
    assert!(app.db.number(entries).await > 0);
    // Its agent works otherwise now: another dialogue, and the same call in it is another call.
    let profile =
        Profile { instructions: "Order elsewhere.".into(), max_turns: 5, ..with_tools(&["probe.*"]) };
    let edit = goalwright_domain::agent::AgentEdit { llm: Some(Some(profile)), ..Default::default() };
    app.services.agents.edit(&app.ada, agent, edit, &Precondition::Any).await.expect("edited");
    app.services.tasks.retry(&app.ada, id, "elsewhere").await.expect("retried");
    app.models.call(vec![call("a", "probe_idempotent", json!({"name": "order", "result": "B"}))]);
    app.models.call(finish("b", json!("ordered")));
    app.drain().await;
    let keys = app.tools.calls("order");
    assert_eq!(keys.len(), 2);
    assert_ne!(keys[0], keys[1], "whoever is called must not take the one for the other");
    assert_eq!(state(&app, id).await.result, Some(json!("ordered")));
    let asked = app.models.asked();
    assert_eq!(asked[asked.len() - 2].messages.len(), 1, "from its beginning");
    // Bounds are those of the run: two answers before, two now, and there would be one left.
    assert_eq!(asked[asked.len() - 1].choice, goalwright_domain::model::ToolChoice::Auto);
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
async fn workspaces_begin_with_a_model_where_one_is_configured_and_get_one_later(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    // Ada's workspace was made when there was none.
    assert_eq!(app.services.agents.equip().await.expect("equips"), 0, "nothing is configured");
    let id = make(&app, titled("By a person")).await;
    let person = state(&app, id).await.agent_id.expect("ada");
    app.models.offer("anthropic/claude-sonnet-4-5");
    let bob = app.user("bob").await;
    assert_eq!(app.services.agents.equip().await.expect("equips"), 1, "bob's has one already");
    assert_eq!(app.services.agents.equip().await.expect("equips"), 0);
    for context in [&app.ada, &bob] {
        let settled = app.services.workspaces.settings(context).await.expect("settings");
        let agent =
            app.services.agents.get(context, settled.default_agent.expect("one")).await.expect("there");
        assert_eq!((agent.kind(), agent.state().name.as_str()), (AgentKind::Llm, "model"));
        assert_eq!(agent.state().llm, Some(Profile::default()));
    }
    let id = make(&app, titled("By a model")).await;
    assert_ne!(state(&app, id).await.agent_id, Some(person));
    // Whoever retired it does not want it.
    let settled = app.services.workspaces.settings(&bob).await.expect("settings");
    let edit = goalwright_application::workspaces::Settle { default_agent: None, ..Default::default() };
    assert!(app.services.workspaces.settle(&bob, &edit, &Precondition::Any).await.is_ok());
    let model = settled.default_agent.expect("one");
    assert!(app.services.agents.retire(&bob, model, &Precondition::Any).await.is_err(), "it is the default");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn why_nothing_moves_without_a_model_is_told(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let draft = DraftAgent {
        name: "model".into(),
        kind: AgentKind::Llm,
        capabilities: vec![],
        max_concurrency: None,
        is_default: true,
        user_id: None,
        llm: None,
    };
    app.services.agents.create(&app.ada, draft).await.expect("made");
    let goal = app.import("# P\n\n- [ ] T001 Think\n").await;
    app.drain().await;
    let task = app.task(goal, "T001").await.state;
    assert_eq!(task.status, TaskStatus::Ready, "nobody took it");
    let codes: Vec<&str> = app.progress(goal).await.reasons.iter().map(|reason| reason.code).collect();
    assert!(codes.contains(&"model_unavailable"), "{codes:?}");
    let ready = app.services.tasks.readiness(&app.ada, task.id).await.expect("looks");
    assert!(!ready.ready && ready.failures[0].code == "resource_missing", "{ready:?}");
    app.models.offer("anthropic/claude-sonnet-4-5");
    assert!(app.services.tasks.readiness(&app.ada, task.id).await.expect("looks").ready);
    app.services.usage.set_budget(&app.ada, None, Some(0), &Precondition::Any).await.expect("set");
    let codes: Vec<&str> = app.progress(goal).await.reasons.iter().map(|reason| reason.code).collect();
    assert!(codes.contains(&"budget_exhausted"), "{codes:?}");
    assert!(!app.services.tasks.readiness(&app.ada, task.id).await.expect("looks").ready);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_budget_bears_what_was_promised_to_a_call_that_told_nothing(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    model_agent(&app, with_tools(&["probe.none"])).await;
    app.services.usage.set_budget(&app.ada, None, Some(1_000_000), &Precondition::Any).await.expect("set");
    let id = make(&app, titled("No answer")).await;
    for _ in 0..3 {
        app.models.fail(Cause::TimedOut { after: Duration::from_secs(60) });
    }
    let assignment = claim(&app).await;
    let settlement = impatiently(&app, app.perform(&assignment)).await;
    settle(&app, settlement).await;
    assert_eq!(state(&app, id).await.status, TaskStatus::Ready, "it is tried again later");
    let budget = app.services.usage.budget(&app.ada).await.expect("a budget");
    assert!(budget.spent.tokens > 8_192 && budget.reserved.tokens == 0, "{budget:?}");
    let told = app
        .db
        .number("SELECT COUNT(*) FROM model_calls WHERE cost_nanos IS NULL AND output_tokens = 0")
        .await;
    assert_eq!(told, 1, "what it cost is not known");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_budget_bears_what_was_promised_to_a_call_that_was_given_up(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    model_agent(&app, with_tools(&["probe.none"])).await;
    app.services.usage.set_budget(&app.ada, None, Some(1_000_000), &Precondition::Any).await.expect("set");
    let id = make(&app, titled("Not wanted any more")).await;
    let mut borne = 0;
    // A worker is told to stop, and then another one has lost its lease meanwhile.
    for lost in [false, true] {
        app.models.hang();
        let assignment = claim(&app).await;
        let (stop, asked) = (CancellationToken::new(), app.models.asked().len());
        let given_up = async {
            while app.models.asked().len() == asked {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            let promised = app.services.usage.budget(&app.ada).await.expect("a budget").reserved.tokens;
            if lost {
                worker_vanishes(&app).await;
            }
            stop.cancel();
            promised
        };
        let (performed, promised) = tokio::join!(app.kernel.perform(&assignment, &stop), given_up);
        match performed {
            Ok(report) if !lost => {
                assert_eq!(report.outcome, Outcome::Released);
                settle(&app, Settlement { lease: assignment.lease, report, expired: false }).await;
            }
            Err(error) if lost => assert_eq!(error.code(), "lease_lost"),
            other => panic!("{other:?}"),
        }
        borne += promised;
        let budget = app.services.usage.budget(&app.ada).await.expect("a budget");
        assert!(promised > 8_192, "{promised}");
        assert_eq!((budget.spent.tokens, budget.reserved.tokens), (borne, 0));
        app.clock.advance(Duration::from_secs(60));
    }
    app.services.tasks.end(&app.ada, id, Ending::Cancelled, "").await.expect("cancelled");
    assert_eq!(app.services.usage.budget(&app.ada).await.expect("a budget").spent.tokens, borne);
    let told =
        "SELECT COUNT(*) FROM model_calls WHERE cost_nanos IS NULL AND attempts = 1 AND output_tokens = 0";
    assert_eq!(app.db.number(told).await, 2, "what it cost is not known");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_was_consumed_without_an_answer_counts_for_the_run(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let profile = Profile { max_tokens: 1_000, ..with_tools(&["probe.none"]) };
    model_agent(&app, profile).await;
    let id = make(&app, titled("Dear failure")).await;
    let usage = Usage { input_tokens: 900, output_tokens: 100, ..Usage::default() };
    let cause = Cause::Server { status: 500, retry_after: None };
    app.models.fail_with(ModelFailure { cause, usage: Some(usage), untold: false, begun: true });
    app.drain().await;
    assert_eq!(state(&app, id).await.status, TaskStatus::Ready, "it is tried again later");
    app.clock.advance(Duration::from_secs(60));
    app.drain().await;
    assert_eq!(state(&app, id).await.error.expect("an error").kind, "TokensExhausted");
    assert_eq!(app.models.asked().len(), 1, "nothing more is spent");
    assert_eq!(app.services.usage.budget(&app.ada).await.expect("a budget").spent.tokens, 1_000);

    // A model that does not want to has read all the same.
    let unwilling = make(&app, titled("Unwilling")).await;
    let stop = Stop::Refused { category: None };
    app.models.answer(ModelReply { stop, usage, ..scripted_reply("") });
    app.drain().await;
    assert_eq!(state(&app, unwilling).await.error.expect("an error").kind, "ModelRefused");
    app.services.tasks.retry(&app.ada, unwilling, "once more").await.expect("retried");
    app.drain().await;
    assert_eq!(state(&app, unwilling).await.error.expect("an error").kind, "TokensExhausted");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn an_endpoint_that_cannot_be_told_which_tool_to_call_is_paid_for_both_answers(
    #[case] backend: Backend,
) {
    let Some(app) = TestApp::start(backend).await else { return };
    model_agent(&app, Profile { max_turns: 1, ..with_tools(&["probe.none"]) }).await;
    let id = make(&app, titled("Finish")).await;
    let usage = Usage { input_tokens: 70, output_tokens: 0, ..Usage::default() };
    let cause = Cause::Refused { status: 400, message: "tool_choice".into() };
    app.models.fail_with(ModelFailure { cause, usage: Some(usage), untold: false, begun: false });
    app.models.call(finish("a", json!("done")));
    app.drain().await;
    assert_eq!(state(&app, id).await.result, Some(json!("done")));
    let choices: Vec<ToolChoice> = app.models.asked().into_iter().map(|asked| asked.choice).collect();
    assert_eq!(choices, [ToolChoice::Named("finish".into()), ToolChoice::Auto]);
    let both =
        "SELECT COUNT(*) FROM model_calls WHERE attempts = 2 AND input_tokens = 170 AND cost_nanos > 0";
    assert_eq!(app.db.number(both).await, 1);
    assert_eq!(app.services.usage.budget(&app.ada).await.expect("a budget").spent.tokens, 190);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_transcript_tells_what_it_cost_or_that_nobody_knows(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    model_agent(&app, with_tools(&["probe.none"])).await;
    for (model, known) in [("anthropic/claude-sonnet-4-5", true), ("openai/llama3", false)] {
        app.models.offer(model);
        make(&app, titled(model)).await;
        app.models.call(finish("a", json!("done")));
        app.drain().await;
        let record = executions(&app).await.pop().expect("a record");
        let said: Value = serde_json::from_str(&transcript(&app, &record).await).expect("JSON");
        assert_eq!(
            (said["model"].as_str(), said["usage"]["input_tokens"].as_u64()),
            (Some(model), Some(100))
        );
        assert_eq!(said["cost_usd"].as_f64().is_some_and(|cost| cost > 0.0), known, "{said}");
        assert_eq!(said["cost_usd"].is_null(), !known, "{said}");
    }
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
