//! One call: attempts until there is an answer, or no hope of one.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use goalwright_domain::model::{Cause, ModelFailure, Usage};
use tracing::Instrument;

use super::breakers::Place;
use super::told::Told;
use super::{Answered, ModelCalls, NoAnswer, Patience, Unanswered};
use crate::ports::{Happening, Listener, ModelReply, ModelRequest};

/// How far a call is.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    pub(super) attempts: u32,
    pub(super) usage: Usage,
    /// Whether an attempt may have consumed more than was told.
    pub(super) untold: bool,
}

impl ModelCalls {
    /// Asks until there is an answer, patience ends, or asking again is of no use. Whoever drops the future gives the call
    /// up: the connection is closed, and the breaker knows nothing of it.
    ///
    /// With a listener the answer is handed on as it is made. After its first words the model is not asked again.
    ///
    /// # Errors
    /// Why there is no answer, and what was consumed all the same.
    pub async fn ask(
        &self,
        request: &ModelRequest,
        patience: Patience,
        listener: Option<&dyn Listener>,
    ) -> Result<Answered, Unanswered> {
        let mut told = Told::begin(&self.ports, request, listener.is_some());
        let mut tally = Tally::default();
        let asking = self.try_until_answered(request, patience, listener, &mut tally);
        let outcome = asking.instrument(told.span().clone()).await;
        let took = told.end(&tally, outcome.as_ref());
        let Tally { attempts, usage, untold } = tally;
        match outcome {
            Ok(reply) => Ok(Answered { reply, attempts, usage, untold, took }),
            Err(why) => Err(Unanswered { why, attempts, usage, untold, took }),
        }
    }

    async fn try_until_answered(
        &self,
        request: &ModelRequest,
        patience: Patience,
        listener: Option<&dyn Listener>,
        tally: &mut Tally,
    ) -> Result<ModelReply, NoAnswer> {
        let (clock, model) = (&self.ports.clock, &request.model);
        let endpoint =
            self.ports.models.endpoint(model).map_err(|failure| NoAnswer::Failed(failure.cause))?;
        let over = clock.now() + patience.whole();
        let ticket = self
            .breakers
            .admit(Place { endpoint, model: model.clone() })
            .map_err(|retry_after| NoAnswer::CircuitOpen { model: model.clone(), retry_after })?;
        loop {
            tally.attempts += 1;
            let limit = patience.attempt_timeout.min(over.since(clock.now()));
            let failure = match self.try_once(request, limit, listener).await {
                Ok(reply) => {
                    tally.usage += reply.usage;
                    tally.untold |= !reply.usage.is_told();
                    ticket.answered();
                    return Ok(reply);
                }
                Err(failure) => failure,
            };
            tally.usage += failure.usage.unwrap_or_default();
            tally.untold |= failure.untold;
            let again = failure.is_retryable() && tally.attempts < patience.attempts;
            let pause = patience.pause(tally.attempts, failure.cause.retry_after(), self.ports.ids.chance());
            if !again || clock.now() + pause >= over {
                // Whoever had less time than an attempt may take has learned nothing about the endpoint.
                let hurried =
                    limit < patience.attempt_timeout && matches!(failure.cause, Cause::TimedOut { .. });
                if hurried {
                    return Err(NoAnswer::Failed(failure.cause));
                }
                match failure.cause.is_passing() {
                    true => ticket.failed(),
                    false => ticket.answered(),
                }
                return Err(NoAnswer::Failed(failure.cause));
            }
            self.tell_retry(request, tally.attempts, pause, &failure.cause);
            self.ports.timer.sleep(pause).await;
        }
    }

    /// One attempt, ended when its time is over.
    async fn try_once(
        &self,
        request: &ModelRequest,
        limit: Duration,
        listener: Option<&dyn Listener>,
    ) -> Result<ModelReply, ModelFailure> {
        let heard = listener.map(Heard::by);
        let asked = self.ports.models.ask(request, heard.as_ref().map(|heard| heard as &dyn Listener));
        let answer = tokio::select! {
            biased;
            answer = asked => answer,
            () = self.ports.timer.sleep(limit) => Err(Cause::TimedOut { after: limit }.into()),
        };
        // An attempt that is ended cannot say any more whether it had begun.
        answer.map_err(|failure| ModelFailure {
            begun: failure.begun || heard.as_ref().is_some_and(Heard::anything),
            ..failure
        })
    }

    fn tell_retry(&self, request: &ModelRequest, attempt: u32, pause: Duration, cause: &Cause) {
        let class = cause.class();
        tracing::warn!(
            model = %request.model,
            attempt,
            delay_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX),
            error.class = class,
            error = %cause,
            "a model did not answer; it is asked again"
        );
        let provider = request.model.provider().as_str();
        self.ports.telemetry.tell(Happening::AskedAgain { provider, class });
    }
}

/// Hands words on, and remembers that there were some.
struct Heard<'a> {
    listener: &'a dyn Listener,
    anything: AtomicBool,
}

impl<'a> Heard<'a> {
    const fn by(listener: &'a dyn Listener) -> Self {
        Self { listener, anything: AtomicBool::new(false) }
    }

    fn anything(&self) -> bool {
        self.anything.load(Ordering::Acquire)
    }
}

impl Listener for Heard<'_> {
    fn hear(&self, words: &str) {
        if !words.is_empty() {
            self.anything.store(true, Ordering::Release);
            self.listener.hear(words);
        }
    }
}
