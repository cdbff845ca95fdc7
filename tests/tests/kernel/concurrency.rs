use std::collections::HashSet;
use std::time::Duration;

use futures::future::join_all;
use goalwright_application::execution::Settings;
use goalwright_application::tasks::NewTask;
use goalwright_domain::agent::{AgentKind, DraftAgent};
use goalwright_domain::execution::Action;
use goalwright_domain::goal::DraftGoal;
use goalwright_domain::task::DraftTask;
use goalwright_testkit::{Backend, TestApp, draft_agent};
use rstest::rstest;
use serde_json::json;

fn clock_task(title: String, goal: Option<goalwright_domain::goal::GoalId>) -> NewTask {
    NewTask {
        draft: DraftTask {
            title,
            goal_id: goal,
            action: Some(Action::Tool {
                tool: "time".into(),
                operation: "now".into(),
                parameters: json!({}),
            }),
            ..DraftTask::default()
        },
        depends_on: vec![],
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixteen_writers_at_once_all_succeed_and_no_counter_is_lost(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let goal =
        app.services.goals.create(&app.ada, DraftGoal { title: "G".into(), ..DraftGoal::default() }).await;
    let goal = goal.expect("made").state.id;
    let writers = (0..16).map(|writer| {
        let app = &app;
        async move {
            for n in 0..8 {
                let new = clock_task(format!("Task {writer} {n}"), Some(goal));
                app.services.tasks.create(&app.ada, new).await.expect("writes");
            }
        }
    });
    join_all(writers).await;
    let progress = app.progress(goal).await;
    assert_eq!((progress.total, progress.by_status.ready), (128, 128));
    app.sequence().await;
    let workspace = app.db.number("SELECT COUNT(*) FROM events").await;
    assert_eq!(app.db.number("SELECT MAX(position) FROM events").await, workspace, "positions have no gaps");
    assert_eq!(app.db.number("SELECT COUNT(DISTINCT position) FROM events").await, workspace);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_workers_never_hold_the_same_lease(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let lines: String = (1..=200).map(|n| format!("- [ ] T{n:03} [P] Tick {n}\n  use: time.now\n")).collect();
    app.import(&format!("# P\n\n{lines}")).await;
    let workers = (0..8).map(|_| async {
        let mut claimed = Vec::new();
        loop {
            let batch = app.kernel.claim(7).await.expect("claims");
            if batch.is_empty() {
                return claimed;
            }
            claimed.extend(batch);
        }
    });
    let claimed: Vec<_> = join_all(workers).await.into_iter().flatten().collect();
    let runs: HashSet<_> = claimed.iter().map(|assignment| assignment.lease.run_id).collect();
    assert_eq!((claimed.len(), runs.len()), (200, 200), "each run was claimed once");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_agent_never_holds_more_than_its_limit(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let draft = DraftAgent {
        capabilities: vec!["narrow".into()],
        max_concurrency: Some(3),
        ..draft_agent("narrow", AgentKind::Tool)
    };
    app.services.agents.create(&app.ada, draft).await.expect("made");
    for n in 0..20 {
        let mut new = clock_task(format!("Narrow {n}"), None);
        new.draft.task_type = "narrow".into();
        app.services.tasks.create(&app.ada, new).await.expect("made");
    }
    let mut done = 0;
    while done < 20 {
        let batches = join_all((0..6).map(|_| app.kernel.claim(5))).await;
        let held: Vec<_> = batches.into_iter().flat_map(|batch| batch.expect("claims")).collect();
        assert!(held.len() <= 3, "{} at once", held.len());
        assert!(app.db.number("SELECT COUNT(*) FROM attempts WHERE status = 'running'").await <= 3);
        let batch: Vec<_> = held.iter().map(|assignment| app.done(assignment, json!(null))).collect();
        app.kernel.settle(&batch).await.expect("settles");
        done += held.len();
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn dependencies_completed_at_the_same_time_wake_their_dependent_once(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let plan = "# P\n\n## Phase 1: Many\n\n- [ ] T001 [P] A\n  use: time.now\n- [ ] T002 [P] B\n  use: time.now\n\
                - [ ] T003 [P] C\n  use: time.now\n- [ ] T004 [P] D\n  use: time.now\n\n## Phase 2: One\n\n\
                - [ ] T005 E\n  use: time.now\n- [ ] T006 [P] F\n  use: time.now\n";
    for _ in 0..5 {
        app.clock.advance(Duration::from_secs(1));
        let goal = app.import(plan).await;
        let held = app.kernel.claim(9).await.expect("claims");
        assert_eq!(held.len(), 4);
        let settlements = held.iter().map(|assignment| {
            let settlement = app.done(assignment, json!(1));
            let kernel = app.kernel.clone();
            async move { kernel.settle(&[settlement]).await.expect("settles") }
        });
        for answers in join_all(settlements).await {
            assert_eq!(answers, [Ok(())]);
        }
        assert_eq!(app.db.number("SELECT COUNT(*) FROM runs WHERE status = 'queued'").await, 1);
        app.drain().await;
        assert_eq!(app.progress(goal).await.percentage, 100.0);
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_user_seen_for_the_first_time_by_many_at_once_is_made_once(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let seen = join_all((0..8).map(|_| app.services.access.enter("newcomer", None))).await;
    let seen: HashSet<_> =
        seen.into_iter().map(|principal| principal.expect("gets in").workspace_id).collect();
    assert_eq!(seen.len(), 1);
    let newcomers = app.db.number("SELECT COUNT(*) FROM users WHERE subject = 'newcomer'").await;
    assert_eq!(newcomers, 1);
    let agents = app.db.number("SELECT COUNT(*) FROM agents").await;
    assert_eq!(agents, 4, "a tool agent and a person for each of two users");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn work_of_one_queue_is_claimed_only_from_it(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    app.import("# P\n\n- [ ] T001 Tick\n  use: time.now\n").await;
    let other = app.kernel_with(Settings { queue: "run:x".into(), ..Settings::default() });
    assert!(other.claim(5).await.expect("nothing").is_empty());
    assert_eq!(app.kernel.claim(5).await.expect("its own").len(), 1);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_claim_takes_no_more_than_it_wants_whatever_the_statistics_say(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    app.import("# P\n\n- [ ] T001 Tick\n  use: time.now\n").await;
    // A planner that believes in one run chooses a plan that is bad for hundreds.
    app.db.execute("ANALYZE").await.expect("plain SQL");
    let lines: String = (1..=100).map(|n| format!("- [ ] T{n:03} [P] Tock {n}\n  use: time.now\n")).collect();
    app.import(&format!("# Q\n\n{lines}")).await;
    let mut left = 101;
    while left > 0 {
        let claimed = app.kernel.claim(3).await.expect("claims");
        assert_eq!(claimed.len(), left.min(3));
        left -= claimed.len();
        assert_eq!(app.db.number("SELECT COUNT(*) FROM runs WHERE status = 'queued'").await, left as i64);
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writers_who_want_the_same_name_at_once_all_get_one(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let same =
        join_all((0..16).map(|_| app.services.tasks.create(&app.ada, clock_task("Same".into(), None)))).await;
    let slugs: HashSet<String> = same.into_iter().map(|task| task.expect("made").state.slug).collect();
    assert_eq!(slugs.len(), 16);
    let plan = || goalwright_application::planning::ImportRequest {
        content: "# P\n\n- [ ] T001 Alike\n- [ ] T002 [P] Likewise\n".to_owned(),
        ..Default::default()
    };
    for imported in join_all((0..8).map(|_| app.services.planning.import(&app.ada, plan()))).await {
        imported.expect("imported");
    }
    let agent =
        |n: usize| DraftAgent { is_default: true, ..draft_agent(&format!("agent {n}"), AgentKind::External) };
    for made in join_all((0..8).map(|n| app.services.agents.create(&app.ada, agent(n)))).await {
        made.expect("made");
    }
    assert_eq!(app.db.number("SELECT COUNT(*) FROM agents WHERE is_default").await, 1);
    // A name that was asked for is another matter.
    let mut named = clock_task("Named".into(), None);
    named.draft.slug = "same".into();
    let refused = app.services.tasks.create(&app.ada, named).await.expect_err("taken");
    assert_eq!(refused.code(), "name_taken");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn an_agent_with_a_limit_does_not_wait_behind_a_backlog_of_others(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let lines: String = (1..=30).map(|n| format!("- [ ] T{n:03} [P] Tick {n}\n  use: file.list\n")).collect();
    app.import(&format!("# P\n\n{lines}")).await;
    let limited = "UPDATE runs SET priority = 5, agent_id = (SELECT id FROM agents WHERE name = 'narrow') \
                   WHERE task_id IN (SELECT id FROM tasks WHERE key IN ('T020', 'T021', 'T022'))";
    let draft = DraftAgent { max_concurrency: Some(2), ..draft_agent("narrow", AgentKind::Tool) };
    app.services.agents.create(&app.ada, draft).await.expect("made");
    app.db.execute(limited).await.expect("assigned");
    let claimed = app.kernel.claim(4).await.expect("claims");
    let keys: Vec<&str> = claimed.iter().filter_map(|one| one.task.key.as_deref()).collect();
    assert_eq!(keys, ["T020", "T021", "T001", "T002"], "two of the more urgent ones, and then the oldest");
}
