//! Several prune at once, somebody reads meanwhile, and what was put back from an earlier time is noticed.

use std::sync::Arc;
use std::time::Duration;

use goalwright_application::Precondition;
use goalwright_application::audit::{Prune, Pruned, Redact, Redactor};
use goalwright_application::tasks::Ending;
use goalwright_domain::goal::{GoalEdit, GoalStatus};
use goalwright_domain::ledger::{Broken, Checkpoint, EventId, Saying, SnapshotSum};
use goalwright_domain::task::TaskStatus;
use goalwright_infrastructure::results::ResultFiles;
use goalwright_testkit::{Backend, TestApp};
use rstest::rstest;
use serde_json::Map;

use crate::audit::{verify, without_guards};
use crate::past::{is_told, now};
use crate::pruning::{aged, count, folders, prune, pruner, try_prune, without_guards_of_checkpoints};
use crate::rows;

async fn many(backend: Backend, goals: usize) -> Option<TestApp> {
    let app = TestApp::start(backend).await?;
    for goal in 0..goals {
        let tasks: String = (1..=40)
            .map(|n| {
                format!("- [ ] T{n:03} [P] Task {goal} {n}\n  use: text.render {{\"template\": \"x\"}}\n")
            })
            .collect();
        app.import(&format!("# Goal {goal}\n\n{tasks}")).await;
        app.drain().await;
        app.clock.advance(Duration::from_secs(60));
    }
    app.sequence().await;
    app.services.experiences.read_all().await.expect("reads");
    Some(app)
}

