//! A task with the lines below it.

use super::field::{Field, Reading, Reference, read};
use super::head::text_of;
use super::line::TaskLine;
use super::plain::references_of_line;
use crate::plan::outline::action::{OpenAction, names_operation, text_of_use};
use crate::plan::outline::fitting;
use crate::plan::outline::item::split_marker;
use crate::plan::outline::reference;
use crate::plan::outline::source::{Fence, Line, indentation};
use crate::plan::{Finding, Origin, PlannedTask};

/// A task and what it says that it waits for.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Block {
    pub(super) task: PlannedTask,
    /// The number that other lines use for a task without key and id.
    pub(super) number: Option<u32>,
    pub(super) waits: Vec<(Origin, Reference, u32)>,
    /// Dependencies in running text.
    pub(super) references: Vec<reference::Reference>,
}

/// How far the lines below a task are indented, in columns behind the task itself.
const INDENT: usize = 2;

/// The tasks among the lines behind `## Tasks`.
pub(super) fn read_blocks(lines: &[Line<'_>], findings: &mut Vec<Finding>) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut rest = lines;
    let mut ignored = None;
    while let Some(line) = rest.first() {
        if let Some((block, behind)) = read_block(rest, findings) {
            blocks.push(block);
            rest = behind;
            continue;
        }
        let is_comment = line.text.trim_start().starts_with("<!--");
        if !(line.text.trim().is_empty() || is_comment) {
            ignored.get_or_insert((line.number, 0_usize)).1 += 1;
        }
        rest = &rest[1..];
    }
    if let Some((line, count)) = ignored {
        let lines = if count == 1 { "this line belongs" } else { "this line and others belong" };
        let message = format!("{lines} to no task and will not be in the next export ({count} in all)");
        findings.push(Finding::info("text_ignored", line, message));
    }
    blocks
}

/// Reads the task that the lines begin with, and gives the lines behind it.
pub(super) fn read_block<'l, 't>(
    lines: &'l [Line<'t>],
    findings: &mut Vec<Finding>,
) -> Option<(Block, &'l [Line<'t>])> {
    let first = lines.first()?;
    let found = TaskLine::parse(first.text.trim_start_matches([' ', '\t']), first.number)?;
    found.report(first.number, findings);
    let indent = indentation(first.text);
    let length = 1 + lines[1..].iter().take_while(|line| belongs(line, indent)).count();
    let (own, behind) = lines.split_at(length);
    let mut reader = Reader::new(found, first.number, indent, findings);
    for line in &own[1..] {
        reader.take(*line);
    }
    Some((reader.finish(), behind))
}

/// Whether a line stands below the task that is indented by `indent` columns. A task of its own does
/// not; a checkbox without key or id is a note.
fn belongs(line: &Line<'_>, indent: usize) -> bool {
    if line.text.trim().is_empty() {
        return true;
    }
    let body = line.text.trim_start_matches([' ', '\t']);
    let is_task = || {
        let found = TaskLine::parse(body, line.number);
        found.is_some_and(|found| found.item.key.is_some() || found.id.is_some() || found.number.is_some())
    };
    indentation(line.text) > indent && !is_task()
}

struct Reader<'f> {
    block: Block,
    line: u32,
    indent: usize,
    description: Vec<String>,
    /// From `description: "…"`.
    given: Option<String>,
    fence: Option<Fence>,
    pending: Option<OpenAction>,
    /// Names of fields that were read, with the action as `use` or `by`.
    known: Vec<&'static str>,
    findings: &'f mut Vec<Finding>,
}

impl<'f> Reader<'f> {
    fn new(found: TaskLine, line: u32, indent: usize, findings: &'f mut Vec<Finding>) -> Self {
        let task = PlannedTask {
            id: found.id,
            done: found.item.is_done(),
            dropped: found.item.is_dropped(),
            key: found.item.key,
            title: found.item.title,
            labels: found.item.labels,
            parallel: found.item.parallel,
            line: Some(line),
            ..PlannedTask::default()
        };
        let block = Block { task, number: found.number, references: found.references, waits: Vec::new() };
        Self {
            block,
            line,
            indent,
            description: Vec::new(),
            given: None,
            fence: None,
            pending: None,
            known: Vec::new(),
            findings,
        }
    }

    fn take(&mut self, line: Line<'_>) {
        if let Some(action) = self.pending.take() {
            return self.go_on(action, line);
        }
        let body = line.text.trim();
        if let Some(fence) = self.fence {
            if fence.is_closed_by(body) {
                self.fence = None;
            }
            return self.describe(line.text);
        }
        self.fence = Fence::open(body, line.number);
        if self.fence.is_some() || body.starts_with('>') {
            return self.describe(line.text);
        }
        match read(body) {
            Reading::Field(name, field) => self.set(name, *field, line.number),
            Reading::Wrong(name, problems) => {
                for problem in problems {
                    let message = format!("`{name}:` {problem}");
                    self.findings.push(Finding::error("invalid_field", line.number, message));
                }
            }
            Reading::Unreadable(name) => {
                let message =
                    format!("the value of `{name}:` cannot be read; the line was kept as description");
                self.findings.push(Finding::warning("unreadable_field", line.number, message));
                self.describe(line.text);
            }
            Reading::Text => self.take_text(line),
        }
    }

