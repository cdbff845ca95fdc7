//! Running tasks from the command line.

use serde_json::Value;

use crate::home::Home;

const PLAN: &str = "# Two\n\n- [ ] T001 First\n  use: file.write {\"path\": \"one.txt\", \"content\": \"1\"}\n\
                    - [ ] T002 Second\n  use: file.write {\"path\": \"two.txt\", \"content\": \"2\"}\n";

#[test]
fn a_task_that_is_run_is_done_here_and_nothing_else_is() {
    let home = Home::new();
    home.write("plan.md", PLAN);
    home.id(&["goal", "import", "plan.md"]);
    let run = home.run(&["task", "run", "first"]).has_code(0);
    assert!(run.stdout.starts_with("First  succeeded\n") && run.stdout.contains("  trace  "), "{run:?}");
    let status = |slug: &str| home.json(&["task", "show", slug])["status"].clone();
    assert_eq!([status("first"), status("second")], ["completed", "ready"], "the other one is left alone");
    let again = home.json(&["task", "run", "first"]);
    assert_eq!(again["status"], "succeeded", "a finished task runs again");
    assert_eq!(
        home.json(&["experience", "list", "--task", "first"])["items"].as_array().map(Vec::len),
        Some(2)
    );
}

#[test]
fn a_task_of_a_plan_that_was_run_can_be_run_again() {
    let home = Home::new();
    home.write("plan.md", PLAN);
    home.run(&["run", "plan.md", "--json"]).has_code(0);
    std::fs::remove_file(home.path("one.txt")).expect("it was written");
    assert_eq!(home.json(&["task", "run", "first"])["status"], "succeeded");
    assert!(home.path("one.txt").exists(), "in the folder where the goal's work is done");
}

#[test]
fn the_same_moment_is_the_same_run() {
    let home = Home::new();
    home.id(&["task", "create", "Say the time", "--use", "time.now {}"]);
    let at = |moment: &str| {
        home.json(&["task", "run", "say-the-time", "--scheduled-at", moment])["run_id"].clone()
    };
    let first = at("2026-01-02T03:04:05Z");
    assert_eq!(at("2026-01-02T04:04:05+01:00"), first);
    assert_ne!(at("2026-01-03"), first);
    home.run(&["task", "run", "say-the-time", "--scheduled-at", "soon"]).has_code(2);
}

#[test]
fn a_run_ends_with_the_code_of_its_end() {
    let home = Home::new();
    let failing = ["task", "create", "Read nothing", "--use", "file.read {\"path\": \"nowhere.txt\"}"];
    home.id(&failing);
    let failed = home.run(&["task", "run", "read-nothing"]).has_code(1);
    assert!(failed.stdout.contains("  error  ") && failed.stdout.contains("nowhere.txt"), "{failed:?}");
    home.id(&["task", "create", "Think it over"]);
    let waits = home.run(&["task", "run", "think-it-over"]).has_code(3);
    assert!(waits.stderr.contains("`goalwright task complete ID`"), "{waits:?}");
    let left = home.run(&["task", "run", "read-nothing", "--no-wait", "--json"]).has_code(0).json();
    assert_eq!(left["status"], "queued", "nobody is there to do it");
}

#[test]
fn tasks_are_known_by_slug_key_and_pieces_of_their_id() {
    let home = Home::new();
    home.write("plan.md", PLAN);
    home.id(&["goal", "import", "plan.md"]);
    let task = home.json(&["task", "show", "first"]);
    let id = task["id"].as_str().expect("an id");
    for name in [id, &id.to_uppercase(), &id[28..], &id[32..], "T001", "first"] {
        assert_eq!(home.json(&["task", "show", name])["id"], id, "{name}");
    }
    let ambiguous = home.run(&["task", "show", &id[..4]]).has_code(2);
    assert!(
        ambiguous.stderr.contains("fits 2 tasks") && ambiguous.stderr.contains("Second"),
        "{ambiguous:?}"
    );
    home.id(&["goal", "import", "plan.md"]);
    home.run(&["task", "show", "T001"]).has_code(2);
}

#[test]
fn texts_and_results_are_read_from_standard_input() {
    let home = Home::new();
    let given = |arguments: &[&str], text: &str| -> Value {
        home.write("given.txt", text);
        let mut command = home.command(arguments);
        let file = std::fs::File::open(home.path("given.txt")).expect("written");
        crate::home::Ended::of(command.arg("--json").stdin(file)).has_code(0).json()
    };
    let task = given(&["task", "create", "Count", "--description", "-"], "All of them.\nTwice.");
    assert_eq!(task["description"], "All of them.\nTwice.");
    let done = given(&["task", "complete", "count", "--result", "-", "--partial"], "{\"count\": 3}");
    assert_eq!((&done["status"], &done["result"]["count"]), (&Value::from("completed"), &Value::from(3)));
    let wrong = home.run(&["task", "complete", "count", "--result", "three"]).has_code(2);
    assert!(wrong.stderr.contains("--result is no JSON"), "{wrong:?}");
}
