//! The pages that describe problems, and the tests that the invariants name.

use std::fs;

use goalwright_infrastructure::telemetry::FIGURES;

use crate::source::{code_only, makes_call};
use crate::tree::{self, assert_none, backticked, cells, files, root};

#[test]
fn every_problem_is_documented_in_the_same_way() {
    let files = files();
    assert!(files.iter().any(|(path, _)| path == "docs/problems/internal.md"), "the walk finds the pages");
    let problems = files.iter().filter_map(|(path, text)| {
        let code = path.strip_prefix("docs/problems/")?.strip_suffix(".md")?;
        (code != "README").then_some((code, text))
    });
    let violations = problems.flat_map(|(code, text)| problem_violations(code, text)).collect::<Vec<_>>();
    assert_none(&violations);
}

#[test]
fn every_invariant_names_a_test_that_exists() {
    let read = |path: &str| fs::read_to_string(root().join(path)).ok();
    assert_none(&invariant_violations(&tree::read("docs/architecture.md"), read));
}

#[test]
fn every_compensation_names_a_test_that_exists() {
    let document = tree::read("docs/lifecycle.md");
    let named: Vec<_> = backticked(&document).into_iter().filter(|name| name.contains("::")).collect();
    assert!(named.len() > 5, "the tests are found");
    let exists = |test: &&String| {
        test.rsplit_once("::").is_some_and(|(path, function)| {
            let text = fs::read_to_string(root().join(path)).unwrap_or_default();
            makes_call(&code_only(&text), &format!("fn {function}"))
        })
    };
    let missing: Vec<String> = named
        .iter()
        .filter(|test| !exists(test))
        .map(|test| format!("`{test}` is no test of the tree"))
        .collect();
    assert_none(&missing);
}

#[test]
fn every_figure_stands_in_the_guide() {
    let guide = tree::read("docs/guides/telemetry.md");
    let marked = guide.split("<!-- figures -->").nth(1).expect("the guide has the marker <!-- figures -->");
    let table = marked.split("<!--").next().unwrap_or_default();
    let rows: Vec<Vec<&str>> = table.lines().map(|line| cells(line).collect()).collect();
    let shown: Vec<&Vec<&str>> = rows.iter().filter(|row| row.len() == 4).skip(2).collect();
    let known: Vec<Vec<String>> = FIGURES
        .iter()
        .map(|figure| {
            let labels: Vec<String> = figure.labels.iter().map(|label| format!("`{label}`")).collect();
            let name = format!("`{}`", figure.name);
            vec![name, figure.kind.as_str().to_owned(), labels.join(", "), figure.help.to_owned()]
        })
        .collect();
    assert_eq!(shown, known.iter().collect::<Vec<_>>());
}

