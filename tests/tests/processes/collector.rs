//! Others that processes of ours talk to: a collector that takes spans, and a server that keeps what it is sent.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Told;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;

use crate::process::until;

/// A request, with the names of its headers in lower case.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Sent {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// A server on a port of its own that answers each request with the next of its statuses, the last one for ever.
pub(crate) struct Listener {
    pub(crate) address: String,
    sent: Arc<Mutex<Vec<Sent>>>,
}

impl Listener {
    pub(crate) fn start(statuses: &'static [u16]) -> Self {
        let sent = Arc::<Mutex<Vec<Sent>>>::default();
        let kept = sent.clone();
        let address = listen(move |stream| answer(stream, &kept, statuses));
        Self { address, sent }
    }

    pub(crate) fn requests(&self) -> Vec<Sent> {
        self.sent.lock().expect("whole").clone()
    }

    /// Every span that was sent here, with the name of the service that sent it.
    pub(crate) fn spans(&self) -> Vec<(String, Span)> {
        let sent = self.requests().into_iter().filter(|one| one.target == "/v1/traces");
        let mut spans = Vec::new();
        for request in sent {
            let request = ExportTraceServiceRequest::decode(request.body.as_slice()).expect("protobuf");
            for resource in request.resource_spans {
                let attributes = resource.resource.map(|resource| resource.attributes).unwrap_or_default();
                let service = text(&attributes, "service.name").unwrap_or_default();
                let own = resource.scope_spans.into_iter().flat_map(|scope| scope.spans);
                spans.extend(own.map(|span| (service.clone(), span)));
            }
        }
        spans
    }

    /// Waits for the spans that this picks, so many of them.
    #[track_caller]
    pub(crate) fn await_spans(&self, count: usize, pick: impl Fn(&Span) -> bool) -> Vec<Span> {
        until("the spans arrive", || {
            let found: Vec<Span> =
                self.spans().into_iter().map(|(_, span)| span).filter(|span| pick(span)).collect();
            (found.len() >= count).then_some(found)
        })
    }
}

/// An attribute that is text or a number.
pub(crate) fn text(attributes: &[KeyValue], key: &str) -> Option<String> {
    let found = attributes.iter().find(|one| one.key == key)?;
    match found.value.as_ref()? {
        AnyValue { value: Some(Told::StringValue(text)) } => Some(text.clone()),
        AnyValue { value: Some(Told::IntValue(number)) } => Some(number.to_string()),
        other => panic!("{key}: {other:?}"),
    }
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Takes connections on a port of its own, each in a thread of its own; gives the address.
pub(crate) fn listen(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> String {
    let socket = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let address = socket.local_addr().expect("an address").to_string();
    let serve = Arc::new(serve);
    thread::spawn(move || {
        for stream in socket.incoming().map_while(Result::ok) {
            let serve = serve.clone();
            thread::spawn(move || serve(stream));
        }
    });
    address
}

fn answer(mut stream: TcpStream, kept: &Mutex<Vec<Sent>>, statuses: &[u16]) {
    while let Some(request) = read(&mut stream) {
        let mut sent = kept.lock().expect("whole");
        let status = statuses.get(sent.len()).or(statuses.last()).copied().unwrap_or(200);
        sent.push(request);
        drop(sent);
        let head = format!("HTTP/1.1 {status} Said\r\ncontent-length: 0\r\n\r\n");
        if stream.write_all(head.as_bytes()).is_err() {
            return;
        }
    }
}

/// The next request; none once the other side is done.
pub(crate) fn read(stream: &mut TcpStream) -> Option<Sent> {
    let (mut bytes, mut part) = (Vec::new(), [0; 16 * 1024]);
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let mut lines = head.lines();
            let target = lines.next()?.split(' ').nth(1)?.to_owned();
            let headers: Vec<(String, String)> = lines
                .filter_map(|line| line.split_once(':'))
                .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
                .collect();
            let length = headers.iter().find(|(name, _)| name == "content-length");
            let length = length.and_then(|(_, length)| length.parse::<usize>().ok()).unwrap_or(0);
            if bytes.len() >= end + 4 + length {
                return Some(Sent { target, headers, body: bytes[end + 4..end + 4 + length].to_vec() });
            }
        }
        match stream.read(&mut part) {
            Ok(count) if count > 0 => bytes.extend_from_slice(&part[..count]),
            _ => return None,
        }
    }
}
