//! From the text of a setting to its value.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use goalwright_application::hooks::HOOKS;
use goalwright_infrastructure::auth::SECRET_MIN_BYTES;
use goalwright_infrastructure::outbound::{AllowError, AllowList};
use tracing_subscriber::EnvFilter;

use super::error::ConfigError;
use super::values::{Given, Values};
use super::{DatabaseUrl, LogFormat, Metrics, Secret};

/// What stands for the data directory in a database URL.
const DATA_DIR_MARK: &str = "<data dir>";

/// A whole number in a range.
pub(super) fn number<T>(given: &Given, least: T, most: T) -> Result<T, ConfigError>
where
    T: FromStr + PartialOrd + std::fmt::Display,
{
    match given.text.trim().replace('_', "").parse::<T>() {
        Ok(number) if number >= least && number <= most => Ok(number),
        _ => Err(given.unusable(
            format!("`{}` is not taken", short(&given.text)),
            format!("give a whole number from {least} to {most}"),
        )),
    }
}

/// `on` or `off`.
pub(super) fn switch(given: &Given) -> Result<bool, ConfigError> {
    match given.text.trim().to_ascii_lowercase().as_str() {
        "on" | "true" | "1" | "yes" => Ok(true),
        "off" | "false" | "0" | "no" => Ok(false),
        _ => Err(given.unusable(format!("`{}` is not taken", short(&given.text)), "give `on` or `off`")),
    }
}

/// A comma list of hooks.
pub(super) fn hooks(given: &Given) -> Result<Vec<String>, ConfigError> {
    let named = given.text.split(',').map(str::trim).filter(|name| !name.is_empty());
    named
        .map(|name| {
            if HOOKS.contains(&name) {
                return Ok(name.to_owned());
            }
            let known = HOOKS.join(", ");
            let expected = format!("give a comma list of hooks, of which there are: {known}; empty for none");
            Err(given.unusable(format!("there is no hook `{}`", short(name)), expected))
        })
        .collect()
}

/// `host:port`.
pub(super) fn address(given: &Given) -> Result<String, ConfigError> {
    let text = given.text.trim();
    let sound = text.rsplit_once(':').is_some_and(|(host, port)| {
        let whole = !host.contains(':') || (host.starts_with('[') && host.ends_with(']'));
        !host.is_empty() && whole && port.parse::<u16>().is_ok()
    });
    if sound {
        return Ok(text.to_owned());
    }
    Err(given.unusable(
        format!("`{}` is no address with a port", short(text)),
        "give host and port, such as 127.0.0.1:8080, [::1]:8080, or 127.0.0.1:0 for any free port",
    ))
}

/// A list of origins, as browsers write them (RFC 6454, 6.2): scheme, host, and a port unless it is the usual one.
pub(super) fn origins(given: &Given) -> Result<Vec<String>, ConfigError> {
    let named = given.text.split(',').map(str::trim).filter(|origin| !origin.is_empty());
    named
        .map(|origin| {
            let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
            let sound = host.is_some_and(|host| {
                !host.is_empty()
                    && !host.contains(['/', '@', '?', '#', '*'])
                    && host.chars().all(|c| c.is_ascii_graphic() && !c.is_ascii_uppercase())
            });
            if sound || origin == "*" {
                return Ok(origin.to_owned());
            }
            Err(given.unusable(
                format!("`{}` is no origin", short(origin)),
                "give origins as browsers write them, such as https://app.example or http://localhost:3000, without a \
                 path",
            ))
        })
        .collect()
}

/// A secret that is long enough to be one.
pub(super) fn secret(given: Given) -> Result<Option<Secret>, ConfigError> {
    let length = given.text.len();
    if (1..SECRET_MIN_BYTES).contains(&length) {
        return Err(given.unusable(
            format!("the secret has {length} bytes; HS256 wants at least {SECRET_MIN_BYTES}"),
            "make one with `openssl rand -hex 32`, or leave it out: then one is made in the data directory",
        ));
    }
    Ok(given.filled().map(Secret))
}

