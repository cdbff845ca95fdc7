//! Spans, as a collector gets them: of requests, of what they ask for, and of attempts under the ids of the record.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use goalwright_testkit::Backend;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use rstest::rstest;
use serde_json::{Value, json};

use crate::collector::{Listener, hex, text};
use crate::home::{Home, Server};
use crate::process::until;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

/// An installation that sends its spans here, soon, and whose tools reach that server.
fn home(backend: Backend, collector: &str, other: &Listener) -> Option<Home> {
    Some(
        Home::on(backend)?
            .with("OTEL_EXPORTER_OTLP_ENDPOINT", collector)
            .with("OTEL_BSP_SCHEDULE_DELAY", "50")
            .with("GOALWRIGHT_OUTBOUND_ALLOW", &other.address),
    )
}

/// A task that asks that server for something; it has ended when this returns.
fn asks(server: &Server, other: &Listener, more: &Value) -> String {
    let parameters = json!({"method": "GET", "url": format!("http://{}/there", other.address)});
    let mut task = json!({
        "title": "Ask", "action": {"kind": "tool", "tool": "http", "operation": "request", "parameters": parameters},
    });
    for (name, value) in more.as_object().expect("an object") {
        task[name] = value.clone();
    }
    let id = server.api.post("/v1/tasks", &task)["id"].as_str().expect("an id").to_owned();
    until("the task is done", || {
        (server.api.get(&format!("/v1/tasks/{id}"))["status"] == "completed").then_some(())
    });
    id
}

/// The last eight bytes of a UUID, as OpenTelemetry has its span.
fn last(uuid: &Value) -> String {
    uuid.as_str().expect("an id").replace('-', "")[16..].to_owned()
}

fn named<'a>(spans: &'a [Span], name: &str) -> &'a Span {
    let found: Vec<&Span> = spans.iter().filter(|span| span.name == name).collect();
    assert_eq!(found.len(), 1, "{name}: {:?}", spans.iter().map(|span| &span.name).collect::<Vec<_>>());
    found[0]
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
fn a_request_and_the_run_it_asked_for_are_two_traces_that_know_each_other(#[case] backend: Backend) {
    let (collector, other) = (Listener::start(&[200]), Listener::start(&[200]));
    let Some(home) = home(backend, &format!("http://{}/", collector.address), &other) else { return };
    let server = home.serve("api,worker,scheduler");
    let task = asks(&server, &other, &json!({}));
    let parent = format!("00-{TRACE}-{CALLER}-01");
    let (given, answered) = server.api.ask(
        "/v1/tasks/run",
        &json!({"task_id": task, "mode": "manual"}),
        &[("traceparent", &parent), ("tracestate", "them=1"), ("tracestate", "others=2")],
    );
    let run = answered["trace_id"].as_str().expect("a trace").replace('-', "");
    let attempt = last(&answered["span_id"]);

    let requests = collector.await_spans(2, |span| hex(&span.trace_id) == TRACE);
    let request = named(&requests, "POST /v1/tasks/run");
    assert_eq!(request.kind(), SpanKind::Server);
    assert_eq!(hex(&request.parent_span_id), CALLER);
    assert_eq!(given, format!("00-{TRACE}-{}-01", hex(&request.span_id)), "as it was answered");
    assert_eq!(request.trace_state, "them=1,others=2");
    assert_eq!(text(&request.attributes, "http.route").as_deref(), Some("/v1/tasks/run"));
    assert!(text(&request.attributes, "http.response.status_code").is_some_and(|code| code.starts_with('2')));
    assert_eq!(hex(&named(&requests, "task.run").parent_span_id), hex(&request.span_id));

    let spans = collector.await_spans(6, |span| hex(&span.trace_id) == run);
    let execute = named(&spans, "task.execute");
    assert_eq!((hex(&execute.span_id), execute.parent_span_id.is_empty()), (attempt.clone(), true));
    assert_eq!(text(&execute.attributes, "goalwright.outcome").as_deref(), Some("succeeded"));
    assert_eq!(text(&execute.attributes, "goalwright.task.id"), Some(task));
    let link = execute.links.first().expect("a link");
    assert_eq!((execute.links.len(), hex(&link.trace_id).as_str()), (1, TRACE));
    assert_eq!(hex(&link.span_id), hex(&request.span_id));
    shows_stages(&spans, execute);
    let performing = named(&spans, "performing");
    let call = named(&spans, "http.request");
    assert_eq!(hex(&call.parent_span_id), hex(&performing.span_id));
    assert!(call.start_time_unix_nano <= call.end_time_unix_nano);

    let heard = other.requests();
    let heard: Vec<&str> = heard.iter().filter_map(|one| one.header("traceparent")).collect();
    assert_eq!(heard.len(), 2, "one for each run");
    assert_eq!(heard[1], format!("00-{run}-{attempt}-01"));
    assert!(other.requests().iter().all(|one| one.header("tracestate").is_none()), "that is another trace's");
    let told = server.api.get(&format!("/v1/traces/{run}"));
    let stages = told["runs"][0]["attempts"][0]["stages"].as_array().expect("stages").clone();
    let names: Vec<&str> = stages.iter().filter_map(|stage| stage["name"].as_str()).collect();
    assert_eq!(names, ["claimed", "resolved", "performing", "settling"], "as the spans are called");
    server.process.terminate().has_code(0);
    assert!(collector.spans().iter().all(|(service, _)| service == "goalwright"));
    assert!(
        collector.requests().iter().all(|one| one.header("content-type") == Some("application/x-protobuf"))
    );
}

