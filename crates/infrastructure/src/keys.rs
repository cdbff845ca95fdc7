//! Secrets that are kept in the data directory, readable for their owner alone.

use std::io::{self, Write};
use std::path::Path;

use goalwright_application::ports::Ids;

use crate::ids::SystemIds;

/// The name of the file with the key of the ledger's seals.
pub const AUDIT_KEY_FILE: &str = "audit-key";
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
    let ids = SystemIds;
    let secret: String = (0..2).map(|_| ids.random().simple().to_string()).collect();
    // Written whole under another name first, then linked: nobody ever reads half a secret, and the first one wins.
    let draft = data_dir.join(format!("{name}.{}", ids.random().simple()));
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(&draft).and_then(|mut file| {
        file.write_all(secret.as_bytes())?;
        file.sync_all()
    });
    let linked = written.and_then(|()| std::fs::hard_link(&draft, &path));
    let _ = std::fs::remove_file(&draft);
    match linked {
        Ok(()) => Ok(secret.into_bytes()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => std::fs::read(&path).map(trimmed),
        Err(error) => Err(error),
    }
}

fn trimmed(secret: Vec<u8>) -> Vec<u8> {
    secret.trim_ascii().to_vec()
}
