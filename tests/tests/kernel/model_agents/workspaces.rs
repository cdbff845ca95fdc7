//! Workspaces that have a model, and those that have none.

use goalwright_application::Precondition;
use goalwright_domain::agent::{AgentKind, DraftAgent, Profile};
use goalwright_domain::task::TaskStatus;
use goalwright_testkit::{Backend, TestApp, draft_agent};
use rstest::rstest;

use super::*;

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn workspaces_begin_with_a_model_where_one_is_configured_and_get_one_later(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    // Ada's workspace was made when there was none.
    assert_eq!(app.services.agents.equip().await.expect("equips"), 0, "nothing is configured");
    let id = make(&app, titled("By a person")).await;
    let person = state(&app, id).await.agent_id.expect("ada");
    app.models.offer("anthropic/claude-sonnet-4-5");
    let bob = app.user("bob").await;
    assert_eq!(app.services.agents.equip().await.expect("equips"), 1, "bob's has one already");
    assert_eq!(app.services.agents.equip().await.expect("equips"), 0);
    for context in [&app.ada, &bob] {
        let settled = app.services.workspaces.settings(context).await.expect("settings");
        let agent =
            app.services.agents.get(context, settled.default_agent.expect("one")).await.expect("there");
        assert_eq!((agent.kind(), agent.state().name.as_str()), (AgentKind::Llm, "model"));
        assert_eq!(agent.state().llm, Some(Profile::default()));
    }
    let id = make(&app, titled("By a model")).await;
    assert_ne!(state(&app, id).await.agent_id, Some(person));
    // Whoever retired it does not want it.
    let settled = app.services.workspaces.settings(&bob).await.expect("settings");
    let edit = goalwright_application::workspaces::Settle { default_agent: None, ..Default::default() };
    assert!(app.services.workspaces.settle(&bob, &edit, &Precondition::Any).await.is_ok());
    let model = settled.default_agent.expect("one");
    assert!(app.services.agents.retire(&bob, model, &Precondition::Any).await.is_err(), "it is the default");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn why_nothing_moves_without_a_model_is_told(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let draft = DraftAgent { is_default: true, ..draft_agent("model", AgentKind::Llm) };
    app.services.agents.create(&app.ada, draft).await.expect("made");
    let goal = app.import("# P\n\n- [ ] T001 Think\n").await;
    app.drain().await;
    let task = app.task(goal, "T001").await.state;
    assert_eq!(task.status, TaskStatus::Ready, "nobody took it");
    let codes: Vec<&str> = app.progress(goal).await.reasons.iter().map(|reason| reason.code).collect();
    assert!(codes.contains(&"model_unavailable"), "{codes:?}");
    let ready = app.services.tasks.readiness(&app.ada, task.id).await.expect("looks");
    assert!(!ready.ready && ready.failures[0].code == "resource_missing", "{ready:?}");
    app.models.offer("anthropic/claude-sonnet-4-5");
    assert!(app.services.tasks.readiness(&app.ada, task.id).await.expect("looks").ready);
    app.services.usage.set_budget(&app.ada, None, Some(0), &Precondition::Any).await.expect("set");
    let codes: Vec<&str> = app.progress(goal).await.reasons.iter().map(|reason| reason.code).collect();
    assert!(codes.contains(&"budget_exhausted"), "{codes:?}");
    assert!(!app.services.tasks.readiness(&app.ada, task.id).await.expect("looks").ready);
}
