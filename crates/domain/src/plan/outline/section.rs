//! Headings, and which of them are the phases.

use super::purpose::{Purpose, is_english, purpose};

/// A Markdown heading.
#[derive(Debug, Clone)]
pub(super) struct Heading {
    /// 1 to 6.
    pub(super) level: usize,
    pub(super) text: String,
    /// The heading of the section this one lies in.
    pub(super) parent: Option<usize>,
    pub(super) purpose: Purpose,
    /// Whether its bullets say which phase or story waits for which.
    pub(super) states_order: bool,
}

impl Heading {
    /// Reads `## Text`, with or without closing marks; gives level and text.
    pub(super) fn parse(body: &str) -> Option<(usize, String)> {
        let level = body.bytes().take(7).take_while(|&byte| byte == b'#').count();
        let rest = &body[level..];
        if !(1..=6).contains(&level) || !(rest.is_empty() || rest.starts_with([' ', '\t'])) {
            return None;
        }
        let text = rest.trim().trim_end_matches('#').trim();
        Some((level, text.replace("**", "").replace("__", "").trim().to_owned()))
    }

    /// Whether the section lists tasks, instead of speaking about them.
    pub(super) fn lists_work(&self) -> bool {
        self.purpose == Purpose::Work
    }

    /// A heading below `parent`; what the section around it is for, it is for as well.
    pub(super) fn new(level: usize, text: String, parent: Option<(usize, &Self)>) -> Self {
        let above = parent.map(|(_, heading)| heading);
        let lower = text.to_lowercase();
        let purpose = purpose(&lower, above.map(|above| above.purpose));
        let names_phases =
            ["phase dependencies", "story dependencies"].iter().any(|name| lower.contains(name));
        // English plans keep such statements under a heading of their own; others under any about order.
        let states_order = names_phases || purpose == Purpose::Order && !is_english(&lower);
        Self {
            level,
            purpose,
            states_order: above.is_some_and(|above| above.states_order) || states_order,
            text,
            parent: parent.map(|(index, _)| index),
        }
    }
}

/// The title of a plan without the label in front of it.
pub(super) fn plan_title(heading: &str) -> String {
    const LABELS: [&str; 16] = [
        "tasks",
        "task list",
        "plan",
        "implementation plan",
        "aufgaben",
        "aufgabenliste",
        "tâches",
        "liste des tâches",
        "tareas",
        "lista de tareas",
        "tarefas",
        "lista de tarefas",
        "任务",
        "任务清单",
        "タスク",
        "タスクリスト",
    ];
    if let Some((label, rest)) = heading.split_once([':', '：'])
        && LABELS.contains(&label.trim().to_lowercase().as_str())
        && !rest.trim().is_empty()
    {
        return rest.trim().to_owned();
    }
    heading.to_owned()
}

/// For each task the heading of its phase, from the innermost heading over each task.
///
/// Phases are the second-level sections. They are the third-level ones if no second-level section
/// has tasks, or if only those are named “Phase 1”; with neither, several first-level ones will do.
pub(super) fn phase_headings(headings: &[Heading], over_tasks: &[Option<usize>]) -> Vec<Option<usize>> {
    let at = |level| -> Vec<Option<usize>> {
        over_tasks.iter().map(|&over| ancestor_at(headings, over, level)).collect()
    };
    let is_used = |phases: &[Option<usize>]| phases.iter().any(Option::is_some);
    let is_named = |phases: &[Option<usize>]| {
        phases.iter().flatten().any(|&heading| phase_number(&headings[heading].text).is_some())
    };
    let (second, third) = (at(2), at(3));
    if is_used(&third) && (!is_used(&second) || is_named(&third) && !is_named(&second)) {
        return third;
    }
    if is_used(&second) {
        return second;
    }
    let first = at(1);
    let differ = first.windows(2).any(|pair| pair[0] != pair[1]);
    if differ { first } else { vec![None; over_tasks.len()] }
}

fn ancestor_at(headings: &[Heading], innermost: Option<usize>, level: usize) -> Option<usize> {
    let mut heading = innermost;
    while let Some(index) = heading {
        if headings[index].level == level {
            return Some(index);
        }
        heading = headings[index].parent;
    }
    None
}

/// `(3, 0)` from “Phase 3: …”, `(3, 2)` from “Phase 3.2: …”.
pub(super) fn phase_number(text: &str) -> Option<(u32, u32)> {
    let lower = text.to_lowercase();
    let start = lower.find("phase")? + "phase".len();
    let rest = lower[start..].trim_start_matches([' ', '-', '#']);
    let digits = |text: &str| text.bytes().take(9).take_while(u8::is_ascii_digit).count();
    let major = digits(rest);
    let number = rest[..major].parse().ok()?;
    let fraction = rest[major..].strip_prefix('.').unwrap_or_default();
    Some((number, fraction[..digits(fraction)].parse().unwrap_or(0)))
}
