//! A PostgreSQL server for the tests and the benchmarks.
//!
//! `GOALWRIGHT_TEST_POSTGRES` names one. Otherwise a throwaway server is made from the server binaries of this
//! machine: a fresh data directory, a free port of 127.0.0.1, no password. Any other PostgreSQL on the machine is left
//! alone.
//!
//! The server is the child of a *keeper*, a small shell script in a process group of its own. The keeper waits for
//! the end of its standard input, which we hold open, then stops the server and removes its directory. So the
//! server goes away when the tests fail, on ctrl-c, and even when this process is killed.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream, ToSocketAddrs};
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;

use crate::process;

/// How long a server may take to start.
const PATIENCE: Duration = Duration::from_secs(60);
/// The variable that names a server to the tests.
pub(crate) const VARIABLE: &str = "GOALWRIGHT_TEST_POSTGRES";

/// What a commit waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// Nothing: what is committed outlives the server's process, but not the machine's power. For tests.
    Process,
    /// The disk, as in production. For benchmarks.
    Full,
}

impl Durability {
    /// The settings that the server gets on top of its defaults.
    const fn settings(self) -> &'static [&'static str] {
        match self {
            // A commit still survives a crash of the server (tests may restart it); what goes is the wait for the disk.
            Self::Process => &["fsync=off", "full_page_writes=off"],
            Self::Full => &["fsync=on", "synchronous_commit=on", "full_page_writes=on"],
        }
    }
}

/// A server that may be used freely. Dropping it stops it, if it is ours.
pub(crate) struct Server {
    url: String,
    description: String,
    throwaway: Option<Throwaway>,
}

impl Server {
    /// The server that [`VARIABLE`] names; none if it is unset or empty.
    ///
    /// # Errors
    ///
    /// If it names something else, or a server that does not answer: who asks for a server wants that one.
    pub(crate) fn named_by_environment() -> Result<Option<Self>> {
        match env::var(VARIABLE) {
            Ok(url) if !url.is_empty() => Self::named(url).map(Some),
            _ => Ok(None),
        }
    }

    /// What the tests are given in [`VARIABLE`].
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Which server it is, for people.
    pub(crate) fn description(&self) -> &str {
        &self.description
    }

    /// Whether it was made for us, so that it may be restarted.
    pub(crate) const fn is_ours(&self) -> bool {
        self.throwaway.is_some()
    }

    /// Ends it at once, as a crash would (`pg_ctl -m immediate restart`), and waits until it is back.
    ///
    /// # Errors
    ///
    /// If it is not ours, or does not come back.
    pub(crate) fn restart(&self) -> Result<()> {
        self.throwaway.as_ref().context("only a throwaway server is restarted")?.restart()
    }

    fn named(url: String) -> Result<Self> {
        let address = address(&url).with_context(|| {
            format!("{VARIABLE} is not a PostgreSQL URL; write postgres://user@host:port/postgres")
        })?;
        let answers = address.to_socket_addrs().is_ok_and(|mut all| {
            all.any(|one| TcpStream::connect_timeout(&one, Duration::from_secs(5)).is_ok())
        });
        ensure!(answers, "the server named by {VARIABLE} does not answer at {address}");
        Ok(Self {
            description: format!("the server at {address}, named by {VARIABLE}"),
            url,
            throwaway: None,
        })
    }

    /// A throwaway server.
    ///
    /// # Errors
    ///
    /// If this machine has no server binaries, or the server does not start.
    pub(crate) fn throwaway(durability: Durability) -> Result<Self> {
        let bin = server_binaries().context(
            "no PostgreSQL server binaries (initdb, postgres) in PATH or /usr/lib/postgresql/*/bin",
        )?;
        // A free port may be taken by someone else between our look and the server's start.
        let mut attempt = 1;
        let server = loop {
            match Throwaway::start(&bin, durability) {
                Ok(server) => break server,
                Err(error) if attempt == 3 => return Err(error),
                Err(_) => attempt += 1,
            }
        };
        Ok(Self {
            url: format!("postgres://postgres@127.0.0.1:{}/postgres", server.port),
            description: format!("a throwaway server on 127.0.0.1:{}, from {}", server.port, bin.display()),
            throwaway: Some(server),
        })
    }
}

