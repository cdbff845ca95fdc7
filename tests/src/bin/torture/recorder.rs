//! A server that is told of effects and remembers under which key.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// The keys of the requests that came, by the title of their task, in order; those without a key are empty.
type Seen = BTreeMap<String, Vec<String>>;

/// Listens as long as the program runs.
pub(crate) struct Recorder {
    address: String,
    seen: Arc<Mutex<Seen>>,
}

impl Recorder {
    pub(crate) fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?.to_string();
        let seen = Arc::<Mutex<Seen>>::default();
        let shared = seen.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let seen = shared.clone();
                // Whoever was killed in the middle of a request gets no answer.
                thread::spawn(move || answer(&stream, &seen));
            }
        });
        Ok(Self { address, seen })
    }

    /// `host:port`.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// What came so far.
    pub(crate) fn seen(&self) -> Seen {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn answer(stream: &TcpStream, seen: &Mutex<Seen>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let (mut target, mut key, mut length) = (String::new(), String::new(), 0);
    let mut line = String::new();
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let head = line.trim_end();
        if head.is_empty() {
            break;
        }
        match head.split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("idempotency-key") => {
                value.trim().clone_into(&mut key);
            }
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.trim().parse().unwrap_or(0);
            }
            _ if target.is_empty() => head.split(' ').nth(1).unwrap_or_default().clone_into(&mut target),
            _ => {}
        }
    }
    reader.take(length).read_to_end(&mut Vec::new())?;
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let title = path.trim_start_matches('/').to_owned();
    let first = {
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        let keys = seen.entry(title).or_default();
        keys.push(key);
        keys.len() == 1
    };
    let value = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    // As slow as the seed drew it, so that whoever asks is also killed while it waits for the answer.
    thread::sleep(Duration::from_millis(value("pause").and_then(|pause| pause.parse().ok()).unwrap_or(0)));
    let status = if first && value("flaky").is_some() { "503 Service Unavailable" } else { "200 OK" };
    let mut stream = stream;
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}"
    )
}
