//! The task's life as a table: which command leads from which status to which, and what has to be undone on the way.
//!
//! The aggregate looks every command up here, and gives whoever asked the compensation, which the unit of work carries
//! out before it commits. What is not in the table is refused. `docs/lifecycle.md` shows the table to people.

use super::TaskStatus;
use crate::Rejection;

/// What can be asked of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TaskCommand {
    /// Its dependencies are done and it has an agent.
    Ready,
    /// A worker claimed it.
    Start,
    /// Its attempt waits.
    Wait,
    /// It is to be tried again.
    Requeue,
    /// It has a result.
    Complete,
    /// It has failed for good.
    Fail,
    /// It cannot be claimed any more: its goal rests, nobody can do it, or its schedule begins it.
    Withdraw,
    /// It is given up.
    Cancel,
    /// It is left out.
    Skip,
    /// A person wants another try of what failed, or waits for their decision.
    Retry,
    /// What it waits for changes, and some of that is not done.
    Block,
    /// What it waits for changes, and all of that is done.
    Unblock,
    /// Its words or its settings change.
    Edit,
    /// Its goal is deleted.
    Detach,
    /// It is to be no more.
    Delete,
}

/// What a command undoes, so that neither a lease nor a place in the queue outlives what it was for. The unit of work
/// that changes the task carries it out; counters of goals follow from the statuses in the same unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[must_use = "what is not undone outlives the task's status"]
pub enum Compensation {
    /// There is nothing to undo.
    Nothing,
    /// The attempt ends with its experience, and its lease with it.
    EndAttempt,
    /// The attempt gives up its lease and is suspended, or ends where a person is to decide.
    SuspendAttempt,
    /// The run leaves the queue: it is dropped if it never began; else it is kept, with its number, until the task is
    /// ready again.
    WithdrawRun,
    /// An attempt that waits ends as failed, with its experience, and the run is cancelled.
    CancelRun,
    /// The run goes on with its next attempt; lost leases and failures so far count no more.
    ReviveRun,
    /// The run, should there be one, moves to the queue of everybody's workers: whoever made the goal is gone.
    MoveRun,
    /// As [`Compensation::CancelRun`], and whatever waits for the task loses the edge to it.
    ForgetEdges,
}

/// One line of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transition {
    /// Where the task stands.
    pub from: TaskStatus,
    /// What is asked of it.
    pub command: TaskCommand,
    /// Where it stands then; none if it is no more.
    pub to: Option<TaskStatus>,
    /// What is undone.
    pub compensation: Compensation,
}

macro_rules! lifecycle {
    ($($($from:ident)|+, $command:ident => $to:expr, $compensation:ident;)*) => {
        /// The table. Each status and command occurs once at most.
        pub const LIFECYCLE: &[Transition] = &[$($(Transition {
            from: TaskStatus::$from,
            command: TaskCommand::$command,
            to: $to,
            compensation: Compensation::$compensation,
        }),+),*];
    };
}

use TaskStatus::{Cancelled, Completed, Failed, Pending, Ready, Running, Skipped, Waiting};

lifecycle! {
    Pending, Ready => Some(Ready), Nothing;
    Ready | Waiting, Start => Some(Running), Nothing;
    Running, Wait => Some(Waiting), SuspendAttempt;
    Running | Waiting, Requeue => Some(Ready), EndAttempt;
    Pending | Ready, Complete => Some(Completed), Nothing;
    Running | Waiting, Complete => Some(Completed), EndAttempt;
    Running | Waiting, Fail => Some(Failed), EndAttempt;
    Ready, Withdraw => Some(Pending), WithdrawRun;
    Pending | Ready | Waiting, Cancel => Some(Cancelled), CancelRun;
    Failed, Cancel => Some(Cancelled), Nothing;
    Pending | Ready | Waiting, Skip => Some(Skipped), CancelRun;
    Failed, Skip => Some(Skipped), Nothing;
    Failed | Waiting, Retry => Some(Ready), ReviveRun;
    Pending, Block => Some(Pending), Nothing;
    Ready, Block => Some(Pending), WithdrawRun;
    Failed, Block => Some(Failed), Nothing;
    Pending, Unblock => Some(Pending), Nothing;
    Ready, Unblock => Some(Ready), Nothing;
    Failed, Unblock => Some(Failed), Nothing;
    Pending, Edit => Some(Pending), Nothing;
    Ready, Edit => Some(Ready), Nothing;
    Waiting, Edit => Some(Waiting), Nothing;
    Completed, Edit => Some(Completed), Nothing;
    Failed, Edit => Some(Failed), Nothing;
    Cancelled, Edit => Some(Cancelled), Nothing;
    Skipped, Edit => Some(Skipped), Nothing;
    Pending, Detach => Some(Pending), MoveRun;
    Ready, Detach => Some(Ready), MoveRun;
    Waiting, Detach => Some(Waiting), MoveRun;
    Completed, Detach => Some(Completed), Nothing;
    Failed, Detach => Some(Failed), Nothing;
    Cancelled, Detach => Some(Cancelled), Nothing;
    Skipped, Detach => Some(Skipped), Nothing;
    Pending | Ready | Waiting | Completed | Failed | Cancelled | Skipped, Delete => None, ForgetEdges;
}

