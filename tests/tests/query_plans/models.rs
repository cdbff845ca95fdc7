//! Plans by models: asking, showing, deciding, and what it costs.

use goalwright_application::execution::Settings;
use goalwright_application::idempotency::RequestKey;
use goalwright_application::planning::{DecomposeRequest, DecompositionStatus, Planner};
use goalwright_application::read::PageRequest;
use goalwright_application::tasks::NewTask;
use goalwright_application::usage::UsageBy;
use goalwright_application::{Context, Precondition};
use goalwright_domain::agent::{AgentKind, DraftAgent, Profile};
use goalwright_domain::goal::{DraftGoal, Origin};
use goalwright_domain::model::ToolCall;
use goalwright_domain::task::DraftTask;
use goalwright_testkit::{Backend, TestApp, draft_agent};
use serde_json::{Map, Value, json};

use crate::work::Log;

/// The queue of what a model performs.
const QUEUE: &str = "asked";

/// What many workspaces spent on many days, and plans that were shown.
pub(crate) async fn fill(app: &TestApp, backend: Backend) {
    let new_id = match backend {
        Backend::Sqlite => "randomblob(16)",
        Backend::Postgres => "gen_random_uuid()",
    };
    let numbers =
        "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 3000)";
    for statement in [
        format!(
            "INSERT INTO usage_days (workspace_id, day, model, goal_id, calls, input_tokens, output_tokens, \
             cache_creation_tokens, cache_read_tokens, cost_nanos, unpriced_calls) {numbers} \
             SELECT {new_id}, '2026-01-01', 'openai/x', {new_id}, 1, 1, 1, 0, 0, 1, 0 FROM numbers"
        ),
        format!(
            "INSERT INTO model_calls (id, workspace_id, purpose, model, attempts, input_tokens, output_tokens, \
             cache_creation_tokens, cache_read_tokens, raw_usage, price_version, trace_id, created_at) {numbers} \
             SELECT {new_id}, g.workspace_id, 'task', 'openai/x', 1, 1, 1, 0, 0, '[]', '', {new_id}, g.created_at \
             FROM numbers, (SELECT * FROM goals LIMIT 10) AS g"
        ),
        format!(
            "INSERT INTO budget_months (workspace_id, month, spent_nanos, spent_tokens) {numbers} \
             SELECT {new_id}, '2026-01', 1, 1 FROM numbers"
        ),
        format!(
            "INSERT INTO budget_reservations (id, workspace_id, nanos, tokens, expires_at) {numbers} \
             SELECT {new_id}, {new_id}, 1, 1, g.created_at FROM numbers, (SELECT * FROM goals LIMIT 1) AS g"
        ),
        format!(
            "INSERT INTO decompositions (id, workspace_id, goal_id, expanded_task_id, status, planner, dry_run, plan, plan_hash, findings, \
             usage, event_id, created_at) {numbers} SELECT {new_id}, g.workspace_id, g.id, {new_id}, 'applied', 'llm', true, \
             '{{}}', '', '[]', '{{}}', {new_id}, g.created_at FROM numbers, (SELECT * FROM goals LIMIT 1) AS g"
        ),
        format!(
            "INSERT INTO dialogue_entries (run_id, n, span_id, entry, created_at) {numbers} \
             SELECT r.id, n, {new_id}, '{{}}', r.created_at FROM numbers, (SELECT * FROM runs ORDER BY id LIMIT 1) AS r"
        ),
    ] {
        app.db.execute(&statement).await.expect("inserts");
    }
}

/// What is said in the dialogue of a run, by whoever takes it over.
async fn dialogues(app: &TestApp, log: &mut Log) {
    let record = app.experiences().await.pop().expect("the newest one");
    let structured = &record.content["structured"];
    let trace = structured["trace_id"].as_str().expect("a trace").parse().expect("an id");
    let runs = app.services.queries.runs_in_trace(app.ada.workspace(), trace, 1).await.expect("reads");
    let run = runs.first().expect("a run").id;
    log.record.take();
    let unit = app.ports.transactions.begin().await.expect("begins");
    unit.executions().dialogue(run).await.expect("reads");
    unit.executions().earlier_call(run, "key").await.expect("reads");
    unit.executions().end_dialogues(&[run]).await.expect("ends");
    drop(unit);
    log.note("go on with a dialogue");
}

fn plan(key: &str) -> Value {
    json!({"tasks": [{
        "key": key, "title": "Knead", "depends_on": [], "estimate_minutes": 5, "complexity": 1, "complexity_reason": "easy",
    }]})
}

