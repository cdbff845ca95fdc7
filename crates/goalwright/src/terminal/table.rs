//! Tables that fit the terminal: one line per row, the widest text is cut, and columns without a value are left out.

use std::io::IsTerminal;

use comfy_table::{Attribute, Cell, Color, ColumnConstraint, ContentArrangement, Row, TableStyle, Width};

use super::paint::{Tone, tone};
use crate::failure::printable;

/// The width where nobody looks.
const PIPED: u16 = 100;
/// No terminal is narrower than this.
const NARROWEST: u16 = 40;
/// Between two columns.
const GAP: u16 = 2;

/// What a column holds, under its title.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    /// Short words that are never cut.
    Word(&'static str),
    /// A status, in its colour.
    Status(&'static str),
    /// A number, to the right.
    Number(&'static str),
    /// Less important, and dim.
    Aside(&'static str),
    /// Text that is cut where there is no room.
    Text(&'static str),
}

impl Column {
    const fn title(self) -> &'static str {
        match self {
            Self::Word(title)
            | Self::Status(title)
            | Self::Number(title)
            | Self::Aside(title)
            | Self::Text(title) => title,
        }
    }
}

/// Rows of text.
#[derive(Debug)]
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// With these columns, and no row yet.
    pub(crate) fn new(columns: impl IntoIterator<Item = Column>) -> Self {
        Self { columns: columns.into_iter().collect(), rows: Vec::new() }
    }

    /// With these columns, and a row for each of these.
    pub(crate) fn of<T, const N: usize>(
        columns: [Column; N],
        items: &[T],
        row: impl Fn(&T) -> [String; N],
    ) -> Self {
        let mut table = Self::new(columns);
        items.iter().for_each(|item| table.row(row(item)));
        table
    }

    /// One more row, with a text for each column.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let one_line = |cell: String| printable(&cell).split_whitespace().collect::<Vec<_>>().join(" ");
        self.rows.push(cells.into_iter().map(one_line).collect());
    }

    /// The lines, as wide as the terminal.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines_within(width())
    }

    /// The lines, at most `width` characters each, as far as the columns that are never cut allow.
    pub(crate) fn lines_within(&self, width: u16) -> Vec<String> {
        let filled =
            |index: &usize| self.rows.iter().any(|row| row.get(*index).is_some_and(|t| !t.is_empty()));
        let shown: Vec<usize> = (0..self.columns.len()).filter(filled).collect();
        let mut table = comfy_table::Table::new();
        table
            .load_style(TableStyle::new())
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(width)
            .enforce_styling();
        let head =
            shown.iter().map(|&index| Cell::new(self.columns[index].title()).add_attribute(Attribute::Dim));
        table.set_header(one_line(head.collect::<Vec<_>>()));
        for row in &self.rows {
            let cells = shown.iter().map(|&index| cell(self.columns[index], &row[index]));
            table.add_row(one_line(cells.collect::<Vec<_>>()));
        }
        let last = shown.len().saturating_sub(1);
        let widest = table.column_max_content_widths();
        for (place, &index) in shown.iter().enumerate() {
            let Some(column) = table.column_mut(place) else { continue };
            column.set_padding((0, if place == last { 0 } else { GAP }));
            if !matches!(self.columns[index], Column::Text(_)) {
                let least = widest[place] + if place == last { 0 } else { GAP };
                column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(least)));
            }
        }
        table.lines().map(|line| trimmed(&line)).collect()
    }
}

fn one_line(cells: Vec<Cell>) -> Row {
    let mut row = Row::from(cells);
    row.max_height(1);
    row
}

