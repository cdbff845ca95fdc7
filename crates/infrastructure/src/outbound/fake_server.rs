//! A server for tests on a port of its own. It answers each connection once and keeps what it was sent.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

/// What the server does with a request.
pub(crate) enum Answer {
    /// Sends these bytes and closes.
    Bytes(Vec<u8>),
    /// Sends a body that never ends, until the client has had enough.
    Endless,
    /// Says nothing until the client goes away.
    Silence,
}

/// An answer of this status, with header lines and a body.
pub(crate) fn answer(status: &str, headers: &[&str], body: impl AsRef<[u8]>) -> Answer {
    let body = body.as_ref();
    let lines: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    let head =
        format!("HTTP/1.1 {status}\r\n{lines}content-length: {}\r\nconnection: close\r\n\r\n", body.len());
    Answer::Bytes([head.as_bytes(), body].concat())
}

/// A redirect of this status.
pub(crate) fn moved(status: u16, location: &str) -> Answer {
    answer(&format!("{status} Elsewhere"), &[&format!("location: {location}")], "")
}

pub(crate) struct FakeServer {
    pub(crate) port: u16,
    requests: Arc<Mutex<Vec<String>>>,
}

impl FakeServer {
    /// Answers by the request's path with its query.
    pub(crate) fn start(answers: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (kept, answers) = (requests.clone(), Arc::new(answers));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (kept, answers) = (kept.clone(), answers.clone());
                std::thread::spawn(move || serve(stream, &kept, &*answers));
            }
        });
        Self { port, requests }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// `127.0.0.1:port`, as the allow-list takes it.
    pub(crate) fn place(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The requests, head and body; names of headers are in lower case.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn serve(mut stream: TcpStream, kept: &Mutex<Vec<String>>, answers: &dyn Fn(&str) -> Answer) {
    let Some(request) = read(&mut stream) else { return };
    let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
    kept.lock().unwrap_or_else(PoisonError::into_inner).push(request);
    match answers(&path) {
        Answer::Bytes(bytes) => drop(stream.write_all(&bytes)),
        Answer::Endless => {
            let mut sent = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n");
            while sent.is_ok() {
                sent = stream.write_all(&[b'x'; 8192]);
            }
        }
        Answer::Silence => while stream.read(&mut [0; 64]).is_ok_and(|read| read > 0) {},
    }
}

fn read(stream: &mut TcpStream) -> Option<String> {
    let mut request = Vec::new();
    let mut part = [0; 4096];
    loop {
        if let Some(end) = request.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&request[..end]);
            let length =
                head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
            if request.len() >= end + 4 + length.unwrap_or(0) {
                return String::from_utf8(request).ok();
            }
        }
        match stream.read(&mut part) {
            Ok(count) if count > 0 => request.extend_from_slice(&part[..count]),
            _ => return None,
        }
    }
}
