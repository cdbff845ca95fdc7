//! What a model answered is weighed: everything that is wrong with it goes back to it at once.

use std::collections::HashSet;

use goalwright_domain::Violation;
use goalwright_domain::model::{Content, Message, kept_words};
use goalwright_domain::plan::answer::{complete_tasks, read_answer};
use goalwright_domain::plan::{Finding, Limits, Plan, PresentTask, Problem, Severity, compare, validate};
use goalwright_domain::task::{Task, TaskId};
use serde_json::json;

use super::ask::{Assignment, Conversation};
use super::scene::Scene;
use super::write::of_task;
use super::{AnswerProblem, Mode, Planning, Prepared, RejectedAnswer, check, prompt};
use crate::context::new_id;
use crate::models::Answered;
use crate::ports::Stop;
use crate::{Context, Error};

/// An answer is sent back with its problems at most so often.
const REPAIRS: u32 = 2;
/// An answer that is cut off goes on at most so often.
const PARTS: usize = 20;
/// So many problems of an answer are told and kept.
const MOST_PROBLEMS: usize = 200;
/// The most characters of a provider's words.
const KEPT_WORDS: usize = 500;
/// So many characters of an answer that was sent back are kept.
const KEPT_CHARACTERS: usize = 20_000;

impl Planning {
    /// The plan of an answer, if it holds; else the conversation goes on.
    pub(super) fn weigh(
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
            if !plan.tasks.is_empty() {
                problems = self.problems_of(context, assignment, scene, (&mut plan, problems), &mut findings);
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
        so_far
            .making
            .rejected
            .push(RejectedAnswer { answer: kept_words(&text, KEPT_CHARACTERS), problems: problems.clone() });
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

    /// Everything that keeps a plan from being written, all at once, besides what could not be read of it.
    fn problems_of(
        &self,
        context: &Context,
        assignment: &Assignment<'_>,
        scene: &Scene,
        (plan, unread): (&mut Plan, Vec<AnswerProblem>),
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
        if assignment.aim.mode == Mode::Create {
            for (index, task) in plan.tasks.iter().enumerate() {
                if let Some(key) = task.key.as_deref().filter(|key| known.contains(key)) {
                    let message =
                        format!("the goal has a task `{key}` already; give the new one another key");
                    problems.push(problem(format!("tasks[{index}].key"), "duplicate_key", message));
                }
            }
        } else if problems.is_empty() && unread.is_empty() {
            scene.recognise(plan);
            let present: Vec<PresentTask> = scene.tasks.iter().map(|(_, task)| task.clone()).collect();
            let errors = compare(&scene.goal, &present, plan).findings;
            let errors = errors.into_iter().filter(|finding| finding.severity == Severity::Error);
            problems.extend(errors.map(|finding| problem("tasks", &finding.code, finding.message)));
        }
        let too_many = scene.too_many_edges(plan);
        problems.extend(too_many.map(|finding| problem("tasks", &finding.code, finding.message)));
        // What could not be read is missing in the plan: that is told once.
        problems.retain(|one| !unread.iter().any(|first| is_within(&one.path, &first.path)));
        let problems = [unread, problems].concat();
        if problems.is_empty() {
            scene.unname(plan);
        }
        problems
    }
}

/// Whether a path is this one, or leads into it.
fn is_within(path: &str, outer: &str) -> bool {
    path.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
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

fn refused(category: Option<&str>) -> Error {
    let why = category.map_or_else(String::new, |words| format!(" ({})", kept_words(words, KEPT_WORDS)));
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
