//! Every use case once, so that every statement is sent.

use std::time::Duration;

use goalwright_application::analytics::By;
use goalwright_application::execution::{Kernel, Settings};
use goalwright_application::experiences::{Reach, Wanted};
use goalwright_application::planning::{DecomposeRequest, ImportRequest};
use goalwright_application::tasks::{Completion, NewTask, RunRequest};
use goalwright_domain::agent::{AgentKind, DraftAgent};
use goalwright_domain::execution::{Action, Mode, ScriptOutput, ScriptRun, ScriptStatus};
use goalwright_domain::experience::ExperienceType;
use goalwright_domain::goal::{DraftGoal, GoalId, Origin};
use goalwright_domain::task::DraftTask;
use goalwright_infrastructure::persistence::Database;
use goalwright_testkit::{Backend, TestApp, database_settings, draft_agent};
use serde_json::json;

use crate::record::{Record, Sent};

/// The queue of the work that is looked at; what fills the tables is in another one.
const QUEUE: &str = "looked_at";

/// What was sent, and for what.
pub(crate) struct Log {
    pub(crate) record: Record,
    pub(crate) sent: Vec<(&'static str, Sent)>,
}

impl Log {
    /// What was sent since the last time was for this.
    pub(crate) fn note(&mut self, what: &'static str) -> Vec<Sent> {
        let sent = self.record.take();
        assert!(!sent.is_empty(), "{what}: nothing was sent, or nothing told of it");
        self.sent.extend(sent.iter().map(|sent| (what, sent.clone())));
        sent
    }
}

/// Work of many workspaces that is done, failed, waits, is being done and is still to be done, and then thousands of rows
/// like these. Gives a goal with more of every obstacle than is named.
pub(crate) async fn fill(app: &TestApp, backend: Backend) -> GoalId {
    let goal = app.import(&plan(1, 150)).await;
    for number in 2..12 {
        let owner = app.user(&format!("user {number}")).await;
        let request = ImportRequest { content: plan(number, 25), ..ImportRequest::default() };
        app.services.planning.import(&owner, request).await.expect("imports");
    }
    while app.step(250).await > 0 {}
    for number in 0..25 {
        let mut task = new_task(&format!("Nobody's {number}"), Some(goal));
        task.draft.action = Some(Action::External);
        app.services.tasks.create(&app.ada, task).await.expect("made");
    }
    app.import(&plan(12, 50)).await;
    app.kernel.claim(20).await.expect("claims");
    app.sequence().await;
    let new_id = match backend {
        Backend::Sqlite => "randomblob(16)",
        Backend::Postgres => "gen_random_uuid()",
    };
    for statement in MORE {
        app.db.execute(&statement.replace("{new}", new_id)).await.expect("inserts");
    }
    while app.services.experiences.follow().await.expect("reads") > 0 {}
    goal
}

/// Four more rows for each, whose runs are of other tasks and whose attempts are of other agents.
const MORE: [&str; 6] = [
    "INSERT INTO tasks (id, workspace_id, goal_id, slug, title, description, task_type, status, waiting, error, priority,
        agent_id, action, result, labels, parallel, attempt, max_attempts, open_dependencies, revision, created_at,
        updated_at)
     SELECT {new}, workspace_id, goal_id, slug || '-' || n, title, description, task_type, status, waiting, error,
        priority, agent_id, action, result, labels, parallel, attempt, max_attempts, open_dependencies, revision,
        created_at, updated_at
     FROM tasks, (SELECT 1 AS n UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4) AS more",
    "INSERT INTO runs (id, workspace_id, task_id, scheduled_at, trace_id, mode, drives_task, queue, priority, agent_id,
        performer, status, available_at, attempts, strikes, fence, suspended, created_at, updated_at)
     SELECT {new}, workspace_id, {new}, scheduled_at, trace_id, mode, (1 = 0), queue, priority, agent_id, performer,
        status, available_at, attempts, strikes, fence, suspended, created_at, updated_at
     FROM runs, (SELECT 1 AS n UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4) AS more",
    "INSERT INTO attempts (span_id, run_id, workspace_id, task_id, number, retry_of, idempotency_key, agent_id, worker,
        status, lease_token, lease_expires_at, fence, suspension, error, experience_id, started_at, ended_at)
     SELECT {new}, run_id, workspace_id, {new}, number + n * 1000, span_id, idempotency_key, {new}, worker, status,
        lease_token, lease_expires_at, fence, suspension, error, experience_id, started_at, ended_at
     FROM attempts, (SELECT 1 AS n UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4) AS more",
    "INSERT INTO tool_calls (id, workspace_id, task_id, span_id, trace_id, tool, operation, effect, idempotency_key,
        parameters, status, result, error, started_at, ended_at)
     SELECT {new}, workspace_id, task_id, {new}, trace_id, tool, operation, effect, idempotency_key, parameters, status,
        result, error, started_at, ended_at
     FROM tool_calls, (SELECT 1 AS n UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4) AS more",
    "INSERT INTO experiences (id, workspace_id, type, content, provenance, parents, causes, session_id, created_at, ts,
        meta)
     SELECT 'seen_' || n || id, workspace_id, 'OBSERVATION', '{}', provenance, parents, causes, session_id, created_at,
        ts + n, meta
     FROM experiences, (SELECT 1 AS n UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4) AS more",
    "INSERT INTO events (id, workspace_id, position, entity_type, entity_id, event_type, actor_type, actor_id, changes,
        metadata, digest, trace_id, created_at)
     SELECT {new}, workspace_id, position + n * 100000, entity_type, entity_id, event_type, actor_type, actor_id,
        changes, metadata, digest, trace_id, created_at
     FROM events, (SELECT 1 AS n UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4) AS more",
];

