//! What is refused, with which code, and what is said about it.

use std::process::Command;

use rstest::rstest;
use serde_json::json;

use crate::home::Home;
use crate::process::{Ended, Running};

/// It ended with this code and says what happened and what to do, on stderr alone.
#[track_caller]
fn assert_refused(ended: Ended, code: i32, said: &[&str]) {
    let ended = ended.has_code(code);
    assert_eq!(ended.stdout, "", "{ended:?}");
    assert!(ended.stderr.starts_with("error: "), "{ended:?}");
    let help = ended.stderr.lines().find(|line| line.starts_with("help: "));
    assert!(help.is_some_and(|help| help.len() > "help: ".len()), "{ended:?}");
    for part in said {
        assert!(ended.stderr.contains(part), "{part}: {ended:?}");
    }
}

#[track_caller]
fn assert_nothing_was_written(home: &Home) {
    if home.data("goalwright.db").exists() {
        for table in ["goals", "tasks", "task_dependencies", "runs"] {
            assert_eq!(home.database.count(table), 0, "{table}");
        }
    }
}

const PERSON: &str = "# Ask\n\n- [ ] T001 Ask somebody\n";

#[rstest]
#[case::empty("plan.md", b"".as_slice(), &["empty", "`- [ ] T001 Title`"])]
#[case::blank("plan.md", b" \n\n", &["empty"])]
#[case::binary("plan.md", b"\x7fELF\x02\xff\xfe\0", &["plan.md", "binary"])]
#[case::control("plan.md", b"# Plan\n\nA\0B\n", &["line 3", "U+0000"])]
#[case::json_in_markdown("plan.md", b"{\"tasks\": []}", &["line 1", "no tasks"])]
#[case::json("tasks.json", b"{\"name\": \"left-pad\", \"version\": \"1.0.0\"}", &["line 1", "tasks.json"])]
#[case::chain("chain.yaml", b"name: Brief\nsteps: []\n", &["chain.yaml", "chains"])]
#[case::html("plan.md", b"<!doctype html>\n<p>Plan\n", &["line 1", "HTML"])]
#[case::prose("plan.md", b"# Notes\n\nNothing to do.\n", &["1 heading", "checklist"])]
#[case::no_checkbox("plan.md", b"# Plan\n\n- T001 Do it\n", &["line 3", "checkbox"])]
#[case::cycle(
    "plan.md",
    b"# Plan\n\n- [ ] T001 A (depends on T003)\n- [ ] T002 B (depends on T001)\n- [ ] T003 C (depends on T002)\n- [ ] T004 D\n",
    &["cycle", "T001", "T002", "T003", "nothing was written"]
)]
#[case::itself("plan.md", b"# Plan\n\n- [ ] T001 A (depends on T001)\n", &["line 3", "T001"])]
#[case::twice("plan.md", b"# Plan\n\n- [ ] T001 A\n- [ ] T001 B\n", &["line 4", "T001"])]
#[case::unknown_tool(
    "plan.md",
    b"# Plan\n\n- [ ] T001 Start\n  use: rocket.launch {}\n",
    &["line 4", "`rocket`", "file, http, json, text, time"]
)]
#[case::unknown_operation("plan.md", b"# Plan\n\n- [ ] T001 A\n  use: file.burn {}\n", &["line 4", "burn"])]
#[case::wrong_type(
    "plan.md",
    b"# Plan\n\n- [ ] T001 A\n  use: time.sleep {\"seconds\": \"long\"}\n",
    &["line 4", "number"]
)]
#[case::unknown_result(
    "plan.md",
    b"# Plan\n\n- [ ] T001 A\n  use: text.render {\"template\": \"{T009.text}\"}\n",
    &["line 4", "T009"]
)]
#[case::broken_json("plan.md", b"# Plan\n\n- [ ] T001 A\n  use: file.read {\"path\": \n", &["line 4"])]
fn a_file_that_is_no_plan(#[case] name: &str, #[case] content: &[u8], #[case] said: &[&str]) {
    let home = Home::new();
    home.write(name, content);
    assert_refused(home.run(&["run", "--json", name]), 2, said);
    assert_nothing_was_written(&home);
}

#[test]
fn a_file_that_is_not_there_or_is_a_folder() {
    let home = Home::new();
    home.write("folder/plan.md", PERSON);
    assert_refused(home.run(&["run", "--json", "nowhere.md"]), 2, &["no file nowhere.md"]);
    assert_refused(home.run(&["run", "--json", "folder"]), 2, &["folder is a folder"]);
    assert_nothing_was_written(&home);
}

