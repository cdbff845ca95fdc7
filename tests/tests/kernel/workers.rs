//! What workers hold, and what they give back.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use goalwright_infrastructure::worker::Workers;
use goalwright_testkit::{Backend, TestApp};
use rstest::rstest;

const QUICK: usize = 40;
const SLOW: usize = 6;

/// Waits until it is so.
async fn until(app: &TestApp, what: &str, is_so: impl AsyncFn() -> bool) {
    let since = Instant::now();
    while !is_so().await {
        assert!(since.elapsed() < Duration::from_secs(60), "{what}");
        let seen = app.ports.signals.work_seen();
        app.ports.signals.until_work_changes(seen, Duration::from_millis(20)).await;
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_work_that_was_claimed_like_quick_work_is_given_back(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let mut plan = String::from("# P\n\n");
    for number in 1..=QUICK + SLOW {
        let call = if number <= QUICK { "time.now" } else { "shell.run {\"command\": \"sleep 600\"}" };
        let _ = writeln!(plan, "- [ ] T{number:03} [P] Do it\n  use: {call}");
    }
    app.import(&plan).await;
    let (quick, slow) = (i64::try_from(QUICK).expect("small"), i64::try_from(SLOW).expect("small"));
    let workers = Workers::start(app.kernel.clone(), app.ports.signals.clone(), 1);
    until(&app, "the quick ones are done", async || {
        app.db.number("SELECT completed FROM goal_progress").await == quick
    })
    .await;
    // How many slow ones were claimed ahead depends on how quick the quick ones were; in the end none is held.
    until(&app, "it holds what it performs, and nothing else", async || {
        let queued = app.db.number("SELECT COUNT(*) FROM runs WHERE status = 'queued'").await;
        queued == slow - 1 && workers.busy() == 1
    })
    .await;
    assert_eq!(app.db.number("SELECT COUNT(*) FROM runs WHERE strikes > 0").await, 0);
    workers.stop(Duration::ZERO).await;
    assert_eq!(app.db.number("SELECT COUNT(*) FROM attempts WHERE status = 'running'").await, 0);
}
