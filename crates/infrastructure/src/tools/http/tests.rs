//! `http.request` through the port, against a server on this machine.

use goalwright_application::ports::Tools;
use goalwright_application::ports::telemetry::TraceContext;
use goalwright_application::ports::tools::{Fate, Invocation};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::outbound::AllowList;
use crate::outbound::fake_server::{Answer, FakeServer, answer, moved};
use crate::tools::BuiltinTools;
use crate::waiting::{until, wait};

fn tools(allow: &str) -> BuiltinTools {
    BuiltinTools::reaching(Outbound::new(allow.parse::<AllowList>().expect("an allow-list")))
}

fn call_with(
    tools: &BuiltinTools,
    parameters: Value,
    cancel: CancellationToken,
) -> Result<Reply, ToolFailure> {
    wait(tools.call(Invocation {
        tool: "http".to_owned(),
        operation: "request".to_owned(),
        parameters,
        sandbox: "nowhere".into(),
        workspace: goalwright_domain::workspace::WorkspaceId::new(uuid::Uuid::nil()),
        task: None,
        idempotency_key: "key-of-the-attempt".to_owned(),
        trace: TraceContext { trace_id: uuid::Uuid::from_u128(0xa1), span_id: 0xb2, sampled: true },
        now: chrono::DateTime::default(),
        cancel,
    }))
}

