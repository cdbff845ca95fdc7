use goalwright_application::Error;
use goalwright_application::tasks::NewTask;
use goalwright_domain::Violation;
use goalwright_domain::execution::OnExhausted;
use goalwright_domain::task::DraftTask;
use poem_openapi::Object;
use uuid::Uuid;

use super::action::ActionBody;
use super::retry::RetryBody;
use super::schedule::ScheduleBody;
use crate::values::{Moment, Word};

/// A task to be added. Only the title is needed.
#[derive(Debug, Object)]
#[oai(rename = "NewTask", deny_unknown_fields)]
pub(crate) struct NewTaskBody {
    /// What is to be done.
    title: String,
    /// The goal it serves.
    goal_id: Option<Uuid>,
    /// Its name in the goal, such as `T001`, by which other tasks read its result.
    key: Option<String>,
    /// Its name in the workspace; made from the title unless given.
    slug: Option<String>,
    /// Details, Markdown.
    description: Option<String>,
    /// Matched with the agents' capabilities; `tool` for an action of kind `tool`, else `general`, unless given.
    task_type: Option<String>,
    /// Higher first; 0 unless given.
    priority: Option<i32>,
    /// What to do, if it is more than words.
    action: Option<ActionBody>,
    /// Free words.
    labels: Option<Vec<String>>,
    /// Independent of its neighbours.
    parallel: Option<bool>,
    /// Expected effort.
    estimate_minutes: Option<u32>,
    /// 1 (trivial) to 10.
    complexity: Option<u32>,
    /// Why it is that complex.
    complexity_reason: Option<String>,
    /// Attempts in all before it fails; 3 unless given, 1 where the effect cannot be undone.
    max_attempts: Option<u32>,
    /// When it is tried again.
    retry: Option<RetryBody>,
    /// What becomes of it when it is not tried again: it has failed, or it waits for a person's decision; `fail` unless
    /// given.
    on_exhausted: Option<Word<OnExhausted>>,
    /// When it is meant to run, for runs in the mode `scheduled`.
    scheduled_at: Option<Moment>,
    /// When it recurs. Each time is a run of this task; the first one drives it.
    schedule: Option<ScheduleBody>,
    /// The tasks that it waits for.
    depends_on: Option<Vec<Uuid>>,
}

impl NewTaskBody {
    /// What is asked for.
    pub(crate) fn task(self) -> Result<NewTask, Error> {
        let mut violations = Vec::new();
        let mut noted = |more| violations.extend::<Vec<Violation>>(more);
        let action = self.action.map(ActionBody::action).transpose().map_err(&mut noted).unwrap_or_default();
        let schedule =
            self.schedule.map(ScheduleBody::schedule).transpose().map_err(&mut noted).unwrap_or_default();
        if !violations.is_empty() {
            return Err(Error::invalid(violations));
        }
        let draft = DraftTask {
            goal_id: self.goal_id.map(Into::into),
            key: self.key,
            slug: self.slug.unwrap_or_default(),
            title: self.title,
            description: self.description.unwrap_or_default(),
            task_type: self.task_type.unwrap_or_default(),
            priority: self.priority.unwrap_or_default(),
            action,
            labels: self.labels.unwrap_or_default(),
            parallel: self.parallel.unwrap_or_default(),
            estimate_minutes: self.estimate_minutes,
            // What does not fit is out of the range that the domain names.
            complexity: self.complexity.map(|given| u8::try_from(given).unwrap_or(u8::MAX)),
            complexity_reason: self.complexity_reason,
            max_attempts: self.max_attempts,
            retry: self.retry.map(Into::into),
            on_exhausted: self.on_exhausted.map(|word| word.0).unwrap_or_default(),
            scheduled_at: self.scheduled_at.map(|at| at.0),
            schedule,
        };
        let depends_on = self.depends_on.unwrap_or_default().into_iter().map(Into::into).collect();
        Ok(NewTask { draft, depends_on })
    }
}
