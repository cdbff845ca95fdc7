//! `goalwright init`.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;

use crate::config::{EXAMPLE, FILE};
use crate::failure::{Exit, Failure};
use crate::terminal::{accent, note, print};

/// Write a goalwright.toml with every setting, its default and what it means.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  goalwright init ops/")]
pub(super) struct Init {
    /// The folder in which Goalwright will be started
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,
    /// Overwrite the file that is there
    #[arg(long)]
    force: bool,
}

impl Init {
    pub(super) fn execute(self) -> Result<Exit, Failure> {
        let path = if self.folder == Path::new(".") { PathBuf::from(FILE) } else { self.folder.join(FILE) };
        self.write(&path).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => Failure::usage(
                format!("{} is there already; nothing was written", path.display()),
                "give --force to overwrite it, or name another folder",
            ),
            _ => Failure::usage(
                format!("{} cannot be written: {error}", path.display()),
                "name a folder that may be written",
            ),
        })?;
        print(&format!("wrote {}", path.display()));
        let next = accent("next:");
        note(&format!(
            "{next} take the `#` away from what you want to change; `goalwright admin config` shows what holds"
        ));
        note(&format!("{next} `goalwright run plan.md` runs a plan, `goalwright serve` starts the server"));
        Ok(Exit::Success)
    }

    fn write(&self, path: &Path) -> io::Result<()> {
        std::fs::create_dir_all(&self.folder)?;
        let mut options = OpenOptions::new();
        let mut file = match self.force {
            true => options.write(true).create(true).truncate(true),
            // Nobody can put a file there between a look and the writing.
            false => options.write(true).create_new(true),
        }
        .open(path)?;
        file.write_all(content().as_bytes())
    }
}

/// The settings of the example, under words of its own: the example says how to be copied.
fn content() -> String {
    let (_, settings) = EXAMPLE.split_once("\n\n").unwrap_or(("", EXAMPLE));
    format!("{HEAD}\n{settings}")
}

const HEAD: &str = "\
# Settings of Goalwright, each with its default. Take the `#` away from what you want to change.
#
# This file is read in the folder that Goalwright is started in. The environment goes first: each setting can also be
# given there, under the name in its comment. `goalwright admin config` shows what holds, and why.
";
