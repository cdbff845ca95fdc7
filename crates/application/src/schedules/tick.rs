use goalwright_domain::Timestamp;
use goalwright_domain::execution::RunId;
use goalwright_domain::goal::DEFAULT_QUEUE;
use goalwright_domain::ledger::Event;
use goalwright_domain::schedule::{Admission, OverlapPolicy, Slot, admit};
use goalwright_domain::task::{TaskId, TaskStatus};
use goalwright_domain::workspace::Actor;
use serde_json::json;

use super::Schedules;
use super::turn::{Known, Turn, known, shown, turns};
use crate::Error;
use crate::context::events;
use crate::execution::{Book, Directories, Firing};
use crate::ports::{ScheduleState, SlotStatus, TaskSlot, UnitOfWork};
use crate::retrying::retrying;

/// At most so many schedules are looked after in one unit.
pub(super) const BATCH: usize = 100;

/// Who fires, for the ledger.
pub(super) fn scheduler() -> Actor {
    Actor::system("scheduler")
}

/// What a tick writes besides what the book does.
#[derive(Default)]
struct Written {
    fresh: Vec<TaskSlot>,
    settled: Vec<TaskSlot>,
    states: Vec<ScheduleState>,
    told: Vec<Event>,
}

impl Schedules {
    /// Looks after the schedules whose time has come: fires, queues, skips and passes over slots, as their policies say, and
    /// tells of each in the ledger. Gives how many schedules that were; there may be more.
    ///
    /// What cannot be looked after stops nobody else: a batch that fails is halved until the culprit is alone, and that is
    /// set aside, which the ledger tells, until its task is changed.
    ///
    /// Idempotent: a slot is a row with a unique key, and a schedule is decided under its lock, however many processes
    /// do this at the same time.
    ///
    /// # Errors
    /// What storage says; then nothing was written.
    #[tracing::instrument(name = "schedule.tick", skip_all, level = "debug")]
    pub async fn tick(&self) -> Result<usize, Error> {
        // Most of the time nothing is due; then nothing is locked.
        if !self.queries.any_schedule_due(self.clock.now()).await? {
            return Ok(0);
        }
        let looked_after = match retrying(|| self.tick_once(None)).await {
            Ok(looked_after) => looked_after,
            // Where the database is away, no schedule is the culprit.
            Err(error @ Error::Unavailable { .. }) => return Err(error),
            Err(error) => self.tick_apart(error).await?,
        };
        if looked_after > 0 {
            self.signals.work_changed();
            self.signals.events_appended();
        }
        Ok(looked_after)
    }

    pub(super) async fn tick_once(&self, among: Option<&[TaskId]>) -> Result<usize, Error> {
        let now = self.clock.now();
        let unit = self.transactions.begin().await?;
        let found = unit.schedules().lock_due(now, BATCH, among).await?;
        if found.is_empty() {
            return Ok(0);
        }
        let mut turns = turns(&*unit, found, now).await?;
        let mut known = known(&*unit, &turns).await?;
        self.make_room(&*unit, &turns, &mut known, now).await?;
        let ids: Vec<TaskId> = turns.iter().map(Turn::task).collect();
        let mut book = Book::default();
        book.enter(unit.tasks().lock_many(&ids).await?);
        let (mut written, mut directories) = (Written::default(), Directories::new());
        for turn in &mut turns {
            let mut firing = Firings { known: &known, book: &mut book, directories: &mut directories };
            self.take(&*unit, turn, &mut firing, &mut written, now).await?;
        }
        book.close(&*unit, &*self.ids, now).await?;
        unit.schedules().insert_slots(&written.fresh, now).await?;
        unit.schedules().settle_slots(&written.settled).await?;
        unit.schedules().save_many(&written.states).await?;
        unit.outbox().append(&written.told).await?;
        unit.commit().await?;
        Ok(turns.len())
    }

    /// Under `cancel_previous`, what is not over gives way before anything is fired.
    async fn make_room(
        &self,
        unit: &dyn UnitOfWork,
        turns: &[Turn],
        known: &mut Known,
        now: Timestamp,
    ) -> Result<(), Error> {
        let mut superseded = Vec::new();
        for turn in turns {
            let replaces = turn.due.schedule.overlap() == OverlapPolicy::CancelPrevious
                && turn.queue.is_some()
                && !never_again(turn.due.status)
                && turn.decided.fire.iter().any(|slot| !known.has(turn.task(), slot));
            if replaces && let Some(runs) = known.open.remove(&turn.task()) {
                superseded.extend(runs);
            }
        }
        if superseded.is_empty() {
            return Ok(());
        }
        self.supersede(unit, superseded, now).await
    }

