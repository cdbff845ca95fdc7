//! The page of figures: what is on it, and who may read it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::{Command, Stdio};

use goalwright_infrastructure::telemetry::FIGURES;
use goalwright_testkit::Backend;
use rstest::rstest;
use serde_json::json;

use crate::home::Home;
use crate::plans;
use crate::process::until;

/// A line of the page: name, labels, value.
type Sample = (String, BTreeMap<String, String>, f64);

/// The samples, and what `HELP` and `TYPE` say of each name.
fn read(page: &str) -> (Vec<Sample>, BTreeMap<String, (String, String)>) {
    let (mut samples, mut said) = (Vec::new(), BTreeMap::<String, (String, String)>::new());
    for line in page.lines().filter(|line| !line.is_empty()) {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').expect("a help");
            said.entry(name.to_owned()).or_default().0 = help.to_owned();
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("a type");
            said.entry(name.to_owned()).or_default().1 = kind.to_owned();
        } else {
            let (name, value) = line.rsplit_once(' ').expect("a value");
            let (name, labels) = match name.split_once('{') {
                Some((name, labels)) => (name, labels.trim_end_matches('}')),
                None => (name, ""),
            };
            let labels = labels.split("\",").filter(|label| !label.is_empty()).map(|label| {
                let (key, value) = label.split_once("=\"").expect("a label");
                (key.to_owned(), value.trim_end_matches('"').to_owned())
            });
            samples.push((name.to_owned(), labels.collect(), value.parse().expect("a number")));
        }
    }
    (samples, said)
}

/// Buckets, sums and counts belong to their histogram.
fn family<'a>(name: &'a str, said: &BTreeMap<String, (String, String)>) -> &'a str {
    let parts = ["_bucket", "_sum", "_count"].iter().filter_map(|part| name.strip_suffix(part));
    parts.into_iter().find(|base| said.contains_key(*base)).unwrap_or(name)
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
fn the_page_has_every_figure_with_its_help_and_few_labels(#[case] backend: Backend) {
    const TASKS: usize = 25;
    let Some(home) = Home::on(backend) else { return };
    let server = home.serve("api,worker,scheduler");
    let goal = server.api.import(&plans::side_by_side(TASKS, "text.render {\"template\": \"#\"}"));
    until("the work is done", || {
        (server.api.get(&format!("/v1/goals/{goal}"))["status"] == "achieved").then_some(())
    });
    for path in ["/v1/goals/nowhere", "/v1/nothing/at/all", &format!("/v1/tasks/{goal}")] {
        assert_eq!(server.api.answer(path).0, 404, "{path}");
    }
    let (status, page) = server.api.plain("/metrics");
    assert_eq!(status, 200);
    promtool_is_content(&page);
    let (samples, said) = read(&page);
    for figure in FIGURES {
        let (help, kind) = said.get(figure.name).unwrap_or_else(|| panic!("{} is not there", figure.name));
        assert_eq!((help.as_str(), kind.as_str()), (figure.help, figure.kind.as_str()), "{}", figure.name);
        assert_eq!(figure.name.ends_with("_total"), kind == "counter", "{}", figure.name);
        assert!(figure.name.starts_with("goalwright_") && help.ends_with('.'), "{}", figure.name);
    }
    assert_eq!(said.len(), FIGURES.len(), "and nothing else: {:?}", said.keys());
    for (name, labels, _) in &samples {
        let family = family(name, &said);
        let figure = FIGURES.iter().find(|figure| figure.name == family).expect("one of them");
        let given: BTreeSet<&str> =
            labels.keys().map(String::as_str).filter(|label| *label != "le").collect();
        assert_eq!(given, figure.labels.iter().copied().collect(), "{name}");
    }
    let value = |name: &str, wanted: &[(&str, &str)]| {
        let fits = |labels: &BTreeMap<String, String>| {
            wanted.iter().all(|(key, value)| labels.get(*key).is_some_and(|given| given == value))
        };
        let found = samples.iter().filter(|(known, labels, _)| known == name && fits(labels));
        found.map(|(_, _, value)| value).sum::<f64>()
    };
    let tasks = TASKS as f64;
    assert_eq!(value("goalwright_executions_total", &[("outcome", "succeeded")]), tasks);
    assert_eq!(value("goalwright_executions_total", &[("outcome", "failed")]), 0.0);
    let render = [("tool", "text"), ("operation", "render"), ("outcome", "succeeded")];
    assert_eq!(value("goalwright_tool_calls_total", &render), tasks);
    for name in
        ["execution_duration_seconds", "execution_queue_seconds", "claim_batch_size", "settle_batch_size"]
    {
        let count = value(&format!("goalwright_{name}_count"), &[]);
        assert!(count > 0.0 && count <= tasks, "{name}: {count}");
    }
    assert_eq!(value("goalwright_claim_batch_size_sum", &[]), tasks);
    assert_eq!(value("goalwright_settle_batch_size_sum", &[]), tasks);
    assert_eq!(value("goalwright_queue_age_seconds", &[]), 0.0);
    let of_goals = [("method", "GET"), ("route", "/v1/goals/{id}"), ("status", "404")];
    assert_eq!(value("goalwright_http_requests_total", &of_goals), 1.0);
    assert_eq!(value("goalwright_http_requests_total", &[("route", "none")]), 1.0, "paths are no labels");
    assert!(!page.contains(&goal), "no ids");
    assert!(value("goalwright_db_connections", &[]) >= 1.0);
    server.process.terminate().has_code(0);
}

