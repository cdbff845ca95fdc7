//! The guide shows what happens: each of its commands is run, and says what stands there.

use crate::alike::alike;
use crate::home::Home;
use crate::shown::{self, Shown};

const GUIDE: &str = include_str!("../../../../docs/guides/command-line.md");

#[test]
fn every_command_of_the_guide_says_what_is_written_below_it() {
    let home = Home::new();
    let shown = shown::run(GUIDE, &home);
    assert!(shown.len() > 30, "the guide has commands: {}", shown.len());
    let data = home.data("");
    let data = data.display().to_string();
    for Shown { command, output, said } in &shown {
        let said = said.replace(data.trim_end_matches('/'), "~/.local/share/goalwright");
        assert!(alike(output, &said), "$ {command}\n{said}\n-- is shown as --\n{output}");
    }
}

#[test]
fn the_guide_shows_every_command() {
    let home = Home::new();
    for noun in ["goal", "task", "agent", "api-key", "experience", "event", "admin"] {
        let help = home.printed(&[noun, "--help"]);
        let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1);
        let commands =
            commands.take_while(|line| !line.is_empty()).filter_map(|line| line.split_whitespace().next());
        for command in commands.filter(|command| *command != "help") {
            assert!(GUIDE.contains(&format!("goalwright {noun} {command}")), "{noun} {command} is not shown");
        }
    }
}