fn cell(column: Column, text: &str) -> Cell {
    let cell = Cell::new(text);
    match column {
        Column::Word(_) | Column::Text(_) => cell,
        Column::Number(_) => cell.set_alignment(comfy_table::CellAlignment::Right),
        Column::Aside(_) => cell.add_attribute(Attribute::Dim),
        Column::Status(_) => match tone(text) {
            Tone::Good => cell.fg(Color::DarkGreen),
            Tone::Bad => cell.fg(Color::DarkRed),
            Tone::Moving => cell.fg(Color::DarkCyan),
            Tone::Asking => cell.fg(Color::DarkYellow),
            Tone::Quiet => cell.add_attribute(Attribute::Dim),
            Tone::Plain => cell,
        },
    }
}

/// Without the blanks at the end of a line. The paint around them is kept, since it ends what was begun before.
fn trimmed(line: &str) -> String {
    let (mut kept, mut rest, mut paint) = (line.len(), line, String::new());
    loop {
        rest = rest.trim_end_matches(' ');
        let escape = rest.rfind(ESCAPE).filter(|&start| {
            let inner = rest[start..].strip_prefix(ESCAPE).and_then(|code| code.strip_suffix('m'));
            inner.is_some_and(|code| code.chars().all(|c| c.is_ascii_digit() || c == ';'))
        });
        kept = kept.min(rest.len());
        let Some(start) = escape else { break };
        paint.insert_str(0, &rest[start..]);
        rest = &rest[..start];
    }
    format!("{}{paint}", &line[..kept])
}

/// How the paint of a terminal begins; it ends with `m`.
const ESCAPE: &str = "\u{1b}[";

/// How wide the terminal is; 100 where there is none.
fn width() -> u16 {
    if !std::io::stdout().is_terminal() {
        return PIPED;
    }
    comfy_table::Table::new().width().unwrap_or(PIPED).max(NARROWEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(table: &Table, width: u16) -> Vec<String> {
        let strip = |line: String| anstream::adapter::strip_str(&line).to_string();
        table.lines_within(width).into_iter().map(strip).collect()
    }

    fn table() -> Table {
        let mut table = Table::new([
            Column::Word("ID"),
            Column::Status("STATUS"),
            Column::Text("TITLE"),
            Column::Word("DUE"),
            Column::Number("TASKS"),
        ]);
        let row = |id: &str, status: &str, title: &str, tasks: &str| {
            [id, status, title, "", tasks].map(str::to_owned)
        };
        table.row(row("1cef10aa", "active", "Short", "7"));
        table.row(row("5b695d41", "failed", "A title that goes on and on, far beyond what fits", "1234"));
        table
    }

    #[test]
    fn a_row_is_a_line_and_only_text_is_cut() {
        assert_eq!(
            plain(&table(), 44),
            [
                "ID        STATUS  TITLE                TASKS",
                "1cef10aa  active  Short                    7",
                "5b695d41  failed  A title that goes…    1234",
            ]
        );
        assert!(plain(&table(), 120)[2].contains("far beyond what fits"));
    }

    #[test]
    fn columns_without_a_value_are_left_out() {
        assert!(!plain(&table(), 80)[0].contains("DUE"));
    }

    #[test]
    fn no_line_ends_with_blanks() {
        assert_eq!(trimmed("a b  "), "a b");
        assert_eq!(trimmed("\u{1b}[2ma   \u{1b}[0m  "), "\u{1b}[2ma\u{1b}[0m");
        assert_eq!(trimmed("\u{1b}[1ma\u{1b}[0m"), "\u{1b}[1ma\u{1b}[0m");
        assert_eq!(trimmed("  "), "");
        for line in table().lines_within(60) {
            assert!(!anstream::adapter::strip_str(&line).to_string().ends_with(' '), "{line:?}");
        }
    }

    #[test]
    fn a_title_cannot_break_out_of_its_row() {
        let mut table = Table::new([Column::Word("ID"), Column::Text("TITLE")]);
        table.row(["1".to_owned(), "one\ntwo\u{1b}[2Jthree".to_owned()]);
        assert_eq!(plain(&table, 60), ["ID  TITLE", "1   one two [2Jthree"]);
    }
}
