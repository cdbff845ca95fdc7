//! Redirects, and what goes along.

use reqwest::StatusCode;
use reqwest::header::{HeaderName, HeaderValue};

use super::super::fake_server::moved;
use super::*;

#[test]
fn redirects_pass_the_same_doors() {
    let inside = FakeServer::start(|_| answer("200 OK", &[], "secret"));
    let port = inside.port;
    let server = FakeServer::start(move |path| match path {
        "/literal" => moved(302, &format!("http://127.0.0.1:{port}/")),
        "/spelled" => moved(307, &format!("//0x7f.1:{port}/")),
        "/mapped" => moved(303, &format!("http://[::ffff:127.0.0.1]:{port}/")),
        "/named" => moved(301, &format!("http://here.example:{port}/")),
        "/user" => moved(302, "http://ann:pw@example.org/"),
        "/file" => moved(302, "file:///etc/passwd"),
        "/nonsense" => moved(302, "http://exa mple.org/"),
        "/nowhere" => answer("302 Found", &[], "stays"),
        "/near?x" => moved(308, "far"),
        _ => answer("200 OK", &[], format!("at {path}")),
    });
    let names = FixedNames::new(&[("here.example", &["127.0.0.1"])]);
    let outbound = Outbound::with(server.place().parse().expect("an allow-list"), Limits::default(), names);
    for path in ["/literal", "/spelled", "/mapped", "/named"] {
        let refused = get(&outbound, &server.url(path)).expect_err(path);
        assert!(matches!(refused, OutboundError::Refused(_)), "{path}: {refused:?}");
    }
    for path in ["/user", "/file"] {
        let refused = get(&outbound, &server.url(path)).expect_err(path);
        assert!(matches!(refused, OutboundError::InvalidUrl(_)), "{path}: {refused:?}");
    }
    assert!(matches!(get(&outbound, &server.url("/nonsense")), Err(OutboundError::BadRedirect(_))));
    assert!(inside.requests().is_empty());
    assert_eq!(text(get(&outbound, &server.url("/nowhere"))), "stays");
    assert_eq!(text(get(&outbound, &server.url("/near?x"))), "at /far");
}

#[test]
fn redirects_come_to_an_end() {
    let server = FakeServer::start(|path| {
        let step: usize = path[1..].parse().expect("a number");
        if step == 0 { answer("200 OK", &[], "there") } else { moved(302, &format!("/{}", step - 1)) }
    });
    let outbound = outbound(&server.place());
    assert_eq!(text(get(&outbound, &server.url("/5"))), "there");
    assert_eq!(server.requests().len(), 6);
    let refused = get(&outbound, &server.url("/99")).expect_err("too many");
    assert!(refused.to_string().ends_with("redirects more than 5 times"), "{refused}");
    assert_eq!(server.requests().len(), 12);
}

#[test]
fn credentials_stay_with_their_host() {
    let other = FakeServer::start(|_| answer("200 OK", &[], "other"));
    let port = other.port;
    let server = FakeServer::start(move |path| match path {
        "/away" => moved(302, &format!("http://127.0.0.1:{port}/")),
        "/away-with-body" => moved(307, &format!("http://127.0.0.1:{port}/")),
        "/posted" => moved(303, "/fetched"),
        "/again" => moved(308, "/fetched"),
        _ => answer("200 OK", &[], "same"),
    });
    let outbound = outbound("127.0.0.1");
    let with = |method, path: &str, body: Option<&str>| {
        let mut request = request(method, &server.url(path));
        for (name, value) in [
            ("authorization", "Bearer abc"),
            ("x-anything", "abc"),
            ("accept", "text/plain"),
            ("content-type", "text/plain"),
            (IDEMPOTENCY_KEY, "key"),
        ] {
            request.headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        request.body = body.map(|body| body.as_bytes().to_vec());
        request
    };
    let last = |server: &FakeServer| server.requests().pop().expect("a request");

    assert_eq!(text(send(&outbound, with(Method::GET, "/away", None))), "other");
    let sent = last(&other);
    assert!(!sent.contains("abc") && sent.contains("accept: text/plain"), "{sent}");

    let refused = send(&outbound, with(Method::POST, "/away-with-body", Some("b"))).expect_err("refused");
    assert!(matches!(refused, OutboundError::BadRedirect(_)), "{refused:?}");
    assert_eq!(other.requests().len(), 1);

    assert_eq!(text(send(&outbound, with(Method::POST, "/posted", Some("b")))), "same");
    let sent = last(&server);
    assert!(
        sent.starts_with("GET /fetched ") && sent.contains("Bearer abc") && sent.ends_with("\r\n\r\n"),
        "{sent}"
    );
    assert!(!sent.contains(IDEMPOTENCY_KEY) && !sent.contains("content-type"), "{sent}");

    assert_eq!(text(send(&outbound, with(Method::POST, "/again", Some("b")))), "same");
    let sent = last(&server);
    assert!(sent.starts_with("POST /fetched ") && sent.ends_with("\r\n\r\nb"), "{sent}");
}

#[test]
fn no_redirect_leads_from_https_to_http() {
    let headers = |location: &'static str| {
        let location = (reqwest::header::LOCATION, HeaderValue::from_static(location));
        HeaderMap::from_iter([location])
    };
    let next = |from: &str, to| redirect::next(&request(Method::GET, from), StatusCode::FOUND, &headers(to));
    let refused = next("https://a.example/", "http://a.example/").expect_err("refused");
    assert!(refused.to_string().contains("from https to http"), "{refused}");

    let keeps = |from: &str, to| {
        let mut first = request(Method::GET, from);
        first.headers.insert("authorization", HeaderValue::from_static("Bearer abc"));
        let next = redirect::next(&first, StatusCode::FOUND, &headers(to)).expect(from).expect(from);
        next.headers.contains_key("authorization")
    };
    assert!(keeps("http://a.example/", "https://a.example/"));
    assert!(keeps("https://a.example/", "https://a.example:443/x"));
    assert!(!keeps("http://a.example:8080/", "https://a.example/"));
    assert!(!keeps("https://a.example/", "https://a.example:8443/"));
    assert!(!keeps("https://a.example/", "https://b.a.example/"));
}
