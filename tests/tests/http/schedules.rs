use goalwright_testkit::Backend;
use rstest::rstest;
use serde_json::{Value, json};

use crate::client::Client;

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_schedule_is_part_of_its_task(#[case] backend: Backend) {
    let Some(client) = Client::start(backend).await else { return };
    let schedule = json!({"frequency": "daily", "time": "02:30", "timezone": "Europe/Berlin"});
    let made = client.post("/v1/tasks", json!({"title": "Nightly", "schedule": schedule})).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let id = made.body["id"].as_str().expect("an id");
    assert_eq!(
        made.body["schedule"],
        json!({
            "frequency": "daily", "time": "02:30:00", "timezone": "Europe/Berlin", "jitter": 0, "overlap": "skip",
            "misfire": "last", "misfire_window": 3600, "gap": "shift", "fold": "first",
        })
    );
    assert_eq!(
        (made.body["status"].as_str(), made.body["next_run_at"].as_str()),
        (Some("pending"), Some("2026-01-02T01:30:00.000000Z"))
    );
    let preview = client
        .get(&format!("/v1/tasks/{id}/schedule/preview?from=2026-03-28T12:00:00%2B01:00&limit=2"))
        .await;
    assert_eq!(
        preview.body,
        json!({"items": [{"at": "2026-03-29T03:00:00+02:00"}, {"at": "2026-03-30T02:30:00+02:00"}]})
    );
    let changed = client
        .send(
            Some("ada"),
            "PATCH",
            &format!("/v1/tasks/{id}"),
            Some(&json!({"schedule": {"cron": "0 9 * * 7"}})),
        )
        .await;
    assert_eq!(changed.body["schedule"]["cron"], "0 9 * * 7", "{}", changed.text);
    assert_eq!(changed.body["next_run_at"], "2026-01-04T09:00:00.000000Z");
    let cleared =
        client.send(Some("ada"), "PATCH", &format!("/v1/tasks/{id}"), Some(&json!({"schedule": null}))).await;
    assert_eq!((&cleared.body["schedule"], &cleared.body["next_run_at"]), (&Value::Null, &Value::Null));
    let none = client.get(&format!("/v1/tasks/{id}/schedule/preview")).await;
    assert_eq!(none.body, json!({"items": []}));
}

#[tokio::test]
async fn all_that_is_wrong_with_a_schedule_is_said_with_its_path() {
    let Some(client) = Client::start(Backend::Sqlite).await else { return };
    let schedule =
        json!({"frequency": "weekly", "weekdays": ["mon", "someday"], "time": "26:00", "timezone": "Moon"});
    let paths = |body: &Value| -> Vec<String> {
        let errors = body["errors"].as_array().expect("errors");
        errors.iter().map(|one| one["path"].as_str().expect("a path").to_owned()).collect()
    };
    let refused = client.post("/v1/tasks", json!({"title": "Never", "schedule": schedule})).await;
    refused.is_problem(422, "invalid_input");
    assert_eq!(paths(&refused.body), ["schedule.weekdays[1]", "schedule.time", "schedule.timezone"]);
    let refused = client.post("/v1/schedules/preview", json!({"schedule": schedule, "limit": 5})).await;
    refused.is_problem(422, "invalid_input");
    assert_eq!(paths(&refused.body).len(), 3);
    let over = json!({"title": "Over", "schedule": {"frequency": "once", "at": "2020-01-01T00:00:00Z"}});
    let refused = client.post("/v1/tasks", over).await;
    refused.is_problem(422, "invalid_input");
    assert_eq!(refused.body["errors"][0]["code"], "never_comes");
}
