//! Words of what was pruned leave the index, however large it is, and others write meanwhile.

use std::sync::Arc;
use std::time::Duration;

use goalwright_application::audit::{Prune, Redact, Redactor, Way};
use goalwright_domain::Timestamp;
use goalwright_domain::task::TaskStatus;
use goalwright_testkit::{Backend, TestApp};
use rstest::rstest;

use crate::pruning::{count, folders, pruner};

/// Words in the raw index that other words do not hold the beginning of.
const RAW: &str =
    "SELECT COUNT(*) FROM experience_words_data WHERE instr(block, CAST('lophonkonzert' AS BLOB)) > 0";

/// Part by part.
fn part(app: &TestApp, before: Timestamp) -> Prune {
    Prune { before, actor: app.ada.actor(), reason: "old".to_owned(), dry_run: false, units: 1 }
}

async fn happened(app: &TestApp, title: &str) {
    let plan = format!("# {title}\n\n- [ ] T001 {title}\n  use: text.render {{\"template\": \"x\"}}\n");
    let goal = app.import(&plan).await;
    app.drain().await;
    app.sequence().await;
    app.services.experiences.read_all().await.expect("reads");
    assert_eq!(app.task(goal, "T001").await.state.status, TaskStatus::Completed);
}

/// What was pruned long ago, an index of several megabytes around it, and the moment before which things go.
async fn with_a_large_index(backend: Backend) -> Option<(TestApp, Timestamp)> {
    let app = TestApp::start(backend).await?;
    happened(&app, "Xylophonkonzert besuchen").await;
    if backend == Backend::Sqlite {
        let others = "INSERT INTO experience_words (rowid, workspace, words) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL \
                      SELECT i + 1 FROM n WHERE i < 25000) SELECT 1000000 + i, 'ffff', hex(randomblob(64)) || ' ' || \
                      hex(randomblob(64)) FROM n";
        app.db.execute(others).await.expect("words of others");
    }
    app.clock.advance(Duration::from_secs(60));
    let before = app.ports.clock.now();
    Some((app, before))
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_large_index_forgets_in_steps_between_which_work_is_done(#[case] backend: Backend) {
    let Some((app, before)) = with_a_large_index(backend).await else { return };
    let (workspace, asked, mut way) = (app.ada.workspace(), part(&app, before), Way::default());
    let (mut parts, mut merging) = (0, 0);
    while pruner(&app).go_on(workspace, &asked, &mut way).await.expect("prunes").more {
        parts += 1;
        assert!(parts < 100, "it comes to an end");
        merging += count(&app, "pruned_words").await;
        happened(&app, &format!("Ankommen {parts}")).await;
    }
    assert_eq!(count(&app, "pruned_words").await, 0);
    assert!(merging >= if backend == Backend::Sqlite { 3 } else { 0 }, "{merging} of {parts}");
    if backend == Backend::Sqlite {
        assert_eq!(app.db.number(RAW).await, 0);
        let kept = "SELECT COUNT(*) FROM experience_words WHERE experience_words MATCH 'ffff'";
        assert_eq!(app.db.number(kept).await, 25_000, "what was not pruned is found");
    }
    assert_eq!(count(&app, "experiences").await, parts, "all of these");
    app.db.discard().await;
}

/// What is pruned while parts are merged is marked in the part that is made of them.
#[rstest]
#[case::before_it_ended(true)]
#[case::after_a_crash(false)]
#[tokio::test]
async fn what_is_pruned_while_the_index_forgets_is_forgotten_as_well(#[case] goes_on: bool) {
    let Some((app, before)) = with_a_large_index(Backend::Sqlite).await else { return };
    let (workspace, asked, mut way) = (app.ada.workspace(), part(&app, before), Way::default());
    while count(&app, "pruned_words").await == 0 || app.db.number(RAW).await == 0 {
        assert!(pruner(&app).go_on(workspace, &asked, &mut way).await.expect("prunes").more);
    }
    for _ in 0..3 {
        assert!(pruner(&app).go_on(workspace, &asked, &mut way).await.expect("prunes").more);
    }
    // Some of what was merged already, and some of what was not.
    let gone = "DELETE FROM experience_words WHERE rowid % 100 = 0 AND rowid > 1000000";
    app.db.execute(gone).await.expect("as another process does");
    if !goes_on {
        way = Way::default();
    }
    let mut parts = 0;
    while pruner(&app).go_on(workspace, &asked, &mut way).await.expect("prunes").more {
        parts += 1;
        assert!(parts < 100, "it comes to an end");
    }
    let marked = "SELECT COUNT(*) FROM experience_words_data WHERE id >= 9007199254740992";
    assert_eq!((count(&app, "pruned_words").await, app.db.number(marked).await), (0, 0));
    assert_eq!(app.db.number(RAW).await, 0);
    let kept = "SELECT COUNT(*) FROM experience_words WHERE experience_words MATCH 'ffff'";
    assert_eq!(app.db.number(kept).await, 24_750);
    app.db
        .execute("INSERT INTO experience_words (experience_words) VALUES ('integrity-check')")
        .await
        .expect("whole");
    app.db.discard().await;
}

/// What a merge that is under way has written already stands in two parts.
#[tokio::test]
async fn what_is_redacted_while_the_index_forgets_is_forgotten_at_once() {
    let Some((app, before)) = with_a_large_index(Backend::Sqlite).await else { return };
    happened(&app, "00Zylinderkopf ansehen").await;
    let (workspace, asked, mut way) = (app.ada.workspace(), part(&app, before), Way::default());
    while count(&app, "pruned_words").await == 0 || app.db.number(RAW).await == 0 {
        assert!(pruner(&app).go_on(workspace, &asked, &mut way).await.expect("prunes").more);
    }
    for _ in 0..3 {
        assert!(pruner(&app).go_on(workspace, &asked, &mut way).await.expect("prunes").more);
    }
    let raw = RAW.replace("lophonkonzert", "linderkopf");
    assert!(app.db.number(&raw).await > 0, "it is found where it should be");
    let experience =
        app.experiences().await.into_iter().find(|one| one.content.to_string().contains("Zylinderkopf"));
    let redact = Redact {
        experiences: vec![experience.expect("it is on record").id],
        reason: "Erasure".to_owned(),
        ..Redact::default()
    };
    let redactor = Redactor::new(&app.ports, Arc::new(folders(&app)));
    redactor.redact(workspace, &app.ada.actor(), &redact).await.expect("redacts");
    assert_eq!(app.db.number(&raw).await, 0);
    app.db.discard().await;
}
