//! The folder that tools see, and nothing outside it.

use std::io::{self, Read, Write};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions};
use goalwright_application::ports::tools::{Fate, ToolFailure};

use super::failure::{failure, file_failure, outside};

/// The largest file that is read, in bytes.
pub(super) const MAX_FILE_BYTES: u64 = 16 * 1024 * 1024;

/// Temporary files of `write`; `file.list` does not show them.
pub(super) const TEMPORARY_PREFIX: &str = ".goalwright-";

/// A folder opened as a capability: cap-std resolves every path inside of it, component by component, so that
/// neither `..` nor a symbolic link leads out, whatever happens on the disk meanwhile.
pub(super) struct Sandbox {
    dir: Dir,
}

impl Sandbox {
    /// Opens the folder.
    ///
    /// # Errors
    /// When it is not there or not a folder.
    pub(super) fn open(root: &Path) -> Result<Self, ToolFailure> {
        match Dir::open_ambient_dir(root, ambient_authority()) {
            Ok(dir) => Ok(Self { dir }),
            Err(error) => {
                let message = format!(
                    "the folder `{}` cannot be opened ({error}); create it or run from another one",
                    root.display()
                );
                Err(ToolFailure {
                    sources: vec![error.to_string()],
                    ..failure("SandboxUnavailable", message)
                })
            }
        }
    }

    /// Reads a text file.
    ///
    /// # Errors
    /// When it is not there, too large, or no text.
    pub(super) fn read(&self, path: &str) -> Result<String, ToolFailure> {
        let failed = |error: io::Error| file_failure(path, &error);
        let relative = relative(path)?;
        // Looked at before it is opened: opening a pipe would wait for somebody to write into it.
        let metadata = self.dir.metadata(&relative).map_err(failed)?;
        if !metadata.is_file() {
            return Err(failure("NotAFile", format!("`{path}` is no regular file; name a file")));
        }
        let too_large = || {
            let limit = MAX_FILE_BYTES / (1024 * 1024);
            failure("FileTooLarge", format!("`{path}` is larger than {limit} MiB, the most that is read"))
        };
        if metadata.len() > MAX_FILE_BYTES {
            return Err(too_large());
        }
        let mut bytes = Vec::new();
        let file = self.dir.open(&relative).map_err(failed)?;
        file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() as u64 > MAX_FILE_BYTES {
            return Err(too_large());
        }
        let not_text = || failure("NotText", format!("`{path}` is no UTF-8 text; leave it out of the list"));
        if bytes.contains(&0) {
            return Err(not_text());
        }
        String::from_utf8(bytes).map_err(|_| not_text())
    }

