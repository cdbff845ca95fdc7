//! The page of figures, while the database is away.

use std::sync::Arc;

use goalwright_application::ports::FiguresPage;
use goalwright_infrastructure::telemetry::{Observer, Page};
use goalwright_testkit::{Backend, TestApp};
use rstest::rstest;

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn the_page_is_there_while_the_database_is_away(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let observer = Observer::start(true, None, app.clock.clone()).expect("no collector is no problem");
    let page = Page::new(Arc::clone(&observer), app.db.database.clone());
    assert!(page.render().await.contains("\ngoalwright_database_up 1\n"));
    app.db.database.close().await;
    let away = page.render().await;
    assert!(away.contains("\ngoalwright_database_up 0\n"), "{away}");
    assert!(away.contains("\ngoalwright_queue_age_seconds 0\n"), "as it was before");
}
