//! The checklist of the end-to-end tracking specification: its invariants and its test cases, each by its name.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::future::join_all;
use goalwright_application::execution::{Report, Settlement};
use goalwright_application::read::{ExperienceFilter, PageRequest};
use goalwright_application::tasks::{Completion, RunRequest};
use goalwright_domain::execution::{ExecutionError, Mode, Outcome};
use goalwright_domain::experience::{Experience, ExperienceType, Note, Retrieval};
use goalwright_testkit::{Backend, TestApp};
use rstest::rstest;
use serde_json::{Value, json};
use uuid::Uuid;

const PLAN: &str = "# Daily reflection

- [ ] T001 [P] Reflect
  use: experience.search {\"query\": \"weather in York\", \"type\": \"OBSERVATION\"}
- [ ] T002 [P] Write
  use: file.write {\"path\": \"out/a.txt\", \"content\": \"hello\"}
- [ ] T003 [P] Break
  use: file.read {\"path\": \"nowhere.txt\"}
- [ ] T004 [P] Try again
  use: probe.none {\"name\": \"flaky\", \"fail\": 2}
- [ ] T005 [P] Ask the neighbours
- [ ] T006 [P] Read (depends on T002)
  use: file.read {\"path\": \"{T002.path}\"}
- [ ] T007 [P] Find nothing
  use: experience.search {\"query\": \"zeppelins\"}
";

/// Executions of every kind: scheduled and manual, successful, partial and failed, tried again, with and without retrieval.
async fn history(backend: Backend) -> Option<(TestApp, Vec<Experience>)> {
    let app = TestApp::start(backend).await?;
    for text in ["Rain: the weather in York", "The weather in Leeds was fine", "Nothing to see"] {
        let note = Note { text: text.to_owned(), ..Note::default() };
        app.services.experiences.add(&app.ada, ExperienceType::Observation, note).await.expect("added");
    }
    let goal = app.import(PLAN).await;
    for _ in 0..4 {
        app.drain().await;
        app.clock.advance(Duration::from_secs(3_600));
    }
    let asked = app.task(goal, "T005").await.state.id;
    let partly = Completion { result: json!("half of them"), partial: true, ..Completion::default() };
    app.services.tasks.complete(&app.ada, asked, &partly).await.expect("completes");
    let records = executions(&app).await;
    assert_eq!(records.len(), 9, "one for each attempt");
    Some((app, records))
}

/// The records of executions, oldest first.
async fn executions(app: &TestApp) -> Vec<Experience> {
    let mut records = app.experiences().await;
    records.retain(|record| record.kind == ExperienceType::TaskExecution);
    records
}

fn structured(record: &Experience) -> &Value {
    &record.content["structured"]
}

fn text<'a>(record: &'a Experience, field: &str) -> &'a str {
    structured(record)[field].as_str().unwrap_or_else(|| panic!("{field} is a text"))
}

async fn of(app: &TestApp, filter: ExperienceFilter) -> Vec<Experience> {
    let page = PageRequest::first(50);
    app.services.queries.experiences(app.ada.workspace(), &filter, &page).await.expect("lists").items
}

macro_rules! on_both {
    ($($(#[$meta:meta])* $name:ident($app:ident, $records:ident, $backend:ident) $body:block)+) => {$(
        $(#[$meta])*
        #[rstest]
        #[case::sqlite(Backend::Sqlite)]
        #[case::postgres(Backend::Postgres)]
        #[tokio::test]
        async fn $name(#[case] $backend: Backend) {
            let Some(($app, $records)) = history($backend).await else { return };
            let () = $body;
            $app.db.discard().await;
        }
    )+};
}

on_both! {
    invariant_1_the_same_key_again_is_a_no_op_and_gives_the_known_id(app, records, backend) {
        let mut again = records.clone();
        again.iter_mut().for_each(|record| record.id.push_str("_again"));
        let unit = app.ports.transactions.begin().await.expect("begins");
        let ids = unit.experiences().append(&again).await.expect("appends");
        unit.commit().await.expect("commits");
        assert_eq!(ids, records.iter().map(|record| record.id.clone()).collect::<Vec<_>>());
        assert_eq!(executions(&app).await, records);
    }

    invariant_2_a_success_ends_no_earlier_than_it_started(app, records, backend) {
        for record in records.iter().filter(|record| text(record, "status") == "success") {
            let of = |field: &str| structured(record)[field].as_f64().expect("a number");
            assert!(of("duration_ms") >= 0.0);
            assert!(of("ended_at_ts") >= of("started_at_ts"));
        }
    }

    invariant_3_a_failure_says_type_and_message(app, records, backend) {
        let failed: Vec<_> = records.iter().filter(|record| text(record, "status") == "failed").collect();
        assert_eq!(failed.len(), 3);
        for record in &records {
            let error = &structured(record)["error"];
            assert_eq!(error.is_null(), text(record, "status") != "failed");
            for field in ["type", "message", "stack_hash"] {
                assert!(error.is_null() || !error[field].as_str().expect("a text").is_empty(), "{field}");
            }
        }
    }

    invariant_4_there_are_as_many_parents_as_memories_else_both_are_zero(app, records, backend) {
        for record in &records {
            let retrieval = &structured(record)["retrieval"];
            assert_eq!(retrieval["memory_count"], json!(record.parents.len()));
            let searched = text(record, "task_slug").starts_with("reflect") || text(record, "task_slug") == "find-nothing";
            assert_eq!(retrieval.get("query").is_some(), searched, "a query only where something was looked up");
        }
        assert!(records.iter().any(|record| record.parents.len() == 2));
    }

    invariant_5_the_trace_is_constant_across_retries_and_spans_are_unique(app, records, backend) {
        let spans: BTreeSet<_> = records.iter().map(|record| text(record, "span_id")).collect();
        assert_eq!(spans.len(), records.len());
        let tried: Vec<_> = records.iter().filter(|record| text(record, "task_slug") == "try-again").collect();
        assert_eq!(tried.len(), 3);
        let traces: BTreeSet<_> = tried.iter().map(|record| text(record, "trace_id")).collect();
        assert_eq!(traces.len(), 1);
        let all: BTreeSet<_> = records.iter().map(|record| text(record, "trace_id")).collect();
        assert_eq!(all.len(), 7, "one for each run");
    }

    invariant_6_the_first_attempt_and_only_it_retries_nothing(app, records, backend) {
        for record in &records {
            let attempt = structured(record)["attempt"].as_u64().expect("a number");
            assert!(attempt >= 1);
            assert_eq!(attempt == 1, structured(record)["retry_of"].is_null());
        }
    }

    invariant_7_retry_of_is_the_span_of_the_attempt_before(app, records, backend) {
        let mut before: BTreeMap<&str, &str> = BTreeMap::new();
        for record in &records {
            let (trace, span) = (text(record, "trace_id"), text(record, "span_id"));
            assert_eq!(structured(record)["retry_of"].as_str(), before.insert(trace, span));
            assert_ne!(structured(record)["retry_of"].as_str(), Some(trace));
        }
    }

    invariant_9_trace_and_span_are_uuids_of_version_4(app, records, backend) {
        for record in &records {
            for field in ["trace_id", "span_id"] {
                let id: Uuid = text(record, field).parse().expect("a UUID");
                assert_eq!((id.get_version_num(), id.get_variant()), (4, uuid::Variant::RFC4122), "{field}");
            }
        }
    }

    invariant_10_what_an_execution_touched_refers_to_rows_that_exist(app, records, backend) {
        let mut seen = 0;
        for record in &records {
            for (field, table) in
                [("tool_calls", "tool_calls"), ("script_runs", "script_runs"), ("artifact_ids", "artifacts")]
            {
                for id in structured(record)["io"][field].as_array().expect("a list") {
                    let id = id.as_str().expect("a text").replace('-', "");
                    let hex = if backend == Backend::Sqlite { "lower(hex(id))" } else { "replace(CAST(id AS TEXT), '-', '')" };
                    let sql = format!("SELECT COUNT(*) FROM {table} WHERE {hex} = '{id}'");
                    assert_eq!(app.db.number(&sql).await, 1, "{table} {id}");
                    seen += 1;
                }
            }
        }
        assert_eq!(seen, 8, "every call of a tool");
    }

    case_1_a_scheduled_task_leaves_the_experience_of_a_success(app, records, backend) {
        let write = records.iter().find(|record| text(record, "task_slug") == "write").expect("recorded");
        assert_eq!(text(write, "status"), "success");
        assert_eq!(text(write, "scheduled_vs_manual"), "scheduled");
        assert_eq!(write.provenance["method"], "SCHEDULED_TASK");
        assert_eq!(structured(write)["io"]["files_written"], json!(["out/a.txt"]));
        assert_eq!(write.ts, write.created_at.as_seconds());
    }

    case_2_a_failure_leaves_an_experience_with_its_error(app, records, backend) {
        let broken = records.iter().find(|record| text(record, "task_slug") == "break").expect("recorded");
        assert_eq!(text(broken, "status"), "failed");
        assert_eq!(structured(broken)["error"]["type"], "FileNotFound");
        assert!(broken.content["text"].as_str().expect("a text").contains("nowhere.txt"));
    }

    case_3_the_same_schedule_again_leaves_no_duplicate(app, records, backend) {
        let at = "2027-01-01T06:00:00Z".parse().expect("a time");
        for _ in 0..2 {
            let request = RunRequest { task: "write".into(), mode: Mode::Scheduled, scheduled_at: Some(at), wait: None };
            app.services.tasks.run(&app.ada, &request).await.expect("asked");
            app.clock.advance(Duration::from_secs(400 * 86_400));
            app.drain().await;
        }
        let of_write = ExperienceFilter { task_slug: Some("write".into()), ..ExperienceFilter::default() };
        assert_eq!(of(&app, of_write).await.len(), 2, "one of the graph and one of the schedule");
        assert_eq!(executions(&app).await.len(), records.len() + 1);
    }

    case_4_the_parents_are_the_memories(app, records, backend) {
        let reflect = records.iter().find(|record| text(record, "task_slug") == "reflect").expect("recorded");
        let retrieval = &structured(reflect)["retrieval"];
        assert_eq!(retrieval["memory_count"], 2);
        assert_eq!(retrieval["query"], "weather in York");
        assert_eq!(retrieval["filters"], json!({"type": "OBSERVATION"}));
        assert_eq!(retrieval["source"], json!(["experiences"]));
        assert!(retrieval["latency_ms"].is_u64());
        let seen = app.experiences().await;
        let titles: Vec<_> = reflect.parents.iter().map(|id| {
            let parent = seen.iter().find(|seen| seen.id == *id).expect("an experience");
            parent.content["text"].as_str().expect("a text")
        }).collect();
        assert_eq!(titles, ["Rain: the weather in York", "The weather in Leeds was fine"], "the most relevant first");
    }

    case_5_trace_span_and_attempt_are_there(app, records, backend) {
        for record in &records {
            assert!(!text(record, "trace_id").is_empty() && !text(record, "span_id").is_empty());
            assert!(structured(record)["attempt"].is_u64());
        }
    }

    case_6_a_query_by_task_gives_all_its_executions(app, records, backend) {
        let tried: Vec<_> = records.iter().filter(|record| text(record, "task_slug") == "try-again").cloned().collect();
        let by = ExperienceFilter::default;
        let task_id = Some(text(&tried[0], "task_id").to_owned());
        for filter in [
            ExperienceFilter { task_id, ..by() },
            ExperienceFilter { task_slug: Some("try-again".into()), ..by() },
        ] {
            let mut found = of(&app, filter).await;
            found.reverse();
            assert_eq!(found, tried);
        }
    }

    case_7_a_query_by_trace_gives_its_execution(app, records, backend) {
        for slug in ["write", "break"] {
            let one = records.iter().find(|record| text(record, "task_slug") == slug).expect("recorded");
            let filter = ExperienceFilter { trace_id: Some(text(one, "trace_id").to_owned()), ..ExperienceFilter::default() };
            assert_eq!(of(&app, filter).await, std::slice::from_ref(one));
        }
    }

    /// That the queries use them is shown by `query_plans`.
    case_8_the_indexes_exist(app, _records, backend) {
        let sql = match backend {
            Backend::Sqlite => "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = 'experiences' AND sql IS NOT NULL",
            Backend::Postgres => "SELECT CAST(indexname AS TEXT) FROM pg_indexes WHERE tablename = 'experiences'",
        };
        let indexes = app.db.texts(sql).await;
        for wanted in ["type_ts", "task", "task_slug", "trace", "idempotency"] {
            assert!(indexes.contains(&format!("ix_experiences_{wanted}")), "{wanted} is not in {indexes:?}");
        }
    }

    case_9_the_record_says_whether_it_was_scrubbed(app, records, backend) {
        assert!(records.iter().all(|record| record.meta["scrubbed"].is_boolean()));
    }
}

/// `invariant_1` with many writers, and `idempotency_key uniqueness enforced by insert path`.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn invariant_8_of_many_writers_with_one_key_one_writes_and_all_get_its_id(#[case] backend: Backend) {
    let Some((app, records)) = history(backend).await else { return };
    for round in 0..5 {
        let writers = (0..16).map(|writer| {
            let (app, mut mine) = (&app, records[0].clone());
            mine.id = format!("task_exec_writer_{round}_{writer}");
            mine.content["structured"]["idempotency_key"] = json!(format!("one key {round}"));
            // Some come with another one besides, of their own.
            let mut other = mine.clone();
            other.id.push_str("_other");
            other.content["structured"]["idempotency_key"] = json!(format!("own {round} {writer}"));
            async move {
                let unit = app.ports.transactions.begin().await.expect("begins");
                let batch = if writer % 2 == 0 { vec![mine] } else { vec![other, mine] };
                let ids = unit.experiences().append(&batch).await.expect("appends");
                unit.commit().await.expect("commits");
                assert_eq!(ids.len(), batch.len());
                ids.into_iter().next_back().expect("one for each")
            }
        });
        let ids: BTreeSet<String> = join_all(writers).await.into_iter().collect();
        assert_eq!(ids.len(), 1, "{ids:?}");
        let sql = format!("SELECT id FROM experiences WHERE idempotency_key = 'one key {round}'");
        assert_eq!(app.db.texts(&sql).await, ids.into_iter().collect::<Vec<_>>());
    }
    assert_eq!(
        app.db.number("SELECT COUNT(*) FROM experiences WHERE idempotency_key LIKE 'own %'").await,
        40
    );
    app.db.discard().await;
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn parents_are_kept_when_the_task_failed_after_retrieval(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let note = Note { text: "Remember this".to_owned(), ..Note::default() };
    let known = app.services.experiences.add(&app.ada, ExperienceType::Belief, note).await.expect("added");
    app.import("# P\n\n- [ ] T001 Think\n  use: time.now\n").await;
    let assignment = app.kernel.claim(1).await.expect("claims").remove(0);
    let error = ExecutionError::new("Overwhelmed", "it was too much", &[]);
    let retrieval = Retrieval {
        memories: vec![known.id.clone()],
        query: Some("this".to_owned()),
        source: vec!["experiences".to_owned()],
        ..Retrieval::default()
    };
    let report =
        Report { retrieval: Some(retrieval), ..Report::of(Outcome::Failed { error, retryable: false }) };
    let settlement = Settlement { lease: assignment.lease, report, expired: false };
    app.kernel.settle(&[settlement]).await.expect("settles").pop().expect("one").expect("held");
    let failed = executions(&app).await.remove(0);
    assert_eq!((text(&failed, "status"), &failed.parents), ("failed", &vec![known.id]));
    assert_eq!(structured(&failed)["retrieval"]["memory_count"], 1);
}