impl TaskCommand {
    /// Every command.
    pub const ALL: [Self; 15] = [
        Self::Ready,
        Self::Start,
        Self::Wait,
        Self::Requeue,
        Self::Complete,
        Self::Fail,
        Self::Withdraw,
        Self::Cancel,
        Self::Skip,
        Self::Retry,
        Self::Block,
        Self::Unblock,
        Self::Edit,
        Self::Detach,
        Self::Delete,
    ];

    /// Its name in the table that people read.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Start => "start",
            Self::Wait => "wait",
            Self::Requeue => "requeue",
            Self::Complete => "complete",
            Self::Fail => "fail",
            Self::Withdraw => "withdraw",
            Self::Cancel => "cancel",
            Self::Skip => "skip",
            Self::Retry => "retry",
            Self::Block => "block",
            Self::Unblock => "unblock",
            Self::Edit => "edit",
            Self::Detach => "detach",
            Self::Delete => "delete",
        }
    }

    const fn verb(self) -> &'static str {
        match self {
            Self::Ready => "become ready",
            Self::Start => "be started",
            Self::Wait => "wait",
            Self::Requeue => "be tried again",
            Self::Complete => "be completed",
            Self::Fail => "fail",
            Self::Withdraw => "be withdrawn",
            Self::Cancel => "be cancelled",
            Self::Skip => "be skipped",
            Self::Retry => "be retried",
            Self::Block | Self::Unblock => "get other dependencies; what it waited for stays on record",
            Self::Edit => "be edited",
            Self::Detach => "lose its goal",
            Self::Delete => "be deleted",
        }
    }

    /// Whether it is for somebody to wait with until whoever holds the task has let go of it.
    const fn awaits_the_lease(self) -> bool {
        matches!(
            self,
            Self::Cancel
                | Self::Skip
                | Self::Block
                | Self::Unblock
                | Self::Edit
                | Self::Detach
                | Self::Delete
        )
    }
}

impl Compensation {
    /// Its name in the table that people read.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::EndAttempt => "end_attempt",
            Self::SuspendAttempt => "suspend_attempt",
            Self::WithdrawRun => "withdraw_run",
            Self::CancelRun => "cancel_run",
            Self::ReviveRun => "revive_run",
            Self::MoveRun => "move_run",
            Self::ForgetEdges => "forget_edges",
        }
    }
}

