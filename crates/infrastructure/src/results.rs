//! Result files: a JSON file for each execution, for programs that read files. The database has the same record, so the
//! files can be removed at any time and are written anew.
//!
//! A loop follows the ledger and writes what executed since. It is no part of a settlement: nothing waits for it, and a
//! full disk fails no task. How far it came is in `.position` beside the files; what a crash leaves out is written later.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use goalwright_application::Error;
use goalwright_application::ports::{Results, ResultsError};
use goalwright_domain::Timestamp;
use goalwright_domain::experience::Experience;
use goalwright_domain::task::slugify;
use goalwright_domain::workspace::WorkspaceId;
use serde_json::json;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::persistence::{Database, Followed};
use crate::spawn::spawn;

/// How often the loop looks for something new.
const LOOK: Duration = Duration::from_secs(1);
/// How long it waits where files cannot be written.
const PAUSE: Duration = Duration::from_secs(30);
/// How many events are read at once.
const EVENTS: u64 = 500;
/// Between batches, so that a long backlog leaves time for work.
const BREATH: Duration = Duration::from_millis(20);
/// Where the file that says how far the files go is, beside them.
const POSITION: &str = ".position";

/// What keeps the files from being written.
#[derive(Debug, thiserror::Error)]
pub enum ResultFilesError {
    /// What storage says.
    #[error("the record cannot be read: {0}")]
    Record(#[from] Error),
    /// What the system says.
    #[error("`{}` cannot be written: {source}", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// From the system.
        source: io::Error,
    },
}

/// Writes the files of a database into a data directory.
pub struct ResultFiles {
    database: Arc<Database>,
    data_dir: PathBuf,
    /// How far the files of each workspace go.
    positions: Mutex<HashMap<WorkspaceId, i64>>,
}

impl ResultFiles {
    /// From this database, below this data directory.
    pub fn new(database: Arc<Database>, data_dir: PathBuf) -> Self {
        Self { database, data_dir, positions: Mutex::default() }
    }

    /// The folder with the files of a workspace.
    pub fn folder(&self, workspace: WorkspaceId) -> PathBuf {
        folder_of(&self.data_dir, workspace)
    }

    /// Writes the files of everything that executed by now; gives how many.
    ///
    /// # Errors
    /// What keeps them from being written. What was written stays, and the next call goes on behind it.
    pub async fn write(&self) -> Result<usize, ResultFilesError> {
        let mut positions = self.positions.lock().await;
        let mut written = 0;
        for (workspace, end) in self.database.ends_of_ledgers().await? {
            let folder = self.folder(workspace);
            let known = *positions.entry(workspace).or_insert_with(|| read_position(&folder));
            // A ledger that is shorter than it was is another one.
            let mut position = if known > end { 0 } else { known };
            while position < end {
                let followed = self.database.executions_behind(workspace, position, EVENTS).await?;
                let Some(Followed { last, executions }) = followed else { break };
                written += write_batch(folder.clone(), executions, last).await?;
                position = last;
                positions.insert(workspace, position);
                tokio::time::sleep(BREATH).await;
            }
        }
        Ok(written)
    }
}

/// Removes result files below a data directory.
#[derive(Debug, Clone)]
pub struct ResultFolders {
    data_dir: PathBuf,
    /// Whether files are written at all.
    written: bool,
}

impl ResultFolders {
    /// Below this data directory.
    pub const fn new(data_dir: PathBuf) -> Self {
        Self { data_dir, written: true }
    }

    /// The same where the settings say whether files are written: if not, nobody waits for those who would.
    #[must_use]
    pub fn written(self, written: bool) -> Self {
        Self { written, ..self }
    }
}

#[async_trait]
impl Results for ResultFolders {
    async fn remove(&self, workspace: WorkspaceId, executions: &[Experience]) -> Result<usize, ResultsError> {
        let names: Vec<String> = executions.iter().filter_map(named).collect();
        self.remove_placed(workspace, &names).await
    }

    fn place(&self, execution: &Experience) -> Option<String> {
        place(execution)
    }

    async fn reached(&self, workspace: WorkspaceId) -> Result<Option<i64>, ResultsError> {
        let position = folder_of(&self.data_dir, workspace).join(POSITION);
        if !self.written {
            return Ok(None);
        }
        match tokio::fs::read_to_string(&position).await {
            Ok(text) => {
                let unreadable = |_| {
                    let message = "holds no position of the ledger; `goalwright serve` writes it anew";
                    ResultsError(format!("`{}` {message}", position.display()))
                };
                Ok(Some(text.trim().parse().map_err(unreadable)?))
            }
            // Nobody has begun to write any.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(ResultsError(format!("`{}` cannot be read: {error}", position.display()))),
        }
    }

