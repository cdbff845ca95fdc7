//! The model is asked.

use goalwright_domain::execution::{Beyond, Entry, Exhausted, FINISH, Outcome};
use goalwright_domain::model::{Cause, Content, ToolChoice, Usage, Usd};
use goalwright_domain::workspace::Actor;
use serde_json::{Map, json};
use tokio_util::sync::CancellationToken;

use super::{Step, Work, ending};
use crate::Error;
use crate::execution::{Assignment, Kernel};
use crate::models::{Answered, NoAnswer, Patience, Unanswered};
use crate::ports::telemetry::TraceContext;
use crate::ports::{Amount, ModelReply, ModelRequest, Stop};
use crate::retrying::retrying;
use crate::usage::{Bill, Payer, Purpose, Reservation};

/// One answer ends after so many tokens.
const OUTPUT_TOKENS: u32 = 8_192;
/// What is said before the last answer.
const LAST: &str =
    "This is your last turn: call `finish` with what you have, as `partial` if something is missing.";

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
        let patience = Patience { deadline: Some(left), ..self.ports.models.patience() };
        let nothing = Amount::default();
        let refusal = self.spendings.promise(&payer, &mut reservation, &request, nothing, &patience).await?;
        if let Some(refusal) = refusal {
            return Ok(Step::End(ending::no_money(&refusal, self.clock().now())));
        }
        let (asked, bill) = self.put(request, patience, cancel).await;
        let beyond = beyond(&bill, self.spendings.borne(&work.model, &bill, at_most));
        let end = match asked {
            Some(Ok(answered)) => work.hear(answered.reply, &bill, beyond),
            Some(Err(unanswered)) => {
                let now = self.clock().now();
                let hurried = matches!(unanswered.why, NoAnswer::Failed(Cause::TimedOut { .. }));
                Some(if hurried && work.time_left(now).is_zero() {
                    ending::time_is_up(work.profile.max_seconds)
                } else {
                    ending::unanswered(unanswered, now)
                })
            }
            None => Some(Outcome::Released),
        };
        if end.is_some() {
            work.bear(&bill, beyond);
        }
        self.charge(assignment, work, reservation, &bill).await?;
        Ok(end.map_or(Step::On, Step::End))
    }

    /// The answer, and what it came to; none if it is not wanted any more.
    async fn put(
        &self,
        mut request: ModelRequest,
        patience: Patience,
        cancel: &CancellationToken,
    ) -> (Option<Result<Answered, Unanswered>>, Bill) {
        let over = self.clock().now() + patience.whole();
        let (asked, mut bill) = self.put_once(&request, patience, cancel).await;
        let left = over.since(self.clock().now());
        if let Some(Err(Unanswered { why: NoAnswer::Failed(Cause::Refused { .. }), .. })) = &asked
            && request.choice != ToolChoice::Auto
            && !left.is_zero()
        {
            // Not every endpoint can be told which tool is to be called; it has read that it is to finish.
            request.choice = ToolChoice::Auto;
            let patience = Patience { deadline: Some(left), ..patience };
            let (asked, again) = self.put_once(&request, patience, cancel).await;
            bill.add(again);
            return (asked, bill);
        }
        (asked, bill)
    }

    async fn put_once(
        &self,
        request: &ModelRequest,
        patience: Patience,
        cancel: &CancellationToken,
    ) -> (Option<Result<Answered, Unanswered>>, Bill) {
        let asked_at = self.clock().now();
        tokio::select! {
            biased;
            asked = self.ports.models.ask(request, patience, None) => {
                let bill = self.spendings.bill(&request.model, &asked);
                (Some(asked), bill)
            }
            () = cancel.cancelled() => (None, Bill::given_up(self.clock().now().since(asked_at))),
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
    async fn charge(
        &self,
        assignment: &Assignment,
        work: &mut Work,
        reservation: Reservation,
        bill: &Bill,
    ) -> Result<(), Error> {
        let purpose = Purpose {
            workspace: assignment.run.workspace_id,
            name: "task",
            goal: assignment.task.goal_id,
            task: Some(assignment.task.id),
            decomposition: None,
            model: work.model.clone(),
            prompt_version: None,
            trace: Some(assignment.run.trace_id),
            span: Some(assignment.attempt.span_id),
        };
        let held = retrying(|| async {
            let now = self.clock().now();
            let unit = self.ports.transactions.begin().await?;
            self.spendings.settle(&*unit, reservation, bill, &purpose, now).await?;
            let held = work.write(&*unit, &assignment.lease, now).await?;
            unit.commit().await?;
            Ok::<_, Error>(held)
        })
        .await?;
        work.is_written(held)
    }
}

impl Work {
    /// What was answered is said; gives how the attempt ends if that is no answer to go on with.
    fn hear(&mut self, reply: ModelReply, bill: &Bill, beyond: Beyond) -> Option<Outcome> {
        if let Stop::Refused { category } = &reply.stop {
            return Some(ending::refused(category.as_deref()));
        }
        let mut content = reply.content;
        identify(&mut content, self.dialogue.turns());
        self.dialogue.push(Entry::Answer {
            content,
            cut_off: reply.stop == Stop::Length,
            usage: bill.usage,
            cost_nanos: bill.cost.map(Usd::nanos),
            beyond,
        });
        None
    }

    /// What came to no answer and was consumed all the same, or may have been, counts for the bounds of the run.
    fn bear(&mut self, bill: &Bill, beyond: Beyond) {
        if bill.usage != Usage::default() || !beyond.is_nothing() {
            let cost_nanos = bill.cost.map(Usd::nanos);
            self.dialogue.push(Entry::Unanswered { usage: bill.usage, cost_nanos, beyond });
        }
    }
}

/// What has to be borne of a call besides what is known of it.
fn beyond(bill: &Bill, borne: Amount) -> Beyond {
    let known = bill.cost.unwrap_or_default();
    Beyond {
        tokens: borne.tokens.saturating_sub(bill.usage.cost_tokens()),
        cost_nanos: borne.money.nanos().saturating_sub(known.nanos()).max(0),
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
