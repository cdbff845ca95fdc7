//! The model is asked.

use std::time::Duration;

use goalwright_domain::execution::{Entry, Exhausted, FINISH, Outcome};
use goalwright_domain::model::{Cause, Content, ModelName, ToolChoice, Usage, Usd};
use goalwright_domain::workspace::Actor;
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

use super::{Step, Work, ending};
use crate::Error;
use crate::execution::{Assignment, Kernel};
use crate::models::{Answered, NoAnswer, Patience, Unanswered};
use crate::ports::telemetry::TraceContext;
use crate::ports::{Amount, ModelRequest, ModelSpending, Stop};
use crate::retrying::retrying;
use crate::usage::{Payer, Reservation, kept_usage};

/// One answer ends after so many tokens.
const OUTPUT_TOKENS: u32 = 8_192;
/// What is promised to a call is void after this: longer than a call with all its attempts takes.
const PROMISE_HOLDS: Duration = Duration::from_secs(10 * 60);
/// What is said before the last answer.
const LAST: &str =
    "This is your last turn: call `finish` with what you have, as `partial` if something is missing.";

/// What one call came to, and whom it is charged to.
struct Spent {
    reservation: Reservation,
    attempts: u32,
    usage: Usage,
    raw_usage: Vec<Value>,
    /// Whether the provider told all that was consumed.
    told: bool,
    took: Duration,
}

impl Kernel {
    pub(super) async fn ask(
        &self,
        assignment: &Assignment,
        work: &mut Work,
        last: bool,
        cancel: &CancellationToken,
    ) -> Result<Step, Error> {
        let left = work.time_left(self.clock().now());
        if left.is_zero() {
            return Ok(Step::End(ending::time_is_up(work.profile.max_seconds)));
        }
        let request = self.request(assignment, work, last);
        let at_most = self.spendings.at_most(&request);
        if let Some(most) = work.profile.max_cost() {
            if self.ports.models.prices().cost(&work.model, &Usage::default()).is_none() {
                return Ok(Step::End(ending::no_price(&work.model)));
            }
            if Usd::from_nanos(work.dialogue.consumed().cost_nanos) + at_most.money > most {
                return Ok(Step::End(ending::exhausted(&Exhausted::Cost(most))));
            }
        }
        // What was said is written before money is spent on it.
        self.save(assignment, work).await?;
        let mut reservation = self.spendings.open();
        let payer = Payer {
            workspace: assignment.run.workspace_id,
            actor: Actor::agent(assignment.attempt.agent_id),
            trace: Some(assignment.run.trace_id),
        };
        let nothing = Amount::default();
        let refusal =
            self.spendings.promise(&payer, &mut reservation, &request, nothing, PROMISE_HOLDS).await?;
        if let Some(refusal) = refusal {
            return Ok(Step::End(ending::no_money(&refusal, self.clock().now())));
        }
        let patience = Patience { deadline: Some(left), ..self.ports.models.patience() };
        let mut request = request;
        let asked_at = self.clock().now();
        let mut asked = self.ask_once(&request, patience, cancel).await;
        if let Some(Err(Unanswered { why: NoAnswer::Failed(Cause::Refused { .. }), .. })) = &asked
            && request.choice != ToolChoice::Auto
        {
            // Not every endpoint can be told which tool is to be called; it has read that it is to finish.
            request.choice = ToolChoice::Auto;
            asked = self.ask_once(&request, patience, cancel).await;
        }
        let mut spent = Spent {
            reservation,
            attempts: 0,
            usage: Usage::default(),
            raw_usage: Vec::new(),
            told: true,
            took: self.clock().now().since(asked_at),
        };
        let end = match asked {
            Some(Ok(answered)) => work.hear(answered, self, &mut spent),
            Some(Err(unanswered)) => {
                spent.attempts = unanswered.attempts;
                spent.usage = unanswered.usage;
                spent.told = !unanswered.untold;
                if unanswered.untold {
                    spent.reservation.forfeit();
                }
                let now = self.clock().now();
                let hurried = matches!(unanswered.why, NoAnswer::Failed(Cause::TimedOut { .. }));
                Some(if hurried && work.time_left(now).is_zero() {
                    ending::time_is_up(work.profile.max_seconds)
                } else {
                    ending::unanswered(unanswered, now)
                })
            }
            None => {
                spent.attempts = 1;
                spent.told = false;
                spent.reservation.forfeit();
                Some(Outcome::Released)
            }
        };
        self.charge(assignment, work, &spent).await?;
        Ok(end.map_or(Step::On, Step::End))
    }