fn plan(number: usize, tasks: usize) -> String {
    let mut plan = format!("# Plan {number}\n\n");
    for key in 1..=tasks {
        let behind = if key % 5 == 3 { format!(" (depends on T{:03})", key - 1) } else { String::new() };
        plan.push_str(&format!("- [ ] T{key:03} [P] Task {number} {key}{behind}\n"));
        plan.push_str(match key % 5 {
            1 => "",
            2 => "  use: probe.none {\"name\": \"broken\", \"fail\": 9999, \"retryable\": false}\n",
            _ => "  use: time.now\n",
        });
    }
    plan
}

pub(crate) fn new_task(title: &str, goal_id: Option<GoalId>) -> NewTask {
    let parameters = json!({});
    let action = Some(Action::Tool { tool: "time".into(), operation: "now".into(), parameters });
    let draft = DraftTask { title: title.to_owned(), goal_id, action, ..DraftTask::default() };
    NewTask { draft, depends_on: Vec::new() }
}

pub(crate) async fn people_and_agents(app: &TestApp, log: &mut Log) {
    log.record.take();
    let services = &app.services;
    services.access.enter("grace", None).await.expect("gets in");
    log.note("a new user gets in");
    services.access.enter("grace", None).await.expect("gets in");
    log.note("a known user gets in");
    let elsewhere = app.ada.workspace().to_string();
    services.access.enter("grace", Some(&elsewhere)).await.expect_err("no member");
    log.note("a user asks for another workspace");
    let unit = app.ports.transactions.begin().await.expect("begins");
    let user = unit.workspaces().find_user("grace").await.expect("reads").expect("is there");
    unit.workspaces().personal(user.id).await.expect("reads");
    log.note("two first requests of a user at once");
    drop(unit);
    // What is for everybody in Ada's workspace stays with her.
    let grace = app.user("grace").await;
    log.record.take();
    for (owner, name, is_default, max_concurrency) in
        [(&app.ada, "narrow", false, Some(2)), (&grace, "catch-all", true, None)]
    {
        let draft = DraftAgent {
            capabilities: vec![name.into()],
            max_concurrency,
            is_default,
            ..draft_agent(name, AgentKind::Tool)
        };
        let agent = services.agents.create(owner, draft).await.expect("made");
        log.note("make an agent");
        services.agents.get(owner, agent.id()).await.expect("is there");
        log.note("read an agent");
    }
}

pub(crate) async fn planning(app: &TestApp, log: &mut Log) {
    let services = &app.services;
    let draft = DraftGoal { title: "Broken down".into(), ..DraftGoal::default() };
    let goal = services.goals.create(&app.ada, draft).await.expect("made").state.id;
    log.note("state a goal");
    for (outline, dry_run) in [
        ("# A\n\n- [ ] T001 First\n  use: time.now\n- [ ] T002 Then (depends on T001)\n", true),
        ("# A\n\n- [ ] T001 First\n  use: time.now\n- [ ] T002 Then (depends on T001)\n", false),
        ("# A\n\n- [x] T003 Done\n- [ ] T004 Later (depends on T003)\n", false),
        // A key that is taken.
        ("# A\n\n- [ ] T001 Again\n", false),
        ("# A\n\n- [ ] T001 Round (depends on T001)\n", false),
    ] {
        let request = DecomposeRequest { outline: outline.into(), dry_run, ..DecomposeRequest::default() };
        let _ = services.planning.decompose(&app.ada, goal, &request).await;
        log.note("break a goal down");
    }
    let unit = app.ports.transactions.begin().await.expect("begins");
    unit.goals().newest_from(app.ada.workspace(), "/plans/p.md").await.expect("reads");
    log.note("run a plan file again");
    drop(unit);
    let first = services.tasks.create(&app.ada, new_task("Added", Some(goal))).await.expect("made");
    log.note("add a task");
    let mut second = new_task("Added behind it", Some(goal));
    second.depends_on = vec![first.state.id];
    services.tasks.create(&app.ada, second).await.expect("made");
    log.note("add a task that waits");
    services.tasks.find(&app.ada, "added").await.expect("is there");
    log.note("find a task by its slug");
}

