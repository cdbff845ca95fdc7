//! `kill -9` while commands run.

use std::fs;

use goalwright_testkit::Backend;
use rstest::rstest;
use serde_json::json;

use crate::home::Home;
use crate::process::until;

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
fn commands_die_with_the_process_that_runs_them(#[case] backend: Backend) {
    let Some(home) = Home::on(backend) else { return };
    let home = home.with("GOALWRIGHT_LEASE_MS", "700").with("GOALWRIGHT_SHELL", "on");
    // The first time it says which processes it has, and goes on for ever; later it just ends.
    let command = |name: &str| {
        format!("test -e {name} && exit 0; sleep 600 & echo $$ $! > {name}.new; mv {name}.new {name}; wait")
    };
    let plan = format!(
        "# Scripts\n\n- [ ] T001 [P] Once\n  use: shell.run {}\n- [ ] T002 [P] Again\n  use: shell.run {}\n",
        json!({"command": command("once")}),
        json!({"command": command("again"), "effect": "idempotent"}),
    );
    home.write("scripts.md", plan);
    let run = home.start(&["run", "--json", "--no-input", "scripts.md"]);
    let processes = until("both run", || {
        let told = |name: &str| fs::read_to_string(home.path(name)).ok();
        Some(format!("{} {}", told("once")?, told("again")?))
    });
    run.kill();
    for id in processes.split_whitespace() {
        // One that nobody waits for is dead all the same.
        until("it is dead", || {
            let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
            (stat.is_empty() || stat.contains(") Z ")).then_some(())
        });
    }
    let ended = home.run(&["run", "--json", "--no-input", "scripts.md"]).has_code(3);
    assert_eq!(ended.json()["tasks"]["completed"], 1, "what may be repeated is");
    let server = home.serve("api");
    let waiting = server.api.all("/v1/tasks?status=waiting");
    assert_eq!(waiting.len(), 1);
    assert_eq!((&waiting[0]["key"], &waiting[0]["waiting"]["kind"]), (&json!("T001"), &json!("decision")));
    server.process.terminate().has_code(0);
}

#[test]
fn commands_are_refused_unless_they_are_allowed() {
    let home = Home::new();
    home.write("script.md", "# Script\n\n- [ ] T001 Run\n  use: shell.run {\"command\": \"touch ran\"}\n");
    let refused = home.run(&["run", "--no-input", "script.md"]);
    assert_ne!(refused.code, Some(0));
    let said = format!("{}{}", refused.stdout, refused.stderr);
    assert!(said.contains("GOALWRIGHT_SHELL=on"), "{said}");
    assert!(!home.path("ran").exists());
}
