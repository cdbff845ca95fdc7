//! Statements that take personal data out of the record.

use goalwright_application::ports::{OnRecord, RedactionScope};
use goalwright_domain::Id;
use goalwright_domain::experience::Artifact;
use goalwright_testkit::TestApp;
use uuid::Uuid;

use crate::work::Log;

pub(crate) async fn all(app: &TestApp, log: &mut Log) {
    let experience = app.experiences().await.pop().expect("the newest one");
    let task = experience.content["structured"]["task_id"].as_str().expect("an execution");
    let event: Uuid = Uuid::from_u128(1);
    let scope = RedactionScope {
        workspace_id: app.ada.workspace(),
        events: vec![Id::new(event)],
        entities: vec![task.parse().expect("an id")],
        experiences: vec![experience.id.clone()],
    };
    log.record.take();
    let unit = app.ports.transactions.begin().await.expect("begins");
    let found = unit.redactions().hold(&scope).await.expect("holds");
    assert!(!found.events.is_empty() && !found.experiences.is_empty() && !found.attempts.is_empty());
    drop(unit);
    log.note("hold what is on record of a task");
    // What is not there is blanked by the same statements.
    let mut nobody = experience;
    nobody.id.push('x');
    let mut events = found.events;
    events.truncate(1);
    events[0].id = Id::new(event);
    let found = OnRecord {
        events,
        experiences: vec![(nobody, false)],
        attempts: vec![(event, None)],
        tool_calls: vec![event],
        script_runs: vec![event],
        artifacts: vec![Artifact::of(
            b"x",
            "text/plain",
            (event, app.ada.workspace(), None),
            app.ports.clock.now(),
        )],
        snapshots: Vec::new(),
        under_way: false,
    };
    let unit = app.ports.transactions.begin().await.expect("begins");
    unit.redactions().blank_events(Id::new(event), &found.events).await.expect("blanks");
    unit.redactions().blank_copies(Id::new(event), &found).await.expect("blanks");
    drop(unit);
    log.note("redact");
}
