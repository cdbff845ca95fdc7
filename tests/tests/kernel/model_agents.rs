//! Tasks that a model performs: with its tools, within its bounds, and so that nothing is done or paid for twice.

mod bounds;
mod costs;
mod dialogues;
mod tasks;
mod workspaces;

use std::time::Duration;

use goalwright_application::Precondition;
use goalwright_application::execution::{Assignment, Settlement};
use goalwright_domain::agent::{AgentEdit, AgentId, AgentKind, DraftAgent, Profile};
use goalwright_domain::experience::{Experience, ExperienceType};
use goalwright_domain::model::{Content, Role, ToolCall};
use goalwright_domain::task::{DraftTask, TaskId, TaskState};
use goalwright_testkit::{TestApp, draft_agent};
use serde_json::{Map, Value, json};

fn call(id: &str, name: &str, arguments: Value) -> ToolCall {
    ToolCall { id: id.to_owned(), name: name.to_owned(), arguments, extra: Map::new() }
}

fn finish(id: &str, result: Value) -> Vec<ToolCall> {
    vec![call(id, "finish", json!({"result": result, "summary": "It is done."}))]
}

/// A workspace whose default agent is a model with this profile.
async fn model_agent(app: &TestApp, profile: Profile) -> AgentId {
    app.models.offer("anthropic/claude-sonnet-4-5");
    let draft = DraftAgent { is_default: true, llm: Some(profile), ..draft_agent("model", AgentKind::Llm) };
    app.services.agents.create(&app.ada, draft).await.expect("made").id()
}

/// It works by this profile from now on.
async fn become_other(app: &TestApp, agent: AgentId, profile: Profile) {
    let edit = AgentEdit { llm: Some(Some(profile)), ..AgentEdit::default() };
    app.services.agents.edit(&app.ada, agent, edit, &Precondition::Any).await.expect("edited");
}

fn with_tools(tools: &[&str]) -> Profile {
    let tools = tools.iter().map(|&tool| tool.to_owned()).collect();
    Profile { tools: Some(tools), ..Profile::default() }
}

async fn make(app: &TestApp, draft: DraftTask) -> TaskId {
    app.create_task(draft).await.state.id
}

fn titled(title: &str) -> DraftTask {
    DraftTask { title: title.to_owned(), ..DraftTask::default() }
}

async fn state(app: &TestApp, id: TaskId) -> TaskState {
    app.services.tasks.get(&app.ada, id).await.expect("there").state
}

async fn executions(app: &TestApp) -> Vec<Experience> {
    let all = app.experiences().await;
    all.into_iter().filter(|one| one.kind == ExperienceType::TaskExecution).collect()
}

async fn claim(app: &TestApp) -> Assignment {
    app.clock.advance(Duration::from_millis(1));
    app.db.until_rolled_back().await;
    app.kernel.claim(1).await.expect("claims").pop().expect("something to do")
}

async fn settle(app: &TestApp, settlement: Settlement) {
    app.kernel.settle(&[settlement]).await.expect("settles")[0].expect("the lease holds");
}

/// The lease runs out, as that of a worker that vanished does.
async fn worker_vanishes(app: &TestApp) {
    app.clock.advance(Duration::from_secs(31));
    assert_eq!(app.kernel.reclaim().await.expect("reclaims"), 1);
}

/// An audit copy of what was said in an attempt.
async fn transcript(app: &TestApp, record: &Experience) -> String {
    let artifacts = record.content["structured"]["io"]["artifact_ids"].as_array().expect("artifacts").clone();
    let transcript: uuid::Uuid =
        artifacts.last().and_then(Value::as_str).expect("one").parse().expect("an id");
    let (_, bytes) = app.services.artifacts.read(&app.ada, transcript).await.expect("the transcript");
    String::from_utf8(bytes.to_vec()).expect("text")
}

/// What the model was told last, our turns only.
fn told_last(app: &TestApp) -> String {
    let asked = app.models.asked();
    let last = asked.last().expect("it was asked").messages.last().expect("a message").clone();
    assert_eq!(last.role, Role::User);
    last.content
        .iter()
        .map(|part| match part {
            Content::Text { text } => text.clone(),
            Content::ToolResult(result) => result.text.clone(),
            Content::ToolCall(_) | Content::Opaque { .. } => String::new(),
        })
        .collect::<Vec<_>>()
        .join("\n")
}
