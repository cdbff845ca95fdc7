//! The binary itself. That this suite is here has a second use: it makes Cargo build the binary along with the tests
//! of the workspace, so that the suite of processes finds it. What the commands do is shown there.

use std::process::Command;

fn printed(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_goalwright"))
        .args(arguments)
        .env_clear()
        .output()
        .expect("the binary starts");
    assert!(output.status.success() && output.stderr.is_empty(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn it_says_what_it_is_and_what_it_can_do() {
    assert_eq!(printed(&["--version"]), format!("goalwright {}\n", env!("CARGO_PKG_VERSION")));
    let help = printed(&["--help"]);
    for command in ["run", "serve", "token"] {
        assert!(help.lines().any(|line| line.trim_start().starts_with(command)), "{command} in {help}");
    }
    let help = printed(&["run", "--help"]);
    for option in ["--json", "--no-input", "--new"] {
        assert!(help.contains(option), "{option} in {help}");
    }
}