/// `docs/problems/<code>.md`: a title, the status, three sections, and an example that agrees with all of them.
fn problem_violations(code: &str, text: &str) -> Vec<String> {
    let mut violations = Vec::new();
    let mut expect = |holds: bool, what: &str| {
        if !holds {
            violations.push(format!("docs/problems/{code}.md: {what}"));
        }
    };
    let title = text.lines().next().and_then(|line| line.strip_prefix("# "));
    expect(title.is_some(), "the first line is no title (`# …`)");
    let status = text.lines().find_map(|line| line.strip_prefix("HTTP status: "));
    let status = status.and_then(|status| status.parse::<u64>().ok());
    expect(status.is_some(), "no line `HTTP status: <number>`");
    let outside_code = text.split("```").step_by(2).flat_map(str::lines);
    let sections: Vec<&str> = outside_code.filter_map(|line| line.strip_prefix("## ")).collect();
    expect(
        sections == ["What happened", "What to do", "Example"],
        "its sections are not `What happened`, `What to do`, `Example`",
    );
    let filled = text
        .split("\n## ")
        .skip(1)
        .all(|section| section.lines().skip(1).any(|line| !line.trim().is_empty()));
    expect(filled, "a section is empty");

    let json = text.split("```json\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap_or_default();
    let Ok(example) = serde_json::from_str::<serde_json::Value>(json) else {
        expect(false, "the example is no JSON");
        return violations;
    };
    expect(example["type"] == format!("urn:goalwright:problem:{code}"), "`type` of the example");
    expect(example["code"] == code, "`code` of the example");
    expect(example["title"].as_str() == title, "`title` of the example is not the title of the page");
    expect(example["status"].as_u64() == status, "`status` of the example is not the status of the page");
    expect(example["detail"].is_string(), "`detail` of the example");
    expect(example["trace_id"].is_string(), "`trace_id` of the example");
    violations
}

/// Every table with the header `invariant | test`; a test is given as `path::function`, in backticks.
fn invariant_violations(document: &str, read: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let mut violations = Vec::new();
    let mut rows = 0;
    let mut inside = false;
    for line in document.lines() {
        let row: Vec<&str> = cells(line).collect();
        match row.as_slice() {
            [] => inside = false,
            ["invariant", "test"] => inside = true,
            [rule, ..] if rule.starts_with("---") => {}
            [invariant, test] if inside => {
                rows += 1;
                let tests = backticked(test);
                if tests.is_empty() {
                    violations.push(format!("no test is named for: {invariant}"));
                }
                for test in tests {
                    let found = test.rsplit_once("::").is_some_and(|(path, function)| {
                        read(path)
                            .is_some_and(|text| makes_call(&code_only(&text), &format!("fn {function}")))
                    });
                    if !found {
                        violations
                            .push(format!("`{test}` is no test of the tree, but named for: {invariant}"));
                    }
                }
            }
            _ => {}
        }
    }
    if rows == 0 {
        violations.push("docs/architecture.md has no table `| invariant | test |`".to_owned());
    }
    violations
}

mod a_violation_is_noticed {
    use super::*;

    const PROBLEM: &str = "# Nothing here\n\nHTTP status: 404\n\n## What happened\n\nText.\n\n## What to do\n\nText.\n\n\
        ## Example\n\n```json\n{\"type\": \"urn:goalwright:problem:not_found\", \"title\": \"Nothing here\", \
        \"status\": 404, \"code\": \"not_found\", \"detail\": \"Text.\", \"trace_id\": \"0\"}\n```\n";

    #[test]
    fn in_the_description_of_a_problem() {
        assert_none(&problem_violations("not_found", PROBLEM));
        for (right, wrong) in [
            ("# Nothing here", "Nothing here"),
            ("# Nothing here", "# Something"),
            ("HTTP status: 404", "404"),
            ("HTTP status: 404", "HTTP status: 410"),
            ("## What to do", "## Advice"),
            ("## What happened\n\nText.", "## What happened\n"),
            ("\"code\": \"not_found\"", "\"code\": \"lost\""),
            ("problem:not_found", "problem:lost"),
            ("\"detail\": \"Text.\", ", ""),
            (", \"trace_id\": \"0\"", ""),
            ("```json\n{", "```json\n"),
        ] {
            let text = PROBLEM.replace(right, wrong);
            assert!(!problem_violations("not_found", &text).is_empty(), "{wrong}");
        }
    }

    #[test]
    fn in_the_table_of_invariants() {
        let read =
            |path: &str| (path == "a.rs").then(|| "#[test]\nfn holds() {}\n// fn gone() {}".to_owned());
        let found = |row: &str| {
            invariant_violations(&format!("| invariant | test |\n|---|---|\n{row}\n"), read).len()
        };
        assert_eq!(found("| it holds | `a.rs::holds` |"), 0);
        assert_eq!(found("| it holds | `a.rs::hold` |"), 1);
        assert_eq!(found("| it holds | `a.rs::gone` |"), 1);
        assert_eq!(found("| it holds | `b.rs::holds` |"), 1);
        assert_eq!(found("| it holds | `a.rs::holds`, `a.rs::gone` |"), 1);
        assert_eq!(found("| it holds | nobody knows |"), 1);
        assert_eq!(found(""), 1);
    }
}
