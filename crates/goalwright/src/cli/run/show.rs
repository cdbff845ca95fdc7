//! What is seen while the work goes on: a bar on a terminal, a line per event otherwise, nothing for machines.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use goalwright_domain::goal::TaskCounts;
use goalwright_domain::task::TaskId;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cli::{remark, say};
use crate::failure::printable;

/// So much of a title is shown.
const LABEL_LIMIT: usize = 80;
/// So many running tasks are named beside the bar.
const NAMED: usize = 3;

/// Where progress goes.
pub(super) struct Show {
    way: Way,
    bars: MultiProgress,
    running: Mutex<BTreeMap<TaskId, String>>,
}

enum Way {
    /// On a terminal.
    Bar(ProgressBar),
    /// Into a file or a pipe.
    Lines,
    /// A program reads the summary and nothing else.
    Silent,
}

impl Show {
    /// For people, or silent for machines.
    pub(super) fn new(silent: bool) -> Self {
        // Nothing is drawn before there is something to tell.
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::hidden());
        let way = match (silent, io::stderr().is_terminal()) {
            (true, _) => Way::Silent,
            (false, true) => Way::Bar(bars.add(bar())),
            (false, false) => Way::Lines,
        };
        Self { way, bars, running: Mutex::default() }
    }

    /// What log lines must not be written into.
    pub(super) fn bars(&self) -> MultiProgress {
        self.bars.clone()
    }

    /// Whether there is somebody to ask.
    pub(super) fn may_ask(&self) -> bool {
        !matches!(self.way, Way::Silent) && io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// Something to know that is no progress: on stderr.
    pub(super) fn remark(&self, line: &str) {
        self.bars.suspend(|| remark(&printable(line)));
    }

    /// A task began.
    pub(super) fn started(&self, task: TaskId, name: &str) {
        self.change_running(|running| {
            running.insert(task, name.to_owned());
        });
        self.line(&format!("… {name}"));
    }

    /// A task has its result, after so long.
    pub(super) fn completed(&self, task: TaskId, name: &str, millis: Option<i64>) {
        self.over(task);
        let took = millis.map(|millis| format!(" ({})", span(millis))).unwrap_or_default();
        self.line(&format!("✓ {name}{took}"));
    }

    /// A task will be tried again, or has failed for good.
    pub(super) fn failed(&self, task: TaskId, name: &str, error: &str, again: bool) {
        self.over(task);
        let (mark, then) = if again { ("↻", ", trying again") } else { ("✗", "") };
        self.noted(&format!("{mark} {name}: {error}{then}"));
    }

    /// A task waits for a person. One that waits for a moment goes on by itself, and stays where it is shown.
    pub(super) fn waits(&self, task: TaskId, name: &str) {
        self.over(task);
        self.noted(&format!("? {name}: waits for a person"));
    }

    /// How far the goal is.
    pub(super) fn counts(&self, counts: &TaskCounts) {
        if let Way::Bar(bar) = &self.way {
            bar.set_length(u64::try_from(counts.total()).unwrap_or_default());
            bar.set_position(u64::try_from(counts.completed).unwrap_or_default());
        }
    }

    /// Takes the screen for so many tasks.
    pub(super) fn begin(&self, tasks: usize) {
        if let Way::Bar(bar) = &self.way {
            bar.set_length(tasks as u64);
        }
        self.resume();
    }

    /// Takes it back.
    pub(super) fn resume(&self) {
        self.bars.set_draw_target(ProgressDrawTarget::stderr());
    }

    /// Leaves the screen to somebody else for a while.
    pub(super) fn pause(&self) {
        // A terminal that cannot be cleared is left as it is.
        let _ = self.bars.clear();
        self.bars.set_draw_target(ProgressDrawTarget::hidden());
    }

    /// Takes the bar away.
    pub(super) fn finish(&self) {
        if let Way::Bar(bar) = &self.way {
            bar.finish_and_clear();
        }
    }

    fn over(&self, task: TaskId) {
        self.change_running(|running| {
            running.remove(&task);
        });
    }

    fn change_running(&self, change: impl FnOnce(&mut BTreeMap<TaskId, String>)) {
        let Way::Bar(bar) = &self.way else { return };
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut running);
        let names: Vec<&str> = running.values().take(NAMED).map(String::as_str).collect();
        let more = running.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        bar.set_message(format!("{}{more}", names.join(", ")));
    }

    /// Only where there is no bar.
    fn line(&self, line: &str) {
        if let Way::Lines = self.way {
            say(&printable(line));
        }
    }

    /// Worth a line above the bar, too.
    fn noted(&self, line: &str) {
        match &self.way {
            Way::Bar(bar) => bar.println(printable(line)),
            Way::Lines => say(&printable(line)),
            Way::Silent => {}
        }
    }
}

fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {elapsed} {wide_msg}");
    let bar = ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

/// What a task is called on the screen.
pub(super) fn label(key: Option<&str>, title: &str) -> String {
    let mut short: String = printable(title).chars().take(LABEL_LIMIT).collect();
    if short.len() < title.len() {
        short.push('…');
    }
    match key {
        Some(key) => format!("{key} {short}"),
        None => short,
    }
}

/// A span of time, as precise as people need it.
pub(super) fn span(millis: i64) -> String {
    match millis {
        ..1_000 => format!("{millis} ms"),
        1_000..60_000 => format!("{:.1} s", millis as f64 / 1_000.0),
        _ => format!("{} min {} s", millis / 60_000, millis % 60_000 / 1_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_fit_on_a_line_and_spans_are_short() {
        assert_eq!(label(Some("T001"), "Read"), "T001 Read");
        assert_eq!(label(None, &"ä".repeat(100)), format!("{}…", "ä".repeat(80)));
        assert_eq!([span(12), span(1_250), span(61_500)], ["12 ms", "1.2 s", "1 min 1 s"]);
    }
}
