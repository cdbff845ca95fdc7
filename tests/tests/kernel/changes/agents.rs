use goalwright_application::Precondition;
use goalwright_domain::agent::{AgentEdit, AgentKind};
use goalwright_domain::execution::Action;
use goalwright_domain::task::TaskStatus;
use goalwright_testkit::{Backend, TestApp};
use rstest::rstest;
use serde_json::json;

use super::choices::agent;
use super::*;

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn an_agent_changes_and_the_default_is_handed_over(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let id = agent(&app, "grace", AgentKind::Human, &[]).await;
    let all = AgentEdit {
        name: Some("Grace".into()),
        capabilities: Some(vec!["review".into()]),
        max_concurrency: Some(Some(2)),
        is_default: Some(true),
        llm: None,
    };
    let change = async |edit: AgentEdit| app.services.agents.edit(&app.ada, id, edit, &ANY).await;
    let changed = change(all.clone()).await.expect("changes");
    let state = changed.state();
    assert_eq!((state.name.as_str(), state.max_concurrency, state.is_default), ("Grace", Some(2), true));
    assert_eq!(app.db.number("SELECT COUNT(*) FROM agents WHERE is_default").await, 1);
    assert_eq!(task(&app, make(&app, words("New"), &[]).await).await.state.agent_id, Some(id));
    assert_eq!(change(all).await.expect("the same").revision(), changed.revision());
    assert_eq!(told_types(&app, id).await, ["agent.created", "agent.updated"]);
    let taken = change(AgentEdit { name: Some("ada".into()), ..AgentEdit::default() }).await;
    let names = app.db.texts("SELECT name FROM agents ORDER BY name").await;
    assert!(names.len() == 3, "{names:?}");
    if names.contains(&"ada".to_owned()) {
        assert_eq!(taken.expect_err("taken").code(), "name_taken");
    }
    let wrong = AgentEdit { name: Some(" ".into()), max_concurrency: Some(Some(0)), ..AgentEdit::default() };
    let refused = violations(change(wrong).await.expect_err("refused"));
    assert_eq!(refused.iter().map(|one| one.path.as_str()).collect::<Vec<_>>(), ["name", "max_concurrency"]);
    let seen = Precondition::OneOf(vec![1]);
    let stale = app.services.agents.edit(&app.ada, id, AgentEdit::default(), &seen).await.expect_err("stale");
    assert_eq!(stale.code(), "precondition_failed");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_new_capability_finds_what_nobody_could_do(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    // Without a default agent only who is meant for words gets them.
    let page = goalwright_application::read::PageRequest::first(9);
    let agents = app.services.agents.list(&app.ada, &Default::default(), &page).await.expect("lists").items;
    let default = agents.iter().find(|agent| agent.state().is_default).expect("one").id();
    let step_down = AgentEdit { is_default: Some(false), ..AgentEdit::default() };
    app.services.agents.edit(&app.ada, default, step_down, &ANY).await.expect("changes");
    let id = make(&app, DraftTask { task_type: "review".into(), ..words("Review") }, &[]).await;
    assert_eq!(status(&app, id).await, TaskStatus::Pending);
    let able = AgentEdit { capabilities: Some(vec!["review".into()]), ..AgentEdit::default() };
    app.services.agents.edit(&app.ada, default, able, &ANY).await.expect("changes");
    let state = task(&app, id).await.state;
    assert_eq!((state.status, state.agent_id), (TaskStatus::Ready, Some(default)));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_retired_agent_hands_over_what_it_has_not_begun(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let (one, two) = (
        agent(&app, "one", AgentKind::External, &["a"]).await,
        agent(&app, "two", AgentKind::External, &[]).await,
    );
    let draft =
        |title: &str| DraftTask { task_type: "a".into(), action: Some(Action::External), ..words(title) };
    let ready = make(&app, draft("Ready"), &[]).await;
    let pending = make(&app, draft("Pending"), &[ready]).await;
    for id in [ready, pending] {
        assert_eq!(task(&app, id).await.state.agent_id, Some(one));
    }
    app.services.agents.retire(&app.ada, one, &ANY).await.expect("retires");
    for (id, status) in [(ready, TaskStatus::Ready), (pending, TaskStatus::Pending)] {
        let state = task(&app, id).await.state;
        assert_eq!((state.status, state.agent_id), (status, Some(two)));
        assert_eq!(told_types(&app, id).await.last().map(String::as_str), Some("task.assigned"));
    }
    assert_eq!(runs(&app, "ready", "r.agent_id = t.agent_id AND r.status = 'queued'").await, 1);
    app.services.agents.retire(&app.ada, one, &ANY).await.expect("is retired");
    assert_eq!(told_types(&app, one).await, ["agent.created", "agent.retired"]);

    // Nobody is left.
    app.services.agents.retire(&app.ada, two, &ANY).await.expect("retires");
    for id in [ready, pending] {
        let state = task(&app, id).await.state;
        assert_eq!((state.status, state.agent_id), (TaskStatus::Pending, None));
    }
    assert_eq!(runs(&app, "ready", "1 = 1").await, 0);
    let late = AgentEdit { name: Some("three".into()), ..AgentEdit::default() };
    let refused = app.services.agents.edit(&app.ada, two, late, &ANY).await.expect_err("retired");
    assert_eq!(refused.code(), "invalid_transition");
    let three = agent(&app, "three", AgentKind::External, &[]).await;
    assert_eq!(task(&app, ready).await.state.agent_id, Some(three));
    assert_eq!(status(&app, ready).await, TaskStatus::Ready);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_a_retired_agent_began_is_gone_on_with_by_the_next(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let page = goalwright_application::read::PageRequest::first(9);
    let agents = app.services.agents.list(&app.ada, &Default::default(), &page).await.expect("lists").items;
    let tools = agents.iter().find(|agent| agent.kind() == AgentKind::Tool).expect("one").id();
    let id = make(&app, flaky("flaky"), &[]).await;
    app.step(1).await;
    app.services.agents.retire(&app.ada, tools, &ANY).await.expect("retires");
    let state = task(&app, id).await.state;
    assert_eq!((state.status, state.agent_id, state.attempt), (TaskStatus::Pending, None, 1));
    assert_eq!(runs(&app, "flaky", "r.status = 'waiting'").await, 1);
    let next = agent(&app, "next", AgentKind::Tool, &[]).await;
    assert_eq!(runs(&app, "flaky", "r.status = 'queued' AND r.agent_id = t.agent_id").await, 1);
    app.drain().await;
    let state = task(&app, id).await.state;
    assert_eq!((state.status, state.agent_id, state.attempt), (TaskStatus::Completed, Some(next), 2));
    assert_eq!(state.result, Some(json!("flaky")));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_a_retired_agent_was_doing_is_tried_again_by_another(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let retiring = agent(&app, "retiring", AgentKind::Tool, &["narrow"]).await;
    let id = make(&app, DraftTask { task_type: "narrow".into(), ..flaky("flaky") }, &[]).await;
    let held = app.kernel.claim(1).await.expect("claims").remove(0);
    assert_eq!(held.task.agent_id, Some(retiring));
    app.services.agents.retire(&app.ada, retiring, &ANY).await.expect("retires");
    let settlement = app.perform(&held).await;
    app.kernel.settle(&[settlement]).await.expect("settles");
    let state = task(&app, id).await.state;
    assert_eq!(state.status, TaskStatus::Ready);
    assert!(state.agent_id.is_some_and(|agent| agent != retiring));
    assert_eq!(runs(&app, "flaky", "r.status = 'queued' AND r.agent_id = t.agent_id").await, 1);
    crate::derived::check(&app).await;
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn agents_that_are_needed_stay(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let id = agent(&app, "grace", AgentKind::Human, &[]).await;
    let default = AgentEdit { is_default: Some(true), ..AgentEdit::default() };
    app.services.agents.edit(&app.ada, id, default, &ANY).await.expect("changes");
    let page = goalwright_application::read::PageRequest::first(9);
    let agents = app.services.agents.list(&app.ada, &Default::default(), &page).await.expect("lists").items;
    let member = agents.iter().find(|agent| agent.state().user_id.is_some()).expect("ada's").id();
    for needed in [id, member] {
        let refused = app.services.agents.retire(&app.ada, needed, &ANY).await.expect_err("needed");
        assert_eq!(refused.code(), "agent_needed");
    }
}
