use clap::{Command, CommandFactory, Parser};

use super::Cli;

#[test]
fn the_command_line_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn mistakes_end_with_2_and_help_with_0() {
    for (arguments, code) in [
        (vec!["goalwright", "run"], 2),
        (vec!["goalwright", "fly"], 2),
        (vec!["goalwright", "goal", "fly"], 2),
        (vec!["goalwright", "goal", "update", "1cef10aa"], 2),
        (vec!["goalwright", "goal", "import"], 2),
        (vec!["goalwright", "goal", "import", "plan.md", "--update"], 2),
        (vec!["goalwright", "goal", "list", "--limit", "0"], 2),
        (vec!["goalwright", "goal", "list", "--all", "--limit", "5"], 2),
        (vec!["goalwright", "task", "depend", "x"], 2),
        (vec!["goalwright", "agent", "create", "x", "--kind", "robot"], 2),
        (vec!["goalwright", "token", "--expires", "soon"], 2),
        (vec!["goalwright", "serve", "--roles", "cook"], 2),
        (vec!["goalwright", "completions", "tcsh"], 2),
        (vec!["goalwright", "--color", "sometimes", "goal", "list"], 2),
        (vec!["goalwright", "--help"], 0),
        (vec!["goalwright", "--version"], 0),
    ] {
        let error = Cli::try_parse_from(&arguments).expect_err("not run");
        assert_eq!(error.exit_code(), code, "{arguments:?}");
    }
}

#[test]
fn options_of_every_command_are_taken_in_any_place() {
    for arguments in [
        vec!["goalwright", "--color", "never", "goal", "--json", "list", "--server", "http://x"],
        vec!["goalwright", "goal", "list", "--json", "--quiet", "--color=always"],
        vec!["goalwright", "task", "list", "-q", "--token", "t"],
    ] {
        assert!(Cli::try_parse_from(&arguments).is_ok(), "{arguments:?}");
    }
}

/// Every page of help, under the words that lead to it.
#[test]
fn help_is_as_it_was_written() {
    let mut pages = String::new();
    collect(&Cli::command(), &mut vec!["goalwright".to_owned()], &mut pages);
    insta::assert_snapshot!("help", pages);
}

#[test]
fn every_command_shows_an_example() {
    fn look(command: &Command, path: &str, lacking: &mut Vec<String>) {
        let path = format!("{path} {}", command.get_name());
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        if !help.contains("  goalwright ") && !path.contains(" help") {
            lacking.push(path.clone());
        }
        command.get_subcommands().for_each(|inner| look(inner, &path, lacking));
    }
    let mut lacking = Vec::new();
    look(&Cli::command(), "", &mut lacking);
    assert_eq!(lacking, Vec::<String>::new());
}

fn collect(command: &Command, path: &mut Vec<String>, pages: &mut String) {
    let asked = path.iter().map(String::as_str).chain(["--help"]);
    let page =
        Cli::command().term_width(100).try_get_matches_from(asked).expect_err("help is no match").to_string();
    let lines: Vec<&str> = page.lines().map(str::trim_end).collect();
    pages.push_str(&format!("─── {}\n\n{}\n\n", path.join(" "), lines.join("\n")));
    for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help") {
        path.push(inner.get_name().to_owned());
        collect(inner, path, pages);
        path.pop();
    }
}
