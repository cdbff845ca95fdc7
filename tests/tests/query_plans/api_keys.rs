//! API keys: one indexed read lets their holders in.

use goalwright_application::Precondition;
use goalwright_domain::api_key::DraftApiKey;
use goalwright_testkit::{Backend, TestApp};

use crate::work::Log;

/// Thousands of keys, of several users.
pub(crate) async fn fill(app: &TestApp, backend: Backend) {
    let new_id = match backend {
        Backend::Sqlite => "randomblob(16)",
        Backend::Postgres => "gen_random_uuid()",
    };
    let statement = format!(
        "INSERT INTO api_keys (id, workspace_id, created_by, name, digest, may_read, may_write, may_work, may_admin, created_at)
         WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 500)
         SELECT {new_id}, m.workspace_id, m.user_id, 'k', '{}', (1 = 1), (1 = 0), (1 = 0), (1 = 0), m.created_at
         FROM numbers, workspace_members AS m",
        "0".repeat(64)
    );
    app.db.execute(&statement).await.expect("inserts");
}

pub(crate) async fn all(app: &TestApp, log: &mut Log) {
    let keys = &app.services.api_keys;
    log.record.take();
    let draft = DraftApiKey { name: "looked at".to_owned(), ..DraftApiKey::default() };
    let issued = keys.create(&app.ada, draft).await.expect("made");
    log.note("make an API key");
    for _ in 0..2 {
        app.services.access.authenticate(issued.text.reveal(), None).await.expect("good");
    }
    let sent = log.note("authenticate by an API key");
    let reads = sent.iter().filter(|sent| sent.text.starts_with("SELECT")).count();
    assert_eq!(reads, 2, "one read each: {sent:?}");
    let id = issued.api_key.id();
    keys.get(&app.ada, id).await.expect("there");
    log.note("read an API key");
    keys.revoke(&app.ada, id, &Precondition::Any).await.expect("revoked");
    log.note("revoke an API key");
}
