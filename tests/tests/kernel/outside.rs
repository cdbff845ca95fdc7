//! Work that is claimed, kept and reported from outside.

use std::time::Duration;

use goalwright_application::Error;
use goalwright_application::execution::LeaseKey;
use goalwright_application::read::PageRequest;
use goalwright_application::tasks::{Claimed, Completion, Failure, Wanted};
use goalwright_domain::agent::{AgentId, AgentKind, DraftAgent};
use goalwright_domain::execution::{Action, WaitKind};
use goalwright_domain::goal::{DraftGoal, GoalEdit, GoalStatus};
use goalwright_domain::task::{DraftTask, TaskId, TaskStatus};
use goalwright_testkit::{Backend, TestApp, draft_agent};
use rstest::rstest;
use serde_json::json;

async fn agent(app: &TestApp, name: &str, max_concurrency: Option<u32>) -> AgentId {
    let draft = DraftAgent {
        capabilities: vec!["print".into(), "bind".into()],
        max_concurrency,
        ..draft_agent(name, AgentKind::External)
    };
    app.services.agents.create(&app.ada, draft).await.expect("made").id()
}

async fn task(app: &TestApp, title: &str, task_type: &str) -> TaskId {
    let draft = DraftTask {
        title: title.into(),
        task_type: task_type.into(),
        action: Some(Action::External),
        ..DraftTask::default()
    };
    app.create_task(draft).await.state.id
}

fn wanted(agent: AgentId) -> Wanted {
    Wanted { agent, task_types: vec![], limit: 1, lease: None, wait: Duration::ZERO }
}

async fn claim(app: &TestApp, wanted: Wanted) -> Vec<Claimed> {
    app.services.tasks.claim(&app.ada, &wanted).await.expect("claims").tasks
}

fn token(claimed: &Claimed) -> String {
    LeaseKey::from(&claimed.lease).to_string()
}

async fn status(app: &TestApp, id: TaskId) -> TaskStatus {
    app.services.tasks.get(&app.ada, id).await.expect("there").state.status
}

async fn complete(app: &TestApp, claimed: &Claimed, result: &str) -> Result<TaskStatus, Error> {
    let completion = Completion { result: json!(result), ..Completion::default() };
    let (id, token) = (claimed.task.state.id, token(claimed));
    let answer = app.services.tasks.complete_leased(&app.ada, id, &token, &completion).await;
    answer.map(|task| task.state.status)
}

async fn refused_reports(app: &TestApp) -> usize {
    app.events_of("run.report_refused").await.len()
}

