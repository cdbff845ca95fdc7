//! The program under test: the workspace's own binary, which Cargo puts next to the suites.
//!
//! With the tests of the whole workspace Cargo builds it, because its package has a suite of its own. When these
//! tests run alone it may be missing, or older than the sources that its dep-info file names; then it is built here,
//! once for all processes that wait for it, and with the features that the whole workspace has.

use std::env::{self, consts::EXE_SUFFIX};
use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// Where the binary is.
pub(crate) fn goalwright() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let suite = env::current_exe().expect("a test has a path");
        // target/<profile>/deps/<suite>
        let folder = suite.ancestors().nth(2).expect("suites are built in a folder of the profile");
        let binary = folder.join(format!("goalwright{EXE_SUFFIX}"));
        if !is_current(&binary) {
            let turn =
                File::create(folder.join(".goalwright-binary.lock")).expect("the target folder is writable");
            turn.lock().expect("a lock");
            // Another test may have built it in the meantime.
            if !is_current(&binary) {
                build(folder);
            }
        }
        assert!(binary.is_file(), "{} is not there: run the tests of the whole workspace", binary.display());
        binary
    })
}

/// Whether the binary is there and no source that it was made of is newer.
fn is_current(binary: &Path) -> bool {
    let changed = |path: &Path| fs::metadata(path).and_then(|entry| entry.modified()).ok();
    let (Some(built), Ok(sources)) = (changed(binary), fs::read_to_string(binary.with_extension("d"))) else {
        return false;
    };
    sources_of(&sources).iter().all(|source| changed(Path::new(source)).is_some_and(|at| at <= built))
}

/// The paths on the right side of a dep-info file's first line; blanks in them are escaped.
fn sources_of(dep_info: &str) -> Vec<String> {
    let line = dep_info.lines().next().unwrap_or_default();
    let sources = line.split_once(": ").map_or("", |(_, sources)| sources);
    let sources = sources.replace("\\ ", "\0");
    sources.split_whitespace().map(|source| source.replace('\0', " ")).collect()
}

fn build(folder: &Path) {
    let profile = match folder.file_name().and_then(|name| name.to_str()) {
        None | Some("debug") => "dev",
        Some(name) => name,
    };
    let cargo = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let built = Command::new(cargo)
        .args(["test", "--workspace", "--no-run", "--test", "command_line", "--profile", profile])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the root of the workspace"))
        .stdin(Stdio::null())
        .output()
        .expect("cargo starts");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
}

#[test]
fn dep_info_is_read_with_blanks_in_paths() {
    assert_eq!(sources_of("/t/a b: /s/x\\ y.rs /s/z.rs\n"), ["/s/x y.rs", "/s/z.rs"]);
    assert_eq!(sources_of(""), Vec::<String>::new());
    assert!(!is_current(Path::new("/nowhere/goalwright")));
}
