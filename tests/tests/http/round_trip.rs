//! Export, edit by hand, import: ids are kept, the difference is applied, nothing is lost.

use goalwright_testkit::Backend;
use rstest::rstest;
use serde_json::{Value, json};

use crate::client::Client;

const PLAN: &str = "# Restore the tide clock

Bring it back to the quay.

## Phase 1: Take stock

- [x] T001 Find the drawings
- [ ] T002 [P] [US1] Count the wheels
  use: text.stats {\"text\": \"one two three\"}
- [ ] T003 [P] Photograph the case (depends on T001)

## Phase 2: Repair

- [ ] T004 Turn a new arbor (depends on T002)
- [ ] T005 Fit it (depends on T004)
  Mind the left-hand thread.
- [ ] T006 Oil everything
";

async fn import(client: &Client, content: &str) -> Value {
    let answer = client.post("/v1/goals/import", json!({ "content": content })).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    answer.body
}

async fn export(client: &Client, goal: &str) -> String {
    let answer = client.get(&format!("/v1/goals/{goal}/export")).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "text/markdown; charset=utf-8"));
    answer.text
}

/// What stays the same however a task is looked at.
fn lasting(task: &Value) -> Value {
    let mut task = task.clone();
    for passing in ["revision", "updated_at"] {
        task.as_object_mut().expect("an object").remove(passing);
    }
    task
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn an_export_that_is_imported_as_it_is_changes_nothing(#[case] backend: Backend) {
    let Some(client) = Client::start(backend).await else { return };
    let goal = import(&client, PLAN).await["goal"]["id"].as_str().expect("an id").to_owned();
    client.app.drain().await;
    let before: Vec<Value> = client.tasks(&goal).await;
    let text = export(&client, &goal).await;
    let again = import(&client, &text).await;
    assert_eq!((&again["updated"], &again["goal"]["id"]), (&json!(true), &json!(goal)));
    let changes = &again["decomposition"]["changes"];
    for field in ["add", "change", "remove", "complete", "skip", "goal"] {
        assert_eq!(changes[field], json!([]), "{field}: {changes}");
    }
    assert_eq!(changes["keep"].as_array().map(Vec::len), Some(6));
    assert_eq!(client.tasks(&goal).await, before, "not even a revision");
    assert_eq!(export(&client, &goal).await, text);
    assert_eq!(client.app.db.number("SELECT COUNT(*) FROM goals").await, 1);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_was_edited_by_hand_is_all_that_changes(#[case] backend: Backend) {
    let Some(client) = Client::start(backend).await else { return };
    let goal = import(&client, PLAN).await["goal"]["id"].as_str().expect("an id").to_owned();
    client.app.drain().await;
    // T001 was done, T002 has run; T003 waits for a person.
    let text = export(&client, &goal).await;
    let before = client.tasks(&goal).await;
    let line = |key: &str| {
        text.lines()
            .find(|line| line.contains(&format!("] {key} ")))
            .unwrap_or_else(|| panic!("{key} in\n{text}"))
    };
    let edited = text
        .replace("- [x] T001", "- [ ] T001")
        .replace("Turn a new arbor", "Turn and harden a new arbor")
        .replace(line("T006"), "- [ ] T007 Wind it up (depends on T005)")
        .replace("Restore the tide clock", "Restore the old tide clock");
    let preview = client.post("/v1/goals/import", json!({"content": edited, "dry_run": true})).await;
    assert_eq!((preview.status, &preview.body["goal"]["id"]), (200, &json!(goal)), "{}", preview.text);
    assert_eq!(client.tasks(&goal).await, before, "a preview writes no task");

    let applied = import(&client, &edited).await;
    let changes = &applied["decomposition"]["changes"];
    assert_eq!(changes, &preview.body["decomposition"]["changes"], "it is what was shown");
    assert_eq!((&changes["add"], &changes["remove"]), (&json!(["T007"]), &json!(["T006"])));
    assert_eq!(changes["change"][0]["key"], "T004");
    assert_eq!(changes["change"][0]["fields"][0]["field"], "title");
    assert_eq!(changes["change"].as_array().map(Vec::len), Some(1), "{changes}");
    assert_eq!(changes["goal"][0]["field"], "title");
    let codes: Vec<&str> = applied["findings"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|one| one["code"].as_str())
        .collect();
    assert!(codes.contains(&"unchecked_finished"), "{codes:?}");

    assert_eq!(applied["goal"]["title"], "Restore the old tide clock");
    assert_eq!(client.task(&goal, "T001").await["status"], "completed", "a finding is no change");
    let arbor = client.task(&goal, "T004").await;
    let old = before.iter().find(|task| task["key"] == "T004").expect("it was there");
    assert_eq!((&arbor["id"], &arbor["title"]), (&old["id"], &json!("Turn and harden a new arbor")));
    assert_eq!(arbor["depends_on"], old["depends_on"]);
    let wind = client.task(&goal, "T007").await;
    assert_eq!(wind["depends_on"], json!([client.task(&goal, "T005").await["id"]]));
    assert_eq!(wind["status"], "pending");
    for key in ["T001", "T002", "T003", "T005"] {
        let old = before.iter().find(|task| task["key"] == key).expect("it was there");
        assert_eq!(lasting(&client.task(&goal, key).await), lasting(old), "{key}");
    }
    client.app.sequence().await;
    let told = client.get("/v1/events?event_type=task.deleted").await;
    assert_eq!(told.body["items"][0]["changes"]["key"], json!({"from": "T006", "to": null}));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_box_that_is_ticked_completes_the_task_and_frees_the_next(#[case] backend: Backend) {
    let Some(client) = Client::start(backend).await else { return };
    let plan = "# G\n\n- [ ] T001 First\n- [ ] T002 Second (depends on T001)\n- [ ] T003 Third (depends on T002)\n- [ ] T004 [P] Aside\n";
    let goal = import(&client, plan).await["goal"]["id"].as_str().expect("an id").to_owned();
    let ticked =
        plan.replace("[ ] T001", "[x] T001").replace("[ ] T003", "[x] T003").replace("[ ] T004", "[-] T004");
    let body = json!({"planner": "outline", "mode": "update", "outline": ticked});
    let answer = client.post(&format!("/v1/goals/{goal}/decompose"), body).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    assert_eq!(answer.body["changes"]["complete"], json!(["T001"]));
    assert_eq!(answer.body["changes"]["skip"], json!(["T004"]));
    let codes = answer.body["findings"].to_string();
    assert!(codes.contains("done_before_dependencies"), "{codes}");
    let status =
        async |key: &str| client.task(&goal, key).await["status"].as_str().expect("a word").to_owned();
    assert_eq!((status("T001").await, status("T002").await), ("completed".into(), "ready".into()));
    assert_eq!((status("T003").await, status("T004").await), ("pending".into(), "skipped".into()));
    let first = client.task(&goal, "T001").await["id"].clone();
    let record =
        client.get(&format!("/v1/experiences?task_id={}", first.as_str().expect("an id"))).await.body;
    assert_eq!(
        record["items"][0]["provenance"]["method"], "MANUAL_TASK",
        "a person did it, and it is on record"
    );
    // Ticking the rest achieves the goal.
    let all = plan.replace("[ ]", "[x]");
    let body = json!({"planner": "outline", "mode": "update", "outline": all});
    let answer = client.post(&format!("/v1/goals/{goal}/decompose"), body).await;
    assert_eq!(answer.body["changes"]["complete"], json!(["T002", "T003"]), "{}", answer.text);
    assert_eq!(client.get(&format!("/v1/goals/{goal}")).await.body["status"], "achieved");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn an_update_moves_work_that_was_ready(#[case] backend: Backend) {
    let Some(client) = Client::start(backend).await else { return };
    let plan = "# G\n\n- [ ] T001 [P] One\n  use: time.now\n- [ ] T002 [P] Two\n  use: time.now\n- [ ] T003 [P] Three\n  use: time.now\n";
    let goal = import(&client, plan).await["goal"]["id"].as_str().expect("an id").to_owned();
    let edited = "# G\n\n- [ ] T001 [P] One (depends on T004)\n  use: time.now\n- [ ] T002 [P] Two\n- [ ] T004 [P] Four\n  use: time.now\n";
    let body = json!({"planner": "outline", "mode": "update", "outline": edited});
    let answer = client.post(&format!("/v1/goals/{goal}/decompose"), body).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    assert_eq!(client.task(&goal, "T001").await["status"], "pending", "it waits for a new task");
    client.app.drain().await;
    assert_eq!(client.task(&goal, "T004").await["status"], "completed");
    assert_eq!(client.task(&goal, "T001").await["status"], "completed", "and went on behind it");
    assert_eq!(
        client.task(&goal, "T002").await["status"],
        "waiting",
        "what is no tool's any more waits for a person"
    );
    assert_eq!(client.tasks(&goal).await.len(), 3);
    let queued = "SELECT COUNT(*) FROM runs WHERE status = 'queued'";
    assert_eq!(client.app.db.number(queued).await, 0, "nothing is left of what was withdrawn");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn an_update_that_cannot_be_changes_nothing(#[case] backend: Backend) {
    let Some(client) = Client::start(backend).await else { return };
    let plan = "# G\n\n- [ ] T001 One\n- [ ] T002 Two (depends on T001)\n";
    let goal = import(&client, plan).await["goal"]["id"].as_str().expect("an id").to_owned();
    let text = export(&client, &goal).await;
    let before = client.tasks(&goal).await;
    let circle = text.replace("One <!--", "One (depends on T002) <!--");
    let circle = if circle == text { text.replace(" One", " One (depends on T002)") } else { circle };
    let answer = client.post("/v1/goals/import", json!({ "content": circle })).await;
    answer.is_problem(422, "invalid_plan");
    assert_eq!(answer.body["errors"][0]["code"], "dependency_cycle", "{}", answer.text);
    assert_eq!(client.tasks(&goal).await, before);
    client.as_ada("PATCH", &format!("/v1/goals/{goal}"), Some(&json!({"status": "abandoned"})), &[]).await;
    client.post("/v1/goals/import", json!({ "content": text })).await.is_problem(409, "goal_not_active");
    // Nobody else can reach the goal by its id in a file: for them it is a plan like any other.
    let eve = client.send(Some("eve"), "POST", "/v1/goals/import", Some(&json!({ "content": text }))).await;
    assert_eq!(eve.status, 201, "{}", eve.text);
    assert_ne!(eve.body["goal"]["id"], json!(goal));
    assert!(eve.text.contains("unknown_goal"));
}

#[tokio::test]
async fn task_master_s_files_are_imported_and_come_back_as_markdown() {
    let Some(client) = Client::start(Backend::Sqlite).await else { return };
    let file = json!({"master": {"tasks": [
        {"id": 1, "title": "Measure", "status": "done", "dependencies": [], "subtasks": []},
        {"id": 2, "title": "Saw", "status": "pending", "dependencies": [1], "priority": "high", "subtasks": [
            {"id": 1, "title": "Mark the boards", "status": "pending", "dependencies": []},
            {"id": 2, "title": "Cut them", "status": "pending", "dependencies": ["2.1"]},
        ]},
    ]}});
    let answer =
        client.post("/v1/goals/import", json!({"content": file.to_string(), "title": "Shelf"})).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let goal = answer.body["goal"]["id"].as_str().expect("an id").to_owned();
    let keys: Vec<Value> = client.tasks(&goal).await.iter().map(|task| task["key"].clone()).collect();
    assert_eq!(json!(keys), json!(["1", "2", "2.1", "2.2"]));
    let again = import(&client, &export(&client, &goal).await).await;
    assert_eq!(again["decomposition"]["changes"]["keep"].as_array().map(Vec::len), Some(4), "{again}");
    let other =
        client.post("/v1/goals/import", json!({"content": "- [ ] T1 A\n", "format": "taskmaster"})).await;
    other.is_problem(422, "not_a_plan");
}

#[tokio::test]
async fn a_plan_can_be_applied_to_a_goal_that_it_does_not_name() {
    let Some(client) = Client::start(Backend::Sqlite).await else { return };
    let goal = import(&client, PLAN).await["goal"]["id"].as_str().expect("an id").to_owned();
    let edited = PLAN.replace("Oil everything", "Oil the bearings");
    let body = json!({"content": edited, "goal_id": goal, "name": "clock"});
    let answer = client.post("/v1/goals/import", body.clone()).await;
    assert_eq!((answer.status, &answer.body["updated"]), (201, &json!(true)), "{}", answer.text);
    assert_eq!(answer.body["decomposition"]["changes"]["change"][0]["key"], "T006");
    assert_eq!(answer.body["title"], "Restore the tide clock");
    let eve = client.send(Some("eve"), "POST", "/v1/goals/import", Some(&body)).await;
    eve.is_problem(404, "not_found");
    let named =
        client.post("/v1/goals/import", json!({"content": "- [ ] T001 A\n", "name": "errands"})).await;
    assert_eq!(named.body["title"], "errands");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn of_a_task_that_waits_for_a_person_the_words_change_and_the_box_counts(#[case] backend: Backend) {
    let Some(client) = Client::start(backend).await else { return };
    let plan = "# G\n\n- [ ] T001 Ask\n- [ ] T002 Tell (depends on T001)\n- [ ] T003 [P] Write\n";
    let goal = import(&client, plan).await["goal"]["id"].as_str().expect("an id").to_owned();
    client.app.drain().await;
    assert_eq!(client.task(&goal, "T001").await["status"], "waiting");
    let edited = plan.replace("T001 Ask", "T001 Ask twice");
    let body = json!({"content": edited, "goal_id": goal});
    assert_eq!(client.post("/v1/goals/import", body).await.body["findings"], json!([]));
    assert_eq!(client.task(&goal, "T001").await["title"], "Ask twice");
    let ticked = edited.replace("[ ] T001", "[x] T001");
    let answer = client.post("/v1/goals/import", json!({"content": ticked, "goal_id": goal})).await;
    assert_eq!(answer.body["decomposition"]["changes"]["complete"], json!(["T001"]), "{}", answer.text);
    let first = client.task(&goal, "T001").await;
    assert_eq!(
        (&first["status"], &client.task(&goal, "T002").await["status"]),
        (&json!("completed"), &json!("ready"))
    );
    let record =
        client.get(&format!("/v1/experiences?task_id={}", first["id"].as_str().expect("an id"))).await.body;
    assert_eq!(
        record["items"].as_array().map(Vec::len),
        Some(1),
        "the attempt that waited has ended, and no other"
    );
    let open = "SELECT COUNT(*) FROM attempts WHERE ended_at IS NULL AND task_id = (SELECT id FROM tasks WHERE key = 'T001')";
    assert_eq!(client.app.db.number(open).await, 0);
}

#[tokio::test]
async fn a_circle_by_way_of_another_goal_is_refused() {
    let Some(client) = Client::start(Backend::Sqlite).await else { return };
    let plan = "# G\n\n- [ ] T001 [P] One\n- [ ] T002 [P] Two\n";
    let goal = import(&client, plan).await["goal"]["id"].as_str().expect("an id").to_owned();
    let (one, two) = (client.task(&goal, "T001").await, client.task(&goal, "T002").await);
    let outside = client.post("/v1/tasks", json!({"title": "Outside", "depends_on": [two["id"]]})).await.body;
    let path = format!("/v1/tasks/{}/dependencies", one["id"].as_str().expect("an id"));
    let body = json!({"depends_on": [outside["id"]]});
    assert_eq!(client.send(Some("ada"), "PUT", &path, Some(&body)).await.status, 200);
    let edited = plan.replace("Two", "Two (depends on T001)");
    let answer = client.post("/v1/goals/import", json!({"content": edited, "goal_id": goal})).await;
    answer.is_problem(422, "invalid_plan");
    assert_eq!(answer.body["errors"][0]["code"], "dependency_cycle", "{}", answer.text);
    assert_eq!(client.task(&goal, "T002").await["depends_on"], json!([]));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_task_that_is_put_off_in_the_plan_does_not_run_now(#[case] backend: Backend) {
    let Some(client) = Client::start(backend).await else { return };
    let plan = "# G\n\n- [ ] T001 One\n  use: time.now\n";
    let goal = import(&client, plan).await["goal"]["id"].as_str().expect("an id").to_owned();
    let id = client.task(&goal, "T001").await["id"].as_str().expect("an id").to_owned();
    let text = export(&client, &goal).await;
    let later = json!({"scheduled_at": "2030-01-01T00:00:00Z"});
    assert_eq!(client.as_ada("PATCH", &format!("/v1/tasks/{id}"), Some(&later), &[]).await.status, 200);
    assert!(export(&client, &goal).await.contains("2030-01-01"));
    client.app.drain().await;
    assert_eq!(client.task(&goal, "T001").await["status"], "ready", "it waits for its time");
    import(&client, &text).await;
    client.app.drain().await;
    assert_eq!(client.task(&goal, "T001").await["status"], "completed", "the time was taken away again");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn lines_may_all_be_replaced_and_keys_that_go_are_not_given_again(#[case] backend: Backend) {
    let Some(client) = Client::start(backend).await else { return };
    let first =
        "- [ ] Draft the text\n- [ ] [P] Draw the picture\n- [ ] Publish both (depends on T001, T002)\n";
    let goal = import(&client, first).await["goal"]["id"].as_str().expect("an id of a new goal").to_owned();
    // The first task is begun, so that it stays without its line.
    client.app.drain().await;
    let second = json!({"goal_id": goal, "content": "# Other\n\n- [x] Plan\n- [ ] Build\n  use: time.now\n"});
    let answer = client.post("/v1/goals/import", second).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let third = json!({"goal_id": goal, "content": "- [ ] Write\n- [ ] Print\n- [ ] Send\n- [ ] Rest\n"});
    let answer = client.post("/v1/goals/import", third).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let mut keys: Vec<String> = client.tasks(&goal).await.iter().map(|one| one["key"].to_string()).collect();
    let all = keys.len();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), all, "{keys:?}");
}

#[tokio::test]
async fn a_title_that_is_too_long_is_refused_also_where_it_is_not_used() {
    let Some(client) = Client::start(Backend::Sqlite).await else { return };
    let goal = import(&client, PLAN).await["goal"]["id"].clone();
    let title = "x".repeat(501);
    for more in [json!({}), json!({"dry_run": true}), json!({"goal_id": goal})] {
        let mut body = json!({"content": PLAN, "title": title});
        body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        let answer = client.post("/v1/goals/import", body).await;
        answer.is_problem(422, "invalid_input");
        assert_eq!(answer.body["errors"][0]["path"], "title");
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn schedules_and_retries_come_back_and_can_be_edited(#[case] backend: Backend) {
    let Some(client) = Client::start(backend).await else { return };
    let goal =
        import(&client, "# Garden\n\n- [ ] T001 Water\n  use: time.now\n- [ ] T002 Mow\n  use: time.now\n")
            .await;
    let goal = goal["goal"]["id"].as_str().expect("an id").to_owned();
    let water = client.task(&goal, "T001").await;
    let rules = json!({
        "retry": {"initial_delay": 5, "backoff_factor": 3, "max_delay": 600, "retryable_errors": ["Timeout"]},
        "on_exhausted": "pause",
        "schedule": {"frequency": "daily", "time": "05:00", "timezone": "Europe/Berlin", "overlap": "queue"},
    });
    let path = format!("/v1/tasks/{}", water["id"].as_str().expect("an id"));
    let answer = client.as_ada("PATCH", &path, Some(&rules), &[]).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let (before, text) = (client.tasks(&goal).await, export(&client, &goal).await);
    for line in ["  - retry: {", "  - on exhausted: pause", "  - schedule: {"] {
        assert_eq!(text.matches(line).count(), 1, "{text}");
    }
    import(&client, &text).await;
    assert_eq!(client.tasks(&goal).await, before, "not even a revision");

    // Into another workspace all of it comes along.
    let fresh = text
        .lines()
        .filter(|line| !line.starts_with("goal: "))
        .map(without_id)
        .collect::<Vec<_>>()
        .join("\n");
    let fresh = fresh.replace("# Garden", "# Park");
    let other = import(&client, &fresh).await["goal"]["id"].as_str().expect("an id").to_owned();
    let copied = client.task(&other, "T001").await;
    for field in ["retry", "on_exhausted", "schedule", "max_attempts", "next_run_at"] {
        assert_eq!(copied[field], before[0][field], "{field}");
    }
    assert_eq!(copied["status"], "pending", "its schedule begins it");

    // Edited: the one recurs otherwise, the other one now, too.
    let edited = text.replace("05:00:00", "06:30:00").replace("pause", "fail");
    let schedule =
        "  - schedule: {\"frequency\": \"weekly\", \"weekdays\": [\"sat\"], \"time\": \"09:00\"}\n";
    let edited = edited.trim_end().to_owned() + "\n" + schedule;
    import(&client, &edited).await;
    let (water, mow) = (client.task(&goal, "T001").await, client.task(&goal, "T002").await);
    assert_eq!((&water["schedule"]["time"], &water["on_exhausted"]), (&json!("06:30:00"), &json!("fail")));
    assert_ne!(water["next_run_at"], before[0]["next_run_at"]);
    assert_eq!((&mow["status"], &mow["schedule"]["weekdays"]), (&json!("pending"), &json!(["sat"])));
    assert!(mow["next_run_at"].is_string(), "{mow}");
    client.app.drain().await;
    assert_eq!(client.task(&goal, "T002").await["status"], "pending", "it waits for Saturday");

    // What is taken out is no more.
    let plain: Vec<&str> =
        edited.lines().filter(|line| !line.contains("schedule:") && !line.contains("retry:")).collect();
    import(&client, &plain.join("\n")).await;
    let water = client.task(&goal, "T001").await;
    assert_eq!((&water["schedule"], &water["status"]), (&Value::Null, &json!("ready")));

    // What cannot be is said with its line, and changes nothing.
    let wrong = edited.replace("06:30:00", "26:30:00").replace("Europe/Berlin", "Europe/Bern");
    let answer = client.post("/v1/goals/import", json!({ "content": wrong })).await;
    assert_eq!(answer.status, 422, "{}", answer.text);
    let told: Vec<String> = answer.body["errors"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| one["message"].to_string())
        .collect();
    let line = wrong.lines().position(|line| line.contains("26:30")).expect("there") + 1;
    assert_eq!(told.iter().filter(|one| one.contains(&format!("line {line}"))).count(), 2, "{told:?}");
    assert_eq!(client.task(&goal, "T001").await, water);
}

fn without_id(line: &str) -> String {
    line.split(" <!-- id:").next().unwrap_or_default().to_owned()
}
