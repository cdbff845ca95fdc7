//! Lists: as long as asked for, quiet about what is not there, and without complaint where nobody reads on.

use std::fmt::Write as _;

use crate::home::{Ended, Home};

const TASKS: usize = 230;

fn many() -> Home {
    let home = Home::new();
    let mut plan = "# Many\n\n".to_owned();
    for number in 1..=TASKS {
        let _ = writeln!(plan, "- [ ] T{number:03} Task {number}");
    }
    home.write("plan.md", &plan);
    home.id(&["goal", "import", "plan.md"]);
    home
}

#[test]
fn a_list_is_as_long_as_it_is_asked_for() {
    let home = many();
    let count = |options: &[&str]| {
        let arguments: Vec<&str> = ["task", "list"].iter().chain(options).copied().collect();
        let list = home.json(&arguments);
        (list["items"].as_array().map(Vec::len), list["next_cursor"].is_null())
    };
    assert_eq!(count(&[]), (Some(50), false));
    assert_eq!(count(&["--limit", "3"]), (Some(3), false));
    assert_eq!(count(&["--limit", "210"]), (Some(210), false), "more than one page");
    assert_eq!(count(&["--all"]), (Some(TASKS), true));
    let first = home.run(&["task", "list", "--limit", "2"]).has_code(0);
    assert_eq!(first.stdout.lines().count(), 3, "a title and two rows: {first:?}");
    assert!(first.stderr.contains("--all"), "{first:?}");
    let all = home.run(&["task", "list", "--all", "--quiet"]).has_code(0).silent();
    let mut ids: Vec<&str> = all.stdout.lines().collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), TASKS, "each once");
}

#[test]
fn where_there_is_nothing_it_is_said_what_to_do() {
    let home = Home::new();
    for (arguments, said) in [
        (vec!["goal", "list"], "`goalwright goal create TITLE`"),
        (vec!["task", "list"], "`goalwright task create TITLE`"),
        (vec!["task", "list", "--status", "failed"], "`goalwright task list` shows all"),
        (vec!["experience", "list"], "no experiences"),
        (vec!["agent", "list", "--status", "retired"], "no agents"),
        (vec!["event", "list", "--type", "goal.achieved"], "no events"),
    ] {
        let ended = home.run(&arguments).has_code(0);
        assert!(ended.stdout.is_empty() && ended.stderr.contains(said), "{arguments:?}: {ended:?}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let home = many();
    let script = "{ goalwright task list --all; echo $? >code; } | head -1";
    let ended = Ended::of(home.program("sh").args(["-c", script])).has_code(0);
    assert!(ended.stderr.is_empty() && ended.stdout.lines().count() == 1, "{ended:?}");
    assert_eq!(std::fs::read_to_string(home.path("code")).expect("written").trim(), "0");
}
