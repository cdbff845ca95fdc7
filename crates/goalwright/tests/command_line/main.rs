//! The binary itself. That this suite is here has a second use: it makes Cargo build the binary along with the tests
//! of the workspace, so that the suite of processes finds it.

mod admin;
mod alike;
mod backfill;
mod fake;
mod guide;
mod guides;
mod home;
mod import;
mod lists;
mod plans;
mod record;
mod shown;
mod tasks;
mod terminal;
mod transports;
mod words;

use home::Home;

#[test]
fn it_says_what_it_is_and_what_it_can_do() {
    let home = Home::new();
    let printed = |arguments: &[&str]| home.run(arguments).has_code(0).silent().stdout;
    assert_eq!(printed(&["--version"]), format!("goalwright {}\n", env!("CARGO_PKG_VERSION")));
    let help = printed(&["--help"]);
    for command in ["run", "serve", "token", "goal", "task", "agent", "experience", "event", "admin", "init"]
    {
        assert!(help.lines().any(|line| line.trim_start().starts_with(command)), "{command} in {help}");
    }
    let help = printed(&["run", "--help"]);
    for option in ["--json", "--no-input", "--new", "Ends with 0 when"] {
        assert!(help.contains(option), "{option} in {help}");
    }
}

#[test]
fn what_is_no_command_is_refused_with_what_is_near() {
    let home = Home::new();
    let ended = home.run(&["goal", "lsit"]).has_code(2);
    assert!(ended.stderr.starts_with("error: unrecognized subcommand 'lsit'"), "{ended:?}");
    assert!(
        ended.stderr.contains("'list'") && ended.stderr.contains("\nhelp: `goalwright --help`"),
        "{ended:?}"
    );
}