fn jam() -> Failure {
    Failure { kind: "PrinterJammed".into(), message: "Tray 2 is stuck".into(), retryable: true }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn an_outside_worker_claims_keeps_and_completes(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let printer = agent(&app, "printer", None).await;
    let id = task(&app, "Print it", "print").await;
    assert!(app.kernel.claim(9).await.expect("claims").is_empty(), "no process of ours does it");
    let held = claim(&app, wanted(printer)).await.remove(0);
    assert_eq!((held.task.state.id, held.task.state.status), (id, TaskStatus::Running));
    assert_eq!(held.lease.expires_at, app.ports.clock.now() + Duration::from_secs(30));
    assert!(claim(&app, wanted(printer)).await.is_empty());
    let seen = app.services.agents.get(&app.ada, printer).await.expect("there");
    assert_eq!((seen.last_seen_at(), seen.revision()), (Some(app.ports.clock.now()), 1));

    app.clock.advance(Duration::from_secs(20));
    let tasks = &app.services.tasks;
    let until = tasks.heartbeat(&app.ada, id, &token(&held), None).await.expect("held");
    assert_eq!(until, app.ports.clock.now() + Duration::from_secs(30));
    let longer = tasks.heartbeat(&app.ada, id, &token(&held), Some(Duration::from_secs(300))).await;
    assert_eq!(longer.expect("held"), app.ports.clock.now() + Duration::from_secs(300));
    let same = tasks.heartbeat(&app.ada, id, &token(&held), None).await.expect("held");
    assert_eq!(same, app.ports.clock.now() + Duration::from_secs(300), "never shorter unless asked for");
    let person = tasks.complete(&app.ada, id, &Completion::default()).await.expect_err("held");
    assert_eq!(person.code(), "task_leased");

    let completion = Completion {
        result: json!({"pages": 3}),
        summary: Some("Printed".into()),
        partial: true,
        files_written: vec!["out/a.pdf".into()],
        evidence: Some(json!({"photo": "p1", "password": "hunter2"})),
    };
    let done = tasks.complete_leased(&app.ada, id, &token(&held), &completion).await.expect("held");
    assert_eq!((done.state.status, done.state.result), (TaskStatus::Completed, Some(json!({"pages": 3}))));
    let record = app.experiences().await.remove(0);
    let structured = &record.content["structured"];
    assert_eq!(structured["status"], "partial");
    assert_eq!(structured["io"]["files_written"], json!(["out/a.pdf"]));
    assert_eq!(structured["scheduled_vs_manual"], "scheduled");
    assert_eq!(record.content["text"], "Printed");
    let told = app.events_of("task.completed").await;
    assert_eq!(told[0].metadata["evidence"], json!({"photo": "p1", "password": "[redacted]"}));
    assert_eq!(told[0].actor.id, printer.to_string());
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_stale_token_never_writes_and_is_told_of(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let printer = agent(&app, "printer", None).await;
    let id = task(&app, "Print it", "print").await;
    let first = claim(&app, wanted(printer)).await.remove(0);
    app.clock.advance(Duration::from_secs(31));
    // The loop that reclaims performs for tools and people only; it covers everybody.
    assert_eq!(app.kernel.reclaim().await.expect("reclaims"), 1);
    let second = claim(&app, wanted(printer)).await.remove(0);
    assert!(second.lease.fence > first.lease.fence);
    let before = app.db.number("SELECT COUNT(*) FROM experiences").await;
    let tasks = &app.services.tasks;
    let stale = token(&first);
    assert_eq!(complete(&app, &first, "stale").await.expect_err("lost").code(), "lease_lost");
    assert_eq!(tasks.fail_leased(&app.ada, id, &stale, &jam()).await.expect_err("lost").code(), "lease_lost");
    assert_eq!(tasks.release(&app.ada, id, &stale).await.expect_err("lost").code(), "lease_lost");
    assert_eq!(refused_reports(&app).await, 3);
    let beat = tasks.heartbeat(&app.ada, id, &stale, None).await.expect_err("lost");
    assert_eq!(beat.code(), "lease_lost");
    for wrong in ["", "x", &"0".repeat(64)] {
        let refused = tasks.release(&app.ada, id, wrong).await.expect_err("no token");
        assert_eq!(refused.code(), "lease_lost", "{wrong}");
    }
    assert_eq!(app.db.number("SELECT COUNT(*) FROM experiences").await, before);
    assert_eq!(status(&app, id).await, TaskStatus::Running);
    assert_eq!(complete(&app, &second, "mine").await.expect("held"), TaskStatus::Completed);
    assert_eq!(complete(&app, &second, "twice").await.expect_err("over").code(), "lease_lost");
    let other = task(&app, "Another", "print").await;
    let eve = app.user("eve").await;
    let foreign = tasks.release(&eve, id, &token(&second)).await.expect_err("not hers");
    assert_eq!(foreign.code(), "not_found");
    let mixed = tasks.release(&app.ada, other, &token(&second)).await.expect_err("of another task");
    assert_eq!(mixed.code(), "lease_lost");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_report_and_the_expiry_of_its_lease_one_wins(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let printer = agent(&app, "printer", None).await;
    for round in 0..8 {
        let id = task(&app, &format!("Print {round}"), "print").await;
        let held = claim(&app, wanted(printer)).await.remove(0);
        app.clock.advance(Duration::from_secs(31));
        let (reported, reclaimed) = tokio::join!(complete(&app, &held, "in time"), app.kernel.reclaim());
        let reclaimed = reclaimed.expect("reclaims");
        assert_eq!(usize::from(reported.is_ok()) + reclaimed, 1, "{reported:?}");
        if reported.is_err() {
            let again = claim(&app, wanted(printer)).await.remove(0);
            complete(&app, &again, "again").await.expect("held");
        }
        assert_eq!(status(&app, id).await, TaskStatus::Completed);
    }
    let attempts = app.db.number("SELECT COUNT(*) FROM attempts").await;
    assert_eq!(app.db.number("SELECT COUNT(*) FROM experiences").await, attempts);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_claimers_never_get_the_same_task_nor_more_than_the_agent_may_hold(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let printer = agent(&app, "printer", Some(3)).await;
    for number in 0..6 {
        task(&app, &format!("Print {number}"), "print").await;
    }
    let many = || Wanted { limit: 4, ..wanted(printer) };
    let (one, two) = tokio::join!(claim(&app, many()), claim(&app, many()));
    let held: Vec<&Claimed> = one.iter().chain(&two).collect();
    let mut ids: Vec<TaskId> = held.iter().map(|claimed| claimed.task.state.id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert!(ids.len() == held.len() && held.len() <= 3, "{} were claimed", held.len());
    while claim(&app, many()).await.len() > 3 {}
    assert_eq!(app.db.number("SELECT COUNT(*) FROM attempts WHERE status = 'running'").await, 3);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn only_what_is_wanted_is_claimed(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let printer = agent(&app, "printer", None).await;
    let goal = DraftGoal { title: "G".into(), ..DraftGoal::default() };
    let goal = app.services.goals.create(&app.ada, goal).await.expect("made").state.id;
    let resting = DraftTask {
        title: "Resting".into(),
        task_type: "print".into(),
        goal_id: Some(goal),
        action: Some(Action::External),
        ..DraftTask::default()
    };
    app.create_task(resting).await;
    let rest = GoalEdit { status: Some(GoalStatus::Abandoned), ..GoalEdit::default() };
    let any = goalwright_application::Precondition::Any;
    app.services.goals.edit(&app.ada, goal, rest, &any).await.expect("rests");
    let bind = task(&app, "Bind it", "bind").await;
    let prints = Wanted { task_types: vec!["print".into()], limit: 9, ..wanted(printer) };
    assert!(claim(&app, prints).await.is_empty(), "a goal that rests gives nothing, nor does another type");
    let both = Wanted { task_types: vec!["print".into(), "bind".into()], limit: 9, ..wanted(printer) };
    let claimed = claim(&app, both).await;
    assert_eq!(claimed.iter().map(|one| one.task.state.id).collect::<Vec<_>>(), [bind]);

    let tasks = &app.services.tasks;
    let nobody = AgentId::new(uuid::Uuid::from_u128(7));
    assert_eq!(tasks.claim(&app.ada, &wanted(nobody)).await.expect_err("nobody").code(), "not_found");
    let eve = app.user("eve").await;
    assert_eq!(tasks.claim(&eve, &wanted(printer)).await.expect_err("not hers").code(), "not_found");
    let agents = app.services.agents.list(&app.ada, &Default::default(), &PageRequest::first(9)).await;
    let agents = agents.expect("lists").items;
    let tool = agents.iter().find(|agent| agent.kind() == AgentKind::Tool).expect("one").id();
    assert_eq!(tasks.claim(&app.ada, &wanted(tool)).await.expect_err("inside").code(), "invalid_input");
    for wrong in [
        Wanted { limit: 0, ..wanted(printer) },
        Wanted { limit: 101, ..wanted(printer) },
        Wanted { lease: Some(Duration::from_millis(999)), ..wanted(printer) },
        Wanted { lease: Some(Duration::from_secs(3601)), ..wanted(printer) },
        Wanted { wait: Duration::from_millis(30_001), ..wanted(printer) },
    ] {
        assert_eq!(tasks.claim(&app.ada, &wrong).await.expect_err("bounds").code(), "invalid_input");
    }
    app.services.agents.retire(&app.ada, printer, &any).await.expect("retires");
    let retired = tasks.claim(&app.ada, &wanted(printer)).await.expect_err("retired");
    assert_eq!(retired.code(), "invalid_transition");
    assert_eq!(
        app.services.agents.heartbeat(&app.ada, printer).await.expect_err("retired").code(),
        "invalid_transition"
    );
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn whoever_waits_is_woken_by_a_new_task(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let printer = agent(&app, "printer", None).await;
    let patient = Wanted { wait: Duration::from_secs(30), ..wanted(printer) };
    let (claimed, id) = tokio::join!(claim(&app, patient), task(&app, "Print it", "print"));
    assert_eq!(claimed.iter().map(|one| one.task.state.id).collect::<Vec<_>>(), [id]);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn whoever_stops_asking_holds_nothing(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let printer = agent(&app, "printer", None).await;
    let patient = Wanted { wait: Duration::from_secs(30), ..wanted(printer) };
    // It asks, and is gone before there is anything.
    tokio::select! {
        biased;
        _ = claim(&app, patient) => panic!("there is nothing to claim"),
        () = async { while app.services.agents.get(&app.ada, printer).await.expect("there").last_seen_at().is_none() {} } => {}
    }
    let id = task(&app, "Print it", "print").await;
    assert_eq!(status(&app, id).await, TaskStatus::Ready);
    assert_eq!(app.db.number("SELECT COUNT(*) FROM attempts").await, 0);
    assert_eq!(claim(&app, wanted(printer)).await.len(), 1);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_is_given_back_uses_up_no_attempt_and_leaves_its_experience(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let printer = agent(&app, "printer", None).await;
    let id = task(&app, "Print it", "print").await;
    for _ in 0..5 {
        let held = claim(&app, wanted(printer)).await.remove(0);
        let back = app.services.tasks.release(&app.ada, id, &token(&held)).await.expect("held");
        assert_eq!(back.state.status, TaskStatus::Ready);
    }
    for _ in 0..3 {
        let held = claim(&app, wanted(printer)).await.remove(0);
        let failed = app.services.tasks.fail_leased(&app.ada, id, &token(&held), &jam()).await.expect("held");
        assert_eq!(failed.state.error.expect("why").kind, "PrinterJammed");
        app.clock.advance(Duration::from_secs(60));
    }
    assert_eq!(status(&app, id).await, TaskStatus::Failed, "three attempts count");
    let records = app.experiences().await;
    let kinds: Vec<_> =
        records.iter().map(|one| one.content["structured"]["error"]["type"].clone()).collect();
    assert_eq!(kinds[..5], vec![json!("Released"); 5]);
    assert_eq!(kinds[5..], vec![json!("PrinterJammed"); 3]);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn workers_outside_that_keep_dying_send_the_task_to_a_person_who_retries_it(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let printer = agent(&app, "printer", None).await;
    let id = task(&app, "Print it", "print").await;
    for _ in 0..3 {
        assert_eq!(claim(&app, wanted(printer)).await.len(), 1);
        app.clock.advance(Duration::from_secs(31));
        assert_eq!(app.kernel.reclaim().await.expect("reclaims"), 1);
    }
    assert!(claim(&app, wanted(printer)).await.is_empty());
    let waiting = app.services.tasks.get(&app.ada, id).await.expect("there").state.waiting.expect("why");
    assert_eq!(waiting.kind, WaitKind::Decision);
    app.services.tasks.retry(&app.ada, id, "The printer is new").await.expect("a person may");
    // What was lost before counts no more.
    claim(&app, wanted(printer)).await;
    app.clock.advance(Duration::from_secs(31));
    app.kernel.reclaim().await.expect("reclaims");
    let held = claim(&app, wanted(printer)).await.remove(0);
    assert_eq!(complete(&app, &held, "done").await.expect("held"), TaskStatus::Completed);
    assert_eq!(app.db.number("SELECT COUNT(DISTINCT run_id) FROM attempts").await, 1, "one run");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_cannot_be_kept_is_refused_before_anything_is_written(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let printer = agent(&app, "printer", None).await;
    let id = task(&app, "Print it", "print").await;
    let held = claim(&app, wanted(printer)).await.remove(0);
    let large = Completion { evidence: Some(json!("x".repeat(70_000))), ..Completion::default() };
    let nameless = Completion { files_written: vec![" ".into()], ..Completion::default() };
    let nul = Completion { result: json!("\0"), ..Completion::default() };
    for wrong in [large, nameless, nul] {
        let refused = app.services.tasks.complete_leased(&app.ada, id, &token(&held), &wrong).await;
        assert_eq!(refused.expect_err("refused").code(), "invalid_input");
    }
    let unnamed = Failure { kind: " ".into(), ..jam() };
    let refused = app.services.tasks.fail_leased(&app.ada, id, &token(&held), &unnamed).await;
    assert_eq!(refused.expect_err("refused").code(), "invalid_input");
    assert_eq!(complete(&app, &held, "fine").await.expect("held"), TaskStatus::Completed);
}
