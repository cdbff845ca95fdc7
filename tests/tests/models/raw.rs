//! A server that breaks rules which a server of a library keeps.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// What it does with a connection after it has read a request.
#[derive(Debug, Clone)]
pub(crate) enum Does {
    /// Sends these bytes and closes in order.
    Sends(Vec<u8>),
    /// Sends these bytes and says no more until the other side goes away.
    SendsAndHangs(Vec<u8>),
    /// Ends the connection without an answer.
    Closes,
    /// Sends a body of 100 MB.
    Floods,
}

/// It does with each connection what is next, with the last one for ever.
pub(crate) struct RawServer {
    pub(crate) base: String,
    served: Arc<AtomicUsize>,
    flooded: Arc<Mutex<usize>>,
}

/// A whole answer, of which `length` is told and `body` is sent.
pub(crate) fn http(kind: &str, length: usize, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

impl RawServer {
    pub(crate) fn start(script: Vec<Does>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        let (served, flooded) = (Arc::new(AtomicUsize::new(0)), Arc::default());
        let (count, bytes): (Arc<AtomicUsize>, Arc<Mutex<usize>>) = (served.clone(), Arc::clone(&flooded));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let at = count.fetch_add(1, Ordering::SeqCst).min(script.len() - 1);
                let (does, bytes) = (script[at].clone(), bytes.clone());
                std::thread::spawn(move || serve(stream, does, &bytes));
            }
        });
        Self { base, served, flooded }
    }

    pub(crate) fn connections(&self) -> usize {
        self.served.load(Ordering::SeqCst)
    }

    /// So many bytes of the flood were taken before the other side had enough.
    pub(crate) fn flooded(&self) -> usize {
        *self.flooded.lock().expect("whole")
    }
}

fn serve(mut stream: TcpStream, does: Does, flooded: &Mutex<usize>) {
    read_request(&mut stream);
    match does {
        Does::Sends(bytes) => drop(stream.write_all(&bytes)),
        Does::SendsAndHangs(bytes) => {
            let _ = stream.write_all(&bytes);
            while stream.read(&mut [0; 64]).is_ok_and(|read| read > 0) {}
        }
        Does::Closes => {}
        Does::Floods => {
            const LENGTH: usize = 100_000_000;
            let mut sent = stream.write_all(&http("application/json", LENGTH, b"{\"content\": \""));
            let piece = [b'x'; 65_536];
            while sent.is_ok() && *flooded.lock().expect("whole") < LENGTH {
                sent = stream.write_all(&piece);
                *flooded.lock().expect("whole") += piece.len();
            }
        }
    }
}

/// Reads a whole request, so that closing is no reset.
fn read_request(stream: &mut TcpStream) {
    let (mut request, mut part) = (Vec::new(), [0; 4096]);
    loop {
        if let Some(end) = request.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&request[..end]).to_ascii_lowercase();
            let length =
                head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
            if request.len() >= end + 4 + length.unwrap_or(0) {
                return;
            }
        }
        match stream.read(&mut part) {
            Ok(count) if count > 0 => request.extend_from_slice(&part[..count]),
            _ => return,
        }
    }
}
