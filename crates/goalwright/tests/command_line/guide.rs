//! The guide shows what happens: each of its commands is run, and says what stands there.

use std::io::Write as _;
use std::process::Stdio;

use crate::home::Home;
use crate::words::settled;

const GUIDE: &str = include_str!("../../../../docs/guides/command-line.md");
/// Stands on a line of its own between the outputs of two commands.
const MARK: &str = "=== the next command ===";

/// A command of the guide, and what stands below it.
#[derive(Debug)]
struct Shown {
    command: String,
    output: String,
}

/// The commands in the blocks that are marked with `console`, in their order.
fn shown() -> Vec<Shown> {
    let mut all: Vec<Shown> = Vec::new();
    let mut inside = false;
    for line in GUIDE.lines() {
        if line.starts_with("```") {
            inside = !inside && line == "```console";
        } else if let Some(command) = line.strip_prefix("$ ").filter(|_| inside) {
            all.push(Shown { command: command.to_owned(), output: String::new() });
        } else if let Some(shown) = all.last_mut().filter(|_| inside) {
            shown.output.push_str(line);
            shown.output.push('\n');
        }
    }
    all
}

#[test]
fn every_command_of_the_guide_says_what_is_written_below_it() {
    let home = Home::new();
    let shown = shown();
    assert!(shown.len() > 30, "the guide has commands: {}", shown.len());
    let mut script = "exec 2>&1\n".to_owned();
    for Shown { command, .. } in &shown {
        script.push_str(&format!("{command}\necho '{MARK}'\n"));
    }
    let mut shell = home.program("bash");
    let mut shell = shell.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a shell");
    shell.stdin.take().expect("piped").write_all(script.as_bytes()).expect("it reads");
    let said = shell.wait_with_output().expect("it ends");
    let said = String::from_utf8(said.stdout).expect("text");
    let said: Vec<&str> = said.split(&format!("{MARK}\n")).collect();
    assert_eq!(said.len(), shown.len() + 1, "each command ended");
    let data = home.data("");
    let data = data.display().to_string();
    for (Shown { command, output }, said) in shown.iter().zip(said) {
        let said = said.replace(data.trim_end_matches('/'), "~/.local/share/goalwright");
        assert_eq!(settled(said.trim_end()), settled(output.trim_end()), "$ {command}\n{said}");
    }
}

#[test]
fn the_guide_shows_every_command() {
    let home = Home::new();
    for noun in ["goal", "task", "agent", "experience", "event", "admin"] {
        let help = home.printed(&[noun, "--help"]);
        let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1);
        let commands =
            commands.take_while(|line| !line.is_empty()).filter_map(|line| line.split_whitespace().next());
        for command in commands.filter(|command| *command != "help") {
            assert!(GUIDE.contains(&format!("goalwright {noun} {command}")), "{noun} {command} is not shown");
        }
    }
}
