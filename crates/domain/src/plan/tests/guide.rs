//! The guide for people who write plans says what is so.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

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

/// What a reader says of a finding: its code, and its severity where that stands beside it.
type Said = BTreeMap<String, BTreeSet<String>>;

/// The rows of the table of findings: the codes of the first column, the severities of the second.
fn table() -> Vec<(Vec<&'static str>, BTreeSet<String>)> {
    let table = GUIDE.split("## Findings").nth(1).expect("there is one");
    let rows = table.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.map(|row| {
        let mut cells = row.split(" | ");
        let codes = cells.next().expect("codes").split(", ").map(|code| code.trim_matches('`')).collect();
        (codes, cells.next().expect("severities").split(", ").map(str::to_owned).collect())
    })
    .collect()
}

/// The Rust files below a folder, without tests.
fn sources(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut all = Vec::new();
    for path in entries.filter(|path| !path.ends_with("tests")) {
        if path.is_dir() {
            all.extend(sources(&path));
        } else {
            all.push(fs::read_to_string(path).expect("source"));
        }
    }
    all
}

/// Every call that makes a finding: `Finding::warning("code", …)` or `finding(Severity::Warning, "code", …)`.
fn said() -> Said {
    let mut said = Said::new();
    for source in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/plan")) {
        for (call, severity) in [
            ("Finding::error(", "error"),
            ("Finding::warning(", "warning"),
            ("Finding::info(", "info"),
            ("finding(Severity::Error,", "error"),
            ("finding(Severity::Warning,", "warning"),
            ("finding(Severity::Info,", "info"),
            ("finding(severity,", ""),
        ] {
            for rest in source.split(call).skip(1) {
                let code = rest.trim_start().strip_prefix('"').and_then(|rest| rest.split('"').next());
                let code = code.unwrap_or_else(|| panic!("no code after `{call}`: {}", &rest[..60]));
                said.entry(code.to_owned()).or_default().insert(severity.to_owned());
            }
        }
    }
    said
}

#[test]
fn the_table_of_findings_is_sorted_and_names_each_once() {
    let codes: Vec<&str> = table().into_iter().flat_map(|(codes, _)| codes).collect();
    assert!(codes.is_sorted(), "{codes:?}");
    assert_eq!(codes.iter().collect::<BTreeSet<_>>().len(), codes.len());
}

#[test]
fn the_table_of_findings_tells_of_all_that_readers_say_and_of_nothing_else() {
    let mut said = said();
    assert!(said.len() > 30, "the source is found: {said:?}");
    for (codes, severities) in table() {
        for code in codes {
            let mut known = said.remove(code).unwrap_or_else(|| panic!("no reader says `{code}`"));
            // Where the severity depends on the plan, it is not in the source.
            if !known.remove("") {
                assert_eq!(known, severities, "`{code}`");
            }
        }
    }
    assert!(said.is_empty(), "not in the table: {said:?}");
}

#[test]
fn plans_without_the_newer_fields_keep_their_hash() {
    let plan = read_plan("- [ ] T001 a\n", Format::Auto, &Limits::IMPORT).expect("a plan").plan;
    let expected = "sha256:4df9243a31ec6b6cef9e29ffdca38e0ddeda20b586cb79796d15c2c0628b2e68";
    assert_eq!(plan_hash(&plan), expected);
}
