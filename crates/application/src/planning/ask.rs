//! A plan by a model: asked for, checked, sent back with all that is wrong with it, and asked for again.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use goalwright_domain::Violation;
use goalwright_domain::agent::Agent;
use goalwright_domain::model::{Cause, Content, Message, ModelName};
use goalwright_domain::plan::answer::{FORM_NAME, complete_tasks, form, read_answer};
use goalwright_domain::plan::{
    Finding, Limits, Plan, PlannedTask, PresentGoal, PresentTask, Problem, Severity, compare, validate,
};
use goalwright_domain::task::{Task, TaskId};
use goalwright_domain::template::inspect;
use serde_json::{Value, json};

use super::by_model::Spent;
use super::change::read_by_parts;
use super::limits::OutputLimit;
use super::prompt::{self, Subject};
use super::write::of_task;
use super::{Aim, AnswerProblem, Making, Mode, Planning, Prepared, RejectedAnswer, check};
use crate::context::new_id;
use crate::models::{Answered, NoAnswer, Patience};
use crate::ports::telemetry::TraceContext;
use crate::ports::{AnswerForm, ModelRequest, Stop};
use crate::usage::Bill;
use crate::{Context, Error};

/// An answer is sent back with its problems at most so often.
const REPAIRS: u32 = 2;
/// An answer that is cut off goes on at most so often.
const PARTS: usize = 20;
/// So many problems of an answer are told and kept.
const MOST_PROBLEMS: usize = 200;
/// A conversation is over after this.
const WHOLE: Duration = Duration::from_secs(20 * 60);
/// The most characters of a provider's words.
const KEPT_WORDS: usize = 500;
/// So many characters of an answer that was sent back are kept.
const KEPT_CHARACTERS: usize = 20_000;

/// What a model is to plan.
pub(super) struct Assignment<'a> {
    pub(super) aim: Aim,
    pub(super) model: ModelName,
    pub(super) prompt_version: String,
    pub(super) prompt: String,
    pub(super) instructions: Option<&'a str>,
    pub(super) max_tasks: usize,
}

/// What the goal has.
pub(super) struct Scene {
    pub(super) goal: PresentGoal,
    /// Each task with the name by which the model knows it.
    pub(super) tasks: Vec<(String, PresentTask)>,
    /// The name of the task that is broken further down, if it is not the goal.
    pub(super) expanded: Option<String>,
    pub(super) agents: Vec<Agent>,
    /// What a plan for it depends on.
    pub(super) basis: String,
}

impl Scene {
    pub(super) fn new(
        goal: PresentGoal,
        views: Vec<PresentTask>,
        expanded: Option<TaskId>,
        agents: Vec<Agent>,
        basis: String,
    ) -> Self {
        let taken: HashSet<String> = views.iter().filter_map(|view| view.fields.key.clone()).collect();
        let mut free = (1..).map(|number| format!("N{number:03}")).filter(|name| !taken.contains(name));
        let tasks = views.into_iter().map(|view| {
            let name = view.fields.key.clone().or_else(|| free.next()).unwrap_or_default();
            (name, view)
        });
        let tasks: Vec<(String, PresentTask)> = tasks.collect();
        let expanded = tasks.iter().find(|(_, task)| Some(task.id) == expanded).map(|(name, _)| name.clone());
        Self { goal, tasks, expanded, agents, basis }
    }

    /// The task that is broken further down, if it is not the goal, with the name by which the model knows it.
    fn whole(&self) -> Option<&(String, PresentTask)> {
        let expanded = self.expanded.as_deref()?;
        self.tasks.iter().find(|(name, _)| name == expanded)
    }

    /// What parts of a task may read besides each other.
    fn read_by_parts(&self) -> Vec<&PlannedTask> {
        let Some((_, whole)) = self.whole() else { return Vec::new() };
        let tasks = self.tasks.iter().map(|(_, task)| task);
        read_by_parts(tasks, whole)
    }