    /// The answer; none if it is not wanted any more.
    async fn ask_once(
        &self,
        request: &ModelRequest,
        patience: Patience,
        cancel: &CancellationToken,
    ) -> Option<Result<Answered, Unanswered>> {
        tokio::select! {
            biased;
            asked = self.ports.models.ask(request, patience, None) => Some(asked),
            () = cancel.cancelled() => None,
        }
    }

    fn request(&self, assignment: &Assignment, work: &Work, last: bool) -> ModelRequest {
        let mut messages = work.dialogue.messages();
        if last && let Some(ours) = messages.last_mut() {
            ours.content.push(Content::Text { text: LAST.to_owned() });
        }
        let (system, tools) = match work.dialogue.opening() {
            Some(opening) => (opening.system.clone(), opening.tools.clone()),
            None => (String::new(), work.toolbox.specs().to_vec()),
        };
        ModelRequest {
            model: work.model.clone(),
            system,
            messages,
            tools,
            choice: if last { ToolChoice::Named(FINISH.to_owned()) } else { ToolChoice::Auto },
            form: None,
            max_output_tokens: self
                .ports
                .models
                .output_limit(&work.model)
                .map_or(OUTPUT_TOKENS, |most| most.min(OUTPUT_TOKENS)),
            trace: Some(TraceContext::of(assignment.run.trace_id, &assignment.lease, self.telemetry())),
        }
    }

    /// Writes what it cost, with what was answered. What was spent is charged also if the lease was lost meanwhile.
    async fn charge(&self, assignment: &Assignment, work: &mut Work, spent: &Spent) -> Result<(), Error> {
        let held = retrying(|| async {
            let now = self.clock().now();
            let unit = self.ports.transactions.begin().await?;
            let spending = self.spending(assignment, &work.model, spent, now);
            self.spendings.settle(&*unit, spent.reservation, &spending).await?;
            let held = work.write(&*unit, &assignment.lease, now).await?;
            unit.commit().await?;
            Ok::<_, Error>(held)
        })
        .await?;
        work.is_written(held)
    }

    fn spending(
        &self,
        assignment: &Assignment,
        model: &ModelName,
        spent: &Spent,
        now: goalwright_domain::Timestamp,
    ) -> ModelSpending {
        let cost = self.ports.models.prices().cost(model, &spent.usage).filter(|_| spent.told);
        ModelSpending {
            id: self.ids().ordered(),
            workspace_id: assignment.run.workspace_id,
            purpose: "task",
            goal_id: assignment.task.goal_id,
            task_id: Some(assignment.task.id),
            decomposition_id: None,
            model: model.to_string(),
            prompt_version: None,
            attempts: spent.attempts,
            usage: spent.usage,
            raw_usage: spent.raw_usage.clone(),
            cost,
            price_version: self.spendings.price_version(),
            trace_id: Some(assignment.run.trace_id),
            span_id: Some(assignment.attempt.span_id),
            took: Some(spent.took),
            created_at: now,
        }
    }
}

impl Work {
    /// What was answered is said; gives how the attempt ends if that is no answer to go on with.
    fn hear(&mut self, answered: Answered, kernel: &Kernel, spent: &mut Spent) -> Option<Outcome> {
        let Answered { reply, attempts, usage, untold, .. } = answered;
        spent.attempts = attempts;
        spent.usage = usage;
        spent.told = !untold;
        spent.raw_usage = vec![kept_usage(&reply.raw_usage)];
        if let Stop::Refused { category } = &reply.stop {
            return Some(ending::refused(category.as_deref()));
        }
        let cost = kernel.ports.models.prices().cost(&self.model, &usage).filter(|_| !untold);
        let mut content = reply.content;
        identify(&mut content, self.dialogue.turns());
        self.dialogue.push(Entry::Answer {
            content,
            cut_off: reply.stop == Stop::Length,
            usage,
            cost_nanos: cost.map(Usd::nanos),
        });
        None
    }
}

/// Some endpoints give calls no id, or the same one several times: without, results cannot be told apart.
fn identify(content: &mut [Content], turn: u32) {
    let mut known: Vec<String> = Vec::new();
    for part in content {
        let Content::ToolCall(call) = part else { continue };
        if call.id.is_empty() || known.contains(&call.id) {
            call.id = format!("call_{turn}_{}", known.len());
        }
        if call.arguments.is_null() {
            call.arguments = json!(Map::new());
        }
        known.push(call.id.clone());
    }
}
