//! Looking after the installation: settings, schema, counters, completions.

use crate::home::{Ended, Home};

#[test]
fn settings_are_shown_with_their_source_and_without_secrets() {
    let home = Home::new();
    let secret = "0123456789abcdef0123456789abcdef";
    home.write("goalwright.toml", "# mine\nlease_ms = 5000\n");
    let explain = |options: &[&str]| {
        let mut command = home.command(&["admin", "config"]);
        command.args(options).env("GOALWRIGHT_JWT_SECRET", secret);
        Ended::of(&mut command).has_code(0).silent()
    };
    let shown = explain(&[]);
    assert!(!shown.stdout.contains(secret), "{shown:?}");
    let row = |key: &str| {
        let line = shown.stdout.lines().find(|line| line.starts_with(key)).expect("a row");
        line.split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(row("lease_ms"), "lease_ms 5000 goalwright.toml, line 2");
    assert_eq!(row("jwt_secret"), "jwt_secret <secret> environment: GOALWRIGHT_JWT_SECRET");
    assert_eq!(row("bind"), "bind 127.0.0.1:8080 default");
    let json = explain(&["--json"]);
    assert!(!json.stdout.contains(secret));
    let json = json.json();
    assert_eq!((&json["lease_ms"]["source"], &json["lease_ms"]["line"]), (&"file".into(), &2.into()));
    home.write("goalwright.toml", "lease = 5000\n");
    let refused = home.run(&["admin", "config"]).has_code(2);
    assert!(refused.stderr.contains("help: did you mean `lease_ms`?"), "{refused:?}");
}

#[test]
fn what_would_be_migrated_is_told_before_anything_is_written() {
    let home = Home::new();
    let would = home.run(&["admin", "migrate", "--dry-run"]).has_code(0);
    assert!(would.stdout.starts_with("would apply m0001_"), "{would:?}");
    assert!(!home.data("goalwright.db").exists(), "not even an empty file");
    let done = home.run(&["admin", "migrate"]).has_code(0);
    assert_eq!(done.stdout, would.stdout.replace("would apply", "applied"));
    for options in [&["--dry-run"][..], &[]] {
        let arguments: Vec<&str> = ["admin", "migrate"].iter().chain(options).copied().collect();
        let again = home.run(&arguments).has_code(0);
        assert!(again.stdout.is_empty() && again.stderr.contains("up to date"), "{again:?}");
    }
    let mut off = home.command(&["goal", "list"]);
    Ended::of(off.env("GOALWRIGHT_MIGRATE", "off")).has_code(0);
}

#[test]
fn counters_that_agree_are_left_alone() {
    let home = Home::new();
    home.id(&["goal", "create", "Ship"]);
    for options in [&["--dry-run"][..], &[]] {
        let arguments: Vec<&str> = ["admin", "rebuild"].iter().chain(options).copied().collect();
        let ended = home.run(&arguments).has_code(0);
        assert!(ended.stdout.is_empty() && ended.stderr.contains("agree with their tasks"), "{ended:?}");
    }
}

#[test]
fn the_file_of_settings_is_written_once() {
    let home = Home::new();
    let first = home.run(&["init"]).has_code(0);
    assert_eq!(first.stdout, "wrote goalwright.toml\n");
    assert!(first.stderr.contains("`goalwright admin config`"), "{first:?}");
    let written = std::fs::read_to_string(home.path("goalwright.toml")).expect("written");
    assert!(written.contains("#lease_ms = 30000") && !written.contains("Copy this file"), "{written}");
    home.run(&["admin", "config"]).has_code(0);

    home.write("goalwright.toml", "# mine\n");
    let refused = home.run(&["init"]).has_code(2);
    assert!(refused.stderr.contains("--force"), "{refused:?}");
    assert_eq!(std::fs::read_to_string(home.path("goalwright.toml")).expect("there"), "# mine\n");
    home.run(&["init", "--force"]).has_code(0);
    assert_eq!(std::fs::read_to_string(home.path("goalwright.toml")).expect("there"), written);
    home.run(&["init", "ops/here"]).has_code(0);
    assert_eq!(std::fs::read_to_string(home.path("ops/here/goalwright.toml")).expect("there"), written);
    home.write("broken/goalwright.toml", "= =");
    let mut command = home.command(&["init", "--force"]);
    Ended::of(command.current_dir(home.path("broken"))).has_code(0);
}

#[test]
fn shells_get_their_completions() {
    let home = Home::new();
    for (shell, mark) in
        [("bash", "complete -F"), ("zsh", "#compdef goalwright"), ("fish", "complete -c goalwright")]
    {
        let script = home.run(&["completions", shell]).has_code(0).silent().stdout;
        assert!(script.contains(mark) && script.contains("decompose"), "{shell}");
    }
    let check = "goalwright completions bash | bash -n";
    Ended::of(home.program("sh").args(["-c", check])).has_code(0).silent();
}
