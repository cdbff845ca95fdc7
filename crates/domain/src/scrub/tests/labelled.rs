//! How much is found of what people marked by hand, and how much of what is found was marked.

use std::collections::BTreeMap;

use crate::scrub::{Found, Kind, find, scrub};

/// The lines by which the rules were made, and those that were written when the rules were done.
const KNOWN: &[(&str, &str)] = &[
    ("prose", include_str!("../../../fixtures/pii/prose.txt")),
    ("records", include_str!("../../../fixtures/pii/records.txt")),
    ("traps", include_str!("../../../fixtures/pii/traps.txt")),
];

const HELD_OUT: &[(&str, &str)] = &[("held out", include_str!("../../../fixtures/pii/held-out.txt"))];

const HELD_OUT_2: &[(&str, &str)] =
    &[("held out, in other styles", include_str!("../../../fixtures/pii/held-out-2.txt"))];

/// A line without its marks, and what was marked.
fn read(line: &str) -> (String, Vec<Found>) {
    let (mut text, mut marked) = (String::new(), Vec::new());
    let line = line.replace('‖', "").replace('⏎', "\n");
    let mut rest = line.as_str();
    while let Some((before, after)) = rest.split_once('⟦') {
        let (inside, after) =
            after.split_once('⟧').unwrap_or_else(|| panic!("a mark without an end: {line}"));
        let (name, piece) = inside.split_once(':').unwrap_or_else(|| panic!("a mark without a kind: {line}"));
        let kind = Kind::ALL.into_iter().find(|kind| kind.name() == name);
        text.push_str(before);
        let start = text.len();
        text.push_str(piece);
        let kind = kind.unwrap_or_else(|| panic!("{name} is no kind: {line}"));
        marked.push(Found { kind, range: start..text.len() });
        rest = after;
    }
    text.push_str(rest);
    (text, marked)
}

#[derive(Default, Clone, Copy)]
struct Count {
    marked: usize,
    found: usize,
    both: usize,
}

impl Count {
    fn recall(self) -> f64 {
        share(self.both, self.marked)
    }

    fn precision(self) -> f64 {
        share(self.both, self.found)
    }
}

fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 1.0 } else { part as f64 / whole as f64 }
}

/// The counts of each kind, those of all, and a table with the lines that went wrong.
fn measure(name: &str, files: &[(&str, &str)]) -> (BTreeMap<Kind, Count>, Count, String) {
    let mut counts: BTreeMap<Kind, Count> = BTreeMap::new();
    let (mut lines, mut without, mut wrong) = (0, 0, String::new());
    for line in files
        .iter()
        .flat_map(|(_, file)| file.lines())
        .filter(|line| !line.is_empty() && !line.starts_with("# "))
    {
        let (text, marked) = read(line);
        let found = find(&text);
        lines += 1;
        without += usize::from(marked.is_empty());
        for kind in Kind::ALL {
            let count = counts.entry(kind).or_default();
            let of = |all: &[Found]| all.iter().filter(|piece| piece.kind == kind).count();
            count.marked += of(&marked);
            count.found += of(&found);
            count.both += marked.iter().filter(|piece| piece.kind == kind && found.contains(piece)).count();
        }
        if found != marked {
            wrong.push_str(&format!("  {line}\n      {}\n", scrub(&text).replace('\n', "⏎")));
        }
    }
    let all = counts.values().fold(Count::default(), |sum, count| Count {
        marked: sum.marked + count.marked,
        found: sum.found + count.found,
        both: sum.both + count.both,
    });
    let mut table = format!("{name}: {lines} lines, {without} of them without anything to find\n");
    let row = |name: &str, count: Count| {
        let (recall, precision) = (count.recall(), count.precision());
        format!("{name:<14} {:>6} {:>6} {recall:>8.3} {precision:>10.3}\n", count.marked, count.found)
    };
    table.push_str(&format!(
        "{:<14} {:>6} {:>6} {:>8} {:>10}\n",
        "kind", "marked", "found", "recall", "precision"
    ));
    for (kind, count) in &counts {
        table.push_str(&row(kind.name(), *count));
    }
    table.push_str(&row("all", all));
    (counts, all, table + &wrong)
}

#[test]
fn what_people_marked_is_found_and_nothing_else() {
    let (counts, all, table) = measure("known", KNOWN);
    println!("{table}");
    for (kind, count) in counts {
        assert!(count.marked > 0, "nothing is marked as {}", kind.name());
        assert!(count.recall() >= 0.98, "{table}");
    }
    assert!(all.precision() >= 0.98, "{table}");
}

/// Lines that no rule was made for. The bounds are lower, because they say how well the rules do elsewhere.
#[test]
fn the_rules_hold_for_lines_that_they_were_not_made_for() {
    let (_, all, table) = measure("held out", HELD_OUT);
    println!("{table}");
    assert!(all.recall() >= 0.95 && all.precision() >= 0.95, "{table}");
}

/// The same for lines of other products, languages and formats. What the rules, as they were when these lines had been
/// written, made of them is at the head of the file.
#[test]
fn the_rules_hold_for_other_styles_as_well() {
    let (_, all, table) = measure("held out, in other styles", HELD_OUT_2);
    println!("{table}");
    assert!(all.recall() >= 0.98 && all.precision() >= 0.98, "{table}");
}
