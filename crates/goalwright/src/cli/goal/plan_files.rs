//! Which files are meant by a path.

use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// What plans are written in.
const ENDINGS: [&str; 3] = ["md", "markdown", "json"];
/// Folders that hold no plans of anybody.
const PASSED_OVER: [&str; 2] = ["target", "node_modules"];
/// `-` is standard input.
const STDIN: &str = "-";

/// Each file as it is, and of each folder every file that may be a plan, in the order of their names. Hidden entries,
/// `target` and `node_modules` are passed over.
///
/// # Errors
/// If a path is not there, or a folder holds no such file.
pub(super) fn plan_files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for path in paths {
        if path == Path::new(STDIN) || !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let before = files.len();
        walk(path, &mut files)?;
        if files.len() == before {
            return Err(Failure::usage(
                format!("{} holds no plan", path.display()),
                "plans are Markdown (.md) or tasks.json files; name one, or another folder",
            ));
        }
    }
    Ok(files)
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let unreadable = |error: std::io::Error| {
        Failure::usage(format!("{} cannot be read: {error}", folder.display()), "look at its permissions")
    };
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        entries.push(entry.map_err(unreadable)?.path());
    }
    entries.sort();
    for path in entries {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') || PASSED_OVER.contains(&&*name) {
            continue;
        }
        // A link to a folder could lead back here.
        let kind = std::fs::symlink_metadata(&path).map_err(unreadable)?.file_type();
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
        if kind.is_dir() {
            walk(&path, files)?;
        } else if path.is_file() && ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str())) {
            files.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_stands_for_its_plans() {
        let folder = tempfile::TempDir::new().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        for name in ["b.md", "a/tasks.json", "a/x.txt", ".hidden/c.md", "target/d.md", "z.MARKDOWN"] {
            std::fs::create_dir_all(at(name).parent().expect("a folder")).expect("made");
            std::fs::write(at(name), "").expect("written");
        }
        std::os::unix::fs::symlink(folder.path(), at("loop")).expect("a link");
        let found = plan_files(&[folder.path().to_owned(), PathBuf::from("other.txt")]).expect("found");
        assert_eq!(found, [at("a/tasks.json"), at("b.md"), at("z.MARKDOWN"), PathBuf::from("other.txt")]);
        let empty = plan_files(&[at("target/..").join(".hidden/..").join("a").join("..").join("target")]);
        assert_eq!(empty.expect("a folder that is named is looked into").len(), 1);
    }

    #[test]
    fn a_folder_without_plans_is_said() {
        let folder = tempfile::TempDir::new().expect("a folder");
        let refused = plan_files(&[folder.path().to_owned()]).expect_err("nothing there");
        assert!(refused.message.ends_with("holds no plan") && refused.help.is_some(), "{refused}");
    }
}