    async fn remove_placed(&self, workspace: WorkspaceId, places: &[String]) -> Result<usize, ResultsError> {
        let places = places.to_vec();
        let folder = folder_of(&self.data_dir, workspace);
        let work = move || remove_all(&folder, &places);
        let removed =
            tokio::task::spawn_blocking(work).await.map_err(|error| ResultsError(error.to_string()))?;
        removed.map_err(|(path, error)| {
            ResultsError(format!("the result file `{}` cannot be removed: {error}", path.display()))
        })
    }
}

/// Where an execution's file is, below the folder of its task; its name alone where the record does not say any more which
/// task that was. None of what is no execution.
fn place(execution: &Experience) -> Option<String> {
    let name = named(execution)?;
    let slug = execution.content["structured"]["task_slug"].as_str();
    let known = slug.filter(|_| execution.meta["redacted"] != true);
    Some(known.map_or_else(|| name.clone(), |slug| format!("{}/{name}", slugify(slug))))
}

/// The name of an execution's file; none of what is no execution.
fn named(execution: &Experience) -> Option<String> {
    let span = execution.content["structured"]["span_id"].as_str()?;
    Some(file_name(execution.created_at, span))
}

/// Removes files where they are. For those of which only the name is known, all folders are looked through, once.
fn remove_all(folder: &Path, files: &[String]) -> Result<usize, (PathBuf, io::Error)> {
    let (placed, names): (Vec<&String>, Vec<&String>) = files.iter().partition(|file| file.contains('/'));
    let paths: Vec<PathBuf> = placed.into_iter().map(|place| folder.join(place)).collect();
    let mut removed = 0;
    for path in &paths {
        removed += usize::from(remove(path)?);
    }
    let tasks: BTreeSet<&Path> = paths.iter().filter_map(|path| path.parent()).collect();
    tasks.into_iter().for_each(remove_empty);
    if names.is_empty() { Ok(removed) } else { Ok(removed + remove_anywhere(folder, &names)?) }
}

/// Removes the files of these names from every folder.
fn remove_anywhere(folder: &Path, names: &[&String]) -> Result<usize, (PathBuf, io::Error)> {
    let tasks = match std::fs::read_dir(folder) {
        Ok(tasks) => tasks,
        Err(error) if is_gone(&error) => return Ok(0),
        Err(error) => return Err((folder.to_owned(), error)),
    };
    let mut removed = 0;
    for task in tasks {
        let task = task.map_err(|error| (folder.to_owned(), error))?.path();
        for path in names.iter().map(|name| task.join(name)).filter(|path| path.is_file()) {
            removed += usize::from(remove(&path)?);
        }
        if task.is_dir() {
            remove_empty(&task);
        }
    }
    Ok(removed)
}

/// Whether there was such a file.
fn remove(path: &Path) -> Result<bool, (PathBuf, io::Error)> {
    match std::fs::remove_file(path) {
        Ok(()) => Ok(true),
        // Also where there is a file in the place of its folder.
        Err(error) if is_gone(&error) || error.kind() == io::ErrorKind::NotADirectory => Ok(false),
        Err(error) => Err((path.to_owned(), error)),
    }
}

/// The folder has the name of its task; it goes with its last file, and not before.
fn remove_empty(task: &Path) {
    let _ = std::fs::remove_dir(task);
}

fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
}

/// Writes files until it is stopped.
pub struct ResultFilesLoop {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl ResultFilesLoop {
    /// Starts it.
    pub fn start(files: Arc<ResultFiles>) -> Self {
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let task = spawn(async move {
            loop {
                let wait = look(&files).await;
                tokio::select! {
                    () = stopped.cancelled() => break,
                    () = tokio::time::sleep(wait) => {}
                }
            }
            // What executed while stopping has its file as well.
            look(&files).await;
        });
        Self { stop, task }
    }