impl TaskStatus {
    /// The line of the table for a command.
    ///
    /// # Errors
    /// If there is none: `task_leased` where whoever holds the task has to let go of it first, else
    /// `invalid_transition`, naming both.
    pub fn transition(self, command: TaskCommand) -> Result<&'static Transition, Rejection> {
        let line = LIFECYCLE.iter().find(|line| line.from == self && line.command == command);
        line.ok_or_else(|| {
            if self == Running && command.awaits_the_lease() {
                let message = "a worker holds this task; wait until it reports or its lease expires";
                return Rejection::new("task_leased", message);
            }
            let message = format!("the task is {} and cannot {} now", self.as_str(), command.verb());
            Rejection::new("invalid_transition", message)
        })
    }

    /// Where the task stands after a command; where it stood last if it is no more then.
    ///
    /// # Errors
    /// As [`TaskStatus::transition`].
    pub fn after(self, command: TaskCommand) -> Result<Self, Rejection> {
        Ok(self.transition(command)?.to.unwrap_or(self))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_status_and_command_is_decided_once() {
        let mut seen = HashSet::new();
        for line in LIFECYCLE {
            assert!(seen.insert((line.from, line.command)), "{line:?}");
        }
        let commands: HashSet<TaskCommand> = LIFECYCLE.iter().map(|line| line.command).collect();
        assert_eq!(commands.len(), TaskCommand::ALL.len(), "each command is good for something");
        let reached: HashSet<TaskStatus> = LIFECYCLE.iter().filter_map(|line| line.to).collect();
        assert_eq!(reached.len(), TaskStatus::ALL.len(), "each status is reached");
    }

    #[test]
    fn final_states_are_never_left() {
        for status in TaskStatus::ALL.into_iter().filter(|status| status.is_final()) {
            for command in TaskCommand::ALL {
                match status.transition(command) {
                    Ok(line) => assert!(line.to.is_none_or(|to| to == status), "{line:?}"),
                    Err(refused) => {
                        assert_eq!(refused.code, "invalid_transition");
                        assert!(refused.message.contains(status.as_str()));
                    }
                }
            }
        }
    }

    #[test]
    fn what_leaves_a_lease_or_a_queue_says_what_is_undone() {
        let holds = |status| matches!(status, Some(Ready | Running | Waiting));
        for line in LIFECYCLE.iter().filter(|line| holds(Some(line.from)) && !holds(line.to)) {
            let by_hand = line.from == Ready && line.command == TaskCommand::Complete;
            assert!(by_hand || line.compensation != Compensation::Nothing, "{line:?}");
        }
        for line in LIFECYCLE.iter().filter(|line| line.from == Running) {
            assert_ne!(line.compensation, Compensation::Nothing, "{line:?}");
        }
    }

    #[test]
    fn the_usual_life_is_possible() {
        use TaskCommand as C;
        let mut status = Pending;
        for command in [C::Ready, C::Start, C::Wait, C::Start, C::Requeue, C::Start, C::Complete] {
            status = status.after(command).expect("allowed");
        }
        assert_eq!(status, Completed);
    }

    #[test]
    fn only_what_failed_or_waits_is_retried() {
        for status in TaskStatus::ALL {
            let can = matches!(status, Failed | Waiting);
            assert_eq!(status.after(TaskCommand::Retry).ok(), can.then_some(Ready), "{status:?}");
        }
    }

    #[test]
    fn whoever_holds_a_task_is_not_disturbed() {
        for command in TaskCommand::ALL.into_iter().filter(|command| command.awaits_the_lease()) {
            assert_eq!(Running.after(command).expect_err("held").code, "task_leased");
        }
    }

    /// The table of a chapter of the document, without its head.
    fn table(document: &str, chapter: &str) -> Vec<Vec<String>> {
        let text = document.split("\n## ").find(|text| text.starts_with(chapter)).expect("the chapter");
        let rows = text.lines().filter(|line| line.starts_with('|')).skip(2);
        let cells = |row: &str| {
            row.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches('`').to_owned()).collect()
        };
        rows.map(cells).collect()
    }

    #[test]
    fn the_document_shows_this_table() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/lifecycle.md");
        let document = std::fs::read_to_string(path).expect("docs/lifecycle.md");
        let shown = table(&document, "The table");
        let to = |to: Option<TaskStatus>| to.map_or("–", TaskStatus::as_str);
        let lines: Vec<Vec<String>> = LIFECYCLE
            .iter()
            .map(|line| {
                let words =
                    [line.from.as_str(), line.command.as_str(), to(line.to), line.compensation.as_str()];
                words.map(str::to_owned).to_vec()
            })
            .collect();
        let printed: Vec<String> = lines
            .iter()
            .map(|words| format!("| {} | `{}` | {} | `{}` |", words[0], words[1], words[2], words[3]))
            .collect();
        assert_eq!(shown, lines, "docs/lifecycle.md should say:\n{}", printed.join("\n"));
        let explained: HashSet<String> =
            table(&document, "Compensations").into_iter().map(|row| row[0].clone()).collect();
        for line in LIFECYCLE.iter().filter(|line| line.compensation != Compensation::Nothing) {
            assert!(explained.contains(line.compensation.as_str()), "{line:?}");
        }
    }
}
