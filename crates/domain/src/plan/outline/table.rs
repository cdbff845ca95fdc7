//! Tables that say who waits for whom: `| Task | Depends on |`.

use super::clause::{column_meaning, ids_in};
use super::phrases::Sense;
use super::relation::Relation;

/// More columns are no table that people write.
const MOST_COLUMNS: usize = 30;

/// A table whose head has been read.
#[derive(Debug)]
pub(super) struct Table {
    /// For each column that states something, its position and what it says.
    columns: Vec<(usize, Sense)>,
}

impl Table {
    /// Reads the head of a table. A table without a column about dependence states nothing.
    pub(super) fn head(row: &str) -> Self {
        let meanings = cells(row).enumerate().map(|(position, cell)| Some((position, column_meaning(cell)?)));
        // The first column names the tasks themselves.
        Self { columns: meanings.skip(1).flatten().collect() }
    }

    /// What a row states about the tasks in its first cell.
    pub(super) fn row(&self, row: &str, line: u32) -> Vec<Relation> {
        if self.columns.is_empty() {
            return Vec::new();
        }
        let cells: Vec<&str> = cells(row).collect();
        let subject = cells.first().map(|cell| ids_in(cell, line)).unwrap_or_default();
        let relation = |&(position, sense): &(usize, Sense)| {
            let object = ids_in(cells.get(position)?, line);
            let is_statement = !subject.is_empty() && !object.is_empty();
            is_statement.then(|| match sense {
                Sense::Waits => Relation { waits: subject.clone(), on: object },
                Sense::Blocks => Relation { waits: object, on: subject.clone() },
            })
        };
        self.columns.iter().filter_map(relation).collect()
    }
}

fn cells(row: &str) -> impl Iterator<Item = &str> {
    let inside = row.trim().trim_start_matches('|').trim_end_matches('|');
    inside.split('|').take(MOST_COLUMNS).map(str::trim)
}
