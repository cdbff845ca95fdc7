//! Where an open task stands for whoever selects work. This is the one definition of what can be executed; what storage
//! counts and claims by is written next to it there, and a test compares the two over random histories.

use super::{Task, TaskStatus};
use crate::Timestamp;
use crate::execution::Run;

/// Where an open task stands for whoever selects work. Tasks that are over, failed ones among them, stand nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Standing {
    /// Nobody has it.
    Unassigned,
    /// It waits for other tasks.
    Blocked,
    /// It could begin, if its goal were worked on.
    Resting,
    /// Its moment has not come: a time of its own, a slot of its schedule, another try after a while, the end of a sleep.
    Later,
    /// It can be claimed now.
    Executable,
    /// Somebody holds it.
    Running,
    /// It waits for a person.
    ForPerson,
}

impl Standing {
    /// Each of them.
    pub const ALL: [Self; 7] = [
        Self::Unassigned,
        Self::Blocked,
        Self::Resting,
        Self::Later,
        Self::Executable,
        Self::Running,
        Self::ForPerson,
    ];

    /// The stored spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unassigned => "unassigned",
            Self::Blocked => "blocked",
            Self::Resting => "resting",
            Self::Later => "later",
            Self::Executable => "executable",
            Self::Running => "running",
            Self::ForPerson => "for_person",
        }
    }

    /// Reads the stored spelling.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|standing| standing.as_str() == text)
    }

    /// Where a task stands now; `run` is the one that drives it and is not over. None if the task is over.
    pub fn of(task: &Task, run: Option<&Run>, goal_rests: bool, now: Timestamp) -> Option<Self> {
        match task.status() {
            TaskStatus::Pending if task.state().agent_id.is_none() => Some(Self::Unassigned),
            TaskStatus::Pending if task.open_dependencies() > 0 => Some(Self::Blocked),
            TaskStatus::Pending if goal_rests => Some(Self::Resting),
            TaskStatus::Pending => Some(Self::Later),
            TaskStatus::Running => Some(Self::Running),
            TaskStatus::Ready | TaskStatus::Waiting => match run.and_then(|run| run.available_at) {
                Some(at) if at <= now => Some(Self::Executable),
                Some(_) => Some(Self::Later),
                None => Some(Self::ForPerson),
            },
            TaskStatus::Completed | TaskStatus::Failed | TaskStatus::Cancelled | TaskStatus::Skipped => None,
        }
    }
}

/// How many open tasks stand where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Standings {
    counts: [i64; 7],
}

impl Standings {
    /// So many more stand there.
    pub const fn add(&mut self, standing: Standing, count: i64) {
        self.counts[standing as usize] += count;
    }

    /// How many stand there.
    pub const fn of(&self, standing: Standing) -> i64 {
        self.counts[standing as usize]
    }

    /// All open tasks.
    pub fn total(&self) -> i64 {
        self.counts.iter().sum()
    }

    /// Those that somebody has.
    pub fn with_agent(&self) -> i64 {
        self.total() - self.of(Standing::Unassigned)
    }
}
