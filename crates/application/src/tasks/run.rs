use std::time::Duration;

use goalwright_domain::agent::{Directory, choose};
use goalwright_domain::execution::{Mode, Run, RunId, RunStatus, SpanId, TraceId};
use goalwright_domain::ledger::Fact;
use goalwright_domain::task::{Task, TaskStatus};
use goalwright_domain::{Rejection, Timestamp, Violation};
use serde_json::json;

use super::Tasks;
use super::held::changed;
use crate::execution::{Book, driving_run};
use crate::ports::UnitOfWork;
use crate::retrying::retrying;
use crate::{Context, Error};

/// A run that somebody asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRequest {
    /// Id or slug.
    pub task: String,
    /// Scheduled or manual.
    pub mode: Mode,
    /// With the task, the run's identity; needed in scheduled mode unless the task has one.
    pub scheduled_at: Option<Timestamp>,
    /// How long to wait for its end; `None` answers at once.
    pub wait: Option<Duration>,
}

/// Where the run stands when the answer is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunState {
    /// Still queued, running or waiting, as the status says.
    Open(RunStatus),
    /// Ended.
    Over(RunStatus),
}

/// The run, its latest attempt and its record.
#[derive(Debug, Clone, PartialEq)]
pub struct RunAnswer {
    /// The run.
    pub run_id: RunId,
    /// Its trace.
    pub trace_id: TraceId,
    /// The latest attempt, once one began.
    pub span_id: Option<SpanId>,
    /// The latest attempt's experience, once it has ended.
    pub experience_id: Option<String>,
    /// Where it stands.
    pub state: RunState,
}

impl Tasks {
    /// Runs a task now. A task that is ready runs as the graph would run it; a finished one gets another run, which
    /// leaves its status alone. The same `scheduled_at` is the same run, however often it is asked for.
    ///
    /// # Errors
    /// `NotFound`; `Invalid` (`scheduled_at_required`); `Rejected`: `dependencies_open`, `goal_not_active`,
    /// `task_leased`, `no_agent`, `run_pruned`.
    #[tracing::instrument(name = "task.run", skip_all, fields(task = %request.task))]
    pub async fn run(&self, context: &Context, request: &RunRequest) -> Result<RunAnswer, Error> {
        let task = self.find(context, &request.task).await?;
        let run = retrying(|| self.ask(context, &task.state.id, request)).await?;
        self.signals.work_changed();
        self.signals.events_appended();
        self.answer(context, run, request.wait).await
    }

    async fn ask(
        &self,
        context: &Context,
        id: &goalwright_domain::task::TaskId,
        request: &RunRequest,
    ) -> Result<RunId, Error> {
        let now = self.clock.now();
        let unit = self.transactions.begin().await?;
        let driving = unit.executions().find_driving(*id).await?.map(|run| run.id);
        let driving = unit.executions().lock_runs(driving.as_slice()).await?.pop();
        let task = unit.tasks().lock_many(&[*id]).await?.pop();
        let task = task
            .filter(|task| task.state().workspace_id == context.workspace())
            .ok_or_else(|| Error::not_found("task", id))?;
        let at = moment(&task, request, now)?;
        // A task that waits runs by itself when its time comes; asking for it by its own time changes nothing.
        if let Some(run) = unit.executions().find_run(*id, at).await? {
            return Ok(run.id);
        }
        if unit.pruning().was_pruned(*id, at).await? {
            let message = format!(
                "the run of this task for {at} was made, and its record was pruned since; ask for another moment, or leave \
                 `scheduled_at` out"
            );
            return Err(Rejection::new("run_pruned", message).into());
        }
        let (run, fresh) = match driving {
            Some(run) if run.status == RunStatus::Queued && run.attempts == 0 => (run, false),
            // It was begun, and withdrawn since.
            Some(run) if task.status() == TaskStatus::Pending => {
                self.startable(&*unit, &task).await?;
                return Err(busy(&run).into());
            }
            Some(run) => return Err(busy(&run).into()),
            None if task.status() == TaskStatus::Pending => (self.queue(&*unit, task, now).await?, false),
            None => (self.new_run(&*unit, &task, now).await?, true),
        };
        let run = Run {
            scheduled_at: Some(at),
            mode: request.mode,
            request_trace_id: context.trace_id,
            request_span_id: context.span_id,
            available_at: Some(now),
            updated_at: now,
            ..run
        };
        if fresh {
            unit.executions().insert_runs(std::slice::from_ref(&run)).await?;
        } else {
            unit.executions().save_runs(std::slice::from_ref(&run)).await?;
        }
        let fact = Fact {
            entity_type: "run",
            entity_id: run.id.to_string(),
            event_type: "run.requested",
            changes: json!({}),
            metadata: json!({
                "task_id": run.task_id, "trace_id": run.trace_id, "scheduled_at": at, "mode": run.mode.as_str(),
                "drives_task": run.drives_task,
            }),
        };
        unit.outbox().append(&context.events(&*self.ids, vec![fact], now)).await?;
        context.remember(&*unit, "run", run.id, now).await?;
        unit.commit().await?;
        Ok(run.id)
    }