    /// Writes what is left and ends.
    pub async fn stop(self) {
        self.stop.cancel();
        let _ = self.task.await;
    }
}

async fn look(files: &ResultFiles) -> Duration {
    match files.write().await {
        Ok(_) => LOOK,
        Err(error) => {
            tracing::warn!(error = %error, "result files could not be written; the record is complete without them");
            PAUSE
        }
    }
}

fn read_position(folder: &Path) -> i64 {
    let text = std::fs::read_to_string(folder.join(POSITION)).unwrap_or_default();
    text.trim().parse().unwrap_or(0)
}

async fn write_batch(
    folder: PathBuf,
    executions: Vec<Experience>,
    last: i64,
) -> Result<usize, ResultFilesError> {
    let work = move || {
        let mut written = 0;
        for execution in &executions {
            written += usize::from(write_one(&folder, execution)?);
        }
        replace(&folder.join(POSITION), &format!("{last}\n"))?;
        Ok(written)
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(written) => written,
        Err(error) => Err(ResultFilesError::File { path: PathBuf::new(), source: io::Error::other(error) }),
    }
}

/// Writes the file of an execution, unless it is there.
fn write_one(folder: &Path, execution: &Experience) -> Result<bool, ResultFilesError> {
    let told = &execution.content["structured"];
    let word = |name: &str| told[name].as_str().unwrap_or_default();
    let path = folder.join(slugify(word("task_slug"))).join(file_name(execution.created_at, word("span_id")));
    if path.exists() {
        return Ok(false);
    }
    let document = json!({"idempotency_key": word("idempotency_key"), "experience": execution});
    replace(&path, &format!("{document:#}\n"))?;
    Ok(true)
}

fn folder_of(data_dir: &Path, workspace: WorkspaceId) -> PathBuf {
    data_dir.join("workspaces").join(workspace.to_string()).join("results")
}

/// `20251104T182912Z_9f1c2b3a.json`.
fn file_name(started: Timestamp, span: &str) -> String {
    let short: String = span.chars().filter(char::is_ascii_alphanumeric).take(8).collect();
    format!("{}_{short}.json", started.utc().format("%Y%m%dT%H%M%SZ"))
}

/// Puts a text in the place of a file, as a whole: nobody reads half of it.
fn replace(path: &Path, text: &str) -> Result<(), ResultFilesError> {
    let failed = |source: io::Error| ResultFilesError::File { path: path.to_owned(), source };
    let folder = path.parent().unwrap_or(path);
    std::fs::create_dir_all(folder).map_err(failed)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let part = folder.join(format!(".{name}.{}.part", std::process::id()));
    std::fs::write(&part, text).and_then(|()| std::fs::rename(&part, path)).map_err(failed)
}

#[cfg(test)]
mod tests {
    use goalwright_domain::experience::ExperienceType;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_file_is_removed_where_it_is_and_looked_for_only_if_nobody_knows_where() {
        let data = tempfile::TempDir::new().expect("a folder");
        let folder = data.path();
        let there = |place: &str| folder.join(place).exists();
        for file in ["one/a.json", "one/b.json", "two/a.json", "two/c.json", "three/c.json"] {
            replace(&folder.join(file), "{}").expect("writes");
        }
        let gone = |places: &[&str]| {
            let places: Vec<String> = places.iter().map(|place| (*place).to_owned()).collect();
            remove_all(folder, &places).expect("removes")
        };
        assert_eq!(gone(&["one/a.json", "one/b.json", "one/b.json", "nowhere/a.json"]), 2);
        assert!(
            !there("one") && there("two/a.json"),
            "the folder goes with its last file; nobody looks elsewhere"
        );
        assert_eq!(gone(&["c.json", "two/a.json", "d.json"]), 3);
        assert!(!there("two") && !there("three"));
        std::fs::create_dir(folder.join("four")).expect("what a crash left");
        assert_eq!((gone(&["four/a.json"]), there("four")), (0, false));
        assert_eq!(
            remove_all(&folder.join("never"), &["a.json".into(), "b/c.json".into()]).expect("no folder"),
            0
        );
    }

    #[test]
    fn where_a_file_is_follows_from_the_record_unless_its_task_was_redacted() {
        let structured = json!({"span_id": "9f1c2b3a-0000", "task_slug": "call-ada"});
        let execution = Experience {
            id: "one".to_owned(),
            kind: ExperienceType::TaskExecution,
            content: json!({"text": "", "structured": structured}),
            provenance: json!({}),
            parents: Vec::new(),
            causes: Vec::new(),
            session_id: "s".to_owned(),
            created_at: "2025-11-04T18:29:12Z".parse().expect("time"),
            ts: 0.0,
            meta: json!({}),
            workspace_id: WorkspaceId::new(Uuid::nil()),
        };
        let data = tempfile::TempDir::new().expect("a folder");
        write_one(data.path(), &execution).expect("writes");
        let known = place(&execution).expect("an execution");
        assert_eq!(known, "call-ada/20251104T182912Z_9f1c2b3a.json");
        assert!(data.path().join(&known).is_file());
        let redacted = place(&execution.redacted()).expect("an execution");
        assert_eq!(remove_all(data.path(), &[redacted]).expect("removes"), 1);
    }
}
