//! The guides that use the interface: each of their commands is run, against a server on a free port. And the demo.

use std::process::{Command, Stdio};

use crate::alike::alike;
use crate::home::Home;
use crate::shown::{self, Shown};

/// Runs a page, and compares what it shows with what was said.
fn holds(page: &str, commands: usize) {
    if !has_curl() {
        return;
    }
    let home = Home::new();
    let shown = shown::run(page, &home);
    assert!(shown.len() >= commands, "the page shows {} commands", shown.len());
    let data = home.data("").display().to_string();
    let work = home.path("").display().to_string();
    let mut wrong = Vec::new();
    for Shown { command, output, said } in &shown {
        let said = said.replace(data.trim_end_matches('/'), "~/.local/share/goalwright");
        let said = said.replace(work.trim_end_matches('/'), "~/notes");
        if !alike(output, &said) {
            wrong.push(format!("$ {command}\n{said}"));
        }
    }
    assert!(wrong.is_empty(), "the page shows something else than this:\n\n{}", wrong.join("\n\n"));
}

/// The pages call the interface with `curl`, as their readers do. Where it is missing they cannot be tried; where `CI` is
/// set that is a failure.
fn has_curl() -> bool {
    let mut curl = Command::new("curl");
    let found = curl.arg("--version").stdout(Stdio::null()).status().is_ok_and(|status| status.success());
    if !found {
        assert!(std::env::var_os("CI").is_none(), "the guides call `curl`, which is not installed");
        eprintln!("the guides were not tried: `curl` is not installed");
    }
    found
}

#[test]
fn the_quickstart_says_what_happens() {
    holds(include_str!("../../../../docs/guides/quickstart.md"), 12);
}

#[test]
fn every_request_of_the_guide_to_http_is_answered_as_it_shows() {
    holds(include_str!("../../../../docs/guides/http.md"), 30);
}

#[test]
fn the_guide_to_workers_is_a_worker() {
    holds(include_str!("../../../../docs/guides/workers.md"), 20);
}

#[test]
fn the_guide_to_models_shows_what_their_settings_say() {
    holds(include_str!("../../../../docs/guides/models.md"), 4);
}

#[test]
fn every_question_of_the_guide_to_the_record_is_answered_as_it_shows() {
    holds(include_str!("../../../../docs/guides/audit.md"), 13);
}

#[test]
fn schedules_come_as_their_guide_shows() {
    holds(include_str!("../../../../docs/guides/schedules.md"), 14);
}

#[test]
fn what_the_guide_to_privacy_says_is_scrubbed_is() {
    holds(include_str!("../../../../docs/guides/privacy.md"), 2);
}

#[test]
fn the_past_is_told_and_pruned_as_its_guide_shows() {
    holds(include_str!("../../../../docs/guides/retention.md"), 12);
}

#[test]
fn figures_are_shown_as_their_guide_says() {
    holds(include_str!("../../../../docs/guides/telemetry.md"), 3);
}

#[test]
fn the_plans_of_the_demo_are_read_without_a_remark() {
    let home = Home::new();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../xtask/demo");
    let read = home.json(&["goal", "import", folder, "--dry-run"]);
    let read = read.as_array().expect("several plans");
    assert_eq!(read.len(), 3, "{read:?}");
    for plan in read {
        assert_eq!(plan["imported"]["findings"], serde_json::json!([]), "{}", plan["file"]);
    }
}
