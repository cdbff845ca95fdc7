//! Failures with a kind to group by and a message that says what to do.

use std::error::Error;
use std::io;

use goalwright_application::ports::tools::ToolFailure;

/// A failure that will not go away by itself.
pub(super) fn failure(kind: &str, message: impl Into<String>) -> ToolFailure {
    ToolFailure::new(kind, message)
}

/// A failure of the file system while working on `path`.
pub(super) fn file_failure(path: &str, error: &io::Error) -> ToolFailure {
    let (kind, message) = match error.kind() {
        // cap-std's refusal has no kind of its own.
        _ if error.to_string().contains("outside of the filesystem") => return outside(path),
        io::ErrorKind::NotFound => {
            ("FileNotFound", format!("`{path}` does not exist; `file.list` shows what does"))
        }
        io::ErrorKind::PermissionDenied => {
            ("PermissionDenied", format!("`{path}` may not be accessed; check its permissions"))
        }
        io::ErrorKind::NotADirectory => {
            ("NotAFolder", format!("a part of `{path}` is a file where a folder is needed"))
        }
        io::ErrorKind::IsADirectory => ("NotAFile", format!("`{path}` is a folder; name a file in it")),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            ("StorageFull", format!("there is no space left to write `{path}`; free some and try again"))
        }
        io::ErrorKind::ReadOnlyFilesystem => {
            ("ReadOnly", format!("`{path}` is on a read-only file system; choose another folder"))
        }
        io::ErrorKind::InvalidFilename => {
            ("InvalidPath", format!("`{}` is no possible file name", shortened(path)))
        }
        _ => ("FileError", format!("`{}` could not be accessed: {error}", shortened(path))),
    };
    let retryable = matches!(
        error.kind(),
        io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::ResourceBusy
            | io::ErrorKind::Interrupted
            | io::ErrorKind::TimedOut
    );
    ToolFailure { sources: chain(error), retryable, ..ToolFailure::new(kind, message) }
}

/// A path that leads out of the sandbox.
pub(super) fn outside(path: &str) -> ToolFailure {
    failure(
        "PathOutsideSandbox",
        format!(
            "`{}` leads outside the folder this runs in; use a path relative to that folder, without `..` or \
             links that leave it",
            shortened(path)
        ),
    )
}

/// Text for a message, cut to a size that can be read.
pub(super) fn shortened(text: &str) -> String {
    const SHOWN: usize = 120;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn chain(error: &io::Error) -> Vec<String> {
    let mut sources = vec![error.to_string()];
    let mut next = error.source();
    while let Some(source) = next {
        sources.push(source.to_string());
        next = source.source();
    }
    sources
}
