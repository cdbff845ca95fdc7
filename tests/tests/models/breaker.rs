//! The breaker: when it opens, what it lets through, and what it tells.

use std::sync::Arc;
use std::time::Duration;

use goalwright_application::Error;
use goalwright_application::models::{Patience, Unanswered};
use goalwright_domain::model::Cause;
use goalwright_testkit::{FakeClock, ScriptedModel};

use crate::stage::*;

const SECOND: Duration = Duration::from_secs(1);
const MODEL: &str = "anthropic/scripted";

fn stage() -> (Arc<ScriptedModel>, Stage) {
    let models = Arc::new(ScriptedModel::default());
    let stage = Stage::over(models.clone(), Arc::new(FakeClock::default()));
    (models, stage)
}

/// A call that fails with all its attempts.
async fn fail(models: &ScriptedModel, stage: &Stage) -> Unanswered {
    for _ in 0..3 {
        models.fail(Cause::Server { status: 500, retry_after: None });
    }
    stage.ask(&request(MODEL)).await.0.expect_err("exhausted")
}

/// It has opened, and may be asked again.
async fn before_the_probe() -> (Arc<ScriptedModel>, Stage) {
    let (models, stage) = stage();
    for _ in 0..3 {
        fail(&models, &stage).await;
    }
    stage.clock.advance(60 * SECOND);
    (models, stage)
}

fn moves(stage: &Stage) -> Vec<String> {
    let states = ["closed", "half_open", "open"].map(|state| format!("anthropic {state}"));
    stage.told.take().into_iter().filter(|one| states.contains(one)).collect()
}

#[tokio::test]
async fn it_opens_after_three_calls_and_closes_by_one_probe() {
    let (models, stage) = stage();
    for _ in 0..2 {
        fail(&models, &stage).await;
    }
    assert!(moves(&stage).is_empty(), "six attempts are two calls");
    fail(&models, &stage).await;
    assert_eq!(moves(&stage), ["anthropic open"]);

    stage.clock.advance(18 * SECOND);
    models.say("nobody asks");
    let asked = models.asked().len();
    let (refused, pauses) = stage.ask(&request(MODEL)).await;
    let error = Error::from(refused.expect_err("open"));
    assert_eq!((error.code(), pauses.len(), models.asked().len()), ("model_circuit_open", 0, asked));
    let Error::Unavailable { retry_after: Some(wait), message, .. } = error else { panic!("{error:?}") };
    assert!(wait == 42 * SECOND && message.contains("42 s"), "{message}");

    // Another model of the same endpoint is another matter.
    assert!(stage.ask(&request("anthropic/other")).await.0.is_ok());

    stage.clock.advance(42 * SECOND);
    models.say("back");
    assert!(stage.ask(&request(MODEL)).await.0.is_ok());
    assert_eq!(moves(&stage), ["anthropic half_open", "anthropic closed"]);
}

#[tokio::test]
async fn one_probe_at_a_time_and_a_failed_one_opens_it_again() {
    let (models, stage) = before_the_probe().await;
    models.hang();
    let asked = request(MODEL);
    let patience = Patience { attempts: 1, ..stage.calls.patience() };
    let probe = stage.calls.ask(&asked, patience, None);
    let beside = async {
        assert_eq!(stage.clock.next_sleep().await, LIMIT);
        let refused = stage.calls.ask(&asked, patience, None).await.expect_err("one probe");
        assert_eq!(refused.why.class(), "circuit_open");
        stage.clock.advance(LIMIT);
    };
    let (failed, ()) = tokio::join!(probe, beside);
    assert_eq!(failed.expect_err("hung").why.class(), "timed_out");
    assert_eq!(moves(&stage), ["anthropic open", "anthropic half_open", "anthropic open"]);
}

#[tokio::test]
async fn a_probe_that_is_given_up_is_free_for_the_next() {
    let (models, stage) = before_the_probe().await;
    models.hang();
    let asked = request(MODEL);
    tokio::select! {
        _ = stage.calls.ask(&asked, stage.calls.patience(), None) => unreachable!("it hangs"),
        _ = stage.clock.next_sleep() => {}
    }
    assert_eq!(stage.told.take().last().map(String::as_str), Some("anthropic abandoned"));
    models.say("here");
    assert!(stage.ask(&asked).await.0.is_ok(), "the place of the probe is free");
}

#[tokio::test]
async fn an_endpoint_that_says_no_lives() {
    let (models, stage) = stage();
    for _ in 0..4 {
        fail(&models, &stage).await;
        models.fail(Cause::Credentials { setting: "ANTHROPIC_API_KEY", status: 401 });
        stage.ask(&request(MODEL)).await.0.expect_err("refused");
    }
    assert!(moves(&stage).is_empty(), "no three in a row");
}