/// What the guide recommends, where it is installed.
fn promtool_is_content(page: &str) {
    let mut promtool = Command::new("promtool");
    let piped = promtool.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let Ok(mut checking) = piped.stderr(Stdio::piped()).spawn() else {
        eprintln!("the page was not shown to `promtool`, which is not installed");
        return;
    };
    checking.stdin.take().expect("piped").write_all(page.as_bytes()).expect("it reads");
    let said = checking.wait_with_output().expect("it ends");
    assert!(said.status.success() && said.stderr.is_empty(), "{said:?}");
}

#[test]
fn a_queue_that_nobody_works_on_grows_old() {
    let home = Home::new();
    let server = home.serve("api");
    server.api.import(&plans::side_by_side(3, "text.render {\"template\": \"#\"}"));
    until("it has an age", || {
        let (samples, _) = read(&server.api.plain("/metrics").1);
        let age = samples.iter().find(|(name, _, _)| name == "goalwright_queue_age_seconds")?.2;
        (age > 0.05).then_some(())
    });
    server.process.terminate().has_code(0);
}

#[test]
fn whoever_is_not_on_this_machine_needs_credentials() {
    let home = Home::new();
    let server = home.serve("api");
    assert_eq!(server.api.plain("/metrics").0, 200);
    for header in ["forwarded", "via", "x-forwarded-for", "x-real-ip"] {
        assert_eq!(server.api.plain_with("/metrics", header, "x").0, 401, "{header}");
    }
    server.process.terminate().has_code(0);

    let server = home.serve_at("0.0.0.0:0", "api");
    let (status, problem) = server.api.plain("/metrics");
    assert!(status == 401 && problem.contains("unauthenticated"), "{status} {problem}");
    assert_eq!(server.api.text("/metrics").0, 200);
    let key = |scopes: &[&str]| {
        let key = server.api.post("/v1/api-keys", &json!({"name": scopes.join(" "), "scopes": scopes}));
        key["key"].as_str().expect("a key").to_owned()
    };
    assert_eq!(server.api.with_token(&key(&["work"])).text("/metrics").0, 403);
    assert_eq!(server.api.with_token(&key(&["read"])).text("/metrics").0, 200);
    server.process.terminate().has_code(0);

    for (setting, bind, status) in
        [("open", "0.0.0.0:0", 200), ("protected", "127.0.0.1:0", 401), ("off", "127.0.0.1:0", 404)]
    {
        let home = Home::new().with("GOALWRIGHT_METRICS", setting);
        let server = home.serve_at(bind, "api");
        assert_eq!(server.api.plain("/metrics").0, status, "{setting}");
        server.process.terminate().has_code(0);
    }
}
