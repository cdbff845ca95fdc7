//! Whether the local database or a server is asked: the same words, the same ends.

use crate::home::{Ended, Home};
use crate::words::settled;

const PLAN: &str = "# Greet the files\n\n- [ ] T001 List the files\n  use: file.list {\"glob\": \"*.txt\"}\n\
                    - [ ] T002 Read it over (depends on T001)\n- [x] T003 [P] Buy paper\n";

/// What is done, in this order; nothing of it depends on a worker.
const COMMANDS: &[&[&str]] = &[
    &["goal", "list"],
    &["goal", "create", "Ship the guide", "--criterion", "Every page is read", "--due", "2030-01-01"],
    &["goal", "list", "--status", "active"],
    &["task", "create", "Read the guide"],
    &["task", "create", "Print the guide", "--after", "read-the-guide", "--priority", "5"],
    &["task", "list"],
    &["task", "show", "print-the-guide"],
    &["task", "complete", "read-the-guide", "--summary", "read", "--result", "{\"pages\": 12}"],
    &["task", "complete", "read-the-guide"],
    &["task", "show", "read-the-guide"],
    &["goal", "import", "plan.md", "--dry-run"],
    &["goal", "import", "cycle.md"],
    &["goal", "import", "notes.txt"],
    &["goal", "import", "missing.md"],
    &["goal", "create", ""],
    &["goal", "show", "01a1fca3-d642-76f1-acec-dffb169cef10"],
    &["goal", "show", "ffffffff"],
    &["task", "show", "nowhere"],
    &["task", "create", "x", "--use", "nothing.known {}"],
    &["agent", "list"],
    &["agent", "create", "reviewer", "--kind", "human", "--capability", "review", "--limit", "2"],
    &["agent", "create", "reviewer", "--kind", "human"],
    &["agent", "show", "reviewer"],
    &["experience", "list"],
    &["task", "ready", "print-the-guide"],
    &["task", "next"],
    &["task", "update", "print-the-guide", "--title", "Print it"],
    &["task", "create", "Bind the guide"],
    &["task", "depend", "bind-the-guide", "--on", "print-the-guide"],
    &["task", "depend", "print-the-guide", "--on", "bind-the-guide"],
    &["task", "assign", "print-the-guide", "reviewer"],
    &["task", "skip", "bind-the-guide", "--reason", "nobody asks for it"],
    &["task", "cancel", "print-the-guide"],
    &["task", "cancel", "print-the-guide"],
    &["task", "delete", "bind-the-guide", "--yes"],
    &["task", "list", "--search", "guide"],
    &["agent", "retire", "reviewer", "--yes"],
    &["agent", "retire", "local", "--yes"],
    &["experience", "add", "Slow on Mondays"],
    &["experience", "add", "x", "--type", "TASK_EXECUTION"],
    &["event", "list", "--type", "task.completed"],
    &["event", "list", "--entity", "task/read-the-guide"],
];

fn prepared() -> Home {
    let home = Home::new();
    home.write("plan.md", PLAN);
    home.write("cycle.md", "# C\n\n- [ ] T001 A (depends on T002)\n- [ ] T002 B (depends on T001)\n");
    home.write("notes.txt", "Nothing to do here.\n");
    home
}

fn told(ended: &Ended) -> String {
    format!("[{}]\n{}\n--\n{}", ended.code.unwrap_or(-1), settled(&ended.stdout), settled(&ended.stderr))
}

#[test]
fn both_ways_say_the_same() {
    let (here, there) = (prepared(), prepared());
    let server = there.serve();
    for arguments in COMMANDS {
        let local = here.run(arguments);
        let mut command = there.command(arguments);
        command.env("GOALWRIGHT_SERVER", &server.url).env("GOALWRIGHT_TOKEN", &server.token);
        let remote = Ended::of(&mut command);
        assert_eq!(told(&local), told(&remote), "{arguments:?}");
    }
}

#[test]
fn json_is_what_the_interface_answers_and_nothing_else() {
    let home = prepared();
    let goal = home.run(&["goal", "create", "Ship", "--json"]).has_code(0).silent().json();
    let server = home.serve();
    let show = ["goal", "show", goal["id"].as_str().expect("an id"), "--json"];
    let local = home.run(&show).has_code(0).silent();
    let remote = Ended::of(home.command(&show).args(["--server", &server.url, "--token", &server.token]));
    assert_eq!(local.stdout, remote.has_code(0).silent().stdout, "byte by byte");
    assert_eq!(local.json(), goal);
    let refused = home.run(&["goal", "show", "01a1fca3-d642-76f1-acec-dffb169cef10", "--json"]).has_code(2);
    assert!(refused.stdout.is_empty() && refused.stderr.starts_with("error: "), "{refused:?}");
}

#[test]
fn a_server_that_does_not_let_us_in_is_told_with_what_to_do() {
    let home = prepared();
    let server = home.serve();
    for (options, said, code) in [
        (vec!["--server", &server.url], "`goalwright token`", 1),
        (vec!["--server", &server.url, "--token", "nonsense"], "`goalwright token`", 1),
        (vec!["--server", "http://127.0.0.1:1", "--token", "x"], "`goalwright serve` runs there", 1),
        (vec!["--server", "nonsense"], "such as http://127.0.0.1:8080", 2),
        (vec!["--token", "nonsense"], "act as the local user", 1),
    ] {
        let arguments: Vec<&str> = ["goal", "list"].into_iter().chain(options).collect();
        let ended = home.run(&arguments).has_code(code);
        assert!(ended.stdout.is_empty() && ended.stderr.starts_with("error: "), "{ended:?}");
        assert!(ended.stderr.contains("\nhelp: ") && ended.stderr.contains(said), "{said}: {ended:?}");
    }
}

#[test]
fn the_token_says_who_acts_and_the_workspace_where() {
    let home = prepared();
    home.run(&["goal", "create", "Mine"]).has_code(0);
    let token = home.printed(&["token", "--user", "eve"]);
    let theirs = home.json(&["goal", "list", "--token", token.trim_end()]);
    assert_eq!(theirs["items"].as_array().map(Vec::len), Some(0), "another user has other goals");
    let workspace = home.json(&["goal", "list"])["items"][0]["workspace_id"].clone();
    let workspace = workspace.as_str().expect("an id");
    assert_eq!(home.json(&["goal", "list", "--workspace", workspace])["items"][0]["title"], "Mine");
    home.run(&["goal", "list", "--workspace", workspace, "--token", token.trim_end()]).has_code(1);
}