/// Each begins where the one before ended, all of them below the attempt and within it.
#[track_caller]
fn shows_stages(spans: &[Span], attempt: &Span) {
    let mut at = attempt.start_time_unix_nano;
    for name in ["claimed", "resolved", "performing", "settling"] {
        let stage = named(spans, name);
        assert_eq!(hex(&stage.parent_span_id), hex(&attempt.span_id), "{name}");
        assert!(stage.end_time_unix_nano >= stage.start_time_unix_nano, "{name}");
        if name != "claimed" {
            assert_eq!(stage.start_time_unix_nano, at, "{name}");
        }
        at = stage.end_time_unix_nano;
    }
    assert_eq!(at, attempt.end_time_unix_nano);
}

#[test]
fn another_attempt_is_linked_to_the_one_before() {
    let (collector, other) = (Listener::start(&[200]), Listener::start(&[503, 200]));
    let home = home(Backend::Sqlite, &format!("http://{}", collector.address), &other).expect("SQLite");
    let home = home.with("OTEL_SERVICE_NAME", "bakery").with("OTEL_RESOURCE_ATTRIBUTES", "place=kitchen");
    let server = home.serve("api,worker,scheduler");
    asks(&server, &other, &json!({"max_attempts": 3, "retry": {"initial_delay": 0.01}}));
    let attempts = collector.await_spans(2, |span| span.name == "task.execute");
    let of = |number: &str| {
        let found = attempts
            .iter()
            .find(|span| text(&span.attributes, "goalwright.attempt").as_deref() == Some(number));
        found.expect("an attempt")
    };
    let (first, second) = (of("1"), of("2"));
    assert_eq!(first.trace_id, second.trace_id, "one run is one trace");
    assert_eq!(first.status.as_ref().expect("a status").code, 2, "an error");
    assert_eq!(text(&first.attributes, "error.type").as_deref(), Some("HttpStatus"));
    assert!(first.links.is_empty());
    assert_eq!((second.links.len(), &second.links[0].span_id), (1, &first.span_id));
    assert_eq!(text(&second.links[0].attributes, "goalwright.link").as_deref(), Some("retry_of"));
    let calls = collector.await_spans(2, |span| span.name == "http.request");
    let failed = calls.iter().filter(|span| span.status.as_ref().is_some_and(|status| status.code == 2));
    assert_eq!(failed.count(), 1);
    server.process.terminate().has_code(0);
    assert!(collector.spans().iter().all(|(service, _)| service == "bakery"));
}

