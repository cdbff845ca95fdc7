//! A command as a process group that ends with us.
//!
//! Each command has a *guard* beside it: a shell that leads their process group and reads from a pipe whose other end
//! this process holds. What it reads is a signal for the group; when the pipe ends, it kills the group. So the group ends
//! also when this process is killed and can do nothing more, and no process is ever signalled whose number was given to
//! another one: the group's number is the guard's, who is there until we have waited for it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, Command};
use tokio_util::sync::CancellationToken;

use super::SHELL;

/// So much of each output is kept, in bytes; what follows is read and dropped.
pub(super) const KEPT: usize = 8 * 1024 * 1024;
/// How long a command may take to end once it was asked to.
const GRACE: Duration = Duration::from_secs(3);
/// How long output is waited for once the group is dead: somebody who left it may hold the pipe.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// It leads the group, so it must outlive the signals that it passes on. KILL reaches itself, too.
const GUARD: &str =
    "trap '' TERM INT HUP QUIT\nwhile read -r signal; do kill -s \"$signal\" 0; done\nkill -s KILL 0";

/// What to run.
pub(super) struct Job {
    pub(super) program: String,
    pub(super) arguments: Vec<String>,
    pub(super) folder: PathBuf,
    pub(super) environment: BTreeMap<OsString, OsString>,
    pub(super) stdin: Option<Vec<u8>>,
    pub(super) timeout: Duration,
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// By itself, with this code.
    Exited(i32),
    /// By a signal that was not ours.
    Signalled(i32),
    /// Stopped because it took too long.
    TimedOut,
    /// Stopped because nobody wants it any more.
    Cancelled,
}

/// What came of a command.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) end: End,
    pub(super) stdout: Printed,
    pub(super) stderr: Printed,
    pub(super) duration: Duration,
}

/// What was written to an output: its beginning, and how much it was.
#[derive(Debug, Default)]
pub(super) struct Printed {
    pub(super) kept: Vec<u8>,
    pub(super) bytes: u64,
}

/// Runs a command to its end. Whatever is left of its group then is killed; if this is dropped halfway, all of it is.
///
/// # Errors
/// If it cannot be started.
pub(super) async fn run(job: Job, cancel: &CancellationToken) -> io::Result<Ended> {
    let mut guard = Guard::start()?;
    let mut command = Command::new(&job.program);
    command
        .args(&job.arguments)
        .env_clear()
        .envs(&job.environment)
        .current_dir(&job.folder)
        .process_group(guard.group)
        .stdin(if job.stdin.is_some() { Stdio::piped() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let begun = Instant::now();
    let mut child = command.spawn()?;
    let (mut stdout, mut stderr) = (Printed::default(), Printed::default());
    let end = {
        let talk = {
            let feeding = feed(child.stdin.take(), job.stdin);
            let hearing = hear(child.stdout.take(), &mut stdout);
            let minding = hear(child.stderr.take(), &mut stderr);
            async { tokio::join!(feeding, hearing, minding) }
        };
        tokio::pin!(talk);
        let mut silent = false;
        let mut stopped = None;
        let limit = tokio::time::sleep(job.timeout);
        tokio::pin!(limit);
        let status = loop {
            tokio::select! {
                biased;
                status = child.wait() => break Some(status?),
                _ = &mut talk, if !silent => silent = true,
                () = cancel.cancelled(), if stopped.is_none() => {
                    stopped = Some(End::Cancelled);
                    guard.ask_to_end().await;
                    limit.set(tokio::time::sleep(GRACE));
                }
                () = &mut limit => {
                    if stopped.is_some() {
                        break None;
                    }
                    stopped = Some(End::TimedOut);
                    guard.ask_to_end().await;
                    limit.set(tokio::time::sleep(GRACE));
                }
            }
        };
        guard.kill().await;
        if status.is_none() {
            // It is dead already, unless it left its group.
            let _ = child.start_kill();
            let _ = tokio::time::timeout(GRACE, child.wait()).await;
        }
        if !silent {
            let _ = tokio::time::timeout(LAST_WORDS, &mut talk).await;
        }
        stopped.or_else(|| status.map(ended_itself)).unwrap_or(End::Cancelled)
    };
    Ok(Ended { end, stdout, stderr, duration: begun.elapsed() })
}

fn ended_itself(status: ExitStatus) -> End {
    match (status.code(), status.signal()) {
        (Some(code), _) => End::Exited(code),
        (None, signal) => End::Signalled(signal.unwrap_or_default()),
    }
}

/// A command that does not read to the end of what it is given has had enough.
async fn feed(pipe: Option<ChildStdin>, bytes: Option<Vec<u8>>) {
    if let (Some(mut pipe), Some(bytes)) = (pipe, bytes) {
        let _ = pipe.write_all(&bytes).await;
    }
}

async fn hear(pipe: Option<impl AsyncRead + Unpin>, printed: &mut Printed) {
    let Some(mut pipe) = pipe else { return };
    let mut chunk = vec![0; 16 * 1024];
    while let Ok(bytes @ 1..) = pipe.read(&mut chunk).await {
        let room = KEPT.saturating_sub(printed.kept.len());
        printed.kept.extend_from_slice(&chunk[..bytes.min(room)]);
        printed.bytes += bytes as u64;
    }
}

/// The leader of a process group.
struct Guard {
    process: Child,
    group: i32,
    signals: Option<ChildStdin>,
}

impl Guard {
    fn start() -> io::Result<Self> {
        let mut command = Command::new(SHELL);
        command.args(["-c", GUARD]).env_clear().process_group(0);
        let mut process =
            command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let signals = process.stdin.take();
        let group = process.id().and_then(|id| i32::try_from(id).ok());
        let group = group.ok_or_else(|| io::Error::other("the process group has no number"))?;
        Ok(Self { process, group, signals })
    }

    async fn ask_to_end(&mut self) {
        if let Some(pipe) = &mut self.signals {
            let _ = pipe.write_all(b"TERM\n").await;
        }
    }

    /// Ends the group, and waits until its leader is gone.
    async fn kill(&mut self) {
        self.signals = None;
        let _ = tokio::time::timeout(GRACE, self.process.wait()).await;
    }
}
