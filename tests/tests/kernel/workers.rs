//! What workers hold, and what they give back.

use std::fmt::Write as _;
use std::time::Duration;

use goalwright_infrastructure::worker::Workers;
use goalwright_testkit::{Backend, TestApp, until};
use rstest::rstest;

const QUICK: usize = 40;
const SLOW: usize = 6;

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_work_that_was_claimed_like_quick_work_is_given_back(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let mut plan = String::from("# P\n\n");
    for number in 1..=QUICK + SLOW {
        let call = if number <= QUICK { "file.list" } else { "shell.run {\"command\": \"sleep 600\"}" };
        let _ = writeln!(plan, "- [ ] T{number:03} [P] Do it\n  use: {call}");
    }
    app.import(&plan).await;
    let all = i64::try_from(QUICK + SLOW).expect("small");
    let workers = Workers::start(app.kernel.clone(), app.ports.signals.clone(), 1);
    // Which of them the one place ends with, and how many were claimed ahead by then, depends on how quick the quick ones
    // were. In the end the others are done, or back in the queue.
    until("it holds what it performs, and nothing else", async || {
        let others = "SELECT COUNT(*) FROM runs WHERE status IN ('queued', 'succeeded')";
        let slow = "SELECT COUNT(*) FROM runs r JOIN tasks t ON t.id = r.task_id WHERE r.status = 'running' AND CAST(t.action AS TEXT) LIKE '%sleep%'";
        app.db.number(others).await == all - 1 && app.db.number(slow).await == 1 && workers.busy() == 1
    })
    .await;
    assert_eq!(app.db.number("SELECT COUNT(*) FROM runs WHERE strikes > 0").await, 0);
    workers.stop(Duration::ZERO).await;
    let released = "SELECT COUNT(*) FROM attempts WHERE CAST(error AS TEXT) LIKE '%Released%'";
    assert!(app.db.number(released).await > 0, "what was claimed ahead was given back");
    assert_eq!(app.db.number("SELECT COUNT(*) FROM attempts WHERE status = 'running'").await, 0);
}

const FLOW: usize = 1_500;

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn looks_that_overlap_do_everything_once_and_place_their_events_themselves(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let mut plan = String::from("# P\n\n");
    for number in 1..=FLOW {
        let _ = writeln!(plan, "- [ ] T{number:04} [P] Tell the time {number}\n  use: time.now");
    }
    let goal = app.import(&plan).await;
    app.sequence().await;
    let all = i64::try_from(FLOW).expect("small");
    let workers = Workers::start(app.kernel.clone(), app.ports.signals.clone(), 16);
    let done = "SELECT COUNT(*) FROM tasks WHERE status = 'completed'";
    until("everything is done", async || app.db.number(done).await == all).await;
    workers.stop(Duration::from_secs(5)).await;
    for table in ["attempts", "tool_calls", "experiences"] {
        assert_eq!(app.db.number(&format!("SELECT COUNT(*) FROM {table}")).await, all, "{table}");
    }
    // There is no sequencer here. A look that ends while another one has the ledger would leave its events to it.
    assert_eq!(app.db.number("SELECT COUNT(*) FROM events WHERE position IS NULL").await, 0);
    assert_eq!(app.progress(goal).await.percentage, 100.0);
    let verified = app.services.audit.verify(app.ada.workspace()).await.expect("is read");
    assert_eq!(verified.first_invalid, None);
}