    /// Parts of a task without a key were named after a name that nobody else knows. Where no other part reads their results they
    /// have no key either.
    fn unname(&self, plan: &mut Plan) {
        let Some((name, _)) = self.whole().filter(|(_, whole)| whole.fields.key.is_none()) else { return };
        let actions = plan.tasks.iter().filter_map(|task| task.action.as_ref());
        let inspected: Vec<_> = actions.map(|action| inspect(&action.parameters)).collect();
        let read: HashSet<&str> = inspected
            .iter()
            .flat_map(|one| one.references().map(|(_, reference)| reference.root.as_str()))
            .collect();
        for part in &mut plan.tasks {
            let named_after =
                |key: &&str| key.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with('_'));
            part.key_generated =
                part.key.as_deref().filter(named_after).is_some_and(|key| !read.contains(key));
        }
    }

    /// Of an update: says of the tasks that the goal has which ones they are, and leaves what no model can say as it is.
    fn recognise(&self, plan: &mut Plan) {
        let known: HashMap<&str, &PresentTask> =
            self.tasks.iter().map(|(name, task)| (name.as_str(), task)).collect();
        let named = |task: &PlannedTask| task.key.as_deref().and_then(|key| known.get(key)).copied();
        let mut found: HashSet<TaskId> = plan.tasks.iter().filter_map(|task| Some(named(task)?.id)).collect();
        for task in &mut plan.tasks {
            // What has the same words under another key is the same task, and no new one beside it.
            let alike = || {
                let mut alike = self.tasks.iter().map(|(_, present)| present).filter(|present| {
                    present.fields.title.trim() == task.title && !found.contains(&present.id)
                });
                alike.next().filter(|_| alike.next().is_none())
            };
            let Some(present) = named(task).or_else(alike) else { continue };
            found.insert(present.id);
            task.id = Some(present.id);
            task.key.clone_from(&present.fields.key);
            task.priority = present.fields.priority;
        }
    }
}

/// How far the conversation is.
struct Conversation {
    messages: Vec<Message>,
    /// Tasks of answers that were cut off.
    arrived: Vec<Value>,
    parts: usize,
    /// After how many tokens answers end.
    limit: OutputLimit,
    making: Making,
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

    /// The plan of an answer, if it holds; else the conversation goes on.
    fn weigh(
        &self,
        context: &Context,
        assignment: &Assignment<'_>,
        scene: &Scene,
        answered: Answered,
        so_far: &mut Conversation,
    ) -> Result<Option<Prepared>, Error> {
        let reply = answered.reply;
        if let Stop::Refused { category } = &reply.stop {
            return Err(refused(category.as_deref()));
        }
        let text = reply.formed.clone().unwrap_or_else(|| reply.text());
        if so_far.limit.is_raised() && reply.stop != Stop::Length {
            self.limits.keep(context.workspace(), &assignment.model);
        }
        let mut problems = Vec::new();
        if reply.stop == Stop::Length {
            let part = complete_tasks(&text);
            let fits = so_far.arrived.len() + part.tasks.len() < assignment.max_tasks;
            let most = self.models.output_limit(&assignment.model);
            if part.tasks.is_empty() && so_far.limit.raise(most) {
                // It spent its answer on thoughts, or on one task. With more room it is asked the same again.
                return Ok(None);
            }
            if !part.tasks.is_empty() && so_far.parts < PARTS && fits {
                let last = part.tasks.last().and_then(|task| task["key"].as_str()).unwrap_or("the last one");
                let asked = prompt::go_on(last);
                so_far.messages.push(said(json!({"tasks": part.tasks}).to_string()));
                so_far.messages.push(asked);
                so_far.arrived.extend(part.tasks);
                so_far.parts += 1;
                return Ok(None);
            }
            problems.push(problem(
                "",
                "cut_off",
                "the answer was cut off at its limit before it had a whole task; make it shorter: fewer tasks, shorter descriptions",
            ));
        } else {
            let read = read_answer(&text, &so_far.arrived);
            problems.extend(read.problems.iter().map(told));
            let mut plan = read.plan;
            let mut findings = Vec::new();
            if problems.is_empty() {
                problems = self.problems_of(context, assignment, scene, &mut plan, &mut findings);
            }
            if problems.is_empty() {
                return Ok(Some(Prepared { plan, findings }));
            }
        }
        let told = problems.len();
        problems.truncate(MOST_PROBLEMS);
        if told > MOST_PROBLEMS {
            let message = format!("and {} more of the same kinds", told - MOST_PROBLEMS);
            problems.push(problem("", "more_problems", message));
        }
        so_far.making.rejected.push(RejectedAnswer { answer: kept(&text), problems: problems.clone() });
        if so_far.making.repairs == REPAIRS {
            let count = problems.len();
            let message = format!(
                "the model's plan cannot be used, also after it was sent back {REPAIRS} times: it has {count} problems"
            );
            let violations =
                problems.into_iter().map(|one| Violation::new(one.path, one.code, one.message)).collect();
            return Err(Error::Invalid { code: "invalid_plan", message, violations });
        }
        so_far.making.repairs += 1;
        so_far.arrived.clear();
        so_far.messages.push(said(text));
        so_far.messages.push(prompt::repair(&problems));
        Ok(None)
    }

