//! The start of `goalwright serve`, and what it takes when it has nothing to do.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use goalwright_tests::Patience;

use crate::place::Place;
use crate::report::{Figure, Report, median};

const STARTS: usize = 5;
/// How long it has nothing to do before its memory is read.
const IDLE: Duration = Duration::from_secs(2);
/// Starts are measured by it, so it looks often.
const PATIENCE: Patience = Patience { look: Duration::from_millis(1), limit: Duration::from_secs(20) };

/// Starts it on this database, which is up to date.
pub(crate) async fn measure(place: &Place, report: &mut Report, url: &str) -> anyhow::Result<()> {
    let program = std::env::current_exe()?.with_file_name("goalwright");
    if !program.is_file() {
        report.say(&format!("{}: serve left out, there is no {}", place.name(), program.display()));
        return Ok(());
    }
    let (url, folder) = (url.to_owned(), place.folder().join("serve"));
    fs::create_dir_all(&folder)?;
    let (starts, memory) =
        tokio::task::spawn_blocking(move || start_often(&program, &url, &folder)).await??;
    let what = format!("serve, from its start to the first 200 of /readyz (median of {STARTS})");
    report.figure(Figure::new(place, &what, median(starts.into_iter()) * 1e3, "ms"));
    let what = format!("serve, resident memory after {} s with nothing to do", IDLE.as_secs());
    report.figure(Figure::new(place, &what, memory, "MiB"));
    Ok(())
}

/// Seconds of each start, and the memory of the last.
fn start_often(program: &Path, url: &str, folder: &Path) -> anyhow::Result<(Vec<f64>, f64)> {
    // The first makes the key for tokens and is not counted.
    Server::start(program, url, folder)?.stop()?;
    let mut starts = Vec::with_capacity(STARTS);
    loop {
        let started = Instant::now();
        let server = Server::start(program, url, folder)?;
        starts.push(started.elapsed().as_secs_f64());
        if starts.len() == STARTS {
            thread::sleep(IDLE);
            let memory = server.resident()?;
            server.stop()?;
            return Ok((starts, memory));
        }
        server.stop()?;
    }
}

/// A running server; it ends with this value.
struct Server {
    process: Child,
    log: PathBuf,
}

impl Server {
    /// Back once it is ready.
    fn start(program: &Path, url: &str, folder: &Path) -> anyhow::Result<Self> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?));
        let log = folder.join("log");
        let process = Command::new(program)
            .arg("serve")
            .args(["--bind", &address.to_string()])
            // No `goalwright.toml` lies here, and no setting of ours is handed on.
            .current_dir(folder)
            .env_clear()
            .env("DATABASE_URL", url)
            .env("GOALWRIGHT_DATA_DIR", folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log)?)
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let mut server = Self { process, log };
        server.wait_until_ready(address)?;
        Ok(server)
    }

    fn wait_until_ready(&mut self, address: SocketAddr) -> anyhow::Result<()> {
        let ready = PATIENCE.try_until(|| match is_ready(address) {
            true => Ok(Some(true)),
            false => self.process.try_wait().map(|ended| ended.map(|_| false)),
        })?;
        let log = || fs::read_to_string(&self.log).unwrap_or_default();
        ensure!(
            ready == Some(true),
            "serve did not become ready; its last lines:\n{}",
            last_lines(&log(), 10)
        );
        Ok(())
    }

    /// MiB.
    fn resident(&self) -> anyhow::Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("a line VmRSS")?;
        let kib: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
        Ok(kib / 1024.0)
    }

    /// Asks it to end, and waits.
    fn stop(mut self) -> anyhow::Result<()> {
        let asked = Command::new("kill").args(["-TERM", &self.process.id().to_string()]).status()?;
        let ended = asked.success() && PATIENCE.try_until(|| self.process.try_wait())?.is_some();
        ensure!(ended, "serve did not end when it was asked to");
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has ended already, unless something went wrong.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

fn is_ready(address: SocketAddr) -> bool {
    let ask = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        write!(stream, "GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
        let mut head = [0; 12];
        stream.read_exact(&mut head)?;
        Ok(head.ends_with(b" 200"))
    };
    ask().unwrap_or(false)
}

fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}
