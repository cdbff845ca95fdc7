//! One pass over the lines: headings, checklist items with what is indented below them, and the
//! bullets that state an order of phases.

mod uses;

use crate::plan::Finding;

use super::action::{OpenAction, names_operation, text_of_use};
use super::clause::{own_line, relations_in, without_trailing_clause};
use super::code_span::lines_of_open_span;
use super::document::{Bullet, Document, Item};
use super::fields::Field;
use super::heading_task;
use super::item::{Checkbox, split_marker};
use super::purpose::Purpose;
use super::relation::{Place, Relation};
use super::section::{Heading, plan_title};
use super::source::{Comments, Fence, Line, indentation, outdented};
use super::table::Table;

/// Reads lines; never fails, mistakes become findings.
pub(super) fn read_lines(lines: &[Line<'_>]) -> Document {
    let mut reader = Reader {
        document: Document::default(),
        comments: Comments::new(lines),
        fence: None,
        pending: None,
        in_item: false,
        span: 0,
        over: None,
        table: None,
    };
    for (position, &line) in lines.iter().enumerate() {
        reader.take(line, &lines[position..]);
    }
    reader.finish()
}

struct Reader {
    document: Document,
    comments: Comments,
    fence: Option<Fence>,
    /// A `use:` whose JSON is not complete.
    pending: Option<OpenAction>,
    /// Whether indented lines belong to the last item.
    in_item: bool,
    /// How many of the next lines belong to a code span of the last item.
    span: usize,
    /// The heading task in whose section the lines stand.
    over: Option<usize>,
    /// The table that is open outside items.
    table: Option<Table>,
}

impl Reader {
    /// Takes the first of the lines that are left.
    fn take(&mut self, line: Line<'_>, lines: &[Line<'_>]) {
        if self.span > 0 {
            self.span -= 1;
            return self.describe(line);
        }
        if self.continues_action(line) || self.continues_fence(line) {
            return;
        }
        let is_use = !self.comments.is_open() && text_of_use(line.text.trim_start()).is_some();
        let stripped = if is_use { None } else { self.comments.strip(line) };
        let text = stripped.as_deref().unwrap_or(line.text);
        let number = line.number;
        self.read_line(Line { number, text }, stripped.is_some());
        if self.in_item && self.pending.is_none() && self.fence.is_none() && !self.comments.is_open() {
            self.span = lines_of_open_span(lines);
        }
    }

    fn read_line(&mut self, line: Line<'_>, was_stripped: bool) {
        let body = line.text.trim();
        if body.is_empty() {
            self.table = None;
            if !was_stripped {
                self.describe(line);
            }
            return;
        }
        let belongs = self.belongs_to_item(line);
        self.in_item &= belongs;
        self.table = self.table.take().filter(|_| body.starts_with('|'));
        if let Some(fence) = Fence::open(body, line.number) {
            self.fence = Some(fence);
            self.describe(line);
        } else if body.starts_with('|') && !belongs {
            self.read_row(body, line.number);
        } else if body.starts_with(['>', '|']) {
            self.describe(line);
        } else if let Some((level, text)) = Heading::parse(body).filter(|_| indentation(line.text) < 4)
            && !(belongs && self.belongs_below(level, &text))
        {
            self.open_section(level, text, line);
        } else if let Some(checkbox) = Checkbox::parse(body).filter(|found| found.id.is_some() || !belongs) {
            self.open_item(line, checkbox);
        } else if belongs {
            self.read_below_item(line);
        } else {
            self.read_outside(line);
        }
    }

    /// Whether a line belongs to the item that is open: it stands deeper, or in its section.
    fn belongs_to_item(&self, line: Line<'_>) -> bool {
        let item = self.document.items.last().filter(|_| self.in_item);
        item.is_some_and(|item| item.level.is_some() || indentation(line.text) > item.indent)
    }

    /// Whether a heading inside the item that is open is part of its text. A list item takes every
    /// indented one, a heading only those of deeper levels that are no tasks.
    fn belongs_below(&self, level: usize, text: &str) -> bool {
        let over = self.document.items.last().and_then(|item| item.level);
        over.is_none_or(|over| level > over && heading_task::parse(text).is_none())
    }

    fn open_section(&mut self, level: usize, text: String, line: Line<'_>) {
        self.in_item = false;
        let task = heading_task::parse(&text);
        if level == 1 && self.document.title.is_none() && !text.is_empty() {
            self.document.title = Some(plan_title(&text));
        }
        let headings = &mut self.document.headings;
        let mut parent = headings.len().checked_sub(1);
        while let Some(index) = parent.filter(|&index| headings[index].level >= level) {
            parent = headings[index].parent;
        }
        let heading = Heading::new(level, text, parent.map(|index| (index, &headings[index])));
        headings.push(heading);
        match task {
            Some(checkbox) => self.add_item(line, checkbox, parent, Some(level)),
            None => self.over = None,
        }
    }

    fn open_item(&mut self, line: Line<'_>, checkbox: Checkbox) {
        let heading = self.document.headings.len().checked_sub(1);
        self.add_item(line, checkbox, heading, None);
    }

    fn add_item(
        &mut self,
        line: Line<'_>,
        mut checkbox: Checkbox,
        heading: Option<usize>,
        level: Option<usize>,
    ) {
        let relations = relations_in(&checkbox.title, line.number, Place::Title);
        let readable = without_trailing_clause(&checkbox.title).len();
        checkbox.title.truncate(readable);
        self.document.findings.extend(checkbox.state.finding(line.number));
        self.in_item = true;
        self.stand_below(&checkbox, level);
        let mut item = Item::new(line.number, indentation(line.text), heading, checkbox);
        item.level = level;
        self.document.items.push(item);
        self.relate(relations, line.number);
    }

    /// Tells the heading task over a new item of it.
    fn stand_below(&mut self, checkbox: &Checkbox, level: Option<usize>) {
        let over = self.over.and_then(|over| self.document.items.get_mut(over));
        let is_deeper = |over: &Item| level.is_none_or(|level| over.level.is_some_and(|above| above < level));
        match (over.filter(|over| is_deeper(over)), &checkbox.id) {
            (Some(over), Some(id)) => over.stand_over(id),
            _ => self.over = level.map(|_| self.document.items.len()),
        }
    }

    /// Keeps what a line of the last item, or of none, states.
    fn relate(&mut self, relations: Vec<Relation>, line: u32) {
        for relation in relations {
            match self.document.items.last_mut() {
                Some(item) if relation.waits.is_empty() => item.references.extend(relation.on),
                Some(item) if relation.on.is_empty() => item.blocks.extend(relation.waits),
                _ => self.document.relations.push((relation, line)),
            }
        }
    }

    fn read_below_item(&mut self, line: Line<'_>) {
        let body = line.text.trim();
        if let Some(text) = text_of_use(body) {
            return self.open_action(line, text);
        }
        let plain = split_marker(body).unwrap_or(body);
        let Some(item) = self.document.items.last_mut() else {
            return;
        };
        if let Some(field) = Field::parse(plain)
            && item.set(&field, line.number, &mut self.document.findings)
        {
            return;
        }
        let Some(own) = own_line(plain, line.number) else {
            self.relate(relations_in(body, line.number, Place::Below), line.number);
            return self.describe(line);
        };
        self.relate(vec![own.relation], line.number);
        if !own.is_pure {
            self.describe(line);
        }
    }

    fn read_row(&mut self, row: &str, line: u32) {
        match &self.table {
            None => self.table = Some(Table::head(row)),
            Some(_) if self.in_talk() => {}
            Some(table) => {
                let relations = table.row(row, line);
                self.relate(relations, line);
            }
        }
    }

    /// Whether the section only talks about tasks.
    fn in_talk(&self) -> bool {
        self.document.headings.last().is_some_and(|heading| heading.purpose == Purpose::Talk)
    }

    fn read_outside(&mut self, line: Line<'_>) {
        let body = line.text.trim();
        if let Some(text) = text_of_use(body).filter(|text| names_operation(text)) {
            let message = format!("`use:{}` belongs to no task; indent it below one", text.trim_end());
            self.document.findings.push(Finding::error("action_without_task", line.number, message));
        }
        let states_order = self.document.headings.last().is_some_and(|heading| heading.states_order);
        if !self.in_talk() {
            let plain = split_marker(body).unwrap_or(body);
            self.relate(relations_in(plain, line.number, Place::Outside), line.number);
        }
        if let Some(text) = split_marker(body).filter(|_| states_order) {
            self.document.statements.push(Bullet { line: line.number, text: text.to_owned() });
        }
    }

    fn describe(&mut self, line: Line<'_>) {
        if let Some(item) = self.document.items.last_mut().filter(|_| self.in_item) {
            // Two columns are the width of the marker: nested bullets keep their shape.
            let columns = if item.level.is_some() { 0 } else { item.indent + 2 };
            item.description.push_str(outdented(line.text, columns));
            item.description.push('\n');
        }
    }

    fn continues_fence(&mut self, line: Line<'_>) -> bool {
        let Some(fence) = self.fence else {
            return false;
        };
        // A list item that ends takes its open fence with it (CommonMark 5.2).
        if self.in_item && !line.text.trim().is_empty() && !self.belongs_to_item(line) {
            self.fence = None;
            return false;
        }
        if fence.is_closed_by(line.text.trim()) {
            self.fence = None;
        }
        self.describe(line);
        true
    }

    fn finish(mut self) -> Document {
        if let Some(action) = self.pending.take() {
            self.close_action(action);
        }
        if let Some(fence) = self.fence {
            let message = "the code block that begins here is never closed; all below it was taken for code";
            self.document.findings.push(Finding::warning("unclosed_fence", fence.line, message));
        }
        for item in &mut self.document.items {
            let mut trimmed = item.description.trim_matches('\n').trim_end();
            // The rule that sets sections apart belongs to none of them.
            while let Some(text) = trimmed.strip_suffix("---").filter(|_| item.level.is_some()) {
                trimmed = text.trim_end_matches('-').trim_end();
            }
            item.description = trimmed.to_owned();
        }
        self.document
    }
}