    fn take_text(&mut self, line: Line<'_>) {
        let body = line.text.trim();
        if let Some(text) = text_of_use(body).filter(|text| names_operation(text)) {
            self.is_first("use", line.number);
            match OpenAction::begin(line.text.trim_end(), text, line.number) {
                Ok(action) if action.has_begun() && action.is_balanced() => self.close(action),
                Ok(action) => self.pending = Some(action),
                Err(finding) => self.findings.push(finding),
            }
            return;
        }
        let plain = split_marker(body).unwrap_or(body);
        let references = references_of_line(plain, line.number);
        if references.is_empty() {
            self.describe(line.text);
        }
        self.block.references.extend(references);
    }

    /// The JSON of an action over several lines, or the line behind one that has none.
    fn go_on(&mut self, mut action: OpenAction, line: Line<'_>) {
        if !action.has_begun() && !line.text.trim_start().starts_with('{') {
            self.close(action);
            return self.take(line);
        }
        action.feed(line.text);
        if action.is_balanced() {
            self.close(action);
        } else {
            self.pending = Some(action);
        }
    }

    fn close(&mut self, action: OpenAction) {
        match action.finish() {
            Ok(action) => {
                self.block.task.action.get_or_insert(action);
            }
            Err(finding) => self.findings.push(finding),
        }
    }

    fn set(&mut self, name: &'static str, field: Field, line: u32) {
        let is_action = matches!(field, Field::Action(_) | Field::Work(_));
        let is_waiting = matches!(field, Field::Waits(..));
        let is_first = is_waiting || self.is_first(name, line);
        let task = &mut self.block.task;
        match field {
            Field::Waits(origin, references) => {
                let waits = references.into_iter().map(|reference| (origin, reference, line));
                self.block.waits.extend(waits);
            }
            Field::Key(key) => task.key = Some(key),
            Field::Type(word) => task.task_type = Some(word),
            Field::Estimate(minutes) => task.estimate_minutes = Some(minutes),
            Field::Priority(priority) => task.priority = priority,
            Field::Labels(labels) => task.labels = labels,
            Field::Complexity(score) => task.complexity = Some(score),
            Field::ComplexityReason(reason) => task.complexity_reason = Some(reason),
            Field::Attempts(count) => task.max_attempts = Some(count),
            Field::Retry(retry) => task.retry = Some(retry),
            Field::OnExhausted(then) => task.on_exhausted = Some(then),
            Field::Schedule(schedule) => task.schedule = Some(*schedule),
            Field::At(at) => task.scheduled_at = Some(at),
            Field::Slug(slug) => task.slug = Some(slug),
            Field::Description(text) => self.given = Some(text),
            Field::Action(mut action) => {
                action.line = Some(line);
                task.action = Some(action);
            }
            Field::Work(work) => task.work = Some(work),
        }
        if !is_first && !is_action {
            let message = format!("`{name}:` was given before; this line replaces it");
            self.findings.push(Finding::warning("repeated_field", line, message));
        }
    }

    /// Notes that a field was read. `use` and `by` are one: a task does one thing.
    fn is_first(&mut self, name: &'static str, line: u32) -> bool {
        let is_action = |name: &str| matches!(name, "use" | "by");
        let is_same = |other: &&'static str| *other == name || is_action(name) && is_action(other);
        let is_first = !self.known.iter().any(is_same);
        if !is_first && is_action(name) {
            let message = "this task says already what to do; one task does one thing";
            self.findings.push(Finding::error("second_action", line, message));
        }
        self.known.push(name);
        is_first
    }

    fn describe(&mut self, text: &str) {
        self.description.push(below(text, self.indent + INDENT).to_owned());
    }

    fn finish(mut self) -> Block {
        if let Some(action) = self.pending.take() {
            self.close(action);
        }
        let mut block = self.block;
        let lines: Vec<&str> = self.description.iter().map(String::as_str).collect();
        let text = text_of(&lines);
        block.task.description = match self.given {
            Some(given) if text.is_empty() => given,
            Some(given) => format!("{given}\n{text}"),
            None => text,
        };
        let (title, description) =
            fitting(block.task.title, block.task.description, self.line, self.findings);
        block.task.title = title;
        block.task.description = description;
        block
    }
}

/// The line without up to `columns` blanks; what stands at its end stays.
fn below(text: &str, columns: usize) -> &str {
    let blanks = text.bytes().take(columns).take_while(|&byte| byte == b' ' || byte == b'\t').count();
    &text[blanks..]
}