/// A comma list of hosts, hosts with a port, and networks.
pub(super) fn outbound_allow(given: &Given) -> Result<AllowList, ConfigError> {
    given.text.parse().map_err(|error: AllowError| {
        given.unusable(
            error.to_string(),
            "give a comma list of hosts, hosts with a port and networks, such as db.internal, cache.internal:6379, \
             10.1.0.0/16",
        )
    })
}

/// `auto`, `open`, `protected` or `off`.
pub(super) fn metrics(given: &Given) -> Result<Metrics, ConfigError> {
    match given.text.trim() {
        "auto" => Ok(Metrics::Auto),
        "open" => Ok(Metrics::Open),
        "protected" => Ok(Metrics::Protected),
        "off" => Ok(Metrics::Off),
        other => Err(given.unusable(
            format!("`{}` is not taken", short(other)),
            "give `auto`, `open`, `protected` or `off`",
        )),
    }
}

/// `text` or `json`.
pub(super) fn log_format(given: &Given) -> Result<LogFormat, ConfigError> {
    match given.text.trim() {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        other => Err(given.unusable(format!("`{}` is not taken", short(other)), "give `text` or `json`")),
    }
}

/// Directives of `tracing_subscriber`.
pub(super) fn log_filter(given: Given) -> Result<Option<String>, ConfigError> {
    if let Err(error) = EnvFilter::builder().parse(&given.text) {
        let reason = format!("`{}` is no log filter: {error}", short(&given.text));
        return Err(given.unusable(
            reason,
            "give a level such as `info`, or directives such as `warn,goalwright_infrastructure=debug`",
        ));
    }
    Ok(given.filled())
}

/// An absolute path. `$XDG_DATA_HOME` and `~` are understood at its beginning.
pub(super) fn data_dir(given: &Given, values: &Values<'_>) -> Result<PathBuf, ConfigError> {
    let home = || values.variable("HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    // The XDG Base Directory Specification: a path that is not absolute is to be ignored.
    let data_home = || {
        let given = values.variable("XDG_DATA_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        given.or_else(|| home().map(|home| home.join(".local").join("share")))
    };
    let text = given.text.as_str();
    let path = if let Some(rest) = text.strip_prefix("$XDG_DATA_HOME") {
        data_home().map(|folder| below(folder, rest))
    } else if let Some(rest) = text.strip_prefix('~').filter(|rest| rest.is_empty() || rest.starts_with('/'))
    {
        home().map(|folder| below(folder, rest))
    } else {
        std::path::absolute(text).ok()
    };
    path.ok_or_else(|| {
        given.unusable(
            format!("`{}` leads nowhere: neither XDG_DATA_HOME nor HOME is set", short(text)),
            "set GOALWRIGHT_DATA_DIR to a folder that may be written",
        )
    })
}

fn below(folder: PathBuf, rest: &str) -> PathBuf {
    let rest = rest.trim_start_matches('/');
    if rest.is_empty() { folder } else { folder.join(rest) }
}

/// `sqlite://…` or `postgres://…`.
pub(super) fn database_url(given: &Given, data_dir: &Path) -> Result<DatabaseUrl, ConfigError> {
    let url = given.text.trim().replace(DATA_DIR_MARK, &data_dir.to_string_lossy());
    if ["sqlite:", "postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)) {
        return Ok(DatabaseUrl(url));
    }
    // The URL itself may hold a password; its scheme does not.
    let scheme = url.split_once("://").map_or("it", |(scheme, _)| scheme);
    Err(given.unusable(
        format!("only SQLite and PostgreSQL are known, and `{}` is neither", short(scheme)),
        "give sqlite://path/to/file.db or postgres://user:password@host/database",
    ))
}

pub(super) fn short(text: &str) -> String {
    let mut short: String = text.chars().take(60).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}
