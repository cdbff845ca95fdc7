//! What ends a model that does not end by itself, and what it waits for: its endpoint, and money.

use std::time::Duration;

use goalwright_application::Precondition;
use goalwright_application::ports::{ModelReply, Stop};
use goalwright_domain::agent::Profile;
use goalwright_domain::execution::WaitKind;
use goalwright_domain::model::{Cause, Content, Usage};
use goalwright_domain::task::{TaskId, TaskStatus};
use goalwright_testkit::{Backend, TestApp, scripted_reply};
use rstest::rstest;
use serde_json::json;

use super::*;

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn bounds_end_what_does_not_end_by_itself(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let agent = model_agent(&app, with_tools(&["probe.none"])).await;
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
    become_other(&app, agent, Profile { max_turns: 2, ..with_tools(&["probe.none"]) }).await;
    let endless = make(&app, titled("Endless")).await;
    for n in 0..2 {
        app.models.call(vec![call("a", "probe_none", json!({"name": "endless", "n": n}))]);
    }
    app.drain().await;
    assert_eq!(error_of(endless).await.kind, "TurnsExhausted");
    assert!(told_last(&app).contains("last turn"));

    // Tokens.
    become_other(&app, agent, Profile { max_tokens: 1_000, ..with_tools(&["probe.none"]) }).await;
    let greedy = make(&app, titled("Greedy")).await;
    let usage = Usage { input_tokens: 900, output_tokens: 100, ..Usage::default() };
    let made = Content::ToolCall(call("a", "probe_none", json!({"name": "greedy"})));
    app.models.answer(ModelReply { content: vec![made], stop: Stop::Tools, usage, ..scripted_reply("") });
    app.drain().await;
    assert_eq!(error_of(greedy).await.kind, "TokensExhausted");

    // Money: before any is spent.
    let asked = app.models.asked().len();
    become_other(&app, agent, Profile { max_cost_nanos: Some(1_000), ..with_tools(&["probe.none"]) }).await;
    let dear = make(&app, titled("Dear")).await;
    app.drain().await;
    assert_eq!(error_of(dear).await.kind, "CostExhausted");
    assert_eq!(app.models.asked().len(), asked);

    // It says itself that it cannot.
    become_other(&app, agent, with_tools(&["probe.none"])).await;
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
        app.impatiently(app.drain()).await;
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
    assert_eq!(app.events_of("budget.exhausted").await.len(), 3);
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
async fn a_budget_bears_what_was_promised_to_a_call_that_told_nothing(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    model_agent(&app, with_tools(&["probe.none"])).await;
    app.services.usage.set_budget(&app.ada, None, Some(1_000_000), &Precondition::Any).await.expect("set");
    let id = make(&app, titled("No answer")).await;
    for _ in 0..3 {
        app.models.fail(Cause::TimedOut { after: Duration::from_secs(60) });
    }
    let assignment = claim(&app).await;
    let settlement = app.impatiently(app.perform(&assignment)).await;
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
