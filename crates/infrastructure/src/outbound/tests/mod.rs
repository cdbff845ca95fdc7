//! The way out, against servers on this machine and names that resolve to what a test wants.

mod redirects;

use std::collections::HashMap;
use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use reqwest::Method;
use reqwest::dns::{Addrs, Name, Resolving};

use super::fake_server::{Answer, FakeServer, answer};
use super::*;
use crate::waiting::{until, wait};

/// Names with fixed addresses, and how often they were asked for.
#[derive(Default)]
struct FixedNames {
    names: HashMap<&'static str, Vec<IpAddr>>,
    asked: AtomicUsize,
}

impl FixedNames {
    fn new(names: &[(&'static str, &[&str])]) -> Arc<Self> {
        let address = |address: &&str| address.parse().expect("an address");
        let names =
            names.iter().map(|(name, answer)| (*name, answer.iter().map(address).collect())).collect();
        Arc::new(Self { names, asked: AtomicUsize::new(0) })
    }
}

impl Resolve for FixedNames {
    fn resolve(&self, name: Name) -> Resolving {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let answer = self.names.get(name.as_str()).cloned();
        Box::pin(async move {
            let addresses = answer.ok_or("there is no such name")?;
            Ok(Box::new(addresses.into_iter().map(|address| SocketAddr::new(address, 0))) as Addrs)
        })
    }
}

fn outbound(allow: &str) -> Outbound {
    Outbound::with(allow.parse().expect("an allow-list"), Limits::default(), FixedNames::new(&[]))
}

fn request(method: Method, url: &str) -> Request {
    let url = guard::read(url).expect(url);
    Request { method, url, headers: HeaderMap::new(), body: None, timeout: Duration::from_secs(60) }
}

fn send(outbound: &Outbound, request: Request) -> Result<Response, OutboundError> {
    wait(outbound.send(request, &CancellationToken::new()))
}

fn get(outbound: &Outbound, url: &str) -> Result<Response, OutboundError> {
    send(outbound, request(Method::GET, url))
}

fn text(answer: Result<Response, OutboundError>) -> String {
    String::from_utf8(answer.expect("an answer").body).expect("text")
}

#[test]
fn what_is_not_allowed_is_never_connected_to() {
    let server = FakeServer::start(|_| answer("200 OK", &[], "hello"));
    let refused = get(&outbound(""), &server.url("/")).expect_err("refused");
    let said = format!("`{}` leads to a loopback address", server.place());
    assert!(refused.to_string().starts_with(&said), "{refused}");
    assert!(refused.to_string().contains("GOALWRIGHT_OUTBOUND_ALLOW"), "{refused}");
    assert!(matches!(get(&outbound("127.0.0.1:1"), &server.url("/")), Err(OutboundError::Refused(_))));
    assert!(server.requests().is_empty());
    assert_eq!(text(get(&outbound(&server.place()), &server.url("/"))), "hello");
    assert_eq!(text(get(&outbound("127.0.0.0/8"), &server.url("/"))), "hello");
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn every_address_of_a_name_is_judged() {
    let server = FakeServer::start(|_| answer("200 OK", &[], "hello"));
    let names = FixedNames::new(&[
        ("inside.example", &["10.0.0.1"]),
        ("mixed.example", &["93.184.215.14", "2606:4700::1", "::ffff:192.168.0.1"]),
        ("metadata.example", &["169.254.169.254"]),
        ("here.example", &["127.0.0.1"]),
    ]);
    let outbound =
        |allow: &str| Outbound::with(allow.parse().expect("an allow-list"), Limits::default(), names.clone());
    let url = |host: &str| format!("http://{host}:{}/", server.port);
    for (host, what) in [
        ("inside.example", "a private address"),
        ("mixed.example", "a private address"),
        ("metadata.example", "a cloud metadata address"),
        ("here.example", "a loopback address"),
        ("HERE.example", "a loopback address"),
    ] {
        let refused = get(&outbound("other.example"), &url(host)).expect_err(host);
        let OutboundError::Refused(refused) = refused else { panic!("{host}: {refused:?}") };
        assert_eq!((refused.place.as_str(), refused.what), (host.to_lowercase().as_str(), what));
        // What a name inside resolves to is not told outside.
        assert!(!refused.to_string().contains("10.0.0.1"), "{refused}");
    }
    let unknown = get(&outbound(""), &url("unknown.example")).expect_err("unknown");
    assert!(
        matches!(&unknown, OutboundError::Broken { sources, .. } if sources.last().is_some_and(|last| last == "there is no such name")),
        "{unknown:?}"
    );
    assert!(server.requests().is_empty());

    for allow in ["here.example".to_owned(), format!("here.example:{}", server.port), "127.0.0.1".to_owned()]
    {
        names.asked.store(0, Ordering::Relaxed);
        assert_eq!(text(get(&outbound(&allow), &url("here.example"))), "hello", "{allow}");
        // Asked once: the address that was judged is the one that was connected to.
        assert_eq!(names.asked.load(Ordering::Relaxed), 1, "{allow}");
    }
    assert!(get(&outbound("here.example:1"), &url("here.example")).is_err());
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).expect("compressed");
    encoder.finish().expect("compressed")
}

#[test]
fn nothing_grows_without_limit() {
    let bomb = gzipped(&vec![0; 64 * 1024 * 1024]);
    assert!(bomb.len() < 100_000, "{} bytes", bomb.len());
    let server = FakeServer::start(move |path| match path {
        "/endless" => Answer::Endless,
        "/bomb" => answer("200 OK", &["content-encoding: gzip"], &bomb),
        "/gzip" => answer("200 OK", &["content-encoding: gzip"], gzipped(b"small")),
        "/lies" => answer("200 OK", &["content-encoding: gzip"], "no gzip"),
        "/full" => answer("200 OK", &[], vec![b'x'; 4 * 1024 * 1024]),
        "/headers" => {
            let lines: Vec<String> = (0..101).map(|number| format!("x-{number}: y")).collect();
            answer("200 OK", &lines.iter().map(String::as_str).collect::<Vec<_>>(), "")
        }
        "/header" => answer("200 OK", &[&format!("x: {}", "y".repeat(65 * 1024))], ""),
        _ => answer("200 OK", &[], ""),
    });
    let outbound = outbound(&server.place());
    for (path, what) in
        [("/endless", "the answer"), ("/bomb", "the answer"), ("/header", "what is answered in headers")]
    {
        let refused = get(&outbound, &server.url(path)).expect_err(path);
        let too_large = matches!(&refused, OutboundError::TooLarge { what: part, .. } if *part == what);
        assert!(too_large, "{path}: {refused:?}");
    }
    for path in ["/lies", "/headers"] {
        let broken = get(&outbound, &server.url(path)).expect_err(path);
        assert!(matches!(broken, OutboundError::Broken { .. }), "{path}: {broken:?}");
    }
    assert_eq!(text(get(&outbound, &server.url("/gzip"))), "small");
    assert_eq!(text(get(&outbound, &server.url("/full"))).len(), 4 * 1024 * 1024);

    let before = server.requests().len();
    let mut large = request(Method::POST, &server.url("/"));
    large.body = Some(vec![b'x'; 4 * 1024 * 1024 + 1]);
    assert!(matches!(send(&outbound, large), Err(OutboundError::TooLarge { what: "the body to send", .. })));
    assert_eq!(server.requests().len(), before);
}

#[test]
fn nothing_lasts_for_ever() {
    let server = FakeServer::start(|path| match path {
        "/broken" => Answer::Bytes(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf".to_vec()),
        "/nothing" => Answer::Bytes(Vec::new()),
        _ => Answer::Silence,
    });
    let outbound = outbound(&server.place());
    for path in ["/broken", "/nothing"] {
        let broken = get(&outbound, &server.url(path)).expect_err(path);
        assert!(
            matches!(&broken, OutboundError::Broken { place, .. } if *place == server.place()),
            "{broken:?}"
        );
    }

    let mut slow = request(Method::GET, &server.url("/silence"));
    slow.timeout = Duration::from_millis(50);
    let late = send(&outbound, slow).expect_err("late");
    assert!(matches!(late, OutboundError::TimedOut { .. }), "{late:?}");

    let cancel = CancellationToken::new();
    let sent = outbound.send(request(Method::GET, &server.url("/cancelled")), &cancel);
    let cancelled = wait(async {
        tokio::pin!(sent);
        // The call is under way when it is cancelled: the server has it.
        let asked = || server.requests().iter().any(|request| request.starts_with("GET /cancelled "));
        tokio::select! {
            answer = &mut sent => panic!("{answer:?}"),
            () = until("the server has it", asked) => {}
        }
        cancel.cancel();
        sent.await
    });
    assert!(matches!(cancelled, Err(OutboundError::Cancelled)), "{cancelled:?}");
}