/// `host:port` of a PostgreSQL URL.
fn address(url: &str) -> Option<String> {
    let rest = url.strip_prefix("postgres://").or_else(|| url.strip_prefix("postgresql://"))?;
    let authority = rest.split(['/', '?']).next()?;
    let host = authority.rsplit('@').next()?;
    let has_port =
        host.rsplit(':').next().is_some_and(|port| port.parse::<u16>().is_ok()) && host.contains(':');
    match host {
        "" => None,
        _ if has_port => Some(host.to_owned()),
        _ => Some(format!("{host}:5432")),
    }
}

/// The directory with `initdb` and `postgres`: from `PATH`, else Debian's place, newest version first.
fn server_binaries() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let in_path = env::split_paths(&path).filter_map(|dir| fs::canonicalize(dir.join("initdb")).ok());
    let in_path = in_path.filter_map(|initdb| initdb.parent().map(Path::to_path_buf));

    let mut versions: Vec<_> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let version: u32 = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    versions.sort_by(|a, b| b.cmp(a));

    in_path
        .chain(versions.into_iter().map(|(_, bin)| bin))
        .find(|bin| bin.join("initdb").is_file() && bin.join("postgres").is_file())
}

/// A server of our own. Fields are dropped in order: the keeper ends before the directory is removed.
struct Throwaway {
    port: u16,
    keeper: Keeper,
    dir: TempDir,
}

impl Throwaway {
    fn start(bin: &Path, durability: Durability) -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("goalwright-postgres-").tempdir_in(temp_root())?;
        let account = Account::for_directory(dir.path())?;
        if let Some(account) = &account {
            chown(dir.path(), Some(account.uid), Some(account.gid))?;
        }
        let data = dir.path().join("data");

        let made = account_command(account.as_ref(), bin.join("initdb"))
            .args([
                "--username=postgres",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C",
                "--no-sync",
                "--pgdata",
            ])
            .arg(&data)
            .current_dir(dir.path())
            .stdin(Stdio::null())
            .output()
            .context("cannot start initdb")?;
        ensure!(made.status.success(), "initdb failed: {}", String::from_utf8_lossy(&made.stderr).trim());

        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let mut keeper =
            Keeper::start(account.as_ref(), dir.path(), &bin.join("postgres"), port, durability)?;
        keeper.wait_until_ready(dir.path())?;
        Ok(Self { port, keeper, dir })
    }

    fn restart(&self) -> Result<()> {
        let pid = self.pid();
        ensure!(pid.is_some(), "the PostgreSQL server does not run");
        self.keeper.order("restart")?;
        let is_back = || self.pid() != pid && state(self.dir.path()).as_deref() == Some("ready");
        let back = process::until(PATIENCE, || Ok(is_back().then_some(())))?;
        back.context("the PostgreSQL server does not come back")
    }

    /// Of the server's first process.
    fn pid(&self) -> Option<String> {
        let file = fs::read_to_string(self.dir.path().join("data/postmaster.pid")).ok()?;
        file.lines().next().map(str::to_owned)
    }
}

/// Where the data directory goes. Root's own temporary directory may be closed to the account that runs the server.
fn temp_root() -> PathBuf {
    let dir = env::temp_dir();
    let open_to_all = fs::metadata(&dir).is_ok_and(|found| found.mode() & 0o007 == 0o007);
    if open_to_all { dir } else { PathBuf::from("/tmp") }
}

/// The unprivileged account that runs the server, because PostgreSQL refuses to run as root.
struct Account {
    name: String,
    uid: u32,
    gid: u32,
}

impl Account {
    /// None if we, who own the directory, are not root.
    fn for_directory(dir: &Path) -> Result<Option<Self>> {
        if fs::metadata(dir)?.uid() != 0 {
            return Ok(None);
        }
        let passwd = fs::read_to_string("/etc/passwd").context("cannot read /etc/passwd")?;
        let account = ["postgres", "nobody"].iter().find_map(|name| Self::in_passwd(&passwd, name));
        account
            .map(Some)
            .context("PostgreSQL does not run as root, and there is neither an account postgres nor nobody")
    }