const WORK: &str = "# Work

- [ ] T001 [P] Write
  use: probe.idempotent {\"name\": \"write\", \"result\": {\"n\": 1}}
- [ ] T002 [P] Pay
  use: probe.irreversible {\"name\": \"pay\"}
- [ ] T003 [P] Sleep
  use: time.sleep {\"seconds\": 90}
- [ ] T004 [P] Ask the neighbours
- [ ] T005 [P] Use it (depends on T001)
  use: text.render {\"template\": \"{T001.n}\"}
- [ ] T006 [P] Break
  use: probe.none {\"name\": \"broken\", \"fail\": 9, \"retryable\": false}
- [ ] T007 [P] Behind it (depends on T006)
- [ ] T008 [P] Ask nobody
";

pub(crate) async fn execution(app: &TestApp, log: &mut Log) {
    let services = &app.services;
    let kernel = app.kernel_with(Settings { queue: QUEUE.to_owned(), ..Settings::default() });
    let origin =
        Origin { queue: QUEUE.to_owned(), source_path: Some("/plans/p.md".into()), ..Origin::default() };
    let request = ImportRequest { content: WORK.to_owned(), origin, ..ImportRequest::default() };
    let goal = services.planning.import(&app.ada, request).await.expect("imports").goal_id.expect("a goal");
    log.note("import a plan");
    for number in 0..4 {
        let mut narrow = new_task(&format!("Narrow {number}"), Some(goal));
        narrow.draft.task_type = "narrow".into();
        services.tasks.create(&app.ada, narrow).await.expect("made");
    }
    log.note("add a task");

    let nobody = app.task(goal, "T008").await.state.id;
    log.record.take();
    services.tasks.complete(&app.ada, nobody, &Completion::default()).await.expect("completes");
    log.note("a person completes what nobody has claimed");

    let claimed = kernel.claim(50).await.expect("claims");
    log.note("claim, also for agents with a limit");
    let narrow = claimed.iter().filter(|claimed| claimed.task.task_type == "narrow").count();
    assert_eq!((claimed.len(), narrow), (7, 2), "both ways of claiming are taken");
    let leases: Vec<_> = claimed.iter().map(|claimed| claimed.lease).collect();
    kernel.heartbeat(&leases).await.expect("beats");
    log.note("heartbeat");
    let mut batch = Vec::new();
    for assignment in &claimed {
        batch.push(app.perform(assignment).await);
    }
    log.note("perform");
    let answers = kernel.settle(&batch).await.expect("settles");
    assert!(answers.iter().all(Result::is_ok));
    log.note("settle, with dependents");
    kernel.settle(&batch).await.expect("answers");
    log.note("refuse a late report");

    let words = app.task(goal, "T004").await.state.id;
    log.record.take();
    services.tasks.complete(&app.ada, words, &Completion::default()).await.expect("completes");
    log.note("a person completes what waits for them");

    die(app, &kernel, log).await;
    app.clock.advance(Duration::from_secs(120));
    let woken = kernel.claim(50).await.expect("claims");
    assert!(woken.iter().any(|assignment| assignment.resumed.is_some()), "what slept is resumed");
    log.note("claim what was suspended");
    let mut batch = Vec::new();
    for assignment in &woken {
        batch.push(app.perform(assignment).await);
    }
    log.note("perform with earlier results");
    kernel.settle(&batch).await.expect("settles");
    log.note("settle a second attempt");

    let request = RunRequest { task: "write".into(), mode: Mode::Manual, scheduled_at: None, wait: None };
    services.tasks.run(&app.ada, &request).await.expect("asked");
    log.note("run a finished task");
    let request = RunRequest { task: "task-12-50".into(), ..request };
    services.tasks.run(&app.ada, &request).await.expect("asked");
    log.note("run a task that is ready");

    let mut again = app.experiences().await.pop().expect("one");
    again.id.push('x');
    let unit = app.ports.transactions.begin().await.expect("begins");
    log.record.take();
    unit.experiences().append(&[again]).await.expect("appends");
    log.note("append an experience twice");
    drop(unit);
    seal_old(app).await;
    services.experiences.follow().await.expect("reads");
    log.note("read what was experienced");
    app.sequence().await;
    log.sent.extend(log.record.take().into_iter().map(|sent| ("give events their positions", sent)));
    services.audit.verify(app.ada.workspace()).await.expect("verifies");
    log.note("verify the ledger");
}

/// A worker takes everything and vanishes.
async fn die(app: &TestApp, kernel: &Kernel, log: &mut Log) {
    kernel.claim(50).await.expect("claims");
    log.note("claim");
    app.clock.advance(Duration::from_secs(31));
    assert!(kernel.reclaim().await.expect("reclaims") > 0);
    log.note("reclaim");
}

pub(crate) async fn reads(app: &TestApp, log: &mut Log, goal: GoalId) {
    let (services, workspace) = (&app.services, app.ada.workspace());
    services.goals.get(&app.ada, goal).await.expect("is there");
    log.note("read a goal");
    services.goals.progress(&app.ada, goal).await.expect("is there");
    let sent = log.note("how far a goal is");
    let counted = sent.iter().filter(|sent| sent.text.starts_with("SELECT COUNT(*)")).count();
    assert_eq!(counted, 4, "there is more of every obstacle than is named");
    let keys = ["T001".to_owned(), "T004".to_owned()];
    services.queries.results(workspace, goal, &keys).await.expect("reads");
    log.note("results by key");
    let runs = services.queries.runs_of_goal(workspace, goal, 50).await.expect("reads");
    log.note("the runs of a goal");
    services.queries.run(workspace, runs[0].id).await.expect("reads").expect("is there");
    log.note("read a run");
    services.queries.experience(workspace, "task_exec").await.expect("reads");
    log.note("read an experience");
    let wanted = Wanted { query: "broken task".into(), kind: Some(ExperienceType::TaskExecution), limit: 50 };
    services.experiences.retrieve(workspace, &wanted).await.expect("finds");
    log.note("find what has to do with something");
    let id = app.experiences().await.remove(0).id;
    log.record.take();
    let kept = services.artifacts.keep(workspace, None, "text/plain", b"kept").await.expect("kept");
    services.artifacts.read(&app.ada, kept.id).await.expect("is there");
    log.note("keep and read an artifact");
    let run = services.queries.runs_of_goal(workspace, goal, 1).await.expect("reads").remove(0);
    log.record.take();
    services.traces.get(&app.ada, run.trace_id).await.expect("is there");
    log.note("what happened in a trace");
    services.analytics.tasks(&app.ada, By::Task, None, None).await.expect("counts");
    log.note("how well tasks go");
    let unit = app.ports.transactions.begin().await.expect("begins");
    let script = ScriptRun {
        id: kept.id,
        workspace_id: workspace,
        task_id: run.task_id,
        span_id: kept.id,
        trace_id: run.trace_id,
        command_digest: "sha256:".into(),
        command: "true".into(),
        status: ScriptStatus::Succeeded,
        exit_code: Some(0),
        stdout: ScriptOutput::of(""),
        stderr: ScriptOutput::of(""),
        duration_ms: 1,
        started_at: app.ports.clock.now(),
    };
    unit.executions().insert_scripts(&[script]).await.expect("inserts");
    drop(unit);
    log.note("note the run of a script");
    services.experiences.lineage(&app.ada, &id, Reach::default()).await.expect("is there");
    log.note("where an experience comes from");
    services.queries.ping().await.expect("answers");
    log.note("whether the database answers");
}

/// An event from before there were seals.
async fn seal_old(app: &TestApp) {
    let backend = if app.db.url.starts_with("sqlite") { Backend::Sqlite } else { Backend::Postgres };
    for sql in [
        "INSERT INTO workspaces (id, name, created_at) SELECT {new}, name, created_at FROM workspaces LIMIT 1",
        "INSERT INTO events (id, workspace_id, position, entity_type, entity_id, event_type, actor_type, actor_id, changes, \
         metadata, digest, created_at) SELECT {new}, {new}, 1, entity_type, entity_id, event_type, actor_type, actor_id, \
         changes, metadata, digest, created_at FROM events WHERE position = 1 LIMIT 1",
        "INSERT INTO ledger_heads (workspace_id, position) VALUES ({new}, 1)",
    ] {
        let new = match backend {
            Backend::Sqlite => "x'00000000000000000000000000000abc'",
            Backend::Postgres => "UUID '00000000-0000-0000-0000-000000000abc'",
        };
        app.db.execute(&sql.replace("{new}", new)).await.expect("is written");
    }
    // A process that has just started: one that was here before knows on SQLite that nothing is left.
    let settings = database_settings(&app.db.url);
    let database = Database::open(&settings, app.clock.clone()).await.expect("opens");
    while database.sequencer().sequence().await.expect("seals") > 0 {}
    database.close().await;
}