    /// Writes a file anew. Its folders are made; after a crash there is the old file or the new one.
    ///
    /// # Errors
    /// When the path cannot be written.
    pub(super) fn write(&self, path: &str, content: &str) -> Result<(), ToolFailure> {
        let failed = |error: io::Error| file_failure(path, &error);
        let mut target = file_path(path)?;
        self.make_folders(&target).map_err(failed)?;
        // A link stays a link, and what it points to is written.
        let mut permissions = None;
        match self.dir.symlink_metadata(&target) {
            Ok(_) => {
                target = self.dir.canonicalize(&target).map_err(failed)?;
                let metadata = self.dir.metadata(&target).map_err(failed)?;
                if !metadata.is_file() {
                    return Err(failure("NotAFile", format!("`{path}` is no regular file; name a file")));
                }
                permissions = Some(metadata.permissions());
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
        }
        let temporary = target.with_file_name(temporary_name());
        let written = (|| {
            let mut options = OpenOptions::new();
            let mut file = self.dir.open_with(&temporary, options.write(true).create_new(true))?;
            file.write_all(content.as_bytes())?;
            if let Some(permissions) = permissions {
                file.set_permissions(permissions)?;
            }
            file.sync_all()?;
            self.dir.rename(&temporary, &self.dir, &target)
        })();
        if let Err(error) = written {
            // It failed already; what is left over is hidden and harmless.
            let _ = self.dir.remove_file(&temporary);
            return Err(failed(error));
        }
        self.sync_folder(&target);
        Ok(())
    }

    /// Adds to the end of a file, which is made if need be, with its folders.
    ///
    /// # Errors
    /// When the path cannot be written.
    pub(super) fn append(&self, path: &str, content: &str) -> Result<(), ToolFailure> {
        let failed = |error: io::Error| file_failure(path, &error);
        let target = file_path(path)?;
        self.make_folders(&target).map_err(failed)?;
        if self.dir.metadata(&target).is_ok_and(|metadata| !metadata.is_file()) {
            return Err(failure("NotAFile", format!("`{path}` is no regular file; name a file")));
        }
        let mut options = OpenOptions::new();
        let mut file = self.dir.open_with(&target, options.append(true).create(true)).map_err(failed)?;
        let bytes = |file: &cap_std::fs::File| file.metadata().map(|metadata| metadata.len());
        let before = bytes(&file).map_err(failed)?;
        let appended = file.write_all(content.as_bytes()).and_then(|()| file.sync_all());
        appended.map_err(|error| half_appended(path, before, bytes(&file).ok(), &error))
    }

    /// Whether there is a file or folder at this path, inside.
    pub(super) fn exists(&self, path: &Path) -> bool {
        self.dir.metadata(if path.as_os_str().is_empty() { Path::new(".") } else { path }).is_ok()
    }

    /// The folder itself, for those who walk through it.
    pub(super) fn dir(&self) -> &Dir {
        &self.dir
    }

    fn make_folders(&self, target: &Path) -> io::Result<()> {
        let Some(parent) = target.parent().filter(|parent| !parent.as_os_str().is_empty()) else {
            return Ok(());
        };
        // Only what is missing is made: a link that leads out would else be "a file that exists".
        match self.dir.metadata(parent) {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.dir.create_dir_all(parent),
            Err(error) => Err(error),
        }
    }

    /// Makes a rename durable where the system can; where it cannot, the file is complete all the same.
    fn sync_folder(&self, target: &Path) {
        let parent = target.parent().filter(|parent| !parent.as_os_str().is_empty());
        if let Ok(folder) = self.dir.open_dir(parent.unwrap_or(Path::new("."))) {
            let _ = folder.into_std_file().sync_all();
        }
    }
}

/// An append that failed after the file was opened: if it grew, some of the text may be there, and doing it again would
/// leave that twice.
fn half_appended(path: &str, before: u64, after: Option<u64>, error: &io::Error) -> ToolFailure {
    let failure = file_failure(path, error);
    if after == Some(before) {
        return failure;
    }
    let message = format!("{}. A part of the text may be in the file", failure.message);
    ToolFailure { message, fate: Fate::Unknown, files_written: vec![path.to_owned()], ..failure }
}

/// The path of a file to be written, with nothing to resolve at its end.
fn file_path(path: &str) -> Result<PathBuf, ToolFailure> {
    let target = relative(path)?;
    match target.components().next_back() {
        Some(Component::Normal(_)) if !path.ends_with('/') => Ok(target),
        _ => Err(failure("NotAFile", format!("`{path}` names a folder; name a file"))),
    }
}

/// A path as tools accept it: relative, and not leading out by its own words.
///
/// # Errors
/// `PathOutsideSandbox` and `InvalidPath`.
pub(super) fn relative(path: &str) -> Result<PathBuf, ToolFailure> {
    if path.contains('\0') {
        return Err(failure("InvalidPath", "a path cannot contain U+0000"));
    }
    let mut depth = 0_usize;
    for component in Path::new(path).components() {
        match component {
            Component::Normal(_) => depth += 1,
            Component::CurDir => {}
            Component::ParentDir => depth = depth.checked_sub(1).ok_or_else(|| outside(path))?,
            Component::RootDir | Component::Prefix(_) => return Err(outside(path)),
        }
    }
    Ok(PathBuf::from(if path.is_empty() { "." } else { path }))
}

/// A name that no other write of this or another process uses at the same time.
fn temporary_name() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{TEMPORARY_PREFIX}{}-{number}.tmp", std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_append_that_broke_off_tells_what_it_may_have_left() {
        let full = io::Error::from(io::ErrorKind::StorageFull);
        let nothing = half_appended("a.txt", 5, Some(5), &full);
        assert_eq!((nothing.kind.as_str(), nothing.fate), ("StorageFull", Fate::Failed));
        assert_eq!(nothing.files_written, Vec::<String>::new());
        for after in [Some(7), None] {
            let half = half_appended("a.txt", 5, after, &full);
            assert_eq!((half.kind.as_str(), half.fate), ("StorageFull", Fate::Unknown));
            assert_eq!(half.files_written, ["a.txt"]);
        }
    }
}