    /// The run of a pending task: it has none because it waits for others, or because nobody could do it so far.
    async fn queue(&self, unit: &dyn UnitOfWork, task: Task, now: Timestamp) -> Result<Run, Error> {
        self.startable(unit, &task).await?;
        let id = task.id();
        let mut book = Book::default();
        book.enter(vec![task]);
        // One that recurs need not wait for its slot if somebody asks for it.
        book.slot_comes(id, now, now);
        book.give(unit, &*self.ids, vec![id], now).await?;
        book.close(unit, &*self.ids, now).await?;
        unit.executions().find_driving(id).await?.ok_or_else(changed)
    }

    /// What keeps a pending task from being begun.
    async fn startable(&self, unit: &dyn UnitOfWork, task: &Task) -> Result<(), Error> {
        if task.open_dependencies() > 0 {
            let message = format!("the task waits for {} others; they run first", task.open_dependencies());
            return Err(Rejection::new("dependencies_open", message).into());
        }
        if let Some(goal) = task.state().goal_id
            && unit.goals().queue_of(goal).await?.is_none()
        {
            return Err(goal_rests().into());
        }
        // Says who would be needed if there is still nobody.
        let agents = unit.agents().active(task.state().workspace_id).await?;
        choose(
            &agents,
            &std::collections::HashMap::new(),
            &task.state().task_type,
            task.state().action.as_ref(),
        )?;
        Ok(())
    }

    /// A run besides the graph: the task is over, so nothing of it will change.
    async fn new_run(&self, unit: &dyn UnitOfWork, task: &Task, now: Timestamp) -> Result<Run, Error> {
        match task.status() {
            TaskStatus::Completed | TaskStatus::Failed | TaskStatus::Skipped | TaskStatus::Cancelled => {}
            // It had no run a moment ago and has one now.
            TaskStatus::Pending | TaskStatus::Ready | TaskStatus::Running | TaskStatus::Waiting => {
                return Err(changed());
            }
        }
        let state = task.state();
        let agents = unit.agents().active(state.workspace_id).await?;
        let mut directory = Directory::new(agents, std::collections::HashMap::new());
        let agent = directory.assign(&state.task_type, state.action.as_ref())?;
        let (agent, kind) = (agent.id(), agent.kind());
        let queue = match state.goal_id {
            Some(goal) => unit.goals().queue_of(goal).await?.ok_or_else(goal_rests)?,
            None => goalwright_domain::goal::DEFAULT_QUEUE.to_owned(),
        };
        let mut run = driving_run(&*self.ids, state, agent, kind, queue, now);
        run.drives_task = false;
        run.available_at = Some(now);
        Ok(run)
    }

    async fn answer(&self, context: &Context, id: RunId, wait: Option<Duration>) -> Result<RunAnswer, Error> {
        let give_up = wait.map(|limit| self.clock.now() + limit);
        loop {
            let seen = self.signals.work_seen();
            let run = self
                .queries
                .run(context.workspace(), id)
                .await?
                .ok_or_else(|| Error::not_found("run", id))?;
            let for_person = run.status == RunStatus::Waiting && run.available_at.is_none();
            let over = run.status.is_over();
            if over || for_person || give_up.is_none_or(|end| self.clock.now() >= end) {
                return Ok(RunAnswer {
                    run_id: id,
                    trace_id: run.trace_id,
                    span_id: run.span_id,
                    experience_id: run.experience_id,
                    state: if over { RunState::Over(run.status) } else { RunState::Open(run.status) },
                });
            }
            // Another process may be the one that works on it, so a signal alone is not enough.
            self.signals.until_work_changes(seen, Duration::from_millis(100)).await;
        }
    }
}

fn goal_rests() -> Rejection {
    Rejection::new("goal_not_active", "its goal rests; make it active first")
}

fn moment(task: &Task, request: &RunRequest, now: Timestamp) -> Result<Timestamp, Error> {
    match (request.mode, request.scheduled_at.or(task.state().scheduled_at)) {
        (_, Some(at)) if request.scheduled_at.is_some() => Ok(at),
        (Mode::Manual, _) => Ok(now),
        (Mode::Scheduled, Some(at)) => Ok(at),
        (Mode::Scheduled, None) => Err(Error::Invalid {
            code: "scheduled_at_required",
            message: "a scheduled run needs `scheduled_at`, since the task has no time of its own".to_owned(),
            violations: vec![Violation::new(
                "scheduled_at",
                "required",
                "give a moment, or use the mode `manual`",
            )],
        }),
    }
}

fn busy(run: &Run) -> Rejection {
    match run.status {
        RunStatus::Running => {
            Rejection::new("task_leased", "a worker is doing this task right now; wait for it")
        }
        RunStatus::Waiting if run.available_at.is_none() => {
            Rejection::new("waiting_for_person", "the task waits for a person; complete it instead")
        }
        RunStatus::Waiting
        | RunStatus::Queued
        | RunStatus::Succeeded
        | RunStatus::Failed
        | RunStatus::Cancelled => {
            Rejection::new("task_leased", "the task is being tried already; wait for its next attempt")
        }
    }
}
