//! What the boxes say: newly done, newly dropped, or against what is so.

use std::collections::{HashMap, HashSet};

use super::edges::numbered;
use super::matching::Match;
use super::{Changes, Comparison, PresentTask, TaskRef, finding};
use crate::plan::graph::topological_order;
use crate::plan::{PlannedTask, Severity};
use crate::task::{TaskCommand, TaskId, TaskStatus};

impl Comparison<'_> {
    /// Fills `complete` and `drop`. Needs the dependencies after the update.
    pub(super) fn marks(&mut self, matches: &[Option<Match>], changes: &mut Changes) {
        let mut ticked: HashMap<TaskId, usize> = HashMap::new();
        for (index, found) in matches.iter().enumerate() {
            let Some(found) = found else {
                continue;
            };
            let task = &self.tasks[found.present];
            match self.wish(index, task) {
                Wish::None => {}
                Wish::Complete => {
                    ticked.insert(task.id, index);
                }
                Wish::Drop => changes.drop.push((index, task.id)),
            }
        }
        self.complete(&ticked, matches, changes);
    }

    fn wish(&mut self, index: usize, task: &PresentTask) -> Wish {
        use TaskStatus as S;
        let planned = &self.plan.tasks[index];
        match task.status {
            S::Pending | S::Ready | S::Waiting | S::Failed if planned.done => {
                if task.status.after(TaskCommand::Complete).is_ok() {
                    return Wish::Complete;
                }
                let name = task.name();
                let message = format!(
                    "{name} failed, and a box does not undo that; try it again, or complete it by hand"
                );
                self.findings.push(finding(Severity::Warning, "failed_task_ticked", planned.line, message));
            }
            S::Pending | S::Ready | S::Failed if planned.dropped => return Wish::Drop,
            S::Pending | S::Ready | S::Failed => {}
            S::Completed if !planned.done => self.unchecked(planned, task),
            S::Completed => {}
            // The boxes of a plain plan do not follow what happens to its tasks.
            S::Cancelled | S::Skipped if !planned.dropped && self.is_export => {
                self.leave(index, task, "status");
            }
            S::Running if planned.done || planned.dropped => self.leave(index, task, "status"),
            S::Waiting if planned.dropped => self.leave(index, task, "status"),
            S::Cancelled | S::Skipped | S::Running | S::Waiting => {}
        }
        Wish::None
    }

    fn unchecked(&mut self, planned: &PlannedTask, task: &PresentTask) {
        let severity = if self.is_export { Severity::Warning } else { Severity::Info };
        let message = format!("{} is completed and stays so, although its box is not ticked", task.name());
        self.findings.push(finding(severity, "unchecked_finished", planned.line, message));
    }

    /// A ticked task is completed if all it waits for is, or is completed with it. What was left out
    /// holds nobody up; what was given up or failed does.
    fn complete(
        &mut self,
        ticked: &HashMap<TaskId, usize>,
        matches: &[Option<Match>],
        changes: &mut Changes,
    ) {
        let satisfies = |status| matches!(status, TaskStatus::Completed | TaskStatus::Skipped);
        let done = self.tasks.iter().filter(|task| satisfies(task.status));
        let mut completed: HashSet<TaskRef> = done.map(|task| TaskRef::Present(task.id)).collect();
        let is_new = |index: &usize| matches[*index].is_none() && self.plan.tasks[*index].done;
        completed.extend((0..matches.len()).filter(is_new).map(TaskRef::Added));
        let dependencies = &changes.dependencies;
        // With a cycle the update is refused anyway.
        let order = topological_order(dependencies.len(), &numbered(dependencies)).unwrap_or_default();
        for of in order.into_iter().map(|place| &dependencies[place]) {
            let TaskRef::Present(id) = of.task else {
                continue;
            };
            let Some(&index) = ticked.get(&id) else {
                continue;
            };
            let Some(&(open, _)) = of.depends_on.iter().find(|(to, _)| !completed.contains(to)) else {
                completed.insert(of.task);
                changes.complete.push((index, id));
                continue;
            };
            let (name, other) = (self.name_of(of.task), self.name_of(open));
            let message =
                format!("{name} is ticked but waits for {other}, which is not completed; it stays open");
            let line = self.plan.tasks[index].line;
            self.findings.push(finding(Severity::Warning, "done_before_dependencies", line, message));
        }
    }
}

/// What a box asks for.
enum Wish {
    None,
    Complete,
    Drop,
}
