//! Pages that show commands with what they print: reading them, and running what they show.

use std::process::Stdio;

use crate::home::Home;

/// Stands on a line of its own between the outputs of two commands.
const MARK: &str = "=== the next command ===";
/// Ends a file that is written in a script.
const END: &str = "=== the end of the file ===";
/// Where a page says that the server listens. A test's server takes any free port.
const ADDRESS: &str = "localhost:8080";
/// Told at the end, so that it can be taken back from what was printed.
const TELL: &str = "echo \"$address\"";

/// What a page does.
#[derive(Debug)]
enum Step {
    /// Saves a file: a fence that ends with `file=NAME`.
    File { name: String, text: String },
    /// Gives a command in a block that is marked with `console`.
    Command(Shown),
}

/// A command of a page, what stands below it, and what it said.
#[derive(Debug, Default)]
pub(crate) struct Shown {
    pub(crate) command: String,
    pub(crate) output: String,
    pub(crate) said: String,
}

/// The commands of a page in their order, run in one shell in the home's folder.
pub(crate) fn run(page: &str, home: &Home) -> Vec<Shown> {
    let steps = steps(page);
    let mut script = "exec 2>&1\ntrap 'kill $(jobs -p) 2> /dev/null' EXIT\n".to_owned();
    for step in &steps {
        match step {
            Step::File { name, text } => script.push_str(&format!("cat > {name} <<'{END}'\n{text}{END}\n")),
            Step::Command(shown) => script.push_str(&scripted(&shown.command)),
        }
    }
    script.push_str(TELL);
    let mut shell = home.program("bash");
    shell.args(["-c", &script]).stdin(Stdio::null());
    let said = shell.output().expect("a shell");
    let said = String::from_utf8(said.stdout).expect("text");
    let said: Vec<&str> = said.split(&format!("{MARK}\n")).collect();
    let address = said.last().map(|address| address.trim()).filter(|address| !address.is_empty());
    let mut shown: Vec<Shown> = steps.into_iter().filter_map(Step::command).collect();
    assert_eq!(said.len(), shown.len() + 1, "each command ended: {said:#?}");
    for (shown, said) in shown.iter_mut().zip(&said) {
        shown.said = address.map_or_else(|| (*said).to_owned(), |address| said.replace(address, ADDRESS));
    }
    shown
}

/// A command as it is run: with the true address, and a server is waited for.
fn scripted(command: &str) -> String {
    let mut script = command.replace(ADDRESS, "$address");
    if command.starts_with("goalwright serve") {
        assert!(command.contains("2> server.log &"), "`{command}` keeps what it says, in the background");
        script.insert_str(0, "GOALWRIGHT_BIND=127.0.0.1:0 ");
        script.push_str(concat!(
            "\nuntil grep -qs 'listening on' server.log || ! kill -0 $!; do sleep 0.05; done",
            "\naddress=$(sed -n 's|^listening on http://\\([^ ]*\\).*|\\1|p' server.log)",
        ));
    }
    // An answer of the interface does not end its line.
    format!("{script}\necho\necho '{MARK}'\n")
}

/// What a page does, from top to bottom.
fn steps(page: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let Some(info) = line.strip_prefix("```") else { continue };
        let block: Vec<&str> = lines.by_ref().take_while(|line| !line.starts_with("```")).collect();
        if info == "console" {
            commands(&block, &mut steps);
        } else if let Some((_, name)) = info.split_once(" file=") {
            let text = block.iter().map(|line| format!("{line}\n")).collect();
            steps.push(Step::File { name: name.to_owned(), text });
        }
    }
    steps
}

/// `$` begins a command, and the rest is what it prints.
fn commands(block: &[&str], steps: &mut Vec<Step>) {
    for line in block {
        if let Some(command) = line.strip_prefix("$ ") {
            steps.push(Step::Command(Shown { command: command.to_owned(), ..Shown::default() }));
            continue;
        }
        let Some(Step::Command(shown)) = steps.last_mut() else { panic!("`{line}` stands above a command") };
        shown.output.push_str(line);
        shown.output.push('\n');
    }
}

impl Step {
    fn command(self) -> Option<Shown> {
        match self {
            Self::Command(shown) => Some(shown),
            Self::File { .. } => None,
        }
    }
}
