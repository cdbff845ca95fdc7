//! The limit of a server as `pgbench` finds it: one job is taken, and ended, in a transaction each.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, ensure};
use sea_orm::ConnectionTrait;

use crate::place::Place;
use crate::plain;

const SCRIPT: &str = "UPDATE jobs SET status = 'running' WHERE id = (SELECT id FROM jobs WHERE status = 'queued' ORDER BY id \
LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id AS taken \\gset\nUPDATE jobs SET status = 'completed' WHERE id = :taken;\n";
/// Clients of pgbench; more have gained nothing on two cores.
const CLIENTS: &str = "8";
const SECONDS: &str = "5";
/// More than can be done in that time.
const JOBS: u32 = 300_000;

/// Jobs per second that the server lets be taken and ended one by one; none where there is no `pgbench`.
pub(crate) async fn limit(place: &Place) -> anyhow::Result<Option<f64>> {
    let Some(program) = program() else { return Ok(None) };
    let url = place.fresh().await?;
    let database = plain::connect(&url, 1).await?;
    for sql in [
        "CREATE TABLE jobs (id BIGINT NOT NULL PRIMARY KEY, status TEXT NOT NULL)".to_owned(),
        format!("INSERT INTO jobs SELECT n, 'queued' FROM generate_series(1, {JOBS}) n"),
        "CREATE INDEX jobs_queued ON jobs (id) WHERE status = 'queued'".to_owned(),
        "VACUUM ANALYZE jobs".to_owned(),
    ] {
        database.execute_unprepared(&sql).await?;
    }
    database.close().await?;
    let mut script = tempfile::NamedTempFile::new()?;
    script.write_all(SCRIPT.as_bytes())?;
    let output = Command::new(program)
        .args(["-n", "-M", "prepared", "-c", CLIENTS, "-j", "2", "-T", SECONDS, "-f"])
        .arg(script.path())
        .arg(&url)
        .env("PGSSLMODE", "disable")
        .output()?;
    ensure!(output.status.success(), "pgbench failed: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find_map(|line| line.strip_prefix("tps = ")).context("pgbench says no rate")?;
    let rate = line.split(' ').next().context("a number")?;
    Ok(Some(rate.parse()?))
}

/// On the path, or where Debian puts it.
fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let named = std::env::split_paths(&path).map(|folder| folder.join("pgbench"));
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let debian = debian.map(|version| version.path().join("bin/pgbench"));
    named.chain(debian).find(|path| path.is_file())
}
