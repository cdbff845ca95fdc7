//! What `admin rebuild` finds, says, mends and leaves.

use goalwright_testkit::Backend;
use rstest::rstest;

use crate::home::Home;

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
fn what_does_not_agree_is_named_and_ends_with_1(#[case] backend: Backend) {
    let Some(home) = Home::on(backend) else { return };
    home.write("plan.md", "# Letters\n\n- [ ] T001 Pay Ada\n  use: time.now\n");
    home.summary("plan.md", 0);
    let rebuild = |options: &[&str]| home.run(&[&["admin", "rebuild"][..], options].concat());
    let sound = rebuild(&["--dry-run"]).has_code(0);
    assert!(sound.stdout.is_empty() && sound.stderr.contains("are what their events tell"), "{sound:?}");

    // A counter is derived: it is told, and mended.
    home.database.execute("UPDATE goal_progress SET failed = 3");
    let told = rebuild(&["--dry-run"]).has_code(1);
    assert!(told.stdout.contains("failed 3 → 0"), "{told:?}");
    let mended = rebuild(&[]).has_code(0);
    assert!(mended.stderr.contains("mended the counters of 1 goals"), "{mended:?}");
    rebuild(&["--dry-run"]).has_code(0);

    // A row is not: it is told, and left.
    let task = home.database.texts("SELECT CAST(slug AS TEXT) FROM tasks").pop().expect("one");
    home.database.execute("UPDATE tasks SET title = 'Pay Bob'");
    for options in [&["--dry-run"][..], &[]] {
        let told = rebuild(options).has_code(1);
        let said = "title is \"Pay Bob\" in its row, and \"Pay Ada\" by its events";
        assert!(told.stdout.starts_with("task ") && told.stdout.contains(said), "{told:?}");
        assert!(told.stderr.contains("1 goals, tasks and agents are not what their events tell"), "{told:?}");
        assert!(told.stderr.contains("verify-audit"), "{told:?}");
    }
    assert_eq!(home.database.texts("SELECT title FROM tasks"), ["Pay Bob"]);
    home.run(&["admin", "verify-audit"]).has_code(0);
    home.database.execute("UPDATE tasks SET title = 'Pay Ada'");
    rebuild(&[]).has_code(0);
    assert_eq!(home.database.texts("SELECT slug FROM tasks"), [task]);
}