    /// Decides about the slots of one schedule.
    async fn take(
        &self,
        unit: &dyn UnitOfWork,
        turn: &mut Turn,
        firings: &mut Firings<'_>,
        written: &mut Written,
        now: Timestamp,
    ) -> Result<(), Error> {
        let id = turn.task();
        let status = firings.book.task(id)?.status();
        let fire = std::mem::take(&mut turn.decided.fire);
        if never_again(status) {
            let why = if status == TaskStatus::Cancelled { "task_cancelled" } else { "task_skipped" };
            for waiting in turn.queued.drain(..) {
                turn.skipped.push((why, waiting.slot));
                written.settled.push(TaskSlot { status: SlotStatus::Dropped, ..waiting });
            }
            turn.skipped.extend(fire.into_iter().map(|slot| (why, slot)));
        } else if turn.queue.is_none() {
            turn.skipped.extend(fire.into_iter().map(|slot| ("goal_not_active", slot)));
        } else {
            self.fire_all(unit, turn, fire, firings, written, now).await?;
        }
        turn.tell_of_misses();
        turn.tell_of_skips();
        let facts = std::mem::take(&mut turn.facts);
        written.told.extend(events(&*self.ids, turn.due.state.workspace_id, &scheduler(), None, facts, now));
        written.states.push(turn.state(never_again(status), now));
        Ok(())
    }

    async fn fire_all(
        &self,
        unit: &dyn UnitOfWork,
        turn: &mut Turn,
        mut fire: Vec<Slot>,
        firings: &mut Firings<'_>,
        written: &mut Written,
        now: Timestamp,
    ) -> Result<(), Error> {
        let id = turn.task();
        fire.retain(|slot| {
            let known = firings.known.has(id, slot);
            if known {
                turn.skipped.push(("already_fired", *slot));
            }
            !known
        });
        let policy = turn.due.schedule.overlap();
        if policy == OverlapPolicy::CancelPrevious && fire.len() > 1 {
            let last = fire.len() - 1;
            turn.skipped.extend(fire.drain(..last).map(|slot| ("superseded", slot)));
        }
        let mut open = firings.known.open.get(&id).map_or(0, Vec::len);
        while open == 0
            && let Some(waiting) = turn.queued.pop_front()
        {
            let status = match self.fire(unit, turn, waiting.slot, firings, now).await? {
                Some(run) => SlotStatus::Fired(run),
                None => SlotStatus::Dropped,
            };
            open += usize::from(status != SlotStatus::Dropped);
            written.settled.push(TaskSlot { status, ..waiting });
        }
        for slot in fire {
            match admit(policy, open + turn.queued.len()) {
                Admission::Fire | Admission::Replace => {
                    if let Some(run) = self.fire(unit, turn, slot, firings, now).await? {
                        open += 1;
                        written.fresh.push(turn.slot(slot, SlotStatus::Fired(run)));
                    }
                }
                Admission::Wait => {
                    let waiting = turn.slot(slot, SlotStatus::Queued);
                    turn.tell("slot.queued", json!({"slot": shown(&slot), "reason": "overlap"}));
                    turn.queued.push_back(waiting.clone());
                    written.fresh.push(waiting);
                }
                Admission::Skip => turn.skipped.push(("overlap", slot)),
                Admission::QueueFull => turn.skipped.push(("queue_full", slot)),
            }
        }
        Ok(())
    }

    /// The run of a slot; none if the task cannot be run now, which is noted.
    async fn fire(
        &self,
        unit: &dyn UnitOfWork,
        turn: &mut Turn,
        slot: Slot,
        firings: &mut Firings<'_>,
        now: Timestamp,
    ) -> Result<Option<RunId>, Error> {
        let id = turn.task();
        // Somebody may have asked for a run at this very moment.
        let firing = match firings.known.runs.get(&(id, slot.at)) {
            Some(run) => Firing::Run(*run),
            None => {
                let begin = slot.at + turn.due.schedule.delay(&id.to_string(), &slot);
                let queue = turn.queue.as_deref().unwrap_or(DEFAULT_QUEUE);
                let Firings { book, directories, .. } = firings;
                book.fire(unit, &*self.ids, directories, (id, slot.at, begin), queue, now).await?
            }
        };
        let why = match firing {
            Firing::Run(run) => {
                let late = now.millis_since(slot.at);
                turn.tell("slot.fired", json!({"run_id": run, "slot": shown(&slot), "late_ms": late}));
                return Ok(Some(run));
            }
            Firing::DependenciesOpen => "dependencies_open",
            Firing::Withdrawn => "task_withdrawn",
            Firing::NoAgent => "no_agent",
        };
        turn.skipped.push((why, slot));
        Ok(None)
    }
}

/// What firing needs.
struct Firings<'a> {
    known: &'a Known,
    book: &'a mut Book,
    directories: &'a mut Directories,
}

/// Whether nothing runs the task any more.
const fn never_again(status: TaskStatus) -> bool {
    match status {
        TaskStatus::Cancelled | TaskStatus::Skipped => true,
        TaskStatus::Pending
        | TaskStatus::Ready
        | TaskStatus::Running
        | TaskStatus::Waiting
        | TaskStatus::Completed
        | TaskStatus::Failed => false,
    }
}
