//! How the lines of a task name other tasks.

use std::collections::HashMap;

use uuid::Uuid;

use super::quoted;
use crate::plan::{Origin, Plan};

/// The name of every task: its key, else its id, else a number that stands in a comment behind it.
pub(super) struct Names {
    names: Vec<String>,
    numbers: HashMap<usize, usize>,
}

impl Names {
    /// Only tasks that others wait for need numbers.
    pub(super) fn new(plan: &Plan) -> Self {
        let mut numbers = HashMap::new();
        for edge in &plan.dependencies {
            let task = plan.tasks.get(edge.to_index);
            if task.is_some_and(|task| task.key.is_none() && task.id.is_none()) {
                numbers.insert(edge.to_index, edge.to_index + 1);
            }
        }
        let name = |(index, task): (usize, &crate::plan::PlannedTask)| match (&task.key, task.id) {
            (Some(key), _) if is_plain(key) => key.clone(),
            (Some(key), _) => quoted(key),
            (None, Some(id)) => id.to_string(),
            (None, None) => format!("ref {}", index + 1),
        };
        Self { names: plan.tasks.iter().enumerate().map(name).collect(), numbers }
    }

    /// The number in the comment behind a task.
    pub(super) fn number(&self, index: usize) -> Option<usize> {
        self.numbers.get(&index).copied()
    }

    /// The lines that say what a task waits for.
    pub(super) fn lists(&self, waits: &[(Origin, usize)]) -> Vec<String> {
        let fields =
            [("depends on", Origin::Explicit), ("follows", Origin::Structural), ("uses", Origin::Inferred)];
        let list = |(field, origin)| {
            let of_origin = waits.iter().filter(|(other, _)| *other == origin);
            let names: Vec<&str> =
                of_origin.filter_map(|&(_, to)| self.names.get(to)).map(String::as_str).collect();
            (!names.is_empty()).then(|| format!("{field}: {}", names.join(", ")))
        };
        fields.into_iter().filter_map(list).collect()
    }
}

/// Whether a key can stand in a list as it is.
pub(super) fn is_plain(key: &str) -> bool {
    let fits = |c: char| c.is_alphanumeric() || ".:-_/".contains(c);
    key.starts_with(char::is_alphanumeric) && key.chars().all(fits) && key.parse::<Uuid>().is_err()
}