#[rstest]
#[case::option(&["run", "--jsn", "plan.md"], &["--jsn", "--json"])]
#[case::no_file(&["run", "--json"], &["FILE"])]
#[case::command(&["fly"], &["fly"])]
#[case::role(&["serve", "--roles", "cook"], &["cook", "worker"])]
#[case::span(&["token", "--expires", "soon"], &["soon", "15m"])]
#[case::address(&["serve", "--bind", "nonsense"], &["nonsense", "--bind"])]
fn usage(#[case] arguments: &[&str], #[case] said: &[&str]) {
    let home = Home::new();
    home.write("plan.md", PERSON);
    assert_refused(home.run(arguments), 2, said);
}

#[rstest]
#[case::number("GOALWRIGHT_LEASE_MS", "soon", &["GOALWRIGHT_LEASE_MS", "`soon`", "whole number"])]
#[case::range("GOALWRIGHT_WORKER_CONCURRENCY", "0", &["GOALWRIGHT_WORKER_CONCURRENCY", "1 to 1000"])]
#[case::secret("GOALWRIGHT_JWT_SECRET", "hunter2", &["GOALWRIGHT_JWT_SECRET", "7 bytes", "at least 32"])]
#[case::database("DATABASE_URL", "mysql://root:hunter2@db/gw", &["DATABASE_URL", "mysql", "postgres://"])]
#[case::filter("RUST_LOG", "a=b=c", &["RUST_LOG", "a=b=c"])]
#[case::data("GOALWRIGHT_DATA_DIR", "plan.md/data", &["plan.md/data", "cannot be made", "GOALWRIGHT_DATA_DIR"])]
fn a_setting_that_cannot_be_used(#[case] name: &str, #[case] value: &str, #[case] said: &[&str]) {
    let home = Home::new();
    home.write("plan.md", PERSON);
    for arguments in [["run", "--json", "plan.md"].as_slice(), &["serve", "--bind", "127.0.0.1:0"]] {
        let mut command: Command = home.command(arguments);
        command.env(name, value);
        let ended = Running::start(command).end();
        assert!(!ended.stderr.contains("hunter2"), "secrets are not printed: {ended:?}");
        assert_refused(ended, 2, said);
    }
    assert_nothing_was_written(&home);
}

#[test]
fn a_file_of_settings_that_cannot_be_used() {
    let home = Home::new();
    home.write("plan.md", PERSON);
    for (file, said) in [
        ("bind = \"127.0.0.1:0\"\nlease-ms = 5\n", ["line 2", "`lease-ms`", "`lease_ms`"]),
        ("colour = \"red\"\n", ["line 1", "`colour`", "database_url"]),
        ("bind = = 1\n", ["goalwright.toml", "line 1", "name = value"]),
    ] {
        home.write("goalwright.toml", file);
        assert_refused(home.run(&["run", "--json", "plan.md"]), 2, &said);
    }
}

#[test]
fn a_database_that_is_newer() {
    let home = Home::new();
    home.write("plan.md", "# Plan\n\n- [ ] T001 A\n  use: time.now {}\n");
    home.summary("plan.md", 0);
    home.database.execute("INSERT INTO seaql_migrations (version, applied_at) VALUES ('m9999_tomorrow', 0)");
    for arguments in [["run", "--json", "plan.md"].as_slice(), &["serve", "--bind", "127.0.0.1:0"]] {
        assert_refused(home.run(arguments), 1, &["newer", "m9999_tomorrow", "nothing was changed"]);
    }
    assert_eq!(home.database.count("goals"), 1);
}

#[test]
fn a_database_that_does_not_answer() {
    let home = Home::new();
    home.write("plan.md", PERSON);
    // A port that was free a moment ago, and that nobody answers on.
    let port =
        std::net::TcpListener::bind("127.0.0.1:0").and_then(|port| port.local_addr()).expect("a port").port();
    let mut command = home.command(&["run", "--json", "plan.md"]);
    command.env("DATABASE_URL", format!("postgres://ada:hunter2@127.0.0.1:{port}/gw"));
    let ended = Running::start(command).end();
    assert!(!ended.stderr.contains("hunter2"), "{ended:?}");
    assert_refused(ended, 1, &["DATABASE_URL"]);
    home.write(
        "text.db",
        "this is no database, but long enough to be read as the first page of one\n".repeat(100),
    );
    let mut command = home.command(&["run", "--json", "plan.md"]);
    command.env("DATABASE_URL", "sqlite://text.db");
    assert_refused(Running::start(command).end(), 1, &["text.db"]);
}

