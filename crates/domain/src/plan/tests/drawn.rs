//! Plans by chance, and the text that people would write for them.

use proptest::prelude::*;

/// A task as it is generated: (new phase, parallel, done, words, tasks waited for).
pub(super) type Drawn = (bool, bool, bool, String, Vec<prop::sample::Index>);

pub(super) fn drawn() -> impl Strategy<Value = Vec<Drawn>> {
    let waits = prop::collection::vec(any::<prop::sample::Index>(), 0..3);
    let task =
        (prop::bool::weighted(0.2), any::<bool>(), any::<bool>(), "[a-z]{1,6}( [a-z]{1,6}){0,3}", waits);
    prop::collection::vec(task, 1..40)
}

/// Edges (waits, waited for) between different tasks, each once; forwards only if `acyclic`.
pub(super) fn drawn_edges(tasks: &[Drawn], acyclic: bool) -> Vec<(usize, usize)> {
    let mut edges: Vec<(usize, usize)> = Vec::new();
    for (from, task) in tasks.iter().enumerate() {
        for index in &task.4 {
            let to = index.index(tasks.len());
            if to != from && (!acyclic || rank(to) < rank(from)) && !edges.contains(&(from, to)) {
                edges.push((from, to));
            }
        }
    }
    edges.sort_unstable();
    edges
}

/// A scrambled order, so that explicit edges run against the order of the file as often as with it.
pub(super) fn rank(task: usize) -> usize {
    (task * 17 + 5) % 41
}

pub(super) fn render(tasks: &[Drawn], edges: &[(usize, usize)]) -> String {
    let mut text = String::from("# Tasks: Generated\n");
    for (index, (phase, parallel, done, words, _)) in tasks.iter().enumerate() {
        if *phase {
            text += &format!("\n## Phase {index}: Part\n\n");
        }
        let mark = if *done { 'x' } else { ' ' };
        let parallel = if *parallel { "[P] " } else { "" };
        let waits: Vec<String> =
            edges.iter().filter(|edge| edge.0 == index).map(|edge| format!("T{:03}", edge.1 + 1)).collect();
        let clause =
            if waits.is_empty() { String::new() } else { format!(" (depends on {})", waits.join(", ")) };
        text += &format!("- [{mark}] T{:03} {parallel}[US1] {words}{clause}\n", index + 1);
    }
    text
}

/// Ways to write that the first task waits for the second.
pub(super) const NOTATIONS: [(&str, bool); 10] = [
    ("- {} depends on {}\n", true),
    ("- {} → {}\n", false),
    ("{} ← {}\n", true),
    ("* {} => {}\n", false),
    ("- **{}**: requires {}\n", true),
    ("- {} blocks {}\n", false),
    ("1. {} must be done before {}\n", false),
    ("- {} 依赖 {}\n", true),
    ("- {}は{}に依存する\n", true),
    ("- {} hängt ab von {}\n", true),
];

pub(super) fn statement(notation: usize, waits: usize, waited_for: usize) -> String {
    let (form, waits_first) = NOTATIONS[notation];
    let ids = [format!("T{:03}", waits + 1), format!("T{:03}", waited_for + 1)];
    let [first, second] = if waits_first { [&ids[0], &ids[1]] } else { [&ids[1], &ids[0]] };
    form.replacen("{}", first, 1).replacen("{}", second, 1)
}
