//! What stands before the tasks: front matter, title, description, success criteria.

use super::field::{as_json, string_of};
use crate::Timestamp;
use crate::goal::GoalId;
use crate::plan::outline::item::split_marker;
use crate::plan::outline::source::Line;
use crate::plan::{Finding, PlannedGoal};

/// The front matter of an exported plan.
#[derive(Debug, Default)]
pub(super) struct Front {
    /// What stands behind `goalwright:`.
    pub(super) version: Option<String>,
    /// Whether it speaks of a goal, even of one that has no id.
    has_goal: bool,
    goal: Option<GoalId>,
    due_at: Option<Timestamp>,
    description: Option<String>,
    pub(super) findings: Vec<Finding>,
}

impl Front {
    /// Splits the front matter off; `None` if there is none.
    pub(super) fn read<'l, 't>(lines: &'l [Line<'t>]) -> Option<(Self, &'l [Line<'t>])> {
        if lines.first()?.text.trim_end() != "---" {
            return None;
        }
        let end = lines[1..].iter().position(|line| matches!(line.text.trim_end(), "---" | "..."))? + 1;
        let mut front = Self::default();
        for line in &lines[1..end] {
            front.take(line);
        }
        Some((front, &lines[end + 1..]))
    }

    fn take(&mut self, line: &Line<'_>) {
        let Some((name, value)) = line.text.split_once(':') else {
            return;
        };
        let value = value.trim();
        let is_read = match name.trim() {
            "goalwright" => {
                self.version = Some(value.to_owned());
                true
            }
            "goal" => {
                self.has_goal = true;
                self.goal = value.parse().ok();
                value == "new" || self.goal.is_some()
            }
            "due" => {
                self.due_at = value.parse().ok();
                self.due_at.is_some()
            }
            "description" => {
                self.description = string_of(value);
                self.description.is_some()
            }
            other => {
                let message = format!("`{other}:` means nothing in the front matter of an exported plan");
                self.findings.push(Finding::info("field_ignored", line.number, message));
                true
            }
        };
        if !is_read {
            let message = format!("the value of `{}:` cannot be read; it was left out", name.trim());
            self.findings.push(Finding::warning("unreadable_field", line.number, message));
        }
    }
}

/// What a file says before its tasks, and where they begin.
#[derive(Debug)]
pub(super) struct Head<'l, 't> {
    pub(super) title: Option<String>,
    pub(super) goal: Option<PlannedGoal>,
    /// The lines behind `## Tasks`, if it is there.
    pub(super) tasks: Option<&'l [Line<'t>]>,
}

impl<'l, 't> Head<'l, 't> {
    /// Reads the lines behind the front matter.
    pub(super) fn read(lines: &'l [Line<'t>], front: &Front, findings: &mut Vec<Finding>) -> Self {
        let end = lines.iter().position(|line| is_heading(line, "tasks"));
        let tasks = end.map(|end| &lines[end + 1..]);
        let before = &lines[..end.unwrap_or(lines.len())];
        let criteria_at = before.iter().position(|line| is_heading(line, "success criteria"));
        let (above, criteria) = before.split_at(criteria_at.unwrap_or(before.len()));
        let first = above.iter().position(|line| !line.text.trim().is_empty()).unwrap_or(above.len());
        let title = above.get(first).and_then(|line| title(line.text));
        let description: Vec<&str> =
            above[first..].iter().skip(usize::from(title.is_some())).map(|line| line.text).collect();
        let description = front.description.clone().unwrap_or_else(|| text_of(&description));
        let success_criteria = read_criteria(criteria.get(1..).unwrap_or_default(), findings);
        let says_more = front.due_at.is_some() || !description.is_empty() || !success_criteria.is_empty();
        let goal = (front.has_goal || says_more).then_some(PlannedGoal {
            id: front.goal,
            description,
            success_criteria,
            due_at: front.due_at,
        });
        Self { title, goal, tasks }
    }
}

fn is_heading(line: &Line<'_>, name: &str) -> bool {
    line.text.strip_prefix("## ").is_some_and(|text| text.trim().eq_ignore_ascii_case(name))
}

/// `# Title`, or `# "Title"` for one that would be misread.
fn title(line: &str) -> Option<String> {
    let text = line.strip_prefix('#').filter(|rest| rest.is_empty() || rest.starts_with(' '))?.trim();
    Some(as_json(text).unwrap_or_else(|| text.to_owned()))
}

/// Lines without blank ones around them. Where all are quoted with `>`, that is taken off.
pub(super) fn text_of(lines: &[&str]) -> String {
    let is_blank = |line: &&&str| line.trim().is_empty();
    let start = lines.iter().take_while(is_blank).count();
    let end = lines.len() - lines[start..].iter().rev().take_while(is_blank).count();
    let lines = &lines[start..end];
    let quoted: Option<Vec<&str>> = lines.iter().map(|line| line.strip_prefix('>')).collect();
    match quoted {
        Some(lines) => {
            let lines: Vec<&str> =
                lines.into_iter().map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
            lines.join("\n")
        }
        None => lines.join("\n"),
    }
}

/// Bullets; an indented line below one goes on with it.
fn read_criteria(lines: &[Line<'_>], findings: &mut Vec<Finding>) -> Vec<String> {
    let mut criteria: Vec<String> = Vec::new();
    for line in lines {
        let body = line.text.trim();
        match (split_marker(body).filter(|_| body == line.text.trim_end()), criteria.last_mut()) {
            (Some(text), _) => criteria.push(as_json(text).unwrap_or_else(|| text.to_owned())),
            (None, Some(last)) if line.text.starts_with([' ', '\t']) && !body.is_empty() => {
                last.push(' ');
                last.push_str(body);
            }
            (None, _) if body.is_empty() => {}
            (None, _) => {
                let message = "a line among the success criteria is no bullet and was left out";
                findings.push(Finding::warning("text_ignored", line.number, message));
            }
        }
    }
    criteria
}
