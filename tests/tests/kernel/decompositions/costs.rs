//! What a model costs, and who bears it.

use std::time::Duration;

use goalwright_application::usage::UsageBy;
use goalwright_application::{Error, Precondition};
use goalwright_domain::model::Cause;
use goalwright_testkit::{Backend, TestApp};
use rstest::rstest;
use serde_json::json;

use super::*;
use crate::planners::{by_model, goal, meanwhile};

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_budget_bears_what_was_promised_to_calls_that_tell_nothing(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    app.models.offer("openai/gpt-4o-mini");
    let id = goal(&app).await;
    let usage = &app.services.usage;
    usage.set_budget(&app.ada, None, Some(40_000), &Precondition::Any).await.expect("set");
    let after = Duration::from_secs(60);
    let ask = async || app.impatiently(decompose(&app, id, &by_model())).await.expect_err("no answer");
    // What is refused at once consumed nothing.
    app.models.fail(Cause::Credentials { setting: "OPENAI_API_KEY", status: 401 });
    ask().await;
    assert_eq!(usage.budget(&app.ada).await.expect("a budget").spent.tokens, 0);
    // Nobody knows what calls without an end consumed; they cannot be repeated for ever for nothing.
    let mut spent = Vec::new();
    let refused = loop {
        (0..3).for_each(|_| app.models.fail(Cause::TimedOut { after }));
        let refused = ask().await;
        let budget = usage.budget(&app.ada).await.expect("a budget");
        assert_eq!(budget.reserved.tokens, 0);
        spent.push(budget.spent.tokens);
        if refused.code() == "budget_exhausted" || spent.len() > 9 {
            break refused;
        }
    };
    assert_eq!(refused.code(), "budget_exhausted", "{spent:?}");
    assert!(spent[0] > 8_192 && spent[1] == 2 * spent[0], "{spent:?}");
    let sums = usage.usage(&app.ada, UsageBy::Model, None, None).await.expect("sums");
    assert_eq!((sums.rows[0].usage.cost_tokens(), sums.rows[0].cost.nanos()), (0, 0), "what was told");
    assert_eq!(sums.rows[0].unpriced_calls, u64::try_from(spent.len()).expect("few") - 1);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_an_attempt_without_an_end_cost_is_not_known_and_never_too_small(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    app.models.offer("openai/gpt-4o-mini");
    let after = Duration::from_secs(60);
    for (lost, known) in [
        (Cause::TimedOut { after }, false),
        (Cause::CutOff, false),
        (Cause::Server { status: 504, retry_after: None }, false),
        (Cause::Server { status: 500, retry_after: None }, true),
        (Cause::Overloaded { retry_after: None }, true),
    ] {
        let id = goal(&app).await;
        app.models.fail(lost.clone());
        app.models.form(&bread());
        let made = app.impatiently(decompose(&app, id, &by_model())).await.expect("made");
        assert_eq!((made.making.usage.cost_tokens(), made.making.attempts), (120, 2), "{lost:?}");
        assert_eq!(made.making.cost.is_some(), known, "{lost:?}");
        let kept = app.services.planning.get(&app.ada, made.id).await.expect("kept");
        assert_eq!(kept.making.cost, made.making.cost);
        assert_eq!(app.events_of("goal.decomposed").await[0].metadata["cost_usd"].is_null(), !known);
    }
    let sums = app.services.usage.usage(&app.ada, UsageBy::Model, None, None).await.expect("sums");
    assert_eq!((sums.rows[0].calls, sums.rows[0].unpriced_calls), (5, 3));
    assert_eq!(sums.rows[0].usage.cost_tokens(), 600, "what was told is counted");
    let budget = app.services.usage.budget(&app.ada).await.expect("a budget");
    // 100 tokens at 15 cents and 20 at 60 cents for a million, five times.
    assert_eq!(budget.spent.money.nanos(), 135_000, "a budget bears what is known");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_was_spent_on_a_goal_that_is_gone_is_counted(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let id = goal(&app).await;
    app.models.offer("openai/gpt-4o-mini");
    app.models.fail(Cause::Overloaded { retry_after: None });
    app.models.form(&bread());
    let it_is_deleted = async {
        app.services.goals.delete(&app.ada, id, &Precondition::Any).await.expect("gone");
    };
    let refused = meanwhile(&app, decompose(&app, id, &by_model()), it_is_deleted).await;
    assert_eq!(refused.expect_err("gone").code(), "not_found");
    assert_eq!(spent(&app).await, (1, 120));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_spent_budget_refuses_before_anything_is_spent(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    app.models.offer("openai/gpt-4o-mini");
    let id = goal(&app).await;
    let usage = &app.services.usage;
    let any = Precondition::Any;
    usage.set_budget(&app.ada, None, Some(1_000), &any).await.expect("set");
    app.models.form(&bread());
    let refused = decompose(&app, id, &by_model()).await.expect_err("refused");
    assert_eq!(refused.code(), "budget_exhausted");
    assert!(matches!(refused, Error::Limited { retry_after, .. } if retry_after > Duration::from_secs(3600)));
    assert_eq!((app.models.asked().len(), app.models.left()), (0, 1), "nobody was asked");
    let told = app.events_of("budget.exhausted").await;
    assert_eq!((told.len(), &told[0].metadata["limit"]), (1, &json!("1000 tokens")));
    assert_eq!(app.events_of("goal.decomposition_failed").await[0].metadata["code"], "budget_exhausted");
    assert_eq!(spent(&app).await, (0, 0));
    // With room, it is asked, and nothing stays promised.
    let set = usage
        .set_budget(&app.ada, Some(5.0), Some(1_000_000), &Precondition::OneOf(vec![1]))
        .await
        .expect("set");
    assert_eq!(set.budget.revision, 2);
    decompose(&app, id, &by_model()).await.expect("made");
    let left = usage.budget(&app.ada).await.expect("a budget");
    assert_eq!((left.spent.tokens, left.reserved.tokens, left.reserved.money.nanos()), (120, 0, 0));
    // 100 tokens at 15 cents and 20 at 60 cents for a million.
    assert_eq!(left.spent.money.nanos(), 27_000);
    usage.set_budget(&app.ada, Some(0.0), None, &any).await.expect("set");
    assert_eq!(decompose(&app, id, &by_model()).await.expect_err("refused").code(), "budget_exhausted");
    let stale =
        usage.set_budget(&app.ada, None, None, &Precondition::OneOf(vec![1])).await.expect_err("stale");
    assert_eq!(stale.code(), "precondition_failed");
    let wrong = usage.set_budget(&app.ada, Some(-1.0), Some(u64::MAX), &any).await.expect_err("wrong");
    assert!(matches!(wrong, Error::Invalid { violations, .. } if violations.len() == 2));
}
