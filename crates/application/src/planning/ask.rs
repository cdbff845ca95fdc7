//! A plan by a model: asked for, checked, sent back with all that is wrong with it, and asked for again.

use std::time::Duration;

use goalwright_domain::model::{Cause, Message, ModelName};
use goalwright_domain::plan::answer::{FORM_NAME, form};
use serde_json::Value;

use super::by_model::Spent;
use super::limits::OutputLimit;
use super::prompt::{self, Subject};
use super::scene::Scene;
use super::{Aim, Making, Planning, Prepared};
use crate::models::{NoAnswer, Patience};
use crate::ports::telemetry::TraceContext;
use crate::ports::{AnswerForm, ModelRequest};
use crate::usage::Bill;
use crate::{Context, Error};

/// A conversation is over after this.
const WHOLE: Duration = Duration::from_secs(20 * 60);

/// What a model is to plan.
pub(super) struct Assignment<'a> {
    pub(super) aim: Aim,
    pub(super) model: ModelName,
    pub(super) prompt_version: String,
    pub(super) prompt: String,
    pub(super) instructions: Option<&'a str>,
    pub(super) max_tasks: usize,
}

/// How far the conversation is.
pub(super) struct Conversation {
    pub(super) messages: Vec<Message>,
    /// Tasks of answers that were cut off.
    pub(super) arrived: Vec<Value>,
    pub(super) parts: usize,
    /// After how many tokens answers end.
    pub(super) limit: OutputLimit,
    pub(super) making: Making,
}

impl Planning {
    /// The trace and the span of the request, which the endpoint is told.
    fn trace_of(&self, context: &Context) -> Option<TraceContext> {
        let (trace_id, span_id) = context.trace_id.zip(context.span_id)?;
        Some(TraceContext { trace_id, span_id, sampled: self.telemetry.samples(trace_id, None) })
    }

    /// Asks for a plan until it holds. In the end it is told what that cost, whether there is a plan or not.
    pub(super) async fn ask(
        &self,
        context: &Context,
        assignment: &Assignment<'_>,
        scene: &Scene,
        spent: &mut Spent,
    ) -> (Making, Result<Prepared, Error>) {
        let begun = self.clock.now();
        let subject = prompt::subject(&Subject {
            goal: &scene.goal,
            tasks: &scene.tasks,
            agents: &scene.agents,
            mode: assignment.aim.mode,
            expanded: scene.expanded.as_deref(),
            instructions: assignment.instructions,
            max_tasks: assignment.max_tasks,
        });
        let mut conversation = Conversation {
            messages: vec![subject],
            arrived: Vec::new(),
            parts: 0,
            limit: self.limits.of(context.workspace(), &assignment.model),
            making: Making {
                planner: super::Planner::Llm,
                model: Some(assignment.model.to_string()),
                prompt_version: Some(assignment.prompt_version.clone()),
                ..Making::default()
            },
        };
        let outcome = self.converse(context, assignment, scene, spent, &mut conversation).await;
        spent.bill.took = self.clock.now().since(begun);
        let Bill { attempts, usage, cost, took, .. } = spent.bill;
        let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        (Making { attempts, usage, cost, duration_ms, ..conversation.making }, outcome)
    }

    async fn converse(
        &self,
        context: &Context,
        assignment: &Assignment<'_>,
        scene: &Scene,
        spent: &mut Spent,
        so_far: &mut Conversation,
    ) -> Result<Prepared, Error> {
        let system = prompt::system(&assignment.prompt, &*self.tools);
        let over = self.clock.now() + WHOLE;
        loop {
            let left = over.since(self.clock.now());
            if left.is_zero() {
                let message = format!(
                    "the model has planned for {} minutes without coming to an end",
                    WHOLE.as_secs() / 60
                );
                return Err(Error::TimedOut { message });
            }
            let request = ModelRequest {
                model: assignment.model.clone(),
                system: system.clone(),
                messages: so_far.messages.clone(),
                tools: Vec::new(),
                choice: Default::default(),
                form: Some(AnswerForm {
                    name: FORM_NAME.to_owned(),
                    description: "The tasks of the plan, in an order in which they could be done.".to_owned(),
                    schema: form(),
                }),
                max_output_tokens: so_far.limit.tokens(self.models.output_limit(&assignment.model)),
                trace: self.trace_of(context),
            };
            let patience = Patience { deadline: Some(left), ..self.models.patience() };
            self.usage.reserve(context, &mut spent.reservation, &request, &spent.bill, &patience).await?;
            let asked = self.models.ask(&request, patience, None).await;
            spent.bill.add(self.usage.bill(&request.model, &asked));
            let answered = asked.inspect_err(|unanswered| {
                let timed_out = matches!(unanswered.why, NoAnswer::Failed(Cause::TimedOut { .. }));
                if timed_out && so_far.limit.is_raised() {
                    self.limits.take_back(context.workspace(), &assignment.model);
                }
            })?;
            if let Some(prepared) = self.weigh(context, assignment, scene, answered, so_far)? {
                return Ok(prepared);
            }
        }
    }
}
