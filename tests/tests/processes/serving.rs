//! `serve`: how it begins, what it shares out, and how it ends.

use goalwright_testkit::Backend;
use rstest::rstest;
use serde_json::Value;

use crate::home::{Home, lines};
use crate::plans;
use crate::process::{Running, until};

#[test]
fn a_busy_port_is_said() {
    let home = Home::new();
    let server = home.serve("api");
    let address = server.api.address();
    let ended = home.run(&["serve", "--bind", address]).has_code(1);
    assert!(
        ended.stderr.starts_with(&format!("error: cannot listen on {address}: already in use")),
        "{ended:?}"
    );
    assert!(ended.stderr.contains("\nhelp: name another address with --bind"), "{ended:?}");
    assert_eq!(server.api.plain("/livez").0, 200, "the first is not disturbed");
}

#[test]
fn what_needs_no_credentials_and_what_does() {
    let home = Home::new();
    let server = home.serve("api,worker,scheduler");
    for path in ["/livez", "/readyz"] {
        assert_eq!(server.api.plain(path).0, 200, "{path}");
    }
    let (status, page) = server.api.plain("/docs");
    assert!(status == 200 && page.contains("<html"), "{status} {page:.200}");
    let (status, document) = server.api.plain("/openapi.json");
    let document: Value = serde_json::from_str(&document).expect("JSON");
    assert!(status == 200 && document["paths"]["/v1/goals"].is_object());

    let (status, body) = server.api.plain("/v1/goals");
    assert!(status == 401 && body.contains("urn:goalwright:problem:"), "{status} {body}");
    for token in ["", "nonsense", "a.b.c"] {
        assert_eq!(server.api.with_token(token).answer("/v1/goals").0, 401, "`{token}`");
    }
    let mut command = home.command(&["token"]);
    command.env("GOALWRIGHT_JWT_SECRET", "0123456789abcdef0123456789abcdef");
    let foreign = Running::start(command).end().has_code(0).stdout;
    let (status, body) = server.api.with_token(foreign.trim_end()).answer("/v1/goals");
    assert_eq!((status, &body["status"]), (401, &Value::from(401)), "signed with another secret");
    assert_eq!(server.api.answer("/v1/goals").0, 200, "signed with the key in the data directory");
    let minted = home.run(&["token", "--user", "eve"]).has_code(0);
    assert_eq!((minted.stderr.as_str(), minted.stdout.lines().count()), ("", 1), "only the token");
    let (status, goals) = server.api.with_token(minted.stdout.trim_end()).answer("/v1/goals");
    assert_eq!((status, &goals["items"]), (200, &serde_json::json!([])), "a user seen for the first time");
    server.process.terminate().has_code(0);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
fn asked_to_end_it_settles_what_runs(#[case] backend: Backend) {
    const TASKS: usize = 150;
    let Some(home) = Home::on(backend) else { return };
    let append = "file.append {\"path\": \"lines.txt\", \"content\": \"#\\n\"}";
    let server = home.serve("api,worker,scheduler");
    let goal = server.api.import(&plans::side_by_side(TASKS, append));
    let workspace = server.api.get(&format!("/v1/goals/{goal}"))["workspace_id"].clone();
    let file = home.data(&format!("workspaces/{}/files/lines.txt", workspace.as_str().expect("an id")));
    until("work has begun", || (!lines(&file).is_empty()).then_some(()));
    let ended = server.process.terminate().has_code(0);
    assert!(!ended.stderr.contains("ERROR"), "{ended:?}");
    home.database.shows_settled_attempts();
    let done = home.database.count("tasks WHERE status = 'completed'");
    assert_eq!(home.database.count("attempts"), done, "what was begun was finished");
    assert_eq!(lines(&file).len() as i64, done, "and every effect is known");

    let server = home.serve("api,worker,scheduler");
    let achieved = || (server.api.get(&format!("/v1/goals/{goal}"))["status"] == "achieved").then_some(());
    until("the rest is done", achieved);
    server.process.terminate().has_code(0);
    home.database.shows_each_task_done_once(TASKS as i64);
    home.database.shows_a_ledger_without_gaps();
    let mut numbers: Vec<usize> = lines(&file).iter().filter_map(|line| line.parse().ok()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=TASKS).collect::<Vec<usize>>());
}

#[test]
fn the_api_leaves_the_work_to_the_worker() {
    const TASKS: usize = 30;
    let home = Home::new();
    let server = home.serve("api");
    let goal = server.api.import(&plans::side_by_side(TASKS, "text.render {\"template\": \"#\"}"));
    let worker = home.worker();
    let (mine, theirs) = (format!(":{}", worker.pid()), format!(":{}", server.process.pid()));
    until("the work is done", || {
        (server.api.get(&format!("/v1/goals/{goal}"))["status"] == "achieved").then_some(())
    });
    let workers = home.database.workers();
    assert!(
        workers.iter().all(|name| name.starts_with("worker@") && name.ends_with(&mine)),
        "{workers:?} {theirs}"
    );
    worker.terminate().has_code(0);
    server.process.terminate().has_code(0);
    home.database.shows_each_task_done_once(TASKS as i64);
}
