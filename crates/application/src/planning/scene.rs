//! What a goal has when a model plans for it.

use std::collections::{HashMap, HashSet};

use goalwright_domain::agent::Agent;
use goalwright_domain::plan::{Finding, Plan, PlannedTask, PresentGoal, PresentTask, refuse_too_many_edges};
use goalwright_domain::task::TaskId;
use goalwright_domain::template::inspect;

use super::change::read_by_parts;

/// What the goal has.
pub(super) struct Scene {
    pub(super) goal: PresentGoal,
    /// Each task with the name by which the model knows it.
    pub(super) tasks: Vec<(String, PresentTask)>,
    /// The name of the task that is broken further down, if it is not the goal.
    pub(super) expanded: Option<String>,
    /// What that one was broken into before.
    pub(super) earlier: HashSet<TaskId>,
    pub(super) agents: Vec<Agent>,
    /// What a plan for it depends on.
    pub(super) basis: String,
}

impl Scene {
    pub(super) fn new(
        goal: PresentGoal,
        views: Vec<PresentTask>,
        (expanded, earlier): (Option<TaskId>, HashSet<TaskId>),
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
        Self { goal, tasks, expanded, earlier, agents, basis }
    }

    /// The task that is broken further down, if it is not the goal, with the name by which the model knows it.
    fn whole(&self) -> Option<&(String, PresentTask)> {
        let expanded = self.expanded.as_deref()?;
        self.tasks.iter().find(|(name, _)| name == expanded)
    }

    /// What parts of a task may read besides each other.
    pub(super) fn read_by_parts(&self) -> Vec<&PlannedTask> {
        let Some((_, whole)) = self.whole() else { return Vec::new() };
        let tasks = self.tasks.iter().map(|(_, task)| task);
        read_by_parts(tasks, whole)
    }

    /// That the parts of a task would lead to too many dependencies, if fewer parts would lead to fewer.
    pub(super) fn too_many_edges(&self, plan: &Plan) -> Option<Finding> {
        let (_, whole) = self.whole().filter(|_| plan.tasks.len() > 1)?;
        refuse_too_many_edges(whole, &self.earlier, plan)
    }

    /// Parts of a task without a key were named after a name that nobody else knows. Where no other part reads their results they
    /// have no key either.
    pub(super) fn unname(&self, plan: &mut Plan) {
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
    pub(super) fn recognise(&self, plan: &mut Plan) {
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
