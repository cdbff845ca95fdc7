use goalwright_domain::goal::GoalId;
use goalwright_domain::task::{Standing, Standings, TaskStatus};

use super::Tasks;
use crate::read::{Candidate, TaskView};
use crate::selection::{LeftOut, left_out};
use crate::{Context, Error};

/// What to work on now.
#[derive(Debug, Clone, PartialEq)]
pub struct Next {
    /// The task; none if there is nothing that a person could do now.
    pub task: Option<TaskView>,
    /// Why this one, or why none.
    pub reason: NextReason,
    /// Open tasks that nobody can be asked to do now, by what is in their way.
    pub left_out: Vec<LeftOut>,
}

/// Why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextReason {
    /// `waiting_for_person`, `highest_priority`, `unblocks_most`, `oldest`, `only_one`; `nothing_to_do`, `all_blocked`,
    /// `scheduled_later`, `in_progress` where there is none.
    pub code: &'static str,
    /// In words.
    pub message: String,
}

impl Tasks {
    /// What a person should work on now: first what waits for a person, then what nobody has begun; of these what is most
    /// urgent, then what most others wait for, then what is oldest. Looks at the first
    /// [`crate::read::CANDIDATES`] of each kind.
    ///
    /// # Errors
    /// `NotFound` for an unknown goal.
    #[tracing::instrument(name = "task.next", skip_all)]
    pub async fn next(&self, context: &Context, goal: Option<GoalId>) -> Result<Next, Error> {
        if let Some(goal) = goal
            && self.queries.goal(context.workspace(), goal).await?.is_none()
        {
            return Err(Error::not_found("goal", goal));
        }
        let mut candidates = self.queries.candidates(context.workspace(), goal).await?;
        candidates.sort_by_key(|one| {
            let begun = one.status != TaskStatus::Waiting;
            (begun, -i64::from(one.priority), -one.waited_for_by, one.id)
        });
        let mut standings = self.queries.standings_of(context.workspace(), goal, self.clock.now()).await?;
        let Some(first) = candidates.first() else {
            let left_out = left_out::of(&standings);
            return Ok(Next { task: None, reason: nothing(&standings), left_out });
        };
        // What is offered is not left out.
        let ready = candidates.iter().filter(|one| one.status == TaskStatus::Ready).count();
        let ready = i64::try_from(ready).unwrap_or(i64::MAX).min(standings.of(Standing::Executable));
        standings.add(Standing::Executable, -ready);
        standings.add(Standing::ForPerson, -standings.of(Standing::ForPerson));
        let left_out = left_out::of(&standings);
        let task = self.get(context, first.id).await?;
        Ok(Next { task: Some(task), reason: reason(first, &candidates[1..]), left_out })
    }
}

fn nothing(standings: &Standings) -> NextReason {
    let of = |standing| standings.of(standing);
    let working = of(Standing::Executable) + of(Standing::Running) + of(Standing::ForPerson);
    let later = of(Standing::Later);
    let (code, message) = match (working, later, standings.total()) {
        (0, 0, 0) => ("nothing_to_do", "there is nothing to do: no task is open".to_owned()),
        (0, 0, blocked) => (
            "all_blocked",
            format!(
                "nothing can be done now: the open tasks ({blocked} or more) wait for others or for an agent"
            ),
        ),
        (0, later, _) => (
            "scheduled_later",
            format!("nothing can be done now: {later} or more tasks begin later, or are tried again later"),
        ),
        (working, ..) => (
            "in_progress",
            format!("nothing is left for a person now: {working} or more tasks are with tools and workers"),
        ),
    };
    NextReason { code, message }
}

fn reason(first: &Candidate, others: &[Candidate]) -> NextReason {
    let peers: Vec<&Candidate> = others.iter().filter(|other| other.status == first.status).collect();
    let waits = match first.waited_for_by {
        0 => String::new(),
        1 => "; one other task waits for it".to_owned(),
        many => format!("; {many} other tasks wait for it"),
    };
    let kind = match first.status {
        TaskStatus::Waiting => "waits for a person",
        _ => "is ready",
    };
    let of = peers.len() + 1;
    let (code, why) = match peers.as_slice() {
        [] if first.status == TaskStatus::Waiting => ("waiting_for_person", format!("it {kind}")),
        [] => ("only_one", format!("it is the only task that {kind}")),
        [next, ..] if next.priority < first.priority => {
            ("highest_priority", format!("it {kind} and is the most urgent of {of}"))
        }
        [next, ..] if next.waited_for_by < first.waited_for_by => {
            ("unblocks_most", format!("it {kind}, and of {of} most others wait for it"))
        }
        _ => ("oldest", format!("it {kind} and is the oldest of {of} that are equally urgent")),
    };
    NextReason { code, message: format!("{why}{waits}") }
}
