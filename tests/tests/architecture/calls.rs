//! Calls that have one place in the tree.

use crate::source::{code_only, is_at, makes_call};
use crate::tree::{assert_none, files};

/// Calls with one place in the tree. `clippy.toml` forbids the same calls by their resolved path; this finds them
/// in code that clippy does not compile, and behind an `allow`.
const RULES: &[Rule] = &[
    Rule {
        calls: &["todo!", "unimplemented!", "dbg!"],
        within: "",
        places: &[],
        instead: "finish the code, or leave it out",
    },
    Rule {
        calls: &["Utc::now", "Local::now", "SystemTime::now"],
        within: "",
        places: &[
            ("crates/infrastructure/src/clock.rs", "the system's clock"),
            ("xtask/", "developer commands do not run in production"),
            TESTS,
        ],
        instead: "take `now` as an argument, or ask the `Clock` port",
    },
    Rule {
        calls: &["Uuid::new_v4", "Uuid::now_v7"],
        within: "",
        places: &[
            ("crates/infrastructure/src/ids.rs", "the source of ids"),
            ("xtask/", "developer commands do not run in production"),
            TESTS,
        ],
        instead: "take the id as an argument, or ask the `Ids` port",
    },
    Rule {
        calls: &["tokio::spawn", "task::spawn"],
        within: "",
        places: &[
            ("crates/infrastructure/src/spawn.rs", "keeps every task, so that shutdown waits for it"),
            (
                "crates/application/src/detached.rs",
                "what is paid for is written, also for somebody who hung up",
            ),
            ("xtask/", "developer commands do not run in production"),
            TESTS,
        ],
        instead: "use infrastructure's `spawn`, which shutdown waits for",
    },
    Rule {
        calls: &["thread::sleep", "time::sleep", "park_timeout"],
        within: "tests/tests/",
        places: &[],
        instead: "wait for the state that is meant with `until`, or move the fake clock",
    },
    // Elsewhere `.begin()` is the port `Transactions`: the other crates cannot see the database (table of layers).
    Rule {
        calls: &[".begin()", ".begin_with*"],
        within: "crates/infrastructure/",
        places: &[
            ("crates/infrastructure/src/persistence/unit_of_work.rs", "opens and ends every unit of work"),
            ("crates/infrastructure/src/persistence/moment.rs", "reads at one moment, and writes nothing"),
            ("crates/infrastructure/src/persistence/migrate.rs", "a migration is no unit of work"),
            TESTS,
        ],
        instead: "use `Transactions::begin`",
    },
];

/// The suites, here and in the crates, are the outside world of what they test.
const TESTS: (&str, &str) = ("tests/", "tests stand outside");

#[test]
fn clocks_ids_tasks_and_transactions_have_one_place() {
    let files = files();
    assert!(files.len() > 20, "the walk over the tree finds the sources");
    let sources = files.iter().filter(|(path, _)| path.ends_with(".rs"));
    let violations = sources.flat_map(|(path, text)| call_violations(path, text, RULES)).collect::<Vec<_>>();
    assert_none(&violations);
}

/// Calls that only the given places may make. A place is a file, or a folder with `/` at its end; a call that ends
/// in `*` is any call that starts so.
struct Rule {
    calls: &'static [&'static str],
    within: &'static str,
    places: &'static [(&'static str, &'static str)],
    instead: &'static str,
}

fn call_violations(path: &str, text: &str, rules: &[Rule]) -> Vec<String> {
    let code = code_only(text);
    let mut violations = Vec::new();
    for rule in rules {
        let elsewhere =
            !path.starts_with(rule.within) || rule.places.iter().any(|(place, _)| is_at(path, place));
        if elsewhere {
            continue;
        }
        for (line, number) in code.lines().zip(1..) {
            for call in rule.calls.iter().filter(|call| makes_call(line, call)) {
                violations.push(format!(
                    "{path}:{number}: `{}`: {}",
                    call.trim_end_matches('*'),
                    rule.instead
                ));
            }
        }
    }
    violations
}

mod a_violation_is_noticed {
    use super::*;

    fn called_in(path: &str, text: &str) -> usize {
        call_violations(path, text, RULES).len()
    }

    #[test]
    fn in_the_code() {
        let domain = "crates/domain/src/goal/mod.rs";
        for text in [
            "let now = Utc::now();",
            "let now = chrono::Utc::now();",
            "let now = std::time::SystemTime::now();",
            "let id = Uuid::new_v4();",
            "ids.map(Uuid::now_v7)",
            "tokio::spawn(async {});",
            "tokio::task::spawn(work)",
            "todo!()",
            "/* why */ unimplemented!(\"later\")",
            "dbg!(x)",
            "let c = '\"'; todo!(); let d = '\"';",
            "let s = \"\\\"\"; todo!();",
            "let s = r#\"\"\"#; todo!();",
            "fn f<'a>(x: &'a str) { todo!() }",
        ] {
            assert_eq!(called_in(domain, text), 1, "{text}");
        }
        let store = "crates/infrastructure/src/persistence/goal/repository.rs";
        assert_eq!(called_in(store, "let t = db\n    .begin()\n    .await?;"), 1);
        assert_eq!(called_in(store, "db.begin_with_options(options)"), 1);
        assert_eq!(called_in("tests/tests/kernel/leases.rs", "tokio::time::sleep(A_WHILE).await;"), 1);
    }

    #[test]
    fn and_what_is_no_violation_is_let_through() {
        let domain = "crates/domain/src/goal/mod.rs";
        for text in [
            "// never `Utc::now()`",
            "/* outer /* todo!() */ todo!() */",
            "let text = \"todo!() and \\\" dbg!()\";",
            "let text = br##\"Uuid::new_v4() \"# \"##;",
            "tokio::spawn_blocking(work)",
            "let r#type = MyUtc::now();",
            "fn not_todo() {}",
        ] {
            assert_eq!(called_in(domain, text), 0, "{text}");
        }
        assert_eq!(called_in("crates/infrastructure/src/clock.rs", "Utc::now()"), 0);
        assert_eq!(called_in("crates/infrastructure/src/ids.rs", "Utc::now()"), 1);
        assert_eq!(called_in("crates/application/tests/settle.rs", "tokio::spawn(work)"), 0);
        assert_eq!(
            called_in("crates/application/src/goals/complete.rs", "self.transactions.begin().await?"),
            0
        );
    }
}
