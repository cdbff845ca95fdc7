//! `goalwright admin backfill`, on results that other programs left.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::home::{Ended, Home};

const RESULTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/results");

fn backfill(home: &Home, folder: &str, options: &[&str]) -> Ended {
    let arguments: Vec<&str> = ["admin", "backfill", folder].iter().chain(options).copied().collect();
    home.run(&arguments)
}

#[test]
fn a_folder_of_results_is_taken_over_once_and_bad_files_stop_nothing() {
    let home = Home::new();
    let would = backfill(&home, RESULTS, &["--dry-run"]).has_code(1);
    assert!(would.stderr.contains("6 would be added, 0 there already, 2 bad"), "{would:?}");
    assert_eq!(home.json(&["experience", "list"])["items"], json!([]), "a dry run writes nothing");

    let done = backfill(&home, RESULTS, &[]).has_code(1);
    assert_eq!(done.stdout, would.stdout, "the ids are known before");
    let first =
        "daily_reflection/2025-11-04T18-29-12.json -> task_exec_daily_reflection_20251104T182912000000Z_";
    assert!(done.stdout.starts_with(first), "{done:?}");
    assert_eq!(done.stdout.lines().filter(|line| line.starts_with("jobs/2024/backup.json -> ")).count(), 2);
    let bad: Vec<&str> = done.stderr.lines().collect();
    assert!(bad[0].starts_with("jobs/cut.json: it is no JSON: "), "{bad:?}");
    assert_eq!(
        bad[1],
        "jobs/purple.json: the status `purple` is not known: give `success`, `failed` or `partial`"
    );
    assert_eq!(bad[2], "6 added, 0 there already, 2 bad");

    let again = backfill(&home, RESULTS, &[]).has_code(1);
    assert_eq!(again.stdout, done.stdout);
    assert!(again.stderr.contains("0 added, 6 there already, 2 bad"), "{again:?}");

    let listed = home.json(&["experience", "list", "--type", "TASK_EXECUTION"]);
    let listed = listed["items"].as_array().expect("a list");
    assert_eq!(listed.len(), 6);
    for one in listed {
        assert_eq!(one["meta"], json!({"scrubbed": true, "backfilled": true}));
        assert_eq!(one["provenance"]["method"], "BACKFILL");
        assert_eq!(one["content"]["structured"]["attempt"], 1);
    }
    let told = |slug: &str| {
        let found = listed.iter().find(|one| one["content"]["structured"]["task_slug"] == slug);
        found.expect(slug)["content"].clone()
    };
    assert_eq!(told("sweep")["structured"]["scheduled_at"], "2024-05-01T10:00:00.000000Z");
    assert_eq!(told("index-the-archive")["structured"]["scheduled_at"], "2024-05-01T08:00:00.000000Z");
    let reflections: Vec<String> = listed
        .iter()
        .filter(|one| one["content"]["structured"]["task_id"] == "daily_reflection")
        .map(|one| one["content"]["text"].as_str().expect("text").to_owned())
        .collect();
    assert!(
        reflections.contains(&"Nine people wrote today, among them [email].".to_owned()),
        "{reflections:?}"
    );
    assert!(reflections.contains(&"the model at [ip] did not answer".to_owned()), "{reflections:?}");
}

#[test]
fn the_files_of_our_own_runs_are_known() {
    let home = Home::new();
    home.write("plan.md", "# P\n\n- [ ] T001 Count\n  use: text.stats {\"text\": \"a b\"}\n");
    home.run(&["run", "plan.md"]).has_code(0);
    let workspaces = home.data("workspaces");
    let written = json_files(&workspaces);
    assert_eq!(written.len(), 1, "{written:?}");
    let folder = workspaces.display().to_string();
    let done = backfill(&home, &folder, &[]).has_code(0);
    assert!(done.stderr.contains("0 added, 1 there already, 0 bad"), "{done:?}");
    let ran = home.json(&["experience", "list"])["items"].take();
    let id = ran[0]["id"].as_str().expect("an id");
    assert!(done.stdout.ends_with(&format!(" -> {id}\n")), "{done:?}");

    let elsewhere = Home::new();
    let moved = backfill(&elsewhere, &folder, &[]).has_code(0);
    assert!(moved.stderr.contains("1 added, 0 there already, 0 bad"), "{moved:?}");
    let taken = elsewhere.json(&["experience", "list"])["items"].take();
    assert_eq!((&taken[0]["id"], &taken[0]["content"]), (&ran[0]["id"], &ran[0]["content"]));
    assert_eq!(taken[0]["meta"], json!({"scrubbed": true, "backfilled": true}));
}

#[test]
fn no_files_are_written_where_they_are_switched_off() {
    let home = Home::new();
    home.write("plan.md", "# P\n\n- [ ] T001 Count\n  use: text.stats {\"text\": \"a b\"}\n");
    let mut run = home.command(&["run", "plan.md"]);
    Ended::of(run.env("GOALWRIGHT_RESULT_FILES", "off")).has_code(0);
    assert!(json_files(&home.data("workspaces")).is_empty());
}

#[test]
fn what_is_no_folder_or_no_workspace_is_refused() {
    let home = Home::new();
    let refused = backfill(&home, "nowhere", &[]).has_code(2);
    assert!(refused.stderr.contains("`nowhere` is no folder"), "{refused:?}");
    let nobody = ["--workspace", "01890a5d-ac96-774b-bcce-b302099a8057"];
    let refused = backfill(&home, RESULTS, &nobody).has_code(2);
    assert!(refused.stderr.contains("there is no workspace 01890a5d"), "{refused:?}");
}

/// The JSON files below a folder.
fn json_files(folder: &Path) -> Vec<PathBuf> {
    let (mut open, mut files) = (vec![folder.to_path_buf()], Vec::new());
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|end| end == "json") {
                files.push(path);
            }
        }
    }
    files
}
