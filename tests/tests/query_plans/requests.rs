//! Requests with keys, and changes of what is there.

use goalwright_application::idempotency::{Known, RequestKey};
use goalwright_application::ports::KeptAnswer;
use goalwright_application::{Context, Precondition};
use goalwright_domain::goal::{DraftGoal, GoalEdit, GoalId};
use goalwright_testkit::{Backend, TestApp};
use serde_json::json;

use crate::work::Log;

/// Keys of other requests: some of today, many of long ago.
pub(crate) async fn fill(app: &TestApp, backend: Backend) {
    let id = match backend {
        Backend::Sqlite => "lower(hex(randomblob(32)))",
        Backend::Postgres => "md5(CAST(n AS TEXT))",
    };
    let statement = format!(
        "INSERT INTO idempotency_keys (workspace_id, user_id, key_digest, fingerprint, made, created_at)
         WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 3000)
         SELECT g.workspace_id, g.created_by, {id}, 'f', 'goal', g.created_at
         FROM numbers, (SELECT * FROM goals LIMIT 1) AS g"
    );
    app.db.execute(&statement).await.expect("inserts");
}

pub(crate) async fn all(app: &TestApp, log: &mut Log, goal: GoalId) {
    let services = &app.services;
    let key = RequestKey::new(b"k", &[b"asked"]).expect("a key");
    let keyed = Context { request_key: Some(key), ..app.ada };
    log.record.take();
    assert_eq!(services.idempotency.find(&keyed).await.expect("looks"), Known::New);
    log.note("look for a request");
    services
        .goals
        .create(&keyed, DraftGoal { title: "Keyed".into(), ..DraftGoal::default() })
        .await
        .expect("made");
    log.note("remember a request");
    let answer = KeptAnswer { status: 201, headers: json!({}), body: "{}".into() };
    services.idempotency.keep(&keyed, &answer).await.expect("keeps");
    log.note("keep an answer");
    assert_eq!(services.idempotency.find(&keyed).await.expect("looks"), Known::Answered(answer));

    let edit = GoalEdit { title: Some("Edited".into()), ..GoalEdit::default() };
    services.goals.edit(&app.ada, goal, edit, &Precondition::Any).await.expect("edits");
    log.note("change a goal");
}
