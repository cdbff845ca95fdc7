//! Several processes on one database.

use goalwright_testkit::Backend;
use rstest::rstest;
use serde_json::json;

use crate::home::Home;
use crate::plans;
use crate::process::until;

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
fn the_same_file_twice_at_once_is_one_goal(#[case] backend: Backend) {
    let Some(home) = Home::on(backend) else { return };
    // Long enough for both to meet.
    let mut plan = plans::side_by_side(24, "file.append {\"path\": \"lines.txt\", \"content\": \"#\\n\"}");
    plan.push_str("- [ ] T900 [P] Rest\n  use: time.sleep {\"seconds\": 2}\n");
    home.write("plan.md", plan);
    let both = [(); 2].map(|()| home.start(&["run", "--json", "plan.md"]));
    let [one, other] = both.map(|run| run.end().has_code(0).json());
    assert_eq!(one["goal_id"], other["goal_id"]);
    assert_ne!(one["resumed"], other["resumed"], "one began it, the other joined");
    assert_eq!(home.database.count("goals"), 1);
    assert_eq!(home.lines("lines.txt").len(), 24);
    home.database.shows_each_task_done_once(25);
    home.database.shows_a_ledger_without_gaps();
}

#[test]
fn a_server_leaves_the_work_of_a_run_alone_and_the_run_that_of_the_server() {
    let home = Home::new();
    let server = home.serve("api,worker,scheduler");
    home.write("lanes.md", plans::lanes(3, 6, 0.2));
    let run = home.start(&["run", "--json", "lanes.md"]);
    until("the run has begun", || (!home.lines("lane-0.txt").is_empty()).then_some(()));
    let served = server.api.import(&plans::side_by_side(20, "text.render {\"template\": \"#\"}"));
    let (running, serving) = (run.pid(), server.process.pid());
    let summary = run.end().has_code(0).json();
    until("the server's own work is done", || {
        (server.api.get(&format!("/v1/goals/{served}"))["status"] == "achieved").then_some(())
    });
    let goal = summary["goal_id"].as_str().expect("an id");
    assert_eq!(server.api.get(&format!("/v1/goals/{goal}"))["status"], "achieved", "the server sees it");
    server.process.terminate().has_code(0);
    home.database.shows_each_task_done_once(38);
    home.database.shows_a_ledger_without_gaps();
    for (title, role, pid) in [("Lanes", "run", running), ("Side by side", "worker", serving)] {
        let workers = home.database.texts(&format!(
            "SELECT DISTINCT a.worker FROM attempts a JOIN tasks t ON t.id = a.task_id \
             JOIN goals g ON g.id = t.goal_id WHERE g.title = '{title}'"
        ));
        let [worker] = workers.as_slice() else { panic!("{title}: {workers:?}") };
        assert!(worker.starts_with(&format!("{role}@")) && worker.ends_with(&format!(":{pid}")), "{worker}");
    }
}

#[test]
fn two_workers_execute_each_task_once() {
    const TASKS: usize = 300;
    let Some(home) = Home::on(Backend::Postgres) else { return };
    let server = home.serve("api,scheduler");
    let workers = [home.worker(), home.worker()];
    let goal = server.api.import(&plans::side_by_side(TASKS, "text.render {\"template\": \"#\"}"));
    until("the work is done", || {
        (server.api.get(&format!("/v1/goals/{goal}"))["status"] == "achieved").then_some(())
    });
    let pids = workers.each_ref().map(|worker| format!(":{}", worker.pid()));
    let names = home.database.workers();
    assert!(
        names.iter().all(|name| pids.iter().any(|pid| name.ends_with(pid.as_str()))),
        "{names:?} {pids:?}"
    );
    let progress = server.api.get(&format!("/v1/goals/{goal}/progress"));
    assert_eq!((&progress["percentage"], &progress["completed"]), (&json!(100.0), &json!(TASKS)));
    for worker in workers {
        worker.terminate().has_code(0);
    }
    server.process.terminate().has_code(0);
    home.database.shows_each_task_done_once(TASKS as i64);
    assert_eq!(home.database.count("attempts"), TASKS as i64);
    home.database.shows_a_ledger_without_gaps();
}
