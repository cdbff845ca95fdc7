//! Result files, and results that are taken over.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use goalwright_application::experiences::{Backfill, Taken};
use goalwright_domain::experience::legacy::{Found, backfilled};
use goalwright_domain::experience::{Experience, Runner};
use goalwright_infrastructure::results::ResultFiles;
use goalwright_testkit::{Backend, TestApp};
use rstest::rstest;
use serde_json::{Value, json};
use tempfile::TempDir;

const PLAN: &str = "# P\n\n- [ ] T001 Greet\n  use: text.render {\"template\": \"write to ada@example.org\"}\n\
                    - [ ] T002 Break (depends on T001)\n  use: file.read {\"path\": \"nowhere.txt\"}\n";

/// The files of a data directory, by the record in each.
fn documents(data: &Path) -> Vec<(PathBuf, Value)> {
    let (mut open, mut found) = (vec![data.to_path_buf()], Vec::<(PathBuf, Value)>::new());
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|end| end == "json") {
                let text = std::fs::read_to_string(&path).expect("reads");
                found.push((path, serde_json::from_str(&text).expect("json")));
            }
        }
    }
    found.sort_by_key(|(_, document)| document["experience"]["id"].to_string());
    found
}

/// An app that worked the plan off, and a folder for its files.
async fn worked_off(backend: Backend) -> Option<(TestApp, TempDir)> {
    let app = TestApp::start(backend).await?;
    app.import(PLAN).await;
    app.drain().await;
    app.sequence().await;
    Some((app, TempDir::new().expect("a folder")))
}

fn read(app: &TestApp, value: &Value) -> Experience {
    let runner = Runner { name: "admin".into(), version: "1".into(), pid: 1, host: "h".into() };
    let found = Found { file: "results/x.json", workspace_id: app.ada.workspace(), runner: &runner };
    backfilled(value, found).expect("a result")
}

fn backfill(app: &TestApp) -> Backfill {
    Backfill::new(app.db.database.transactions(), app.db.database.queries())
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn each_execution_has_a_file_with_its_record_and_its_key(#[case] backend: Backend) {
    let Some((app, data)) = worked_off(backend).await else { return };
    let files = || ResultFiles::new(app.db.database.clone(), data.path().to_path_buf());
    let first = files();
    assert_eq!(first.write().await.expect("writes"), 2);
    assert_eq!(first.write().await.expect("writes"), 0, "nothing new");
    assert_eq!(files().write().await.expect("writes"), 0, "nor for another process");

    let mut records = app.experiences().await;
    records.sort_by(|one, other| one.id.cmp(&other.id));
    let written = documents(data.path());
    assert_eq!(written.len(), 2);
    for ((path, document), record) in written.iter().zip(&records) {
        assert_eq!(document["experience"], serde_json::to_value(record).expect("json"));
        let told = &record.content["structured"];
        assert_eq!(document["idempotency_key"], told["idempotency_key"]);
        let below = path.strip_prefix(first.folder(app.ada.workspace())).expect("in the workspace's folder");
        let span = &told["span_id"].as_str().expect("text")[..8];
        let name = format!("{}_{span}.json", record.created_at.utc().format("%Y%m%dT%H%M%SZ"));
        assert_eq!(below, Path::new(told["task_slug"].as_str().expect("text")).join(name));
    }
    assert!(
        written.iter().any(|(_, document)| document["experience"]["content"]["text"] == "write to [email]")
    );

    // What is gone is written anew, by whoever looks first.
    std::fs::remove_dir_all(first.folder(app.ada.workspace())).expect("removes");
    assert_eq!(files().write().await.expect("writes"), 2);
    assert_eq!(documents(data.path()), written);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn files_that_cannot_be_written_are_written_later(#[case] backend: Backend) {
    let Some((app, data)) = worked_off(backend).await else { return };
    let files = ResultFiles::new(app.db.database.clone(), data.path().to_path_buf());
    std::fs::write(data.path().join("workspaces"), "in the way").expect("writes");
    let error = files.write().await.expect_err("no folder");
    assert!(error.to_string().contains("cannot be written"), "{error}");
    assert_eq!(app.experiences().await.len(), 2, "the record is complete");
    std::fs::remove_file(data.path().join("workspaces")).expect("removes");
    assert_eq!(files.write().await.expect("writes"), 2);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn our_own_files_add_nothing_where_they_were_written(#[case] backend: Backend) {
    let Some((app, data)) = worked_off(backend).await else { return };
    let files = ResultFiles::new(app.db.database.clone(), data.path().to_path_buf());
    files.write().await.expect("writes");
    let experiences: Vec<Experience> =
        documents(data.path()).iter().map(|(_, document)| read(&app, document)).collect();
    let taken = backfill(&app).take(&experiences, false).await.expect("takes");
    let known: Vec<Taken> = experiences.iter().map(|one| Taken { id: one.id.clone(), new: false }).collect();
    assert_eq!(taken, known);
    assert_eq!(app.experiences().await.len(), 2);

    let Some(other) = TestApp::start(backend).await else { return };
    let experiences: Vec<Experience> =
        documents(data.path()).iter().map(|(_, document)| read(&other, document)).collect();
    let taken = backfill(&other).take(&experiences, false).await.expect("takes");
    assert!(taken.iter().all(|taken| taken.new));
    let records = other.experiences().await;
    for record in &records {
        assert_eq!(record.meta, json!({"scrubbed": true, "backfilled": true}));
        assert_eq!(record.provenance["method"], "BACKFILL");
        let (_, document) = documents(data.path())
            .into_iter()
            .find(|(_, document)| document["experience"]["id"] == record.id.as_str())
            .expect("its file");
        assert_eq!(document["experience"]["content"], record.content);
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn legacy_results_are_taken_once_however_often_and_by_whomever(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let results: Vec<Experience> = (0..50)
        .map(|n| read(&app, &json!({"task_id": "sweep", "started_at": 1_762_280_952 + n % 40, "output": n})))
        .collect();
    let would = backfill(&app).take(&results, true).await.expect("compares");
    assert_eq!(would.iter().filter(|taken| taken.new).count(), 40, "ten are of the same moment as others");
    assert_eq!(app.experiences().await.len(), 0, "a dry run writes nothing");
    let all = Arc::new(backfill(&app));
    let (one, other) = tokio::join!(all.take(&results, false), all.take(&results, false));
    let (one, other) = (one.expect("takes"), other.expect("takes"));
    let ids = |taken: &[Taken]| taken.iter().map(|taken| taken.id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&one), ids(&other));
    assert_eq!(ids(&one), ids(&would));
    assert_eq!(app.experiences().await.len(), 40);
    let again = all.take(&results, false).await.expect("takes");
    assert!(again.iter().all(|taken| !taken.new));
}