#[test]
fn an_attempt_that_waited_is_one_span_with_the_stages_of_both_claims() {
    let (collector, other) = (Listener::start(&[200]), Listener::start(&[200]));
    let home = home(Backend::Sqlite, &format!("http://{}", collector.address), &other).expect("SQLite");
    let server = home.serve("api,worker,scheduler");
    let sleep = json!({"kind": "tool", "tool": "time", "operation": "sleep", "parameters": {"seconds": 0.2}});
    asks(&server, &other, &json!({"action": sleep}));
    let executes = collector.await_spans(1, |span| span.name == "task.execute");
    let spans = collector.await_spans(9, |span| span.trace_id == executes[0].trace_id);
    server.process.terminate().has_code(0);
    let execute = named(&spans, "task.execute");
    let stages = |name: &str| spans.iter().filter(|span| span.name == name).count();
    let counted = ["claimed", "resolved", "performing", "settling", "time.sleep"].map(stages);
    assert_eq!(counted, [2, 2, 1, 2, 1], "what was waited for is not done again");
    let ids: std::collections::BTreeSet<String> = spans.iter().map(|span| hex(&span.span_id)).collect();
    assert_eq!(ids.len(), spans.len(), "each has an id of its own");
    let took = execute.end_time_unix_nano - execute.start_time_unix_nano;
    assert!(took >= 200_000_000, "{took} ns: from the first claim to the last settlement");
}

#[test]
fn what_is_not_sampled_is_not_sent_and_says_so() {
    let (collector, other) = (Listener::start(&[200]), Listener::start(&[200]));
    let home = home(Backend::Sqlite, &format!("http://{}", collector.address), &other).expect("SQLite");
    let home = home.with("OTEL_TRACES_SAMPLER", "parentbased_always_off");
    let server = home.serve("api,worker,scheduler");
    asks(&server, &other, &json!({}));
    let heard = other.requests()[0].header("traceparent").expect("a trace").to_owned();
    assert!(heard.ends_with("-00"), "{heard}");
    let body = json!({"title": "Bread"});
    let answered = |given: &str| {
        let parent = format!("00-{TRACE}-{CALLER}-{given}");
        let (answered, _) = server.api.ask("/v1/goals", &body, &[("traceparent", &parent)]);
        answered
    };
    assert!(answered("00").ends_with("-00"), "the caller does not record it");
    assert!(answered("01").ends_with("-01"), "the caller does");
    collector.await_spans(1, |span| span.name == "POST /v1/goals");
    server.process.terminate().has_code(0);
    let others: Vec<String> = collector.spans().into_iter().map(|(_, span)| hex(&span.trace_id)).collect();
    assert!(others.iter().all(|trace| trace == TRACE), "{others:?}");
}

#[rstest]
#[case::that_is_not_there(false)]
#[case::that_never_answers(true)]
fn a_collector_disturbs_nobody(#[case] listens: bool) {
    const TASKS: usize = 40;
    let socket = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let endpoint = format!("http://{}", socket.local_addr().expect("an address"));
    // Connections to a socket that is open are taken by the system, and nobody reads what comes.
    let _socket = listens.then_some(socket);
    let home =
        Home::new().with("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint).with("OTEL_BSP_SCHEDULE_DELAY", "50");
    let home = home.with("OTEL_EXPORTER_OTLP_TIMEOUT", "300");
    let server = home.serve("api,worker,scheduler");
    let goal = server.api.import(&crate::plans::side_by_side(TASKS, "text.render {\"template\": \"#\"}"));
    until("the work is done", || {
        (server.api.get(&format!("/v1/goals/{goal}"))["status"] == "achieved").then_some(())
    });
    until("what is dropped is counted", || {
        let (_, page) = server.api.plain("/metrics");
        let line = page
            .lines()
            .find(|line| line.starts_with("goalwright_spans_dropped_total{reason=\"not_taken\"}"))?;
        (line.rsplit(' ').next() != Some("0")).then_some(())
    });
    let since = Instant::now();
    let ended = server.process.terminate().has_code(0);
    assert!(since.elapsed() < Duration::from_secs(8), "{:?}", since.elapsed());
    assert_eq!(ended.stderr.matches("the collector takes no spans").count(), 1, "{ended:?}");
    home.database.shows_each_task_done_once(TASKS as i64);
}

#[test]
fn what_is_no_collector_is_refused() {
    for (name, value, said) in [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4318", "is no URL of a collector"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://ada:secret@host", "OTEL_EXPORTER_OTLP_HEADERS"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "port 4318"),
        ("OTEL_TRACES_SAMPLER", "jaeger_remote", "parentbased_traceidratio"),
    ] {
        let home = Home::new().with("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318").with(name, value);
        let ended = home.run(&["serve", "--bind", "127.0.0.1:0"]).has_code(2);
        assert!(ended.stderr.contains(said) && !ended.stderr.contains("secret"), "{ended:?}");
    }
}
