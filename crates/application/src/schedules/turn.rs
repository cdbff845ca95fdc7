//! One schedule in one tick.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use goalwright_domain::Timestamp;
use goalwright_domain::execution::{Run, RunId};
use goalwright_domain::goal::GoalId;
use goalwright_domain::ledger::Fact;
use goalwright_domain::schedule::{Due, Fold, Slot, due};
use goalwright_domain::task::TaskId;
use serde_json::{Value, json};

use crate::Error;
use crate::execution::queue_of;
use crate::ports::{DueSchedule, ScheduleState, SlotStatus, TaskSlot, UnitOfWork};

/// Slots that wait for their turn are looked at so often.
const QUEUE_LOOK: Duration = Duration::from_secs(1);
/// At most so many slots are listed in one event; the rest is counted.
const LISTED: usize = 100;

/// One schedule in one tick: what is decided about it, and what came of it.
pub(super) struct Turn {
    pub(super) due: DueSchedule,
    pub(super) decided: Due,
    /// Slots that wait, oldest first.
    pub(super) queued: VecDeque<TaskSlot>,
    /// The queue of the goal; none while the goal rests.
    pub(super) queue: Option<String>,
    pub(super) facts: Vec<Fact>,
    pub(super) skipped: Vec<(&'static str, Slot)>,
}

/// What is known before anything is decided.
pub(super) struct Known {
    pub(super) slots: HashSet<(TaskId, String, Fold)>,
    pub(super) runs: HashMap<(TaskId, Timestamp), RunId>,
    pub(super) open: HashMap<TaskId, Vec<Run>>,
}

impl Known {
    pub(super) fn has(&self, task: TaskId, slot: &Slot) -> bool {
        self.slots.contains(&(task, slot.nominal_text(), slot.fold))
    }
}

impl Turn {
    pub(super) fn task(&self) -> TaskId {
        self.due.state.task_id
    }

    pub(super) fn slot(&self, slot: Slot, status: SlotStatus) -> TaskSlot {
        TaskSlot { task_id: self.task(), workspace_id: self.due.state.workspace_id, slot, status }
    }

    pub(super) fn tell(&mut self, event_type: &'static str, mut metadata: Value) {
        metadata["task_id"] = json!(self.task());
        self.facts.push(Fact {
            entity_type: "schedule",
            entity_id: self.task().to_string(),
            event_type,
            changes: json!({}),
            metadata,
        });
    }

    pub(super) fn tell_of_misses(&mut self) {
        for missed in std::mem::take(&mut self.decided.missed) {
            let listed: Vec<Value> = missed.slots.iter().take(LISTED).map(shown).collect();
            let about = json!({
                "reason": missed.why.as_str(), "count": missed.slots.len(), "more": missed.more, "slots": listed,
            });
            self.tell("slot.missed", about);
        }
    }

    /// One event for each reason.
    pub(super) fn tell_of_skips(&mut self) {
        let mut skipped: Vec<(&'static str, Vec<Slot>)> = Vec::new();
        for (why, slot) in std::mem::take(&mut self.skipped) {
            match skipped.iter_mut().find(|(known, _)| *known == why) {
                Some((_, slots)) => slots.push(slot),
                None => skipped.push((why, vec![slot])),
            }
        }
        for (why, slots) in skipped {
            let listed: Vec<Value> = slots.iter().take(LISTED).map(shown).collect();
            self.tell("slot.skipped", json!({"reason": why, "count": slots.len(), "slots": listed}));
        }
    }

    /// How far the schedule is looked after now, and when it is to be looked after again.
    pub(super) fn state(&self, over: bool, now: Timestamp) -> ScheduleState {
        let state = &self.due.state;
        let next_at = self.decided.next.map(|next| next.at).filter(|_| !over);
        let look = (!self.queued.is_empty()).then(|| now + QUEUE_LOOK);
        ScheduleState {
            considered_at: self.decided.considered.max(state.considered_at),
            next_at,
            wake_at: [next_at, look].into_iter().flatten().min(),
            ..state.clone()
        }
    }
}

/// A slot as events tell of it.
pub(super) fn shown(slot: &Slot) -> Value {
    json!({"nominal": slot.nominal_text(), "fold": slot.fold.number(), "at": slot.at})
}

/// These schedules, with what is due of them and what waits.
pub(super) async fn turns(
    unit: &dyn UnitOfWork,
    found: Vec<DueSchedule>,
    now: Timestamp,
) -> Result<Vec<Turn>, Error> {
    let ids: Vec<TaskId> = found.iter().map(|due| due.state.task_id).collect();
    let mut queued: HashMap<TaskId, VecDeque<TaskSlot>> = HashMap::new();
    for slot in unit.schedules().queued(&ids).await? {
        queued.entry(slot.task_id).or_default().push_back(slot);
    }
    let mut goals: HashMap<GoalId, Option<String>> = HashMap::new();
    let mut turns = Vec::with_capacity(found.len());
    for found in found {
        let queue = queue_of(unit, &mut goals, found.goal_id).await?;
        turns.push(Turn {
            decided: due(&found.schedule, found.state.considered_at, now),
            queued: queued.remove(&found.state.task_id).unwrap_or_default(),
            queue,
            due: found,
            facts: Vec::new(),
            skipped: Vec::new(),
        });
    }
    Ok(turns)
}

/// What there is already of these slots, and the open runs of their tasks, locked.
pub(super) async fn known(unit: &dyn UnitOfWork, turns: &[Turn]) -> Result<Known, Error> {
    let ids: Vec<TaskId> = turns.iter().map(Turn::task).collect();
    let fire = || turns.iter().flat_map(|turn| &turn.decided.fire);
    let nominal: Vec<String> = fire().map(Slot::nominal_text).collect();
    let queued = turns.iter().flat_map(|turn| turn.queued.iter().map(|queued| queued.slot.at));
    let moments: Vec<Timestamp> = fire().map(|slot| slot.at).chain(queued).collect();
    let open: Vec<RunId> = unit.executions().open_runs_of(&ids).await?.iter().map(|run| run.id).collect();
    let mut by_task: HashMap<TaskId, Vec<Run>> = HashMap::new();
    for run in unit.executions().lock_runs(&open).await? {
        if !run.status.is_over() {
            by_task.entry(run.task_id).or_default().push(run);
        }
    }
    let runs = unit.schedules().runs_at(&ids, &moments).await?;
    Ok(Known {
        slots: unit.schedules().known(&ids, &nominal).await?.into_iter().collect(),
        runs: runs.into_iter().map(|(task, at, run)| ((task, at), run)).collect(),
        open: by_task,
    })
}
