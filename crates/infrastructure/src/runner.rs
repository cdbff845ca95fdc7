//! How this process names itself in the record.

use goalwright_domain::experience::Runner;

/// The runner of this process. `name` says in which role it works: `worker`, `run`, `api`.
pub fn runner(name: &str) -> Runner {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname")
        .or_else(|_| std::fs::read_to_string("/etc/hostname"))
        .ok()
        .or_else(|| std::env::var("HOSTNAME").ok())
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "localhost".to_owned());
    Runner {
        name: name.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        host,
    }
}
