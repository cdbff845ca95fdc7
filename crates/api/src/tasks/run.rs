use std::time::Duration;

use goalwright_application::Services;
use goalwright_application::tasks::{RunAnswer, RunRequest, RunState};
use goalwright_domain::execution::{Mode, RunStatus};
use poem_openapi::{Object, OpenApi};
use uuid::Uuid;

use crate::answer::Shown;
use crate::auth::{Caller, Write};
use crate::body::Body;
use crate::document::Chapter;
use crate::nullable::Nullable;
use crate::problem::Problem;
use crate::values::{Moment, Word};

/// The longest wait for the end of a run.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Run tasks.
pub(crate) struct Run(pub(crate) Services);

/// A run to be made.
#[derive(Debug, Object)]
#[oai(rename = "RunTask", deny_unknown_fields)]
pub(crate) struct RunTaskBody {
    /// The task's id or slug.
    task_id: String,
    /// `scheduled` needs a time, the task's own or the one given here.
    mode: Word<Mode>,
    /// With the task, the run's identity: the same moment is the same run, however it is written.
    scheduled_at: Option<Moment>,
    /// Wait for the end, at most 30 seconds; true unless given.
    wait: Option<bool>,
}

/// A run, its latest attempt and its record.
#[derive(Debug, Object)]
#[oai(rename = "Run")]
pub(crate) struct RunBody {
    /// The run.
    run_id: Uuid,
    /// Its trace, the same for all its attempts.
    trace_id: Uuid,
    /// The latest attempt; null before the first.
    span_id: Nullable<Uuid>,
    /// The latest attempt's experience; null until it has ended.
    experience_id: Nullable<String>,
    /// Where it stands.
    status: Word<RunStatus>,
}

#[OpenApi(tag = "Chapter::Tasks")]
impl Run {
    /// Run a task now.
    ///
    /// A task that is ready runs as the graph would run it. A finished one gets another run, which leaves its status
    /// alone. Asking again for the same `scheduled_at` gives the same run.
    #[oai(path = "/v1/tasks/run", method = "post", operation_id = "run_task")]
    async fn run(&self, caller: Caller<Write>, body: Body<RunTaskBody>) -> Result<Shown<RunBody>, Problem> {
        let RunTaskBody { task_id, mode, scheduled_at, wait } = body.0;
        let request = RunRequest {
            task: task_id,
            mode: mode.0,
            scheduled_at: scheduled_at.map(|at| at.0),
            wait: wait.unwrap_or(true).then_some(LONGEST_WAIT),
        };
        Ok(Shown(self.0.tasks.run(&caller.0, &request).await?.into()))
    }

    /// Run a task now, by its older path.
    ///
    /// The same as `POST /v1/tasks/run`.
    #[oai(path = "/api/tasks/run", method = "post", operation_id = "run_task_by_older_path")]
    async fn run_by_older_path(
        &self,
        caller: Caller<Write>,
        body: Body<RunTaskBody>,
    ) -> Result<Shown<RunBody>, Problem> {
        self.run(caller, body).await
    }
}

impl From<RunAnswer> for RunBody {
    fn from(answer: RunAnswer) -> Self {
        let (RunState::Open(status) | RunState::Over(status)) = answer.state;
        Self {
            run_id: answer.run_id.uuid(),
            trace_id: answer.trace_id,
            span_id: answer.span_id.into(),
            experience_id: answer.experience_id.into(),
            status: Word(status),
        }
    }
}
