use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use goalwright_application::Error;
use goalwright_application::experiences::Taken;
use goalwright_domain::experience::Experience;
use goalwright_domain::experience::legacy::{Found, backfilled};
use goalwright_domain::workspace::WorkspaceId;
use serde_json::Value;

use super::with_app;
use crate::compose::App;
use crate::failure::{Exit, Failure};
use crate::terminal::{note, print};

/// Files larger than this are no results.
const FILE_LIMIT: u64 = 16 * 1024 * 1024;
/// So many results are taken over at once, and so many bytes of them are held.
const BATCH: usize = 200;
const BATCH_BYTES: u64 = 32 * 1024 * 1024;

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  goalwright admin backfill old/results --dry-run")]
pub(super) struct Backfill {
    /// The folder with the files; those in folders inside it are read too
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Only read and count; nothing is written
    #[arg(long)]
    dry_run: bool,
    /// The workspace that gets them; else that of the local user
    #[arg(long, value_name = "ID")]
    workspace: Option<WorkspaceId>,
}

impl Backfill {
    pub(super) async fn execute(self) -> Result<Exit, Failure> {
        if !self.folder.is_dir() {
            return Err(Failure::usage(
                format!("`{}` is no folder", self.folder.display()),
                "name the folder with the result files",
            ));
        }
        let taken = with_app(async |app, _| self.take_all(app).await).await?;
        let Told { added, known, pruned, bad } = taken;
        for (file, reason) in &bad {
            note(&format!("{file}: {reason}"));
        }
        if pruned > 0 {
            note(&format!("{pruned} passed over, since the workspace was pruned up to a later moment"));
        }
        let verb = if self.dry_run { "would be added" } else { "added" };
        note(&format!("{added} {verb}, {known} there already, {} bad", bad.len()));
        Ok(if bad.is_empty() { Exit::Success } else { Exit::Failed })
    }

    async fn take_all(&self, app: &App) -> Result<Told, Failure> {
        let workspace = app.workspace_or_local(self.workspace).await?;
        let checkpoint = app.ports.ledger.checkpoint(workspace).await?;
        let gone_before = checkpoint.map(|(checkpoint, _)| checkpoint.ended_before);
        let mut told = Told::default();
        let mut batch = Batch::default();
        for file in Files::below(&self.folder) {
            let shown = file.as_ref().unwrap_or_else(|(path, _)| path);
            let shown = shown.strip_prefix(&self.folder).unwrap_or(shown).display().to_string();
            let found = Found { file: &shown, workspace_id: workspace, runner: &app.runner };
            match file.map_err(|(_, error)| error.to_string()).and_then(|path| read(&path, found)) {
                Ok((bytes, mut experiences)) => {
                    // What was pruned does not come back from a file that was kept.
                    let read = experiences.len();
                    experiences.retain(|one| gone_before.is_none_or(|before| one.created_at >= before));
                    told.pruned += read - experiences.len();
                    if experiences.len() < read {
                        tracing::info!(
                            file = shown,
                            "passed over: the workspace was pruned up to a later moment"
                        );
                    }
                    batch.bytes += bytes;
                    batch.results.extend(experiences.into_iter().map(|one| (shown.clone(), one)));
                }
                Err(reason) => told.bad.push((shown, reason)),
            }
            if batch.is_full() {
                self.take(app, &mut batch, &mut told).await?;
            }
        }
        self.take(app, &mut batch, &mut told).await?;
        Ok(told)
    }

    /// Takes over what is in the batch. What storage refuses as a whole is tried one by one, so that one result does not
    /// stop the rest.
    async fn take(&self, app: &App, batch: &mut Batch, told: &mut Told) -> Result<(), Failure> {
        let Batch { results, .. } = std::mem::take(batch);
        let backfill = app.backfill();
        let (files, experiences): (Vec<String>, Vec<Experience>) = results.into_iter().unzip();
        if let Ok(taken) = backfill.take(&experiences, self.dry_run).await {
            files.iter().zip(taken).for_each(|(file, taken)| told.tell(file, &taken));
            return Ok(());
        }
        for (file, experience) in files.into_iter().zip(experiences) {
            match backfill.take(&[experience], self.dry_run).await {
                Ok(taken) => taken.iter().for_each(|taken| told.tell(&file, taken)),
                Err(error @ Error::Unavailable { .. }) => return Err(error.into()),
                Err(error) => told.bad.push((file, error.to_string())),
            }
        }
        Ok(())
    }
}

#[derive(Default)]
struct Batch {
    bytes: u64,
    results: Vec<(String, Experience)>,
}

impl Batch {
    fn is_full(&self) -> bool {
        self.results.len() >= BATCH || self.bytes >= BATCH_BYTES
    }
}

#[derive(Default)]
struct Told {
    added: usize,
    known: usize,
    /// From before the moment up to which the workspace was pruned.
    pruned: usize,
    bad: Vec<(String, String)>,
}

impl Told {
    fn tell(&mut self, file: &str, taken: &Taken) {
        print(&format!("{file} -> {}", taken.id));
        *if taken.new { &mut self.added } else { &mut self.known } += 1;
    }
}

/// The results of a file: one, or a list of them.
fn read(path: &Path, found: Found<'_>) -> Result<(u64, Vec<Experience>), String> {
    let bytes = fs::metadata(path).map_err(|error| error.to_string())?.len();
    if bytes > FILE_LIMIT {
        return Err(format!("{bytes} bytes are more than the {FILE_LIMIT} of a result file"));
    }
    let text = fs::read(path).map_err(|error| error.to_string())?;
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text);
    let value: Value = serde_json::from_slice(text).map_err(|error| format!("it is no JSON: {error}"))?;
    let experiences = match &value {
        Value::Array(items) => {
            let read = |(index, item)| {
                backfilled(item, found).map_err(|error| format!("entry {}: {error}", index + 1))
            };
            items.iter().enumerate().map(read).collect::<Result<_, _>>()?
        }
        other => vec![backfilled(other, found).map_err(|error| error.to_string())?],
    };
    Ok((bytes, experiences))
}

/// Every JSON file below a folder, folder by folder, by name. Links to folders are not followed: they may lead in circles.
struct Files {
    open: Vec<PathBuf>,
    files: std::vec::IntoIter<PathBuf>,
}

impl Files {
    fn below(folder: &Path) -> Self {
        Self { open: vec![folder.to_owned()], files: Vec::new().into_iter() }
    }

    fn enter(&mut self, folder: &Path) -> io::Result<()> {
        let (mut folders, mut files) = (Vec::new(), Vec::new());
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with('.') {
                continue;
            }
            let path = entry.path();
            if entry.file_type()?.is_dir() {
                folders.push(path);
            } else if path.is_file() && path.extension().is_some_and(|end| end.eq_ignore_ascii_case("json")) {
                files.push(path);
            }
        }
        folders.sort_by(|one, other| other.cmp(one));
        files.sort();
        self.open.extend(folders);
        self.files = files.into_iter();
        Ok(())
    }
}

impl Iterator for Files {
    type Item = Result<PathBuf, (PathBuf, io::Error)>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(file) = self.files.next() {
                return Some(Ok(file));
            }
            let folder = self.open.pop()?;
            if let Err(error) = self.enter(&folder) {
                return Some(Err((folder, error)));
            }
        }
    }
}
