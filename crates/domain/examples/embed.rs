//! Embedding the domain: read a plan, decide who does what, walk the graph, and fold the events back — without a
//! database, a clock or a runtime. Run it with `cargo run -p goalwright-domain --example embed`.

use std::collections::HashMap;

use goalwright_domain::agent::{Agent, AgentKind, Directory, DraftAgent};
use goalwright_domain::execution::Action;
use goalwright_domain::goal::{GoalId, TaskCounts};
use goalwright_domain::ledger::fold;
use goalwright_domain::plan::{Limits, graph, read_outline, validate};
use goalwright_domain::task::{Dependency, DraftTask, Task, TaskId, slugify};
use goalwright_domain::template::{self, Scope};
use goalwright_domain::workspace::WorkspaceId;
use goalwright_domain::{Id, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

const PLAN: &str = r#"# Count the words

- [ ] T001 Take a sentence
  use: text.render {"template": "three little words"}
- [ ] T002 Count its words (depends on T001)
  use: text.stats {"text": "{T001}"}
"#;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // A plan becomes a graph, or an answer that names every line that is wrong.
    let plan = read_outline(PLAN, &Limits::IMPORT)?.plan;
    validate(&plan, &Limits::IMPORT).map_err(|problems| format!("{problems:?}"))?;

    // Time, ids and chance are arguments: here they are made up.
    let now: Timestamp = "2026-01-01T12:00:00Z".parse()?;
    let workspace = WorkspaceId::new(Uuid::from_u128(1));
    let goal = GoalId::new(Uuid::from_u128(2));
    let tools = DraftAgent {
        name: "tools".into(),
        kind: AgentKind::Tool,
        capabilities: vec!["tool".into()],
        max_concurrency: None,
        is_default: false,
        user_id: None,
        llm: None,
    };
    let tools =
        Agent::create(Id::new(Uuid::from_u128(3)), workspace, tools, now).map_err(|v| format!("{v:?}"))?;
    let mut directory = Directory::new(vec![tools], HashMap::new());

    // Tasks, with their edges, in an order in which everything comes after what it waits for.
    let ids: Vec<TaskId> =
        (0..plan.tasks.len()).map(|n| TaskId::new(Uuid::from_u128(10 + n as u128))).collect();
    let edges: Vec<(usize, usize)> =
        plan.dependencies.iter().map(|edge| (edge.from_index, edge.to_index)).collect();
    let order = graph::topological_order(plan.tasks.len(), &edges).ok_or("a cycle")?;
    let mut counts = TaskCounts::default();
    let mut scope = Scope::new();
    for index in order {
        let planned = &plan.tasks[index];
        let Some(action) = &planned.action else { continue };
        let depends_on: Vec<Dependency> = plan
            .dependencies
            .iter()
            .filter(|edge| edge.from_index == index)
            .map(|edge| Dependency { task_id: ids[edge.to_index], origin: edge.origin })
            .collect();
        let draft = DraftTask {
            goal_id: Some(goal),
            key: planned.key.clone(),
            slug: slugify(&planned.title),
            title: planned.title.clone(),
            action: Some(Action::Tool {
                tool: action.tool.clone(),
                operation: action.operation.clone(),
                parameters: action.parameters.clone(),
            }),
            ..DraftTask::default()
        };
        let met = depends_on.len() as u32;
        let task = Task::create(ids[index], workspace, draft, &depends_on, met, now)
            .map_err(|v| format!("{v:?}"))?;
        let mut task = task.announced(&depends_on);
        let agent = directory.assign(&task.state().task_type, task.state().action.as_ref())?.id();

        // The state machine says what may happen next; whoever embeds the crate does the work.
        task.ready(agent, now)?;
        task.start(1, now, json!({}), now)?;
        let parameters = template::resolve(&action.parameters, &scope, &template::Limits::default())?;
        let result = perform(&action.tool, &action.operation, &parameters);
        task.complete(result.clone(), agent, (1, now), json!({}), now)?;
        counts.shift(None, Some(task.status()));
        scope.bind_task(planned.key.clone().unwrap_or_default(), result.clone());

        // What happened is told as events, from which the state can be had again.
        let facts = task.take_facts();
        let folded = fold("task", facts.iter().map(|fact| (&fact.changes, now)))?.ok_or("no events")?;
        assert_eq!(folded.state["status"], "completed");
        assert_eq!(folded.revision, task.revision());
        let told: Vec<&str> = facts.iter().map(|fact| fact.event_type).collect();
        println!("{:<22} {:<30} {}", planned.title, result.to_string(), told.join(" → "));
    }
    println!("{} % done", counts.percentage());
    assert!(counts.is_achieved());
    Ok(())
}

/// Stands for the tools of whoever embeds the crate.
fn perform(tool: &str, operation: &str, parameters: &Value) -> Value {
    match (tool, operation) {
        ("text", "render") => parameters["template"].clone(),
        ("text", "stats") => {
            let text = parameters["text"].as_str().unwrap_or_default();
            json!({"words": text.split_whitespace().count(), "characters": text.chars().count()})
        }
        _ => Value::Null,
    }
}
