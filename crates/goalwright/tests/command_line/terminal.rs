//! Colours go to terminals, and to whoever insists.

use crate::home::{Ended, Home};

fn painted(home: &Home, variables: &[(&str, &str)], options: &[&str]) -> bool {
    let arguments: Vec<&str> = ["goal", "list"].iter().chain(options).copied().collect();
    let mut command = home.command(&arguments);
    command.envs(variables.iter().copied());
    let ended = Ended::of(&mut command).has_code(0);
    assert!(ended.stdout.contains("Ship"), "{ended:?}");
    ended.stdout.contains('\u{1b}')
}

#[test]
fn a_pipe_gets_no_colours_unless_somebody_insists() {
    let home = Home::new();
    home.id(&["goal", "create", "Ship"]);
    let terminal = ("TERM", "xterm-256color");
    assert!(!painted(&home, &[terminal], &[]));
    assert!(!painted(&home, &[terminal], &["--color", "auto"]));
    assert!(painted(&home, &[terminal], &["--color", "always"]));
    assert!(painted(&home, &[terminal, ("CLICOLOR_FORCE", "1")], &[]));
    assert!(!painted(&home, &[terminal, ("CLICOLOR_FORCE", "1")], &["--color", "never"]));
    assert!(!painted(&home, &[terminal, ("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], &[]));
}

/// `script` gives the command a terminal; where it is not installed there is nothing to look at.
#[test]
fn a_terminal_gets_colours_and_lines_that_fit() {
    let home = Home::new();
    let title = "A title that is far longer than what is left of a line of eighty characters, or of sixty";
    home.id(&["goal", "create", title]);
    if Ended::of(home.program("sh").args(["-c", "command -v script"])).code != Some(0) {
        return;
    }
    let shown = |variables: &str, columns: u16| {
        let inner = format!("stty cols {columns}; {variables} goalwright goal list");
        let mut command = home.program("script");
        command.args(["-qec", &inner, "/dev/null"]).env("TERM", "xterm-256color");
        Ended::of(&mut command).has_code(0).stdout.replace('\r', "")
    };
    for columns in [60, 80, 120] {
        let text = shown("", columns);
        assert!(text.contains('\u{1b}'), "{text:?}");
        for line in anstream::adapter::strip_str(&text).to_string().lines() {
            assert!(line.chars().count() <= usize::from(columns), "{columns}: {line}");
        }
    }
    assert!(shown("", 60).contains('…') && !shown("", 200).contains('…'));
    for variables in ["NO_COLOR=1", "TERM=dumb"] {
        assert!(!shown(variables, 80).contains('\u{1b}'), "{variables}");
    }
}
