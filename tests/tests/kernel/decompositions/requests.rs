//! Which model is asked, and what it is told.

use goalwright_application::planning::DecomposeRequest;
use goalwright_application::workspaces::Settle;
use goalwright_application::{Error, Precondition};
use goalwright_domain::workspace::SettingsEdit;
use goalwright_testkit::{Backend, TestApp};
use rstest::rstest;

use super::*;
use crate::planners::{by_model, goal};

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_version_of_the_prompt_is_named_and_never_changed(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let planning = &app.services.planning;
    planning.add_prompt(&app.ada, "short-1", "Be short.").await.expect("added");
    let again = planning.add_prompt(&app.ada, "short-1", "Be shorter.").await.expect_err("taken");
    assert_eq!(again.code(), "name_taken");
    assert_eq!(
        planning.add_prompt(&app.ada, "goalwright-1", "x").await.expect_err("taken").code(),
        "name_taken"
    );
    let wrong = planning.add_prompt(&app.ada, "a b", " ").await.expect_err("wrong");
    assert!(matches!(wrong, Error::Invalid { violations, .. } if violations.len() == 2));
    let names: Vec<String> =
        planning.prompts(&app.ada).await.expect("lists").into_iter().map(|one| one.version).collect();
    assert_eq!(names, ["goalwright-1", "short-1"]);
    app.models.form(&bread());
    let request = DecomposeRequest { prompt_version: Some("short-1".into()), ..by_model() };
    let made = decompose(&app, goal(&app).await, &request).await.expect("made");
    assert_eq!(made.making.prompt_version.as_deref(), Some("short-1"));
    assert!(app.models.asked()[0].system.starts_with("Be short."));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn the_model_is_that_of_the_request_else_of_the_workspace_else_the_usual_one(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    app.models.offer("anthropic/usual");
    let asked = async |request: &DecomposeRequest| {
        app.models.form(&bread());
        let made = decompose(&app, goal(&app).await, request).await.expect("made");
        assert_eq!(app.models.asked().pop().map(|asked| asked.model.to_string()), made.making.model);
        made.making.model
    };
    assert_eq!(asked(&by_model()).await.as_deref(), Some("anthropic/usual"));
    let model = "openai/ours".parse().ok();
    let edit = SettingsEdit { model: Some(model), ..SettingsEdit::default() };
    let settle = Settle { edit, default_agent: None };
    app.services.workspaces.settle(&app.ada, &settle, &Precondition::Any).await.expect("settled");
    assert_eq!(asked(&by_model()).await.as_deref(), Some("openai/ours"));
    let named = DecomposeRequest { model: Some("openai/mine".into()), ..by_model() };
    assert_eq!(asked(&named).await.as_deref(), Some("openai/mine"));
}