    /// Everything that keeps a plan from being written, all at once.
    fn problems_of(
        &self,
        context: &Context,
        assignment: &Assignment<'_>,
        scene: &Scene,
        plan: &mut Plan,
        findings: &mut Vec<Finding>,
    ) -> Vec<AnswerProblem> {
        let limits = Limits { max_tasks: assignment.max_tasks, ..Limits::IMPORT };
        let mut problems: Vec<AnswerProblem> = match validate(plan, &limits) {
            Ok(()) => Vec::new(),
            Err(broken) => broken.iter().map(told).collect(),
        };
        let mut violations = check::calls(plan, &*self.tools, findings);
        violations.extend(check::references(plan, &scene.read_by_parts(), &*self.tools));
        problems.extend(violations.into_iter().map(of_violation));
        let (now, workspace) = (self.clock.now(), context.workspace());
        for (index, planned) in plan.tasks.iter().enumerate() {
            let id: TaskId = new_id(&*self.ids);
            let draft = self.draft(planned, assignment.aim.goal_id);
            if let Err(violations) = Task::create(id, workspace, draft, &[], 0, now) {
                for one in of_task(index, planned, violations).into_iter().map(of_violation) {
                    // What is wrong with it by the rules for plans is told already.
                    if !problems.iter().any(|known| known.path == one.path) {
                        problems.push(one);
                    }
                }
            }
        }
        let known: HashSet<&str> = scene.tasks.iter().map(|(name, _)| name.as_str()).collect();
        for (index, task) in plan.tasks.iter().enumerate() {
            if task.key.as_deref().is_some_and(|key| known.contains(key)) {
                continue;
            }
            let missing = [
                ("estimate_minutes", task.estimate_minutes.is_none()),
                ("complexity", task.complexity.is_none()),
                ("complexity_reason", task.complexity_reason.is_none()),
            ];
            for (field, _) in missing.into_iter().filter(|(_, missing)| *missing) {
                let message = format!("every new task has its `{field}`");
                problems.push(problem(format!("tasks[{index}].{field}"), "missing_field", message));
            }
        }
        let taken: HashSet<&str> = scene.tasks.iter().map(|(name, _)| name.as_str()).collect();
        if assignment.aim.mode == Mode::Create {
            for (index, task) in plan.tasks.iter().enumerate() {
                if let Some(key) = task.key.as_deref().filter(|key| taken.contains(key)) {
                    let message =
                        format!("the goal has a task `{key}` already; give the new one another key");
                    problems.push(problem(format!("tasks[{index}].key"), "duplicate_key", message));
                }
            }
        } else if problems.is_empty() {
            scene.recognise(plan);
            let present: Vec<PresentTask> = scene.tasks.iter().map(|(_, task)| task.clone()).collect();
            let errors = compare(&scene.goal, &present, plan).findings;
            let errors = errors.into_iter().filter(|finding| finding.severity == Severity::Error);
            problems.extend(errors.map(|finding| problem("tasks", &finding.code, finding.message)));
        }
        if problems.is_empty() {
            scene.unname(plan);
        }
        problems
    }
}

fn said(text: String) -> Message {
    Message::assistant(vec![Content::Text { text }])
}

fn problem(path: impl Into<String>, code: &str, message: impl Into<String>) -> AnswerProblem {
    // Names of keys and tools come from the model, and not every database keeps every character.
    let clean = |text: String| if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text };
    AnswerProblem { path: clean(path.into()), code: code.to_owned(), message: clean(message.into()) }
}

fn told(from: &Problem) -> AnswerProblem {
    problem(from.path.clone(), from.code, from.message.clone())
}

fn of_violation(from: Violation) -> AnswerProblem {
    problem(from.path, &from.code, from.message)
}

/// As much of an answer as is kept, without what not every database can store.
fn kept(text: &str) -> String {
    text.chars().filter(|one| *one != '\0').take(KEPT_CHARACTERS).collect()
}

fn refused(category: Option<&str>) -> Error {
    let category: Option<String> =
        category.map(|words| words.chars().filter(|one| *one != '\0').take(KEPT_WORDS).collect());
    let why = category.map_or_else(String::new, |category| format!(" ({category})"));
    let message = format!(
        "the model does not want to plan this{why}; say it in other words, ask another model, or write the plan down for \
         the planner `outline`"
    );
    Error::Invalid {
        code: "model_refused",
        violations: vec![Violation::new("goal", "model_refused", message.clone())],
        message,
    }
}