fn everything(app: &TestApp) -> Prune {
    let (before, actor) = (app.ports.clock.now(), app.ada.actor());
    Prune { before, actor, reason: "old".to_owned(), dry_run: false, units: usize::MAX }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn two_who_prune_at_once_remove_everything_once(#[case] backend: Backend) {
    let Some(app) = many(backend, 12).await else { return };
    let (events, runs) = (count(&app, "events").await, count(&app, "runs").await);
    let experiences = count(&app, "experiences").await;
    let (asked, workspace) = (everything(&app), app.ada.workspace());
    let (one, other) = (pruner(&app), pruner(&app));
    let (first, second): (Pruned, Pruned) =
        tokio::try_join!(one.prune(workspace, &asked), other.prune(workspace, &asked))
            .expect("both come to their end");
    let sum = |of: fn(&Pruned) -> u64| i64::try_from(of(&first) + of(&second)).expect("few");
    assert_eq!((sum(|pruned| pruned.runs), count(&app, "runs").await), (runs, 0), "{first:?} {second:?}");
    assert_eq!(sum(|pruned| pruned.attempts), runs);
    assert_eq!((sum(|pruned| pruned.experiences), count(&app, "experiences").await), (experiences, 0));
    // What tells of the prunings stays, and is no reason to prune.
    let told = app.db.number("SELECT COUNT(*) FROM events WHERE event_type = 'ledger.pruned'").await;
    assert_eq!(sum(|pruned| pruned.events), events, "{first:?} {second:?}");
    assert_eq!(count(&app, "events").await, told);
    for table in ["attempts", "tool_calls", "task_executions", "experience_documents", "pruned_files"] {
        assert_eq!(count(&app, table).await, 0, "{table}");
    }
    assert_eq!(verify(&app).await.first_invalid, None);
    // What the events tell went is what went.
    let counts =
        app.db.texts("SELECT CAST(metadata AS TEXT) FROM events WHERE event_type = 'ledger.pruned'").await;
    let told: i64 = counts
        .iter()
        .map(|text| {
            serde_json::from_str::<serde_json::Value>(text).expect("JSON")["pruned"]["runs"]
                .as_i64()
                .expect("a count")
        })
        .sum();
    assert_eq!(told, runs);
    rows::are_what_events_tell(&app).await;
    app.db.discard().await;
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn whoever_began_to_look_at_the_past_sees_all_of_it(#[case] backend: Backend) {
    let Some(app) = many(backend, 1).await else { return };
    let (workspace, at) = (app.ada.workspace(), app.ports.clock.now());
    let goal = app.db.texts("SELECT entity_id FROM events WHERE event_type = 'goal.created'").await.remove(0);
    let histories = app.ports.queries.histories().await.expect("begins");
    assert_eq!(histories.known_from(workspace).await.expect("asks"), None);
    let pruned = prune(&app, at).await;
    assert!(pruned.events > 100, "{pruned:?}");
    // As it was when it was asked first: nothing was pruned yet, and nothing is kept.
    assert_eq!(histories.known_from(workspace).await.expect("asks"), None);
    let told = histories.tellings(workspace, "goal", &goal, at).await.expect("asks");
    assert_eq!(told.last().map(|telling| telling.event_type.as_str()), Some("goal.achieved"));
    let kept = histories.kept(workspace, "goal", std::slice::from_ref(&goal)).await.expect("asks");
    assert!(kept.is_empty());
    histories.end().await;
    let histories = app.ports.queries.histories().await.expect("begins");
    let kept = histories.kept(workspace, "goal", std::slice::from_ref(&goal)).await.expect("asks");
    assert_eq!((kept.len(), histories.is_told_of(workspace, "goal", &goal).await.expect("asks")), (1, false));
    histories.end().await;
    app.db.discard().await;
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn the_past_is_told_while_it_is_pruned(#[case] backend: Backend) {
    let Some(app) = many(backend, 8).await else { return };
    let moment = now(&app).await;
    let pruning = async {
        for step in (0..8).rev() {
            let before = moment.at - Duration::from_secs(60 * step);
            try_prune(&app, before, false).await.expect("prunes");
        }
    };
    let mut looked = 0;
    let looking = async {
        // The moment of the last event is known for ever; earlier ones for as long as nothing later was pruned.
        loop {
            for goal in app.db.texts("SELECT entity_id FROM events WHERE event_type = 'goal.created' UNION SELECT entity_id FROM ledger_snapshots WHERE entity_type = 'goal'").await {
                let id = goal.parse().map(goalwright_domain::Id::new).expect("an id");
                let then = app.services.goals.progress_as_of(&app.ada, id, moment.at).await.expect("it is told");
                assert_eq!((then.what.completed, then.what.valid), (40, true));
                looked += 1;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        () = pruning => {}
        _ = looking => {}
    }
    assert!(looked > 0, "somebody looked meanwhile");
    is_told(&app, &moment).await;
    assert_eq!(verify(&app).await.first_invalid, None);
    app.db.discard().await;
}

/// What stands for what was pruned, as it was at some time, kept by whoever has all rights in the database.
async fn copy(app: &TestApp) {
    for table in ["ledger_checkpoints", "ledger_snapshots"] {
        app.db
            .execute(&format!("CREATE TABLE copy_of_{table} AS SELECT * FROM {table}"))
            .await
            .expect("copies");
    }
}

async fn put_back(app: &TestApp, backend: Backend) {
    without_guards(app, backend).await;
    without_guards_of_checkpoints(app, backend).await;
    for table in ["ledger_checkpoints", "ledger_snapshots"] {
        app.db.execute(&format!("DELETE FROM {table}")).await.expect("removes");
        app.db
            .execute(&format!("INSERT INTO {table} SELECT * FROM copy_of_{table}"))
            .await
            .expect("puts back");
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn an_older_checkpoint_with_the_same_position_is_noticed(#[case] backend: Backend) {
    let Some((app, [done, ..], before)) = aged(backend).await else { return };
    prune(&app, before).await;
    copy(&app).await;
    let position = app.db.number("SELECT position FROM ledger_checkpoints").await;
    // What was redacted since is in the copy.
    let asked = Redact { entities: vec![done.uuid()], reason: "Erasure".to_owned(), ..Redact::default() };
    let redactor = Redactor::new(&app.ports, Arc::new(folders(&app)));
    redactor.redact(app.ada.workspace(), &app.ada.actor(), &asked).await.expect("redacts");
    app.sequence().await;
    assert_eq!(app.db.number("SELECT position FROM ledger_checkpoints").await, position);
    assert_eq!(verify(&app).await.first_invalid, None);
    let redacted =
        app.db.texts("SELECT mark FROM ledger_snapshots WHERE entity_type = 'goal' ORDER BY entity_id").await;
    put_back(&app, backend).await;
    let back =
        app.db.texts("SELECT mark FROM ledger_snapshots WHERE entity_type = 'goal' ORDER BY entity_id").await;
    assert_ne!(back, redacted, "what was redacted is back");
    assert_eq!(verify(&app).await.first_invalid.map(|found| found.reason), Some(Broken::CheckpointForged));
    // With the checkpoint that is told of, the snapshots do not agree.
    let Some((app, [done, ..], before)) = aged(backend).await else { return };
    prune(&app, before).await;
    copy(&app).await;
    let asked = Redact { entities: vec![done.uuid()], ..asked };
    let redactor = Redactor::new(&app.ports, Arc::new(folders(&app)));
    redactor.redact(app.ada.workspace(), &app.ada.actor(), &asked).await.expect("redacts");
    app.sequence().await;
    app.db.execute("DELETE FROM copy_of_ledger_checkpoints").await.expect("changes");
    app.db
        .execute("INSERT INTO copy_of_ledger_checkpoints SELECT * FROM ledger_checkpoints")
        .await
        .expect("changes");
    put_back(&app, backend).await;
    assert_eq!(verify(&app).await.first_invalid.map(|found| found.reason), Some(Broken::SnapshotsExchanged));
    app.db.discard().await;
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_sum_that_could_be_forged_is_verified_and_made_anew(#[case] backend: Backend) {
    let Some((app, _, before)) = aged(backend).await else { return };
    prune(&app, before).await;
    let length = "SELECT CAST(MAX(length(snapshot_sum)) AS BIGINT) FROM ledger_checkpoints";
    assert_eq!(app.db.number(length).await, 4_096);
    // As checkpoints had it first, and told of by whoever has the key.
    let workspace = app.ada.workspace();
    let mut sum = SnapshotSum::parse(&"0".repeat(64)).expect("of none");
    app.db.texts("SELECT mark FROM ledger_snapshots").await.iter().for_each(|mark| sum.add(mark));
    let unit = app.ports.transactions.begin().await.expect("begins");
    let held = unit.pruning().hold_ledger(workspace).await.expect("holds");
    let told_by = EventId::new(uuid::Uuid::from_u128(77));
    let (checkpoint, _) = held.checkpoint.expect("there is one");
    let checkpoint = Checkpoint { sum, told_by, ..checkpoint };
    let saying = Saying {
        id: told_by,
        workspace_id: workspace,
        actor: app.ada.actor(),
        created_at: app.ports.clock.now(),
        reason: "as it was".to_owned(),
    };
    unit.outbox().append(&[saying.pruning(&checkpoint, Map::new())]).await.expect("tells");
    let mark = app.ports.ledger.keys().current().checkpoint_mark(workspace, &checkpoint);
    unit.pruning().set_checkpoint(workspace, &checkpoint, &mark).await.expect("writes");
    unit.commit().await.expect("commits");
    assert_eq!((app.db.number(length).await, verify(&app).await.first_invalid), (64, None));

    app.clock.advance(Duration::from_secs(1));
    let data = app.db.folder().join("data");
    ResultFiles::new(app.db.database.clone(), data).write().await.expect("writes");
    assert!(prune(&app, app.ports.clock.now()).await.events > 0);
    assert_eq!((app.db.number(length).await, verify(&app).await.first_invalid), (4_096, None));
    rows::are_what_events_tell(&app).await;
    app.db.discard().await;
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn runs_that_never_began_go_with_their_tasks_history(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let plan = |name: &str| {
        format!(
            "# {name}\n\n- [ ] T001 Call\n  use: probe.none {{\"name\": \"{name}\"}}\n- [ ] T002 [P] Write\n  use: probe.none {{\"name\": \"{name} 2\"}}\n"
        )
    };
    let (over, open) = (app.import(&plan("Over")).await, app.import(&plan("Open")).await);
    // Both tasks of the one goal, and one of the other, are skipped before anybody began.
    for (goal, key) in [(over, "T001"), (over, "T002"), (open, "T001")] {
        let id = app.task(goal, key).await.state.id;
        app.services.tasks.end(&app.ada, id, Ending::Skipped, "not needed").await.expect("skips");
    }
    assert_eq!(
        app.db.number("SELECT COUNT(*) FROM runs WHERE attempts = 0 AND status = 'cancelled'").await,
        3
    );
    let abandoned = GoalEdit { status: Some(GoalStatus::Abandoned), ..GoalEdit::default() };
    app.services.goals.edit(&app.ada, over, abandoned, &Precondition::Any).await.expect("abandons");
    app.sequence().await;
    app.clock.advance(Duration::from_secs(86_400));
    let before = app.ports.clock.now();
    app.clock.advance(Duration::from_secs(1));
    let looked = try_prune(&app, before, true).await.expect("looks");
    let pruned = prune(&app, before).await;
    assert_eq!((pruned.runs, pruned.attempts, pruned.experiences), (2, 0, 0), "{pruned:?}");
    assert_eq!(looked.counts(), pruned.counts(), "it says before what it does");
    // The task that is skipped belongs to a goal that is worked on, and the other one still has its run.
    assert_eq!(count(&app, "runs").await, 2);
    assert_eq!(app.task(open, "T002").await.state.status, TaskStatus::Ready);
    assert!(prune(&app, before).await.is_nothing());
    assert_eq!(verify(&app).await.first_invalid, None);
    app.drain().await;
    assert_eq!(app.task(open, "T002").await.state.status, TaskStatus::Completed);
    app.db.discard().await;
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn no_word_of_what_was_pruned_is_left_in_the_index(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let plan = "# Letters\n\n- [ ] T001 Xylophonkonzert besuchen\n  use: text.render {\"template\": \"x\"}\n";
    app.import(plan).await;
    app.drain().await;
    app.sequence().await;
    app.services.experiences.read_all().await.expect("reads");
    app.clock.advance(Duration::from_secs(60));
    let before = app.ports.clock.now();
    app.import("# More\n\n- [ ] T001 Ankommen\n  use: text.render {\"template\": \"y\"}\n").await;
    app.drain().await;
    app.sequence().await;
    app.services.experiences.read_all().await.expect("reads");
    let raw = match backend {
        Backend::Sqlite => {
            "SELECT COUNT(*) FROM experience_words_data WHERE instr(block, CAST('lophonkonzert' AS BLOB)) > 0"
        }
        Backend::Postgres => {
            "SELECT COUNT(*) FROM experience_documents WHERE CAST(words AS TEXT) LIKE '%lophonkonzert%'"
        }
    };
    assert!(app.db.number(raw).await > 0, "it is found where it should be");
    let pruned = prune(&app, before).await;
    assert_eq!((pruned.runs, pruned.more), (1, false), "{pruned:?}");
    assert_eq!(app.db.number(raw).await, 0);
    assert_eq!(count(&app, "pruned_words").await, 0);
    assert_eq!(app.db.number(&raw.replace("lophonkonzert", "mmen")).await, 1, "what was not pruned is found");

    // What a crash left is done by whoever prunes next, if there is nothing else to do.
    if backend == Backend::Sqlite {
        app.db.execute("INSERT INTO pruned_words (id) VALUES (1)").await.expect("as a crash leaves it");
        assert!(prune(&app, before).await.is_nothing());
        assert_eq!(count(&app, "pruned_words").await, 0);
    }
    app.db.discard().await;
}
