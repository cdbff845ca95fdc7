//! Statements that look at the past, and that remove what was kept long enough.

use std::time::Duration;

use goalwright_application::Precondition;
use goalwright_application::audit::{Prune, Pruner};
use goalwright_application::execution::Settings;
use goalwright_application::maintenance::Maintenance;
use goalwright_application::planning::ImportRequest;
use goalwright_application::ports::{RecordCursor, Ripe, RipeRun};
use goalwright_application::tasks::NewTask;
use goalwright_application::workspaces::Settle;
use goalwright_domain::Id;
use goalwright_domain::experience::Artifact;
use goalwright_domain::goal::{DraftGoal, GoalId, Origin};
use goalwright_domain::task::DraftTask;
use goalwright_domain::workspace::SettingsEdit;
use goalwright_infrastructure::results::ResultFolders;
use goalwright_testkit::TestApp;
use std::sync::Arc;
use uuid::Uuid;

use crate::work::Log;

pub(crate) async fn all(app: &TestApp, log: &mut Log, goal: GoalId) {
    let (services, workspace, now) = (&app.services, app.ada.workspace(), app.ports.clock.now());
    // One of its own: what fills the tables repeats the events of the others.
    let draft = DraftGoal { title: "Looked back at".into(), ..DraftGoal::default() };
    let own = services.goals.create(&app.ada, draft).await.expect("made").state.id;
    let draft = DraftTask { title: "Looked back at".into(), goal_id: Some(own), ..DraftTask::default() };
    let task =
        services.tasks.create(&app.ada, NewTask { draft, depends_on: vec![] }).await.expect("made").state.id;
    app.sequence().await;
    log.record.take();
    services.goals.as_of(&app.ada, own, now).await.expect("it is there");
    log.note("a goal as it was");
    log.record.take();
    services.tasks.as_of(&app.ada, task, now).await.expect("it is there");
    log.note("a task as it was");
    let histories = app.ports.queries.histories().await.expect("begins");
    histories.told_of_tasks(workspace, &[task]).await.expect("looks");
    histories.tasks_ever_of(workspace, goal).await.expect("looks");
    histories.is_told_of(workspace, "task", &task.to_string()).await.expect("looks");
    histories.end().await;
    services.goals.progress_as_of(&app.ada, own, now).await.expect("it is there");
    log.note("a goal's progress as it was");

    log.record.take();
    Maintenance::new(&app.ports).compare_rows(&mut |_| {}).await.expect("compares");
    // Which ledgers there are is asked of all of them.
    let sent = log.record.take().into_iter().filter(|sent| !sent.text.contains("FROM ledger_heads"));
    log.sent.extend(sent.map(|sent| ("rows and their events", sent)));

    for days in [3650, 3651] {
        let settle = Settle {
            edit: SettingsEdit { retention_days: Some(Some(days)), ..SettingsEdit::default() },
            default_agent: None,
        };
        services.workspaces.settle(&app.ada, &settle, &Precondition::Any).await.expect("settles");
    }
    log.note("settle");
    app.ports.queries.retained().await.expect("lists");
    log.note("what does not keep everything");

    // Under a checkpoint at the beginning of time, so that everything else of this test finds what it needs.
    let unit = app.ports.transactions.begin().await.expect("begins");
    let experiences = app.experiences().await;
    let cursor = RecordCursor { ts: experiences[0].ts - 1.0, id: String::new() };
    let later = now + Duration::from_secs(3600);
    let hooks = ["notes".to_owned()];
    let found = unit.pruning().ripe(workspace, later, (None, 5), &hooks).await.expect("looks");
    unit.pruning().ripe(workspace, later, (Some(&cursor), 5), &hooks).await.expect("looks");
    drop(found);
    log.note("what may go of the record");
    let nobody = |n: u128| Uuid::from_u128(n);
    // Made by one attempt and made again by another.
    for span in [2, 3] {
        let (id, span) = (nobody(100 + span), Some(nobody(span)));
        let artifact = Artifact::of(b"x", "text/plain", (id, workspace, span), now);
        unit.experiences().keep_artifact(&artifact).await.expect("kept");
    }
    let mut one = experiences[0].clone();
    one.id.push('x');
    let run = RipeRun { id: Id::new(nobody(1)), task_id: task, scheduled_at: Some(now), task_is_there: true };
    let ripe = Ripe { experiences: vec![one], runs: vec![run], spans: vec![nobody(2)], ..Ripe::default() };
    unit.pruning().remove_record(workspace, now, &ripe, &["x.json".to_owned()]).await.expect("removes");
    let files = unit.pruning().files(5).await.expect("lists");
    let numbers: Vec<i64> = files.iter().map(|file| file.n).collect();
    unit.pruning().has_artifact(workspace, "sha256:00").await.expect("looks");
    unit.pruning().forget_files(&numbers).await.expect("forgets");
    unit.pruning().was_pruned(task, now).await.expect("looks");
    log.note("remove of the record");
    unit.pruning().hold_ledger(workspace).await.expect("holds");
    unit.pruning().aged(workspace, 0, i64::MAX, later, 5).await.expect("looks");
    unit.pruning().moment_behind(workspace, 1).await.expect("looks");
    unit.pruning().links(workspace, &[Id::new(nobody(1))]).await.expect("looks");
    let goals = [("goal".to_owned(), goal.to_string())];
    unit.pruning().snapshots(workspace, &goals).await.expect("looks");
    unit.pruning().keep_snapshots(workspace, &[], &goals).await.expect("removes");
    unit.pruning().remove_events(workspace, 0).await.expect("removes nothing");
    drop(unit);
    app.db.until_rolled_back().await;
    log.note("remove of the ledger");

    // All of it at once, where something goes and a checkpoint is written, twice.
    let eve = app.user("eve prunes").await;
    let plan = "# Hers\n\n- [ ] T001 Try\n  use: probe.none {\"name\": \"hers\", \"fail\": 1}\n";
    // In a queue of its own: what fills the tables is in the usual one, without tasks.
    let queue = "looked back at".to_owned();
    let origin = Origin { queue: queue.clone(), ..Origin::default() };
    let request = ImportRequest { content: plan.to_owned(), origin, ..ImportRequest::default() };
    services.planning.import(&eve, request).await.expect("imports");
    let kernel = app.kernel_with(Settings { queue, ..Settings::default() });
    for _ in 0..3 {
        for claimed in kernel.claim(10).await.expect("claims") {
            let performed = app.perform(&claimed).await;
            kernel.settle(&[performed]).await.expect("settles").remove(0).expect("the lease holds");
        }
        app.clock.advance(Duration::from_secs(3600));
    }
    app.sequence().await;
    services.experiences.read_all().await.expect("reads");
    log.record.take();
    let unit = app.ports.transactions.begin().await.expect("begins");
    let ripe =
        unit.pruning().ripe(eve.workspace(), app.ports.clock.now(), (None, 1), &hooks).await.expect("looks");
    assert_eq!((ripe.experiences.len(), ripe.runs.len(), ripe.spans.len()), (2, 1, 2), "{ripe:?}");
    drop(unit);
    app.db.until_rolled_back().await;
    log.note("what may go of the record");
    let results = Arc::new(ResultFolders::new(app.db.folder().join("data")));
    for name in ["One", "Two"] {
        let draft = DraftGoal { title: name.into(), ..DraftGoal::default() };
        services.goals.create(&eve, draft).await.expect("made");
        app.clock.advance(Duration::from_secs(1));
        app.sequence().await;
        let asked = Prune {
            before: app.ports.clock.now(),
            actor: eve.actor(),
            reason: String::new(),
            dry_run: false,
            units: usize::MAX,
        };
        log.record.take();
        let pruned = Pruner::new(&app.ports, results.clone(), Vec::new())
            .prune(eve.workspace(), &asked)
            .await
            .expect("prunes");
        assert!(pruned.events > 0, "{pruned:?}");
        log.note("prune");
    }
    assert_eq!(services.audit.verify(eve.workspace()).await.expect("verifies").first_invalid, None);
    log.note("verify what was pruned");
}
