//! Looks at a folder, so that what a command left there can be told.

use std::collections::BTreeMap;

use cap_std::fs::{Dir, MetadataExt};
use goalwright_domain::canonical::sha256_hex;
use goalwright_domain::execution::{Content, FolderEntry, FolderState};
use std::io::Read;

use crate::tools::sandbox::{Sandbox, TEMPORARY_PREFIX};

/// The most entries that are looked at.
const MAX_ENTRIES: usize = 100_000;
/// The most that is read of one file, and of all together, in bytes.
const MAX_FILE_BYTES: u64 = 16 * 1024 * 1024;
const MAX_BYTES: u64 = 64 * 1024 * 1024;
/// Two writes that follow each other closer than this may bear the same time, in nanoseconds.
const TICK: i128 = 20_000_000;
/// The same where the file system keeps whole seconds only.
const COARSE_TICK: i128 = 2_000_000_000;

/// How much is looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) entries: usize,
    pub(super) bytes: u64,
}

/// The folder as it is. Digests are taken where times alone will not tell a later write: without `before`, of what was
/// written last; with it, of what was digested then and looks the same.
pub(super) fn look(sandbox: &Sandbox, before: Option<&FolderState>) -> FolderState {
    look_within(sandbox, before, Bounds { entries: MAX_ENTRIES, bytes: MAX_BYTES })
}

pub(super) fn look_within(sandbox: &Sandbox, before: Option<&FolderState>, bounds: Bounds) -> FolderState {
    let mut state = walk(sandbox.dir(), bounds.entries);
    let doubtful = match before {
        None => written_last(&state.entries),
        Some(before) => digested_then(&state.entries, before),
    };
    let mut left = bounds.bytes;
    for path in doubtful {
        let Some(FolderEntry::File { bytes, content, .. }) = state.entries.get_mut(&path) else { continue };
        *content = match left.checked_sub(*bytes).filter(|_| *bytes <= MAX_FILE_BYTES) {
            Some(rest) => {
                left = rest;
                digest(sandbox.dir(), &path).map_or(Content::Unread, Content::Hashed)
            }
            None => Content::Unread,
        };
    }
    state
}

fn walk(root: &Dir, limit: usize) -> FolderState {
    let mut state = FolderState::default();
    let Ok(root) = root.try_clone() else {
        state.unseen.insert(String::new());
        return state;
    };
    let mut looked_at = 0;
    let mut folders = vec![(root, String::new())];
    while let Some((folder, place)) = folders.pop() {
        let Ok(names) = folder.entries() else {
            state.unseen.insert(place);
            continue;
        };
        for entry in names {
            looked_at += 1;
            if looked_at > limit {
                state.unseen.insert(place.clone());
                state.unseen.extend(folders.iter().map(|(_, place)| place.clone()));
                return without_unseen(state);
            }
            let Ok(entry) = entry else {
                state.unseen.insert(place.clone());
                continue;
            };
            let name = match entry.file_name().into_string() {
                Ok(name) => name,
                // A name that no text can hold is told as far as it can be read.
                Err(name) => {
                    state.unseen.insert(join(&place, &name.to_string_lossy()));
                    continue;
                }
            };
            if name.starts_with(TEMPORARY_PREFIX) {
                continue;
            }
            let path = join(&place, &name);
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => match folder.open_dir(&name) {
                    Ok(inner) => folders.push((inner, path)),
                    Err(_) => {
                        state.unseen.insert(path);
                    }
                },
                Ok(kind) if kind.is_symlink() => {
                    if let Ok(to) = folder.read_link_contents(&name) {
                        let to = to.to_string_lossy().into_owned();
                        state.entries.insert(path, FolderEntry::Link { to });
                    }
                }
                Ok(kind) if kind.is_file() => {
                    // What vanished in between is not there.
                    if let Ok(metadata) = folder.symlink_metadata(&name) {
                        let nanoseconds =
                            |seconds: i64, rest: i64| i128::from(seconds) * 1_000_000_000 + i128::from(rest);
                        let entry = FolderEntry::File {
                            bytes: metadata.len(),
                            modified: nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
                            changed: nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
                            content: Content::Stamped,
                        };
                        state.entries.insert(path, entry);
                    }
                }
                // Pipes, sockets and devices are no files.
                Ok(_) | Err(_) => {}
            }
        }
    }
    state
}

/// Nothing is said of a place that was given up halfway.
fn without_unseen(mut state: FolderState) -> FolderState {
    let entries = std::mem::take(&mut state.entries);
    state.entries = entries.into_iter().filter(|(path, _)| state.saw(path)).collect();
    state
}

/// Files that were written so shortly before the last one of all that a write right now could bear the same time.
fn written_last(entries: &BTreeMap<String, FolderEntry>) -> Vec<String> {
    let times = || {
        entries.values().filter_map(|entry| match entry {
            FolderEntry::File { changed, .. } => Some(*changed),
            FolderEntry::Link { .. } => None,
        })
    };
    let Some(newest) = times().max() else { return Vec::new() };
    let tick = if times().all(|time| time % 1_000_000_000 == 0) { COARSE_TICK } else { TICK };
    let recent =
        |entry: &FolderEntry| matches!(entry, FolderEntry::File { changed, .. } if newest - changed <= tick);
    entries.iter().filter(|(_, entry)| recent(entry)).map(|(path, _)| path.clone()).collect()
}

/// Files that have a digest from before, and bear the same size and times.
fn digested_then(entries: &BTreeMap<String, FolderEntry>, before: &FolderState) -> Vec<String> {
    let same = |path: &String, entry: &FolderEntry| match (before.entries.get(path), entry) {
        (
            Some(FolderEntry::File { bytes, modified, changed, content: Content::Hashed(_) }),
            FolderEntry::File { bytes: bytes_now, modified: modified_now, changed: changed_now, .. },
        ) => (bytes, modified, changed) == (bytes_now, modified_now, changed_now),
        _ => false,
    };
    entries.iter().filter(|(path, entry)| same(path, entry)).map(|(path, _)| path.clone()).collect()
}

fn digest(root: &Dir, path: &str) -> Option<String> {
    let mut bytes = Vec::new();
    root.open(path).ok()?.take(MAX_FILE_BYTES).read_to_end(&mut bytes).ok()?;
    Some(sha256_hex(&bytes))
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}
