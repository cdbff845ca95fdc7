//! The guide for people who write plans says what is so.

use std::collections::BTreeSet;

use crate::plan::{Format, Limits, Origin, plan_hash, read_plan, validate};

const GUIDE: &str = include_str!("../../../../../docs/guides/plans.md");

/// The fenced blocks that are whole plans: what the fence promises, and the text.
fn plans() -> Vec<(&'static str, String)> {
    let mut plans = Vec::new();
    let mut lines = GUIDE.lines();
    while let Some(line) = lines.next() {
        let Some(info) = line.strip_prefix("```").filter(|info| info.contains(" plan")) else {
            continue;
        };
        let text: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        plans.push((info, text.join("\n")));
    }
    plans
}

#[test]
fn every_plan_of_the_guide_reads_as_it_promises() {
    let plans = plans();
    assert!(plans.len() >= 7, "{}", plans.len());
    for (info, text) in plans {
        let outline = read_plan(&text, Format::Auto, &Limits::IMPORT).expect(info);
        assert_eq!(validate(&outline.plan, &Limits::IMPORT), Ok(()), "{info}");
        let plan = outline.plan;
        for promise in info.split_whitespace().filter(|word| word.contains('=')) {
            let (name, count) = promise.split_once('=').expect("name and count");
            let found = match (name, Origin::parse(name)) {
                (_, Some(origin)) => plan.dependencies.iter().filter(|edge| edge.origin == origin).count(),
                ("tasks", _) => plan.tasks.len(),
                ("done", _) => plan.tasks.iter().filter(|task| task.done).count(),
                _ => panic!("`{name}` is no count"),
            };
            assert_eq!(found.to_string(), count, "{promise} of:\n{text}");
        }
    }
}

#[test]
fn the_table_of_findings_is_sorted_and_names_each_once() {
    let table = GUIDE.split("## Findings").nth(1).expect("there is one");
    let codes: Vec<&str> =
        table.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    assert!(codes.is_sorted(), "{codes:?}");
    assert_eq!(codes.iter().collect::<BTreeSet<_>>().len(), codes.len());
}

#[test]
fn plans_without_the_newer_fields_keep_their_hash() {
    let plan = read_plan("- [ ] T001 a\n", Format::Auto, &Limits::IMPORT).expect("a plan").plan;
    let expected = "sha256:4df9243a31ec6b6cef9e29ffdca38e0ddeda20b586cb79796d15c2c0628b2e68";
    assert_eq!(plan_hash(&plan), expected);
}
