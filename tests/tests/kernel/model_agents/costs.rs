//! What calls cost that came to no answer, or to one in two steps, and where that is told.

use std::time::Duration;

use goalwright_application::Precondition;
use goalwright_application::execution::Settlement;
use goalwright_application::ports::{ModelReply, Stop};
use goalwright_application::tasks::Ending;
use goalwright_domain::agent::Profile;
use goalwright_domain::execution::Outcome;
use goalwright_domain::model::{Cause, Content, ModelFailure, ToolChoice, Usage};
use goalwright_domain::task::TaskStatus;
use goalwright_testkit::{Backend, TestApp, scripted_reply, until};
use rstest::rstest;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::*;

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
            until("the model is asked", async || app.models.asked().len() > asked).await;
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
async fn an_answer_that_tells_no_usage_counts_with_what_it_can_take(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    model_agent(&app, Profile { max_tokens: 12_000, ..with_tools(&["probe.none"]) }).await;
    app.services.usage.set_budget(&app.ada, None, Some(1_000_000), &Precondition::Any).await.expect("set");
    let id = make(&app, titled("Told nothing")).await;
    for turn in ["a", "b", "c"] {
        let made = call(turn, "probe_none", json!({"name": turn, "result": turn}));
        let content = vec![Content::ToolCall(made)];
        app.models.answer(ModelReply { content, usage: Usage::default(), ..scripted_reply("") });
    }
    app.drain().await;
    assert_eq!(state(&app, id).await.error.expect("an error").kind, "TokensExhausted");
    assert_eq!(app.models.asked().len(), 2, "each may have taken some nine thousand");
    let unknown = "SELECT COUNT(*) FROM model_calls WHERE cost_nanos IS NULL AND input_tokens = 0";
    assert_eq!(app.db.number(unknown).await, 2, "and nobody knows what it cost");
    let budget = app.services.usage.budget(&app.ada).await.expect("a budget");
    assert!(budget.spent.tokens > 2 * 8_192 && budget.reserved.tokens == 0, "{budget:?}");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_is_known_of_a_cost_counts_where_not_all_of_it_is(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    // Each answer costs at least three hundredths of a dollar, besides what an attempt before it took that broke off.
    model_agent(&app, Profile { max_cost_nanos: Some(400_000_000), ..with_tools(&["probe.none"]) }).await;
    let id = make(&app, titled("Flaky")).await;
    let usage = Usage { input_tokens: 10_000, output_tokens: 100, ..Usage::default() };
    for turn in ["a", "b", "c", "d"] {
        app.models.fail_with(ModelFailure { untold: true, begun: false, ..Cause::CutOff.into() });
        let content =
            vec![Content::ToolCall(call(turn, "probe_none", json!({"name": turn, "result": turn})))];
        app.models.answer(ModelReply { content, usage, ..scripted_reply("") });
    }
    let mut drained = Box::pin(app.drain());
    loop {
        tokio::select! {
            _ = &mut drained => break,
            // Attempts have sleepers as well, which end them much later.
            pause = app.clock.next_sleep() => if pause <= Duration::from_secs(10) {
                app.clock.advance(pause);
            },
        }
    }
    drop(drained);
    assert_eq!(state(&app, id).await.error.expect("an error").kind, "CostExhausted");
}