/// Calls with `method` GET and the server's `path` unless the parameters say otherwise.
fn call(server: &FakeServer, path: &str, more: Value) -> Result<Value, ToolFailure> {
    let mut parameters = json!({"method": "GET", "url": server.url(path)});
    for (name, value) in more.as_object().expect("an object") {
        parameters[name] = value.clone();
    }
    match call_with(&tools(&server.place()), parameters, CancellationToken::new())? {
        Reply::Done { result, files_written, .. } if files_written.is_empty() => Ok(result),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_body_is_a_value_or_a_text() {
    let server = FakeServer::start(|path| match path {
        "/json" => answer("200 OK", &["Content-Type: application/json; charset=utf-8"], r#"{"a": [1, "ä"]}"#),
        "/problem" => answer("200 OK", &["Content-Type: Application/Problem+JSON"], "[]"),
        "/no-json" => answer("200 OK", &["Content-Type: application/json"], "{oops"),
        "/no-content" => answer("200 OK", &["Content-Type: application/json"], ""),
        "/text" => answer("200 OK", &["Content-Type: text/plain"], "ä\0{}"),
        "/binary" => answer("200 OK", &["Content-Type: image/png"], [0xFF, 0xFE, 0x00]),
        "/created" => {
            answer("201 Created", &["X-Twice: a", "X-Twice: b", "Content-Type: text/plain"], "done")
        }
        _ => answer("204 No Content", &[], ""),
    });
    let done = |path, more| call(&server, path, more).expect(path);
    assert_eq!(done("/json", json!({})), json!({"a": [1, "ä"]}));
    assert_eq!(done("/problem", json!({})), json!([]));
    assert_eq!(done("/no-json", json!({})), json!("{oops"));
    assert_eq!(done("/no-content", json!({})), json!(null));
    assert_eq!(done("/text", json!({})), json!("ä\u{FFFD}{}"));
    assert_eq!(done("/nothing", json!({})), json!(""));
    assert_eq!(done("/binary", json!({"encoding": "base64"})), json!("//4A"));
    let refused = call(&server, "/binary", json!({})).expect_err("binary");
    assert_eq!(refused.kind, "NotText");
    assert!(refused.message.contains("3 bytes") && refused.message.contains("\"base64\""), "{refused}");
    let full = done("/created", json!({"full_response": true}));
    assert_eq!((&full["status"], &full["body"]), (&json!(201), &json!("done")));
    assert_eq!(full["headers"]["x-twice"], "a, b");
}

#[test]
fn what_is_asked_for_is_sent() {
    let server = FakeServer::start(|_| answer("200 OK", &[], ""));
    let sent = |more| {
        call(&server, "/a?b=c", more).expect("an answer");
        server.requests().pop().expect("a request")
    };
    let plain = sent(json!({}));
    assert!(plain.starts_with("GET /a?b=c HTTP/1.1\r\n"), "{plain}");
    assert!(
        plain.contains("accept-encoding: gzip\r\n") && plain.contains("user-agent: goalwright/"),
        "{plain}"
    );
    let query = sent(json!({"query": {"q": "a b&c", "n": [1, 2.5], "on": true}}));
    assert!(query.starts_with("GET /a?b=c&n=1&n=2.5&on=true&q=a+b%26c HTTP/1.1\r\n"), "{query}");
    let json = sent(json!({"method": "POST", "json": {"k": [1]}, "headers": {"X-Trace": "t"}}));
    assert!(json.contains("content-type: application/json\r\n") && json.contains("x-trace: t\r\n"), "{json}");
    assert!(json.ends_with("\r\n\r\n{\"k\":[1]}"), "{json}");
    let typed = sent(
        json!({"method": "PATCH", "json": 1, "headers": {"Content-Type": "application/merge-patch+json"}}),
    );
    assert_eq!(typed.matches("content-type: ").count(), 1, "{typed}");
    assert!(typed.contains("content-type: application/merge-patch+json\r\n"), "{typed}");
    let raw = sent(json!({"method": "PUT", "body": "a=b"}));
    assert!(raw.ends_with("\r\n\r\na=b") && !raw.contains("content-type"), "{raw}");
}

#[test]
fn effects_carry_the_key_of_the_attempt() {
    let server = FakeServer::start(|_| answer("200 OK", &[], ""));
    for (method, effect) in [
        ("GET", Effect::None),
        ("HEAD", Effect::None),
        ("OPTIONS", Effect::None),
        ("PUT", Effect::Idempotent),
        ("DELETE", Effect::Idempotent),
        ("POST", Effect::Irreversible),
        ("PATCH", Effect::Irreversible),
    ] {
        let of = |parameters: Value| tools("").effect_of("http", "request", &parameters);
        assert_eq!(of(json!({"method": method, "url": "{T001}"})), Some(effect), "{method}");
        call(&server, "/", json!({"method": method})).expect(method);
        let sent = server.requests().pop().expect("a request");
        assert!(sent.starts_with(method), "{sent}");
        let carried = sent.contains("idempotency-key: key-of-the-attempt\r\n");
        assert_eq!(carried, effect != Effect::None, "{sent}");
    }
    for parameters in [json!({"method": "{T001.method}"}), json!({}), json!({"method": "get"}), json!(null)] {
        let effect = tools("").effect_of("http", "request", &parameters);
        assert_eq!(effect, Some(Effect::Irreversible), "{parameters}");
    }
    call(&server, "/", json!({"method": "POST", "headers": {"Idempotency-Key": "mine"}})).expect("an answer");
    let sent = server.requests().pop().expect("a request");
    assert_eq!(sent.matches("idempotency-key: ").count(), 1, "{sent}");
    assert!(sent.contains("idempotency-key: mine\r\n"), "{sent}");
}

#[test]
fn failures_say_whether_to_try_again() {
    let server = FakeServer::start(|path| match path {
        "/404" => answer("404 Not Found", &[], "no  such\npage"),
        "/429" => answer("429 Too Many Requests", &["Retry-After: 7"], ""),
        "/broken" => Answer::Bytes(Vec::new()),
        "/slow" => Answer::Silence,
        "/endless" => Answer::Endless,
        "/loop" => moved(302, "/loop"),
        "/inside" => moved(302, "http://10.0.0.1/"),
        path => answer(&format!("{} Status", &path[1..]), &[], "x".repeat(10_000)),
    });
    for (path, kind, retryable) in [
        ("/400", "HttpStatus", false),
        ("/404", "HttpStatus", false),
        ("/408", "HttpStatus", true),
        ("/429", "HttpStatus", true),
        ("/500", "HttpStatus", true),
        ("/503", "HttpStatus", true),
        ("/599", "HttpStatus", true),
        ("/broken", "ConnectionFailed", true),
        ("/endless", "TooLarge", false),
        ("/loop", "RedirectRefused", false),
        ("/inside", "AddressRefused", false),
    ] {
        let failure = call(&server, path, json!({})).expect_err(path);
        assert_eq!((failure.kind.as_str(), failure.retryable), (kind, retryable), "{path}: {failure}");
        assert!(failure.message.starts_with(&format!("`GET {}`", server.url(path))), "{failure}");
        assert!(failure.message.len() < 700, "{failure}");
    }
    let failure = |path, more| call(&server, path, more).expect_err(path);
    let missing = failure("/404", json!({}));
    assert!(
        missing.message.contains("404 Not Found; check the `url`. The answer says: no such page"),
        "{missing}"
    );
    assert_eq!(missing.sources, ["404 Not Found"]);
    assert!(failure("/429", json!({})).message.contains("(retry-after: 7)"));
    let late = failure("/slow", json!({"timeout": 0.05, "method": "POST"}));
    assert_eq!((late.kind.as_str(), late.retryable), ("TimedOut", true));
    assert!(late.message.contains("within 0.05 s; it may have taken effect all the same"), "{late}");
    assert!(!failure("/broken", json!({})).message.contains("taken effect"));
}

#[test]
fn a_request_that_was_sent_and_not_answered_has_an_unknown_outcome() {
    let server = FakeServer::start(|path| match path {
        "/broken" => Answer::Bytes(Vec::new()),
        "/slow" => Answer::Silence,
        "/endless" => Answer::Endless,
        path => answer(&format!("{} Status", &path[1..]), &[], ""),
    });
    for (method, path, fate) in [
        ("POST", "/broken", Fate::Unknown),
        ("POST", "/slow", Fate::Unknown),
        ("POST", "/endless", Fate::Unknown),
        ("PATCH", "/slow", Fate::Unknown),
        ("DELETE", "/broken", Fate::Unknown),
        ("GET", "/broken", Fate::Failed),
        ("GET", "/slow", Fate::Failed),
        ("POST", "/400", Fate::Failed),
        ("POST", "/503", Fate::Failed),
    ] {
        let failure = call(&server, path, json!({"method": method, "timeout": 0.3})).expect_err(path);
        assert_eq!(failure.fate, fate, "{method} {path}: {failure}");
    }
    // Nobody listens there: nothing was sent.
    let place = std::net::TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port");
    let parameters = json!({"method": "POST", "url": format!("http://{place}/")});
    let refused =
        call_with(&tools(&place.to_string()), parameters, CancellationToken::new()).expect_err("nobody");
    assert_eq!((refused.kind.as_str(), refused.fate), ("ConnectionFailed", Fate::Failed), "{refused}");
    assert!(refused.retryable && !refused.message.contains("taken effect"), "{refused}");
}

#[test]
fn secrets_are_in_no_message() {
    let server = FakeServer::start(|path| match path {
        "/echo?key=s3cret" => answer("401 Unauthorized", &[], "Bearer s3cret: `s3cret`, ok=1"),
        _ => Answer::Bytes(Vec::new()),
    });
    let more = json!({
        "headers": {"Authorization": "Bearer s3cret", "Cookie": "ok=1"}, "query": {"key": "s3cret"}, "method": "POST"
    });
    for path in ["/echo", "/broken"] {
        let failure = call(&server, path, more.clone()).expect_err(path);
        let printed = format!("{failure:?} {failure}");
        assert!(!printed.contains("s3cret") && !printed.contains("ok=1"), "{printed}");
    }
    for parameters in [
        json!({"method": "GET", "url": "http://ann:s3cret@example.org/"}),
        json!({"method": "GET", "url": "https://example.org/", "headers": {"Authorization": "s3cret\n"}}),
        json!({"method": "GET", "url": "https://example.org/", "headers": {"Authorization": ["s3cret"]}}),
    ] {
        let failure =
            call_with(&tools(""), parameters.clone(), CancellationToken::new()).expect_err("invalid");
        assert_eq!(failure.kind, "InvalidParameters");
        assert!(!format!("{failure:?}").contains("s3cret"), "{failure:?}");
        let problems = tools("").check("http", "request", &parameters);
        assert!(!problems.is_empty() && !format!("{problems:?}").contains("s3cret"), "{problems:?}");
    }
}

#[test]
fn a_call_under_way_is_cancelled() {
    let server = FakeServer::start(|_| Answer::Silence);
    let cancel = CancellationToken::new();
    let parameters = json!({"method": "POST", "url": server.url("/")});
    let failure = std::thread::scope(|scope| {
        scope.spawn(|| {
            wait(until("the server has it", || !server.requests().is_empty()));
            cancel.cancel();
        });
        call_with(&tools(&server.place()), parameters, cancel.clone()).expect_err("cancelled")
    });
    assert_eq!(failure.kind, "Cancelled");
    assert!(failure.message.contains("may have taken effect"), "{failure}");
}

#[test]
fn mistakes_are_found_before_running() {
    let tools = tools("db.internal, 10.1.0.0/16");
    let problems = |mut parameters: Value| -> Vec<String> {
        for (name, value) in [("method", "GET"), ("url", "https://example.org/")] {
            if parameters.get(name).is_none() {
                parameters[name] = json!(value);
            }
        }
        let problems = tools.check("http", "request", &parameters);
        problems.into_iter().map(|problem| format!("{}: {}", problem.path, problem.message)).collect()
    };
    for parameters in [
        json!({}),
        json!({"url": "http://db.internal/{T001}"}),
        json!({"url": "{T001.url}"}),
        json!({"url": "http://10.1.2.3:8080/"}),
        json!({"url": "http://{T001.host}/", "method": "{T001.method}", "timeout": "{T001.seconds}"}),
        json!({"headers": {"X-Y": "a\n{T001}"}, "json": null, "query": {"a": ["{T001}", 1]}}),
        json!({"json": {"a": "{T001}"}, "full_response": true, "encoding": "base64"}),
    ] {
        assert_eq!(problems(parameters.clone()), Vec::<String>::new(), "{parameters}");
    }
    for (parameters, said) in [
        (json!({"method": "FETCH"}), "parameters.method: the value is not one of"),
        (json!({"method": "get"}), "parameters.method: the value is not one of"),
        (json!({"url": "example.org"}), "parameters.url: the URL has no scheme"),
        (json!({"url": "ftp://example.org"}), "parameters.url: the URL's scheme is neither http nor https"),
        (json!({"url": "http://0x7f.1/"}), "parameters.url: `127.0.0.1` leads to a loopback address"),
        (json!({"url": "http://10.2.0.1/"}), "parameters.url: `10.2.0.1` leads to a private address"),
        (json!({"url": "http://a:b@example.org"}), "parameters.url: the URL has a user or password"),
        (json!({"json": 1, "body": "x"}), "parameters.body: `json` and `body` do not go together"),
        (json!({"headers": {"a b": "x"}}), "parameters.headers['a b']: `a b` is no name of a header"),
        (
            json!({"headers": {"X": "a\r\nY: b"}}),
            "parameters.headers.X: the value of the header `X` has a line",
        ),
        (
            json!({"headers": {"Host": "x"}}),
            "parameters.headers.Host: the header `Host` is set by the client",
        ),
        (json!({"headers": {"A/~": "x\n"}}), "parameters.headers['A/~']: `A/~` is no name of a header"),
        (json!({"timeout": 0}), "parameters.timeout: "),
        (json!({"timeout": 301}), "parameters.timeout: "),
        (json!({"query": {"a": {}}}), "parameters.query.a: "),
        (json!({"uri": "x"}), "parameters.uri: there is no parameter `uri`"),
    ] {
        let found = problems(parameters.clone());
        assert!(found.len() == 1 && found[0].starts_with(said), "{parameters}: {found:?}");
    }
    let missing = tools.check("http", "request", &json!({}));
    let missing: Vec<&str> = missing.iter().map(|problem| problem.path.as_str()).collect();
    assert_eq!(missing, ["parameters.method", "parameters.url"]);
}

#[test]
fn the_trace_of_the_attempt_goes_along_unless_another_one_is_given() {
    let server = FakeServer::start(|_| answer("200 OK", &[], ""));
    let own = "traceparent: 00-000000000000000000000000000000a1-00000000000000b2-01\r\n";
    let given = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
    call(&server, "/own", json!({})).expect("answered");
    call(&server, "/given", json!({"headers": {"Traceparent": given}})).expect("answered");
    call(&server, "/state", json!({"headers": {"tracestate": "a=1"}})).expect("answered");
    let requests = server.requests();
    assert!(requests[0].contains(own), "{}", requests[0]);
    assert!(
        requests[1].contains(given) && requests[1].matches("traceparent").count() == 1,
        "{}",
        requests[1]
    );
    assert!(
        requests[2].contains("tracestate: a=1") && !requests[2].contains("traceparent"),
        "{}",
        requests[2]
    );
}
