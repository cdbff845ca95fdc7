//! Requests that do not end, over a real connection.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::home::Home;

/// What the server says to what is written; writing ends when it does not read any more.
fn answer_to(address: &str, head: &str, chunk: Option<&[u8]>) -> String {
    let mut stream = TcpStream::connect(address).expect("connects");
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("is set");
    stream.write_all(head.as_bytes()).expect("writes");
    if let Some(chunk) = chunk {
        // Twice as much as is read at most, so that the test ends if nobody minds.
        for _ in 0..200 {
            let frame = [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat();
            if stream.write_all(&frame).is_err() {
                break;
            }
        }
    }
    let mut answer = Vec::new();
    let mut part = [0; 4096];
    while let Ok(read) = stream.read(&mut part) {
        answer.extend_from_slice(&part[..read]);
        if read == 0 || answer.ends_with(b"}") {
            break;
        }
    }
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn a_body_that_never_ends_and_headers_that_are_too_large_are_refused() {
    let home = Home::new();
    let server = home.serve("api");
    let token = home.run(&["token", "--user", "ada"]).has_code(0).stdout.trim().to_owned();
    let address = server.api.address().to_owned();
    let head = |more: &str| {
        format!(
            "POST /v1/goals HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n{more}\r\n"
        )
    };
    let endless = answer_to(&address, &head("transfer-encoding: chunked\r\n"), Some(&[b' '; 64 * 1024]));
    assert!(endless.starts_with("HTTP/1.1 413 "), "{endless}");
    assert!(endless.contains("payload_too_large"), "{endless}");
    let huge = format!("x-anything: {}\r\ncontent-length: 0\r\n", "x".repeat(64 * 1024));
    let refused = answer_to(&address, &head(&huge), None);
    assert!(refused.starts_with("HTTP/1.1 431 ") && refused.contains("headers_too_large"), "{refused}");
    server.process.terminate().has_code(0);
    assert_eq!(home.database.count("goals"), 0);
}