#[test]
fn a_plan_that_fails_ends_with_1() {
    let home = Home::new();
    home.write("plan.md", "# Plan\n\n- [ ] T001 Read\n  use: file.read {\"path\": \"gone.txt\"}\n- [ ] T002 Next (depends on T001)\n  use: time.now {}\n");
    let summary = home.summary("plan.md", 1);
    assert_eq!(summary["status"], "failed");
    let failure = &summary["failures"][0];
    assert_eq!((&failure["task"], &failure["error"]["type"]), (&json!("T001"), &json!("FileNotFound")));
    assert_eq!((&summary["tasks"]["failed"], &summary["tasks"]["pending"]), (&json!(1), &json!(1)));
    assert_eq!(home.database.count("experiences"), 1, "a failed execution has its experience");

    let told = home.run(&["run", "plan.md"]).has_code(1);
    assert!(told.stdout.contains("T001") && told.stdout.contains("gone.txt"), "{told:?}");
    assert!(told.stderr.contains("help: ") && told.stderr.contains("--new"), "{told:?}");
    assert_eq!(
        home.database.count("attempts"),
        1,
        "what failed for good is not tried again by looking at it"
    );

    home.write("gone.txt", "back\n");
    let ended = home.run(&["run", "--json", "--new", "plan.md"]).has_code(0);
    assert_eq!(ended.json()["status"], "achieved");
}

#[test]
fn a_plan_that_needs_a_person_ends_with_3() {
    let home = Home::new();
    home.write(
        "plan.md",
        "# Plan\n\n- [ ] T001 Note\n  use: time.now {}\n- [ ] T002 Sign the letter (depends on T001)\n",
    );
    let summary = home.summary("plan.md", 3);
    assert_eq!((&summary["status"], &summary["tasks"]["completed"]), (&json!("waiting"), &json!(1)));
    assert_eq!(summary["waiting"][0]["task"], "T002");
    let told = home.run(&["run", "--no-input", "plan.md"]).has_code(3);
    assert!(told.stdout.contains("Sign the letter"), "{told:?}");
    assert!(told.stderr.contains("help: ") && told.stderr.contains("again to resume"), "{told:?}");
    assert_eq!(home.database.count("goals"), 1, "the same goal again");

    let server = home.serve("api");
    let task = &server.api.all("/v1/tasks?status=waiting")[0];
    let path = format!("/v1/tasks/{}/complete", task["id"].as_str().expect("an id"));
    server.api.post(&path, &json!({"result": "signed"}));
    server.process.terminate().has_code(0);
    assert_eq!(home.database.texts("SELECT status FROM goals"), ["achieved"]);
}

#[test]
fn an_edited_plan_changes_its_goal_and_begins_anew_only_when_told_to() {
    let home = Home::new();
    home.write("plan.md", PERSON);
    let first = home.summary("plan.md", 3);
    let before = home.database.count("tasks");
    let more = format!("{PERSON}- [ ] T009 [P] Look at the clock\n  use: time.now\n");
    home.write("plan.md", &more);
    let told = home.run(&["run", "--no-input", "plan.md"]).has_code(3);
    assert!(told.stderr.contains("the plan was edited: 1 added"), "{told:?}");
    let edited = home.summary("plan.md", 3);
    assert_eq!((&edited["goal_id"], edited["resumed"].as_bool()), (&first["goal_id"], Some(true)));
    assert_eq!((home.database.count("goals"), home.database.count("tasks")), (1, before + 1));

    let second = home.run(&["run", "--json", "--no-input", "--new", "plan.md"]).has_code(3).json();
    assert_ne!(first["goal_id"], second["goal_id"]);
    let third = home.summary("plan.md", 3);
    assert_eq!(second["goal_id"], third["goal_id"], "the newest goal is resumed");
    home.write("plan.md", PERSON);
    let back = home.run(&["run", "--no-input", "plan.md"]).has_code(3);
    assert!(back.stderr.contains("finished_task_missing") || back.stderr.contains("resuming"), "{back:?}");
    home.write("plan.md", "# Nothing\n");
    assert_refused(home.run(&["run", "--json", "--no-input", "plan.md"]), 2, &["no checklist item"]);
}
