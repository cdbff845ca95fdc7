//! Plans that are too large are refused with both numbers, before anything is written.

use std::fmt::Write as _;

use rstest::rstest;

use crate::home::Home;

fn tasks(count: usize) -> String {
    (1..=count).fold("# Many\n\n".to_owned(), |mut plan, number| {
        let _ = writeln!(plan, "- [ ] T{number:05} Task");
        plan
    })
}

fn bytes(count: usize) -> String {
    let line =
        "- [ ] T001 A title that is as long as titles are, and that says nothing at all about anything\n";
    let mut plan = "# Long\n\n".to_owned();
    plan.push_str(&line.repeat((count - plan.len()) / line.len()));
    plan.push_str(&" ".repeat(count - plan.len()));
    plan
}

/// Every task of a phase waits for every task of the one before.
fn phases(count: usize) -> String {
    let mut plan = "# Wide\n".to_owned();
    for phase in 1..=2 {
        let _ = writeln!(plan, "\n## Phase {phase}: Wide\n");
        for number in 1..=count {
            let _ = writeln!(plan, "- [ ] T{phase}{number:04} [P] Task");
        }
    }
    plan
}

#[rstest]
#[case::tasks(tasks(50_000), ["50000 tasks", "10000"])]
#[case::bytes(bytes(10 * 1024 * 1024), ["10485760 bytes", "4194304"])]
#[case::dependencies(phases(1_000), ["1000000 dependencies", "100000"])]
fn a_plan_beyond_a_limit(#[case] plan: String, #[case] numbers: [&str; 2]) {
    let home = Home::new();
    home.write("plan.md", plan);
    let ended = home.run(&["run", "--json", "plan.md"]).has_code(2);
    assert_eq!(ended.stdout, "");
    assert!(ended.stderr.len() < 2_000, "an answer, not the plan again: {ended:?}");
    for part in ["error: ", "help: ", "nothing was written"].iter().chain(&numbers) {
        assert!(ended.stderr.contains(part), "{part}: {ended:?}");
    }
    for table in ["goals", "tasks", "task_dependencies", "runs"] {
        assert_eq!(home.database.count(table), 0, "{table}");
    }
}
