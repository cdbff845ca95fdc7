//! What is sent and what comes back.

use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};
use url::Url;

/// A request. Its URL is judged when it is sent.
#[derive(Debug, Clone)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// Where to.
    pub url: Url,
    /// The caller's headers; those that frame the message are the client's.
    pub headers: HeaderMap,
    /// At most [`Limits::request_bytes`].
    pub body: Option<Vec<u8>>,
    /// How long the whole call may take, redirects and body included.
    pub timeout: Duration,
}

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Response {
    /// The status, of whatever class.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, decompressed.
    pub body: Vec<u8>,
}

/// How much is sent and read.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How long a connection may take to be there.
    pub connect: Duration,
    /// The body that is sent, in bytes.
    pub request_bytes: usize,
    /// The body that is read, in bytes after decompression.
    pub response_bytes: usize,
    /// Headers, in bytes of names and values, in either direction.
    pub header_bytes: usize,
    /// Headers, in either direction.
    pub headers: usize,
}

impl Default for Limits {
    fn default() -> Self {
        const MIB: usize = 1024 * 1024;
        Self {
            connect: Duration::from_secs(10),
            request_bytes: 4 * MIB,
            response_bytes: 4 * MIB,
            header_bytes: 64 * 1024,
            headers: 100,
        }
    }
}
