//! Secrets that are kept in the data directory, readable for their owner alone.

use std::io::{self, Write};
use std::path::Path;

use goalwright_application::ports::Ids;

use crate::ids::SystemIds;

/// The name of the file with the key of the ledger's seals.
pub const AUDIT_KEY_FILE: &str = "audit-key";
/// The name of the folder with the keys that the ledger was and is sealed with, each under its fingerprint.
pub const AUDIT_KEYS_FOLDER: &str = "audit-keys";
/// The name of the file in which the ends of the ledger's chains are noted.
pub const AUDIT_ANCHORS_FILE: &str = "audit-anchors.json";

/// The secret in the file of this name; made, readable by its owner only, if there is none. Two processes that
/// start at once agree on one.
///
/// # Errors
/// If the file cannot be read or made.
pub fn load_or_create(data_dir: &Path, name: &str) -> io::Result<Vec<u8>> {
    let path = data_dir.join(name);
    match std::fs::read(&path) {
        Ok(secret) => return Ok(trimmed(secret)),
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Err(_) => {}
    }
    std::fs::create_dir_all(data_dir)?;
    let secret = fresh();
    // Written whole under another name first, then linked: nobody ever reads half a secret, and the first one wins.
    let draft = data_dir.join(format!("{name}.{}", SystemIds.random().simple()));
    let linked = write(&draft, &secret).and_then(|()| std::fs::hard_link(&draft, &path));
    let _ = std::fs::remove_file(&draft);
    match linked {
        Ok(()) => Ok(secret),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => std::fs::read(&path).map(trimmed),
        Err(error) => Err(error),
    }
}

/// A new secret: 64 hex digits of chance.
pub fn fresh() -> Vec<u8> {
    let secret: String = (0..2).map(|_| SystemIds.random().simple().to_string()).collect();
    secret.into_bytes()
}

/// Puts a secret in the place of the file of this name, readable by its owner only, as a whole.
///
/// # Errors
/// If the file cannot be written.
pub fn replace(folder: &Path, name: &str, secret: &[u8]) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let draft = folder.join(format!(".{name}.{}", SystemIds.random().simple()));
    let written = write(&draft, secret).and_then(|()| std::fs::rename(&draft, folder.join(name)));
    if written.is_err() {
        let _ = std::fs::remove_file(&draft);
    }
    written
}

/// Every secret in a folder; none if there is no such folder.
///
/// # Errors
/// If one cannot be read.
pub fn all_in(folder: &Path) -> io::Result<Vec<Vec<u8>>> {
    let files = match std::fs::read_dir(folder) {
        Ok(files) => files,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut secrets = Vec::new();
    for file in files {
        let path = file?.path();
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if path.is_file() && !hidden {
            secrets.push(trimmed(std::fs::read(path)?));
        }
    }
    Ok(secrets)
}

fn write(path: &Path, secret: &[u8]) -> io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(secret)?;
    file.sync_all()
}

fn trimmed(secret: Vec<u8>) -> Vec<u8> {
    secret.trim_ascii().to_vec()
}
