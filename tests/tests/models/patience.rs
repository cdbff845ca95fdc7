//! How long a call is pursued, over a model that does what it is told.

use std::sync::Arc;
use std::time::Duration;

use goalwright_application::models::Patience;
use goalwright_domain::model::{Cause, ModelFailure, Usage};
use goalwright_testkit::{FakeClock, ScriptedModel};

use crate::stage::*;

const SECOND: Duration = Duration::from_secs(1);

fn stage() -> (Arc<ScriptedModel>, Stage) {
    let models = Arc::new(ScriptedModel::default());
    let stage = Stage::over(models.clone(), Arc::new(FakeClock::default()));
    (models, stage)
}

fn server() -> Cause {
    Cause::Server { status: 500, retry_after: None }
}

#[tokio::test]
async fn three_attempts_with_growing_pauses_and_their_usage() {
    let (models, stage) = stage();
    let spent = Usage { input_tokens: 7, ..Usage::default() };
    models.fail_with(ModelFailure { usage: Some(spent), ..server().into() });
    models.fail(Cause::CutOff);
    models.say("yes");
    let (answer, pauses) = stage.ask(&request("anthropic/scripted")).await;
    let answer = answer.expect("the third");
    assert_eq!((answer.attempts, answer.usage.input_tokens, answer.took), (3, 107, 9 * SECOND));
    assert!(answer.untold, "what was cut off told nothing");
    assert_eq!(pauses, [3 * SECOND, 6 * SECOND]);
    assert_eq!(models.asked().len(), 3);

    for _ in 0..3 {
        models.fail(server());
    }
    let failed = stage.ask(&request("anthropic/scripted")).await.0.expect_err("exhausted");
    assert_eq!((failed.attempts, models.left(), failed.untold), (3, 0, false));
}

#[tokio::test]
async fn an_attempt_is_ended_in_its_time() {
    let (models, stage) = stage();
    models.hang();
    models.say("awake");
    let asked = request("anthropic/scripted");
    let time = async {
        assert_eq!(stage.clock.next_sleep().await, LIMIT);
        stage.clock.advance(LIMIT);
        assert_eq!(stage.clock.next_sleep().await, 3 * SECOND);
        stage.clock.advance(3 * SECOND);
    };
    let (answer, ()) = tokio::join!(stage.calls.ask(&asked, stage.calls.patience(), None), time);
    let answer = answer.expect("the second");
    assert_eq!((answer.attempts, answer.took, answer.untold), (2, LIMIT + 3 * SECOND, true));
}

#[tokio::test]
async fn a_pause_that_does_not_fit_is_not_waited_for() {
    let (models, stage) = stage();
    let hour = Cause::RateLimited { retry_after: Some(Duration::from_secs(3600)) };
    models.fail(hour.clone());
    let (failed, pauses) = stage.ask(&request("anthropic/scripted")).await;
    let error = goalwright_application::Error::from(failed.expect_err("not within this call"));
    assert!(pauses.is_empty() && stage.clock.next_sleep_now().is_none());
    let told = matches!(error, goalwright_application::Error::Unavailable { retry_after: Some(wait), .. } if wait.as_secs() == 3600);
    assert!(told, "{error:?}");

    // The deadline of a call bounds its pauses and its attempts.
    models.fail(server());
    models.hang();
    let patience = Patience { deadline: Some(5 * SECOND), ..stage.calls.patience() };
    let asked = request("anthropic/scripted");
    let time = async {
        assert_eq!(stage.clock.next_sleep().await, 3 * SECOND, "the first pause fits");
        stage.clock.advance(3 * SECOND);
        assert_eq!(stage.clock.next_sleep().await, 2 * SECOND, "what is left for the attempt");
        stage.clock.advance(2 * SECOND);
    };
    let (failed, ()) = tokio::join!(stage.calls.ask(&asked, patience, None), time);
    let failed = failed.expect_err("out of time");
    assert_eq!((failed.why.class(), failed.attempts, failed.took), ("timed_out", 2, 5 * SECOND));
}

#[tokio::test]
async fn nothing_is_said_twice() {
    let (models, stage) = stage();
    models.fail_with(ModelFailure { begun: true, ..Cause::CutOff.into() });
    models.say("never heard");
    let failed = stage.ask(&request("anthropic/scripted")).await.0.expect_err("begun");
    assert_eq!((failed.attempts, models.left()), (1, 1));
}
