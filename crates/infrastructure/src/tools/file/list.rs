//! `file.list`: what there is, or which of given paths and links there are.

use std::collections::BTreeSet;

use goalwright_application::ports::tools::{Reply, ToolFailure};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::links::{Link, folder_of, normalize, parse};
use super::walk::walk;
use crate::tools::operation::{Call, done};
use crate::tools::sandbox::{Sandbox, relative};

/// Parameters of `file.list`: `path` and `glob` to list files, or `paths` and `base` to check them.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::tools) struct ListParameters {
    /// The folder to list, `.` unless given.
    path: Option<String>,
    /// Which files of it, `**/*` unless given: `*.md`, `**/*.rs`, or a list of patterns. `*` stays within a
    /// folder, `**` goes through folders.
    glob: Option<Globs>,
    /// Paths to check, or entries of `text.match` whose matches are links in the file of the entry.
    paths: Option<Vec<Checked>>,
    /// The folder that plain `paths` are relative to, `.` unless given.
    base: Option<String>,
}

/// One pattern or several.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Globs {
    /// One.
    One(String),
    /// Files that match any of them.
    Many(Vec<String>),
}

/// What is checked.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum Checked {
    /// A path relative to `base`; it may have a fragment, as links have.
    Path(String),
    /// The links of a file.
    Links(LinksOfFile),
}

/// The links of a file, as `text.match` answers them.
#[derive(Deserialize, JsonSchema)]
struct LinksOfFile {
    /// The file they stand in; they are relative to its folder.
    path: Option<String>,
    /// The links. Fragments, URLs and mail addresses among them are passed over.
    matches: Vec<String>,
}

/// What `file.list` answers.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
pub(in crate::tools) enum ListResult {
    /// Of a folder.
    Listed {
        /// The files, relative to the sandbox, sorted.
        files: Vec<String>,
    },
    /// Of `paths`.
    Checked {
        /// Those that are there: plain ones as they were given, links as paths relative to the sandbox.
        files: Vec<String>,
        /// Those that are not.
        missing: Vec<String>,
        /// The links that lead nowhere, each with the file it stands in.
        broken: Vec<BrokenLink>,
    },
}

/// A link that leads nowhere.
#[derive(Serialize, JsonSchema, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::tools) struct BrokenLink {
    /// The file it stands in.
    file: String,
    /// The link as it is written there.
    link: String,
}

pub(in crate::tools) fn list(call: &Call, parameters: ListParameters) -> Result<Reply, ToolFailure> {
    let sandbox = call.sandbox()?;
    match parameters.paths {
        Some(paths) => check(call, &sandbox, &paths, parameters.base.as_deref().unwrap_or("")),
        None => {
            let globs = match parameters.glob {
                None => vec!["**/*".to_owned()],
                Some(Globs::One(glob)) => vec![glob],
                Some(Globs::Many(globs)) => globs,
            };
            let files = walk(call, &sandbox, parameters.path.as_deref().unwrap_or("."), &globs)?;
            done(ListResult::Listed { files })
        }
    }
}

/// Found and missing, each once, in the order in which they were asked for.
#[derive(Default)]
struct Found {
    seen: BTreeSet<(bool, String)>,
    files: Vec<String>,
    missing: Vec<String>,
}

impl Found {
    fn note(&mut self, there: bool, path: &str) {
        if self.seen.insert((there, path.to_owned())) {
            if there { &mut self.files } else { &mut self.missing }.push(path.to_owned());
        }
    }
}

fn check(call: &Call, sandbox: &Sandbox, paths: &[Checked], base: &str) -> Result<Reply, ToolFailure> {
    relative(base)?;
    let mut found = Found::default();
    let mut broken = BTreeSet::new();
    for entry in paths {
        call.check_cancelled()?;
        match entry {
            Checked::Path(path) => check_path(sandbox, base, path, &mut found)?,
            Checked::Links(entry) => {
                let file = entry.path.as_deref().unwrap_or("");
                let folder = if file.is_empty() { base } else { folder_of(file) };
                relative(folder)?;
                for link in &entry.matches {
                    if !check_link(sandbox, folder, link, &mut found) {
                        broken.insert(BrokenLink { file: file.to_owned(), link: link.clone() });
                    }
                }
            }
        }
    }
    let Found { files, missing, .. } = found;
    done(ListResult::Checked { files, missing, broken: broken.into_iter().collect() })
}

/// A plain path may be meant word for word or as a link; word for word comes first.
fn check_path(sandbox: &Sandbox, base: &str, path: &str, found: &mut Found) -> Result<(), ToolFailure> {
    let target = relative(base)?.join(path);
    let literal = relative(&target.to_string_lossy());
    if literal.as_ref().is_ok_and(|target| sandbox.exists(target)) {
        found.note(true, path);
        return Ok(());
    }
    match parse(path) {
        Link::Elsewhere => Ok(()),
        Link::Here(_) if literal.is_err() => literal.map(|_| ()),
        Link::Here(link) => {
            let there = normalize(base, &link).is_some_and(|target| sandbox.exists(target.as_ref()));
            found.note(there, path);
            Ok(())
        }
    }
}

/// Whether a link leads somewhere, as far as that can be told.
fn check_link(sandbox: &Sandbox, folder: &str, link: &str, found: &mut Found) -> bool {
    let Link::Here(path) = parse(link) else { return true };
    match normalize(folder, &path) {
        Some(target) => {
            let there = sandbox.exists(target.as_ref());
            found.note(there, &target);
            there
        }
        None => {
            found.note(false, link);
            false
        }
    }
}
