//! Processes: started, listened to, waited for with an end, and ended with the test.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use goalwright_tests::Patience;

/// Longer than anything takes that comes at all.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);
/// How often a condition is looked at that nobody announces.
const LOOK: Duration = Duration::from_millis(5);

/// Looks until there is an answer.
///
/// # Panics
/// If there is none in [`LIMIT`].
#[track_caller]
pub(crate) fn until<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    let found = Patience { look: LOOK, limit: LIMIT }.until(look);
    found.unwrap_or_else(|| panic!("waited in vain: {what}"))
}

/// What a process has said so far.
#[derive(Debug, Clone, Default)]
struct Said {
    stdout: String,
    stderr: String,
    /// Streams that have come to their end.
    ended: usize,
}

type Heard = Arc<(Mutex<Said>, Condvar)>;

/// A process that has not been waited for; it is killed with the test.
pub(crate) struct Running {
    child: Child,
    heard: Heard,
}

/// How a process ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// None if a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        let piped = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn().expect("the process starts");
        let heard = Heard::default();
        listen(child.stdout.take().expect("piped"), heard.clone(), |said| &mut said.stdout);
        listen(child.stderr.take().expect("piped"), heard.clone(), |said| &mut said.stderr);
        Self { child, heard }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until what it said on stderr has an answer in it.
    #[track_caller]
    pub(crate) fn tells<T>(&self, what: &str, find: impl Fn(&str) -> Option<T>) -> T {
        let (mut found, mut over) = (None, false);
        let said = self.listen_until(LIMIT, |said| {
            (found, over) = (find(&said.stderr), said.ended == 2);
            found.is_some() || over
        });
        found.unwrap_or_else(|| panic!("it never told: {what}\n{said:?}"))
    }

    /// Whether it ends within this time.
    pub(crate) fn ends_within(&self, limit: Duration) -> bool {
        self.listen_until(limit, |said| said.ended == 2).ended == 2
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn end(self) -> Ended {
        assert!(
            self.ends_within(LIMIT),
            "it does not end: {:?}",
            self.listen_until(Duration::ZERO, |_| true)
        );
        self.collect()
    }

    /// `kill -9`.
    pub(crate) fn kill(mut self) -> Ended {
        self.child.kill().expect("a process of our own can be killed");
        assert!(self.ends_within(LIMIT), "killed processes end");
        self.collect()
    }

    /// Asks it to end, and waits until it did.
    #[track_caller]
    pub(crate) fn terminate(self) -> Ended {
        // The standard library sends no other signal than SIGKILL; every shell does.
        let command = format!("kill -TERM {}", self.pid());
        let sent = Command::new("/bin/sh").args(["-c", &command]).status().expect("a shell");
        assert!(sent.success(), "{command}");
        self.end()
    }

    /// Its streams are at their end, so it has ended or is about to.
    fn collect(mut self) -> Ended {
        let status = self.child.wait().expect("a process of our own");
        let Said { stdout, stderr, .. } = self.listen_until(Duration::ZERO, |_| true);
        Ended { code: status.code(), stdout, stderr }
    }

    fn listen_until(&self, limit: Duration, mut enough: impl FnMut(&Said) -> bool) -> Said {
        let (said, changed) = &*self.heard;
        let said = said.lock().expect("listeners do not panic");
        let (said, _) = changed.wait_timeout_while(said, limit, |said| !enough(said)).expect("as before");
        said.clone()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended long ago.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn listen(
    stream: impl Read + Send + 'static,
    heard: Heard,
    place: impl Fn(&mut Said) -> &mut String + Send + 'static,
) {
    thread::spawn(move || {
        let (mut stream, mut line) = (BufReader::new(stream), Vec::new());
        loop {
            line.clear();
            let read = stream.read_until(b'\n', &mut line).unwrap_or(0);
            let mut said = heard.0.lock().expect("listeners do not panic");
            place(&mut said).push_str(&String::from_utf8_lossy(&line));
            if read == 0 {
                said.ended += 1;
            }
            heard.1.notify_all();
            if read == 0 {
                return;
            }
        }
    });
}

impl Ended {
    /// The one JSON document on stdout.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("no single document: {error}\n{self:?}"))
    }

    /// It ended with this code, and did not fall over.
    #[track_caller]
    pub(crate) fn has_code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        for word in ["panicked", "backtrace", "RUST_BACKTRACE"] {
            assert!(!self.stderr.contains(word), "{word}: {self:?}");
        }
        self
    }
}
