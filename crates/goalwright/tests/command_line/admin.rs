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

#[test]
fn personal_data_goes_from_the_record_and_the_record_says_so() {
    let home = Home::new();
    let goal = home.id(&["goal", "create", "Visit Hopperova"]);
    home.run(&["goal", "delete", &goal, "--yes"]).has_code(0);
    let redact = |options: &[&str]| {
        let arguments = [&["admin", "redact", "--entity", goal.as_str()][..], options].concat();
        home.run(&arguments)
    };
    let unreasoned = redact(&["--reason", " "]).has_code(2);
    assert!(unreasoned.stderr.contains("say in 1 to 500 characters why"), "{unreasoned:?}");
    let events =
        |search: &str| home.run(&["event", "list", "--json"]).has_code(0).stdout.matches(search).count();
    let looked = redact(&["--reason", "asked", "--dry-run"]).has_code(0);
    assert!(looked.stdout.contains("events: 2") && events("Hopperova") > 0, "{looked:?}");
    let done = redact(&["--reason", "asked", "--json"]).has_code(0).json();
    assert_eq!((&done["events"], done["told_by"].as_array().map(Vec::len)), (&2.into(), Some(1)));
    assert_eq!((events("Hopperova"), events("event.redacted")), (0, 1));
    let again = redact(&["--reason", "asked"]).has_code(0);
    assert!(again.stderr.contains("nothing is left"), "{again:?}");
    let verified = home.run(&["admin", "verify-audit"]).has_code(0);
    assert!(verified.stdout.contains("2 of them redacted"), "{verified:?}");
    let nobody = "00000000-0000-0000-0000-000000000001";
    let unknown = home.run(&["admin", "redact", "--entity", nobody, "--reason", "asked"]).has_code(2);
    assert!(unknown.stderr.contains("no goal, task or agent"), "{unknown:?}");
}

#[test]
fn a_ledger_goes_on_with_another_key_and_says_what_that_means() {
    let home = Home::new();
    home.id(&["goal", "create", "Ship"]);
    let going_on = |options: &[&str]| {
        let arguments = [&["admin", "continue-ledger", "--reason", "seen"][..], options].concat();
        home.run(&arguments)
    };
    let verified = || home.run(&["admin", "verify-audit", "--json"]);
    let before = std::fs::read(home.data("audit-key")).expect("a key");
    let looked = going_on(&["--dry-run"]).has_code(0);
    assert!(looked.stderr.contains("can still be verified"), "{looked:?}");
    assert_eq!(std::fs::read(home.data("audit-key")).expect("a key"), before);
    // Handed over: all of it is verified with both keys.
    going_on(&[]).has_code(0);
    assert_ne!(std::fs::read(home.data("audit-key")).expect("a key"), before);
    assert_eq!(std::fs::read_dir(home.data("audit-keys")).expect("both").count(), 2);
    home.id(&["goal", "create", "Ship again"]);
    let whole = verified().has_code(0).json();
    assert_eq!((&whole["valid"], &whole["ledgers"][0]["unverifiable"]), (&true.into(), &0.into()));
    let pretended = going_on(&["--key-is-lost", "0123456789abcdef"]).has_code(2);
    assert!(pretended.stderr.contains("is here and not lost"), "{pretended:?}");

    // Lost: nothing opens, and nothing goes on before somebody says which key is lost.
    std::fs::remove_file(home.data("audit-key")).expect("removes");
    std::fs::remove_dir_all(home.data("audit-keys")).expect("removes");
    let refused = home.run(&["goal", "list"]).has_code(1);
    assert!(refused.stderr.contains("admin continue-ledger"), "{refused:?}");
    let asked = going_on(&[]).has_code(2);
    let help = asked.stderr.split("--key-is-lost ").nth(1).expect("what to say");
    let lost: String = help.chars().take_while(char::is_ascii_hexdigit).collect();
    assert_eq!(lost.len(), 16);
    going_on(&["--key-is-lost", "0123456789abcdef"]).has_code(2);
    going_on(&["--key-is-lost", &lost]).has_code(0);
    home.id(&["goal", "create", "Ship on"]);
    let told = verified().has_code(0).json();
    let ledger = &told["ledgers"][0];
    assert_eq!(&told["valid"], &true);
    assert!(
        ledger["unverifiable"].as_i64() > Some(0)
            && ledger["unverifiable"].as_i64() < ledger["events"].as_i64()
    );
    let shown = home.run(&["admin", "verify-audit"]).has_code(0);
    assert!(shown.stdout.contains("cannot be verified, since their key was lost"), "{shown:?}");
    // What was noted of the loss is what makes it one.
    std::fs::remove_file(home.data("audit-anchors.json")).expect("removes");
    verified().has_code(1);
}