pub(crate) async fn all(app: &TestApp, log: &mut Log) {
    dialogues(app, log).await;
    let services = &app.services;
    let draft = DraftGoal { title: "For a model".into(), ..DraftGoal::default() };
    let goal = services.goals.create(&app.ada, draft).await.expect("made").state.id;
    let by_model = DecomposeRequest { planner: Planner::Llm, ..DecomposeRequest::default() };
    let shown = DecomposeRequest { dry_run: true, ..by_model.clone() };
    let key = RequestKey::new(b"a model", &[b"asked"]).expect("a key");
    let keyed = Context { request_key: Some(key), ..app.ada };
    log.record.take();
    services.planning.decompose(&keyed, goal, &by_model).await.expect_err("no model");
    log.note("ask a model that is not there");
    services
        .usage
        .set_budget(&app.ada, Some(100.0), Some(10_000_000), &Precondition::Any)
        .await
        .expect("set");
    log.note("set a budget");
    app.models.form_text("no plan", goalwright_application::ports::Stop::Refused { category: None });
    services.planning.decompose(&keyed, goal, &by_model).await.expect_err("refused");
    log.note("ask a model that refuses");
    app.models.form(&plan("T001"));
    let made = services.planning.decompose(&keyed, goal, &by_model).await.expect("made");
    log.note("break a goal down by a model");
    for key in ["T002", "T003"] {
        app.models.form(&plan(key));
        let proposal = services.planning.decompose(&app.ada, goal, &shown).await.expect("shown");
        log.note("show a plan of a model");
        if key == "T002" {
            services.planning.reject(&app.ada, proposal.id, None).await.expect("rejected");
            log.note("reject a plan");
        } else {
            services.planning.accept(&app.ada, proposal.id, &proposal.plan_hash).await.expect("applied");
            log.note("apply a plan");
            services.planning.get(&app.ada, proposal.id).await.expect("there");
            log.note("read a plan");
        }
    }
    let plans =
        services.planning.history(&app.ada, goal, &PageRequest::first(20)).await.expect("lists").items;
    let applied = plans.iter().filter(|one| one.status == DecompositionStatus::Applied);
    let applied: Vec<_> = applied.map(|one| one.id).collect();
    log.record.take();
    services
        .planning
        .compare(&app.ada, goal, applied.first().copied(), applied.last().copied())
        .await
        .expect("compared");
    log.note("compare two plans");
    for after in [None, Some(goal.to_string())] {
        let page = PageRequest { after: after.map(goalwright_application::read::Cursor), limit: 20 };
        services.planning.history(&app.ada, goal, &page).await.expect("lists");
        log.note("list the plans of a goal");
    }
    services.usage.budget(&app.ada).await.expect("a budget");
    log.note("read a budget");
    for by in [UsageBy::Day, UsageBy::Model, UsageBy::Goal] {
        services.usage.usage(&app.ada, by, None, None).await.expect("sums");
        log.note("sum up what models cost");
    }
    services.planning.add_prompt(&app.ada, "p1", "Plan.").await.expect("added");
    log.note("add a prompt");
    services.planning.prompts(&app.ada).await.expect("lists");
    log.note("list prompts");
    let whole = made.task_ids[0].expect("written");
    for (key, request) in [("T005", &by_model), ("T006", &shown)] {
        app.models.form(&plan(key));
        let parts = services.planning.expand(&app.ada, whole, request).await.expect("made");
        log.note("break a task further down");
        if request.dry_run {
            services.planning.accept(&app.ada, parts.id, &parts.plan_hash).await.expect("applied");
            log.note("apply the breakdown of a task");
        }
    }
    app.models.form(&plan("T004"));
    let prompted = DecomposeRequest { prompt_version: Some("p1".into()), ..by_model };
    services.planning.decompose(&app.ada, goal, &prompted).await.expect("made");
    log.note("use a prompt");
    Box::pin(performed(app, log)).await;
}

/// A task that a model performs with a tool.
async fn performed(app: &TestApp, log: &mut Log) {
    let services = &app.services;
    let draft = DraftAgent {
        capabilities: vec!["asked".into()],
        llm: Some(Profile { tools: Some(vec!["probe.*".into()]), ..Profile::default() }),
        ..draft_agent("asked", AgentKind::Llm)
    };
    services.agents.create(&app.ada, draft).await.expect("made");
    let origin = Origin { queue: QUEUE.to_owned(), ..Origin::default() };
    let draft = DraftGoal { title: "For an agent".into(), origin, ..DraftGoal::default() };
    let goal = services.goals.create(&app.ada, draft).await.expect("made").state.id;
    let draft = DraftTask {
        title: "Write".into(),
        goal_id: Some(goal),
        task_type: "asked".into(),
        ..DraftTask::default()
    };
    let made = services.tasks.create(&app.ada, NewTask { draft, depends_on: vec![] }).await.expect("made");
    let task = made.state.id;
    log.note("give a task to a model");
    let called = |name: &str, arguments: Value| ToolCall {
        id: name.to_owned(),
        name: name.to_owned(),
        arguments,
        extra: Map::new(),
    };
    let kernel = app.kernel_with(Settings { queue: QUEUE.to_owned(), ..Settings::default() });
    // A call whose end nobody saw, and the attempt after it.
    let unseen = json!({"name": "asked", "fail": 1, "unknown": true});
    for call in
        [called("probe_irreversible", unseen), called("finish", json!({"result": 1, "summary": "So be it."}))]
    {
        app.models.call(vec![call]);
        log.record.take();
        let claimed = kernel.claim(5).await.expect("claims");
        assert_eq!(claimed.len(), 1);
        log.note("claim for a model");
        let settlement = app.perform(&claimed[0]).await;
        log.note("perform by a model");
        let unit = app.ports.transactions.begin().await.expect("begins");
        unit.executions().earlier_call(claimed[0].run.id, "none").await.expect("looks");
        drop(unit);
        log.note("look for a call that a worker which vanished left open");
        kernel.settle(&[settlement]).await.expect("settles")[0].expect("the lease holds");
        log.note("settle what a model performed");
        if app.models.asked().last().is_some_and(|asked| asked.messages.len() == 1) {
            services.tasks.retry(&app.ada, task, "it may go on").await.expect("retried");
            log.note("have a model go on");
        }
    }
}
