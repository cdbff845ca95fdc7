//! `kill -9` in the middle of the work, again and again.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::time::Duration;

use goalwright_testkit::Backend;
use rstest::rstest;
use serde_json::json;

use crate::home::Home;
use crate::plans;
use crate::process::{Running, until};

const LANES: usize = 4;
const LENGTH: usize = 10;
const KILLS: usize = 5;

#[rstest]
#[case::sqlite(Backend::Sqlite, 1)]
#[case::sqlite_at_other_moments(Backend::Sqlite, 2)]
#[case::postgres(Backend::Postgres, 3)]
fn no_finished_task_is_executed_twice(#[case] backend: Backend, #[case] seed: u64) {
    let Some(home) = Home::on(backend) else { return };
    let home = home.with("GOALWRIGHT_LEASE_MS", "700");
    home.write("lanes.md", plans::lanes(LANES, LENGTH, 0.02));
    let mut chance = Chance(seed);
    for kill in 1..=KILLS {
        let run = start(&home);
        let enough = 3 * kill - chance.below(2) as usize;
        let moment = Duration::from_millis(chance.below(60));
        until("the work goes on", || {
            (written(&home) >= enough || run.ends_within(Duration::ZERO)).then_some(())
        });
        let ended = if run.ends_within(moment) { run.end() } else { run.kill() };
        match ended.code {
            None => assert_eq!(ended.stdout, "", "killed before its summary"),
            // It stood still, since only a person could go on.
            Some(3) => settle_what_is_unknown(&home),
            Some(_) => panic!("it was to be killed in the middle: {ended:?}"),
        }
    }
    // To the end, with a person's help where an append was begun and its outcome is unknown.
    let summary = until("the goal", || {
        let ended = start(&home).end();
        if ended.code == Some(3) {
            settle_what_is_unknown(&home);
            return None;
        }
        Some(ended.has_code(0).json())
    });
    assert_eq!((&summary["status"], &summary["progress"]), (&json!("achieved"), &json!(100.0)));
    assert_eq!(summary["resumed"], true);
    assert_eq!(home.database.count("goals"), 1, "always the same goal");
    for lane in 0..LANES {
        assert_eq!(
            home.lines(&format!("lane-{lane}.txt")),
            plans::lane(lane, LENGTH),
            "each line once, in order"
        );
    }
    home.database.shows_each_task_done_once((LANES * LENGTH) as i64);
    home.database.shows_a_ledger_without_gaps();
    let calls = "SELECT COUNT(*) FROM (SELECT task_id FROM tool_calls WHERE operation = 'append' \
                 GROUP BY task_id HAVING COUNT(*) > 1) twice";
    assert_eq!(home.database.number(calls), 0, "no append was begun twice");
}

fn start(home: &Home) -> Running {
    home.start(&["run", "--json", "--no-input", "lanes.md"])
}

/// The lines in the files of all lanes.
fn written(home: &Home) -> usize {
    (0..LANES).map(|lane| home.lines(&format!("lane-{lane}.txt")).len()).sum()
}

/// What the product asks of a person: an append was begun, its process was killed, and an append cannot be undone.
/// The person looks into the file, does what was not done, and completes the task.
fn settle_what_is_unknown(home: &Home) {
    let server = home.serve("api");
    let waiting = server.api.all("/v1/tasks?status=waiting");
    assert!(!waiting.is_empty(), "somebody was asked");
    for task in waiting {
        let (key, id) = (task["key"].as_str().expect("a key"), task["id"].as_str().expect("an id"));
        assert_eq!(task["waiting"]["kind"], "decision", "{task}");
        eprintln!("asked about {key}: {}", task["waiting"]["message"]);
        // A sleep that several killed processes held in a row is asked about as well; nothing is to be done for it.
        if let Some(file) = task["action"]["parameters"]["path"].as_str()
            && !home.lines(file).iter().any(|line| line == key)
        {
            let file = OpenOptions::new().append(true).create(true).open(home.path(file));
            writeln!(file.expect("the file of a lane"), "{key}").expect("written");
        }
        server.api.post(&format!("/v1/tasks/{id}/complete"), &json!({"summary": "looked into the file"}));
    }
    server.process.terminate().has_code(0);
}

/// Moments that look like chance and are the same every time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}
