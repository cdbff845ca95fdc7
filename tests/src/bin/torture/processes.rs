//! The processes under torture: started, killed, replaced.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use goalwright_tests::Patience;

use crate::Backend;
use crate::place::Place;

/// Long enough for whoever is to begin or to end.
const PATIENCE: Patience = Patience { look: Duration::from_millis(5), limit: Duration::from_secs(60) };

/// All processes of a run, each in a slot of its own.
pub(crate) struct Processes<'a> {
    place: &'a Place,
    program: PathBuf,
    settings: Vec<(&'static str, String)>,
    address: SocketAddr,
    slots: Vec<Slot>,
    started: usize,
}

struct Slot {
    name: String,
    roles: &'static str,
    process: Child,
    log: PathBuf,
}

impl<'a> Processes<'a> {
    /// On PostgreSQL so many workers, and one process for everything else; on SQLite one process for everything.
    pub(crate) fn start(
        place: &'a Place,
        workers: usize,
        settings: Vec<(&'static str, String)>,
    ) -> anyhow::Result<Self> {
        let mut processes = Self::none(place, settings)?;
        let roles = match place.backend {
            Backend::Sqlite => "api,worker,scheduler",
            Backend::Postgres => "api,scheduler",
        };
        processes.add("server".to_owned(), roles)?;
        processes.wait_until_ready()?;
        if place.backend == Backend::Postgres {
            for number in 1..=workers {
                processes.add(format!("worker-{number}"), "worker")?;
            }
        }
        Ok(processes)
    }

    /// None that goes on; for commands that end by themselves.
    pub(crate) fn none(place: &'a Place, settings: Vec<(&'static str, String)>) -> anyhow::Result<Self> {
        let program = std::env::current_exe()?.with_file_name("goalwright");
        ensure!(program.is_file(), "there is no {}: use `cargo xtask torture`", program.display());
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        Ok(Self { place, program, settings, address: free, slots: Vec::new(), started: 0 })
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many there are; the first is the one that answers requests.
    pub(crate) const fn count(&self) -> usize {
        self.slots.len()
    }

    /// The product with these arguments and nothing of our own environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments).current_dir(self.place.folder()).env_clear().stdin(Stdio::null());
        command.env("HOME", self.place.folder()).env("GOALWRIGHT_DATA_DIR", self.place.data());
        command.env("DATABASE_URL", &self.place.url);
        command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        command
    }

    fn add(&mut self, name: String, roles: &'static str) -> anyhow::Result<()> {
        let slot = self.spawn(name, roles)?;
        self.slots.push(slot);
        Ok(())
    }

    fn spawn(&mut self, name: String, roles: &'static str) -> anyhow::Result<Slot> {
        self.started += 1;
        let log = self.place.folder().join(format!("logs/{:03}-{name}.log", self.started));
        let mut command = self.command(&["serve", "--roles", roles]);
        if roles.contains("api") {
            command.args(["--bind", &self.address.to_string()]);
        }
        let process = command
            .stdout(Stdio::null())
            .stderr(File::create(&log)?)
            .spawn()
            .with_context(|| format!("cannot start {}", self.program.display()))?;
        Ok(Slot { name, roles, process, log })
    }

    /// `kill -9`, and another in its place.
    pub(crate) fn replace(&mut self, slot: usize) -> anyhow::Result<()> {
        let old = &mut self.slots[slot];
        old.process.kill()?;
        old.process.wait()?;
        let (name, roles) = (old.name.clone(), old.roles);
        self.slots[slot] = self.spawn(name, roles)?;
        Ok(())
    }

    /// Starts those anew that have ended by themselves, and tells how.
    pub(crate) fn revive(&mut self) -> anyhow::Result<Vec<String>> {
        let mut told = Vec::new();
        for number in 0..self.slots.len() {
            let slot = &mut self.slots[number];
            if let Some(status) = slot.process.try_wait()? {
                told.push(format!("{} ended with {status}: {}", slot.name, last_line(&slot.log)));
                let (name, roles) = (slot.name.clone(), slot.roles);
                self.slots[number] = self.spawn(name, roles)?;
            }
        }
        Ok(told)
    }

    fn wait_until_ready(&mut self) -> anyhow::Result<()> {
        let slot = &mut self.slots[0];
        let ready = PATIENCE.try_until(|| match std::net::TcpStream::connect(self.address) {
            Ok(_) => Ok(Some(true)),
            Err(_) => slot.process.try_wait().map(|ended| ended.map(|_| false)),
        })?;
        ensure!(ready == Some(true), "serve did not become ready: {}", last_line(&slot.log));
        Ok(())
    }

    /// Asks all to end, workers first, and waits until they did. Tells which ended otherwise than in order.
    pub(crate) fn stop(&mut self) -> anyhow::Result<Vec<String>> {
        let mut told = Vec::new();
        // One that was started a moment ago does not listen to signals before it works. One that never does is told of below.
        PATIENCE.until(|| self.slots.iter().all(Slot::works).then_some(()));
        while let Some(mut slot) = self.slots.pop() {
            Command::new("kill").args(["-TERM", &slot.process.id().to_string()]).status()?;
            match PATIENCE.try_until(|| slot.process.try_wait())? {
                Some(status) if status.success() => {}
                Some(status) => {
                    told.push(format!("{} ended with {status}: {}", slot.name, last_line(&slot.log)));
                }
                None => {
                    slot.process.kill()?;
                    slot.process.wait()?;
                    told.push(format!("{} did not end when it was asked to", slot.name));
                }
            }
        }
        Ok(told)
    }
}

impl Slot {
    /// It has said in which roles.
    fn works(&self) -> bool {
        fs::read_to_string(&self.log).is_ok_and(|log| log.contains("(roles "))
    }
}

impl Drop for Processes<'_> {
    fn drop(&mut self) {
        for slot in &mut self.slots {
            // It may have ended already.
            let _ = slot.process.kill();
            let _ = slot.process.wait();
        }
    }
}

fn last_line(log: &Path) -> String {
    let log = fs::read_to_string(log).unwrap_or_default();
    log.lines().next_back().unwrap_or("it said nothing").to_owned()
}
