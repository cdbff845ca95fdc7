//! The first example, from the file to a look over HTTP.

use std::fs;
use std::path::Path;

use goalwright_testkit::Backend;
use rstest::rstest;
use serde_json::{Value, json};

use crate::home::Home;

/// 6, 11 and 3 words; one link leads nowhere.
const PAGES: [(&str, &str); 3] = [
    ("README.md", "# Tea\n\nSee [the guide](docs/guide.md#when) first.\n"),
    (
        "docs/guide.md",
        "# Guide\n\n[Home](../README.md), [site](https://example.org), [lost](gone/away.md).\n\nBoil the water. Wait a bit.\n",
    ),
    ("docs/sub/leaf.md", "Leaves [up](../guide.md)\nfloat.\n"),
];

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
fn the_audit_finds_what_is_broken_and_leaves_its_record(#[case] backend: Backend) {
    let Some(home) = Home::on(backend) else { return };
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/docs-audit.md");
    home.write("docs-audit.md", fs::read(example).expect("the example is there"));
    for (name, text) in PAGES {
        home.write(name, text);
    }
    let summary = home.summary("docs-audit.md", 0);
    assert_eq!((&summary["status"], &summary["progress"]), (&json!("achieved"), &json!(100.0)));
    let counts = &summary["tasks"];
    assert_eq!(counts["completed"], 8, "{counts}");
    assert_eq!(counts.as_object().expect("by status").values().filter_map(Value::as_i64).sum::<i64>(), 8);
    assert!(summary["duration_ms"].as_u64().is_some_and(|millis| millis > 0));
    the_report_is_right(&home);

    let server = home.serve("api,worker,scheduler");
    let goal = summary["goal_id"].as_str().expect("an id");
    assert_eq!(server.api.get(&format!("/v1/goals/{goal}"))["status"], "achieved");
    let progress = server.api.get(&format!("/v1/goals/{goal}/progress"));
    assert_eq!((&progress["percentage"], &progress["valid"]), (&json!(100.0), &json!(true)));

    let experiences = server.api.all("/v1/experiences?type=TASK_EXECUTION");
    assert_eq!(experiences.len(), 8, "one experience per execution");
    let traces = summary["trace_ids"].as_array().expect("a list");
    assert_eq!(traces.len(), 8, "one trace per run");
    for trace in traces {
        let trace = trace.as_str().expect("an id");
        let told = server.api.all(&format!("/v1/experiences?trace_id={trace}"));
        assert_eq!(told.len(), 1, "{trace}");
        let events = server.api.all(&format!("/v1/events?trace_id={trace}"));
        let types: Vec<&str> = events.iter().rev().filter_map(|event| event["event_type"].as_str()).collect();
        assert!(types.starts_with(&["task.started", "task.completed"]), "{types:?}");
    }
    let events = server.api.all("/v1/events");
    let positions: Vec<u64> = events.iter().rev().filter_map(|event| event["position"].as_u64()).collect();
    assert_eq!(positions, (1..=positions.len() as u64).collect::<Vec<u64>>(), "in order, without gaps");
    let achieved = events.iter().find(|event| event["event_type"] == "goal.achieved");
    assert_eq!(achieved.map(|event| &event["entity_id"]), Some(&summary["goal_id"]));
    server.process.terminate().has_code(0);
    home.database.shows_each_task_done_once(8);
}

fn the_report_is_right(home: &Home) {
    let report = home.lines("docs-audit-report.md");
    let has = |line: &str| assert!(report.iter().any(|it| it == line), "{line} in {report:#?}");
    has("- Pages: 3");
    has("- Words: 20");
    // The guide and the README: two links to the same file count once.
    has("- Files that are linked to: 2");
    has("- Broken links: 1");
    let rows = |page: &str| -> Vec<Vec<&str>> {
        let rows = report.iter().filter(|line| line.starts_with('|') && line.contains(page));
        rows.map(|row| row.split('|').map(str::trim).filter(|cell| !cell.is_empty()).collect()).collect()
    };
    assert_eq!(rows("README.md"), [["README.md", "6", "3"]]);
    assert_eq!(
        rows("docs/guide.md"),
        [vec!["docs/guide.md", "gone/away.md"], vec!["docs/guide.md", "11", "5"]]
    );
    assert_eq!(rows("docs/sub/leaf.md"), [["docs/sub/leaf.md", "3", "2"]]);
}
