//! Finds the files of a folder.

use cap_std::fs::Dir;
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use goalwright_application::ports::tools::ToolFailure;

use super::links::normalize;
use crate::tools::failure::{failure, file_failure, shortened};
use crate::tools::operation::Call;
use crate::tools::sandbox::{Sandbox, TEMPORARY_PREFIX, relative};

/// The most files one listing answers.
const MAX_FILES: usize = 100_000;
/// The most entries one listing looks at.
const MAX_ENTRIES: usize = 1_000_000;
const MAX_GLOB_BYTES: usize = 1_000;
const MAX_GLOBS: usize = 100;

/// Folders that hold what tools made, not what people wrote.
const MADE_BY_TOOLS: [&str; 2] = ["target", "node_modules"];

/// The files below `path` that match one of the globs, sorted, relative to the sandbox.
///
/// Hidden files and folders, `target` and `node_modules` are passed over unless a glob or the path names them.
/// Links to files are listed when they stay inside; links to folders are not followed, so there are no circles.
pub(super) fn walk(
    call: &Call,
    sandbox: &Sandbox,
    path: &str,
    globs: &[String],
) -> Result<Vec<String>, ToolFailure> {
    let matcher = compile(globs)?;
    let start = relative(path)?;
    let prefix = normalize("", path).unwrap_or_default();
    let folder = sandbox.dir().open_dir(&start).map_err(|error| file_failure(path, &error))?;
    let mut files = Vec::new();
    let mut looked_at = 0;
    let mut folders = vec![(folder, String::new())];
    while let Some((folder, below)) = folders.pop() {
        call.check_cancelled()?;
        for entry in names(&folder).map_err(|error| file_failure(&join(&prefix, &below), &error))? {
            looked_at += 1;
            if looked_at > MAX_ENTRIES || files.len() >= MAX_FILES {
                let message = format!("`{path}` has more than {MAX_FILES} files; list a smaller folder");
                return Err(failure("TooManyFiles", message));
            }
            let inside = join(&below, &entry.name);
            if is_passed_over(&entry.name, globs) {
                continue;
            }
            if entry.is_folder {
                // A folder that vanished or may not be read is passed over, as the shell does.
                if let Ok(inner) = folder.open_dir(&entry.name) {
                    folders.push((inner, inside));
                }
            } else if matcher.is_match(&inside) && folder.metadata(&entry.name).is_ok_and(|it| it.is_file()) {
                files.push(join(&prefix, &inside));
            }
        }
    }
    files.sort_unstable();
    Ok(files)
}

/// Whether a glob can be used.
///
/// # Errors
/// `InvalidGlob`, with what is wrong with it.
pub(in crate::tools) fn compile(globs: &[String]) -> Result<GlobSet, ToolFailure> {
    let mut set = GlobSetBuilder::new();
    if globs.len() > MAX_GLOBS {
        return Err(failure("InvalidGlob", format!("at most {MAX_GLOBS} globs are accepted")));
    }
    for glob in globs {
        if glob.len() > MAX_GLOB_BYTES {
            return Err(failure("InvalidGlob", format!("a glob has at most {MAX_GLOB_BYTES} bytes")));
        }
        let written = glob.strip_prefix("./").unwrap_or(glob);
        let compiled = GlobBuilder::new(written).literal_separator(true).build().map_err(|error| {
            let message = format!("`{}` is no valid glob: {}", shortened(glob), error.kind());
            failure("InvalidGlob", message)
        })?;
        set.add(compiled);
    }
    set.build().map_err(|error| failure("InvalidGlob", format!("these globs are too complex: {error}")))
}

struct Entry {
    name: String,
    is_folder: bool,
}

/// The entries of a folder; names that are no UTF-8 cannot be written down in JSON and are left out.
fn names(folder: &Dir) -> std::io::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for entry in folder.entries()? {
        let entry = entry?;
        if let (Ok(name), Ok(kind)) = (entry.file_name().into_string(), entry.file_type()) {
            entries.push(Entry { name, is_folder: kind.is_dir() });
        }
    }
    Ok(entries)
}

fn is_passed_over(name: &str, globs: &[String]) -> bool {
    if name.starts_with(TEMPORARY_PREFIX) {
        return true;
    }
    let named = |accept: &dyn Fn(&str) -> bool| globs.iter().any(|glob| glob.split('/').any(accept));
    if name.starts_with('.') {
        return !named(&|part| part.starts_with('.') && part != "." && part != "..");
    }
    MADE_BY_TOOLS.contains(&name) && !named(&|part| part == name)
}

fn join(folder: &str, name: &str) -> String {
    match (folder, name) {
        ("", name) => name.to_owned(),
        (folder, "") => folder.to_owned(),
        (folder, name) => format!("{folder}/{name}"),
    }
}
