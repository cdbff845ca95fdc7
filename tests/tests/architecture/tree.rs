//! The files of the repository, and the tables in its documents.

use std::fs;
use std::path::{Path, PathBuf};

pub(crate) fn root() -> PathBuf {
    let manifest =
        std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    Path::new(&manifest).parent().expect("this package is a folder of the workspace").to_path_buf()
}

pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every text file of the tree with its path from the root: no build products, nothing of git or of an editor.
pub(crate) fn files() -> Vec<(String, String)> {
    let root = root();
    let mut files = Vec::new();
    let mut open = vec![root.clone()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).expect("folders of the tree can be read") {
            let path = entry.expect("entries of the tree can be read").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let hidden = name.starts_with('.') && !matches!(&*name, ".cargo" | ".ci" | ".config" | ".github");
            let kind = fs::symlink_metadata(&path).expect("entries of the tree can be read").file_type();
            if kind.is_dir() {
                // Cargo and other tools mark the folders that they can make again.
                if !hidden && name != "target" && !path.join("CACHEDIR.TAG").exists() {
                    open.push(path);
                }
            } else if kind.is_file()
                && let Ok(text) = fs::read_to_string(&path)
            {
                let from_root = path.strip_prefix(&root).expect("the walk started at the root");
                files.push((from_root.to_string_lossy().replace('\\', "/"), text));
            }
        }
    }
    files.sort();
    files
}

/// The cells of a row of a Markdown table; none if the line is no row.
pub(crate) fn cells(line: &str) -> impl Iterator<Item = &str> {
    let row = line.trim().strip_prefix('|').and_then(|row| row.strip_suffix('|'));
    row.into_iter().flat_map(|row| row.split('|')).map(str::trim)
}

pub(crate) fn backticked(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[track_caller]
pub(crate) fn assert_none(violations: &[String]) {
    assert!(violations.is_empty(), "{} violations:\n  {}", violations.len(), violations.join("\n  "));
}