    fn in_passwd(passwd: &str, name: &str) -> Option<Self> {
        let entry = passwd.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = entry.split(':').skip(2);
        let uid = fields.next()?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        Some(Self { name: name.to_owned(), uid, gid })
    }
}

/// A command that runs as the account, or as ourselves.
fn account_command(account: Option<&Account>, program: impl AsRef<OsStr>) -> Command {
    let Some(account) = account else {
        return Command::new(program);
    };
    if in_path("setpriv") {
        let mut command = Command::new("setpriv");
        command
            .arg(format!("--reuid={}", account.uid))
            .arg(format!("--regid={}", account.gid))
            .arg("--clear-groups");
        command.arg("--").arg(program);
        return command;
    }
    let mut command = Command::new("su");
    command.args(["-s", "/bin/sh", "-c", r#"exec "$0" "$@""#, &account.name, "--"]).arg(program);
    command
}

fn in_path(program: &str) -> bool {
    env::split_paths(&env::var_os("PATH").unwrap_or_default()).any(|dir| dir.join(program).is_file())
}

/// `$1` is the directory, the rest starts the server. Started from a shell in the background, the server ignores
/// SIGINT and SIGQUIT until it sets its own handlers: hence the loop. SIGQUIT is PostgreSQL's immediate shutdown.
/// Each line that comes is an order to restart it.
const KEEPER: &str = r#"
dir=$1
shift
stop() {
    while kill -QUIT "$server" 2>/dev/null; do sleep 0.1; done
    wait "$server"
}
: >"$dir/log"
while
    "$@" </dev/null >>"$dir/log" 2>&1 &
    server=$!
    read -r order
do stop; done
stop
rm -rf "$dir" || { sleep 1; rm -rf "$dir"; }
"#;

struct Keeper {
    process: Child,
}

impl Keeper {
    fn start(
        account: Option<&Account>,
        dir: &Path,
        postgres: &Path,
        port: u16,
        durability: Durability,
    ) -> Result<Self> {
        let mut command = account_command(account, "/bin/sh");
        command.args(["-c", KEEPER, "keeper"]).arg(dir).arg(postgres).arg("-D").arg(dir.join("data"));
        // No socket file: nobody needs it, and its path has a length limit.
        let port = format!("port={port}");
        let settings =
            [port.as_str(), "listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=300"];
        for setting in settings.iter().chain(durability.settings()) {
            command.arg("-c").arg(setting);
        }
        command.env("LC_ALL", "C").current_dir(dir).process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        Ok(Self { process: command.spawn().context("cannot start the PostgreSQL server")? })
    }

    fn order(&self, order: &str) -> Result<()> {
        let mut orders = self.process.stdin.as_ref().context("the keeper listens")?;
        Ok(writeln!(orders, "{order}")?)
    }

    fn wait_until_ready(&mut self, dir: &Path) -> Result<()> {
        let log = || fs::read_to_string(dir.join("log")).unwrap_or_default();
        let ready = process::until(PATIENCE, || {
            if state(dir).as_deref() == Some("ready") {
                return Ok(Some(true));
            }
            if let Some(line) = log().lines().find(|line| line.contains("FATAL") || line.contains("PANIC")) {
                bail!("the PostgreSQL server did not start: {line}");
            }
            Ok(self.process.try_wait()?.map(|_| false))
        })?;
        ensure!(
            ready == Some(true),
            "the PostgreSQL server did not start: {}",
            log().lines().next_back().unwrap_or("it said nothing")
        );
        Ok(())
    }
}

/// What the server, whose directory is in this one, says of itself in the last line of `postmaster.pid`.
fn state(dir: &Path) -> Option<String> {
    let file = fs::read_to_string(dir.join("data/postmaster.pid")).ok()?;
    file.lines().next_back().map(|line| line.trim().to_owned())
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        // Nothing can be done about a keeper that fails, and the tests' result matters more.
        let _ = self.process.wait();
    }
}
