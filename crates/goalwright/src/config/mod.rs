//! Settings: the environment first, then `goalwright.toml` in the current folder, then defaults.

mod error;
mod explain;
mod models;
mod parse;
mod settings;
mod telemetry;
#[cfg(test)]
mod tests;
mod values;

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use error::{ConfigError, Place};
pub use explain::Explained;
use goalwright_infrastructure::outbound::AllowList;
use goalwright_infrastructure::telemetry::Collector;
pub use models::ModelSettings;
pub use settings::{SETTINGS, Setting};
use values::Values;

/// The file, looked for in the current folder.
pub const FILE: &str = "goalwright.toml";

/// Every setting with its default and what it means, switched off.
pub const EXAMPLE: &str = include_str!("../../../../goalwright.example.toml");

/// A text that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text itself, for whoever needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

/// Where the database is.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    /// With everything in it, a password included.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DatabaseUrl {
    /// Without user, password and parameters.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self.0.split(['?', '#']).next().unwrap_or_default();
        let Some((scheme, rest)) = address.split_once("://") else { return f.write_str("<database>") };
        // Only what follows the last `@` is free of secrets, whatever a password is made of.
        let place = if scheme == "sqlite" { rest } else { rest.rsplit('@').next().unwrap_or_default() };
        write!(f, "{scheme}://{place}")
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

/// Who may read the figures at `/metrics`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metrics {
    /// Whoever asks from this machine where the server listens to nobody else; others with credentials.
    Auto,
    /// Whoever reaches the server.
    Open,
    /// Whoever has credentials.
    Protected,
    /// There is no such page.
    Off,
}

/// Every setting, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Where the database is.
    pub database_url: DatabaseUrl,
    /// Whether migrations run at start.
    pub migrate: bool,
    /// Database, keys and the workspaces' folders; an absolute path.
    pub data_dir: PathBuf,
    /// Where `serve` listens: `host:port`.
    pub bind: String,
    /// The origins whose pages may call the API.
    pub cors_origins: Vec<String>,
    /// Requests per second that one user may send; none for any number.
    pub rate_limit: Option<NonZeroU32>,
    /// The HS256 secret; none means the one in the data directory.
    pub jwt_secret: Option<Secret>,
    /// What the ledger is sealed with; generated into the data directory if unset.
    pub audit_key: Option<Secret>,
    /// `iss` of tokens; checked when set.
    pub jwt_issuer: Option<String>,
    /// `aud` of tokens; checked when set.
    pub jwt_audience: Option<String>,
    /// How long a lease holds without a heartbeat.
    pub lease: Duration,
    /// So many attempts at once in one process.
    pub worker_concurrency: usize,
    /// Connections kept open to PostgreSQL.
    pub db_pool: u32,
    /// Connections beyond these under load.
    pub db_pool_overflow: u32,
    /// What runs after executions.
    pub hooks: Vec<String>,
    /// Whether each execution has a file in the data directory.
    pub result_files: bool,
    /// What tools may reach although it is private.
    pub outbound_allow: AllowList,
    /// Whether the tool `shell.run` is there.
    pub shell: bool,
    /// Models: where they are asked, how patiently, and what they cost.
    pub models: ModelSettings,
    /// Who may read the figures.
    pub metrics: Metrics,
    /// Where spans are sent; none where nobody wants them.
    pub collector: Option<Collector>,
    /// How log lines are written.
    pub log_format: LogFormat,
    /// Which log lines are written; none where nobody said, so that each command has its own default.
    pub log_filter: Option<String>,
}

impl Config {
    /// From the environment of this process and the file in the current folder.
    ///
    /// # Errors
    /// The first setting that cannot be used, with its place.
    pub fn load() -> Result<Self, ConfigError> {
        Self::from_sources(&|name| std::env::var_os(name), read_file()?.as_deref())
    }

    /// From these variables and the text of this file.
    ///
    /// # Errors
    /// See [`Config::load`].
    pub fn from_sources(
        variables: &dyn Fn(&str) -> Option<OsString>,
        file: Option<&str>,
    ) -> Result<Self, ConfigError> {
        let values = Values::read(variables, file)?;
        // Whoever sets one of these believes that tokens of HS256 are not accepted; that must not be so in silence.
        for variable in ["GOALWRIGHT_JWT_PUBLIC_KEY_FILE", "GOALWRIGHT_JWKS_URL"] {
            if values.variable(variable).is_some() {
                return Err(ConfigError::Unusable {
                    place: Place::Variable(variable),
                    reason: "tokens signed with a key pair are not verified yet".to_owned(),
                    expected: "unset it, and sign tokens with GOALWRIGHT_JWT_SECRET (HS256)".to_owned(),
                });
            }
        }
        let data_dir = parse::data_dir(&values.get(&settings::DATA_DIR)?, &values)?;
        let filter = values.get(&settings::RUST_LOG)?;
        Ok(Self {
            database_url: parse::database_url(&values.get(&settings::DATABASE_URL)?, &data_dir)?,
            migrate: parse::switch(&values.get(&settings::MIGRATE)?)?,
            bind: parse::address(&values.get(&settings::BIND)?)?,
            cors_origins: parse::origins(&values.get(&settings::CORS_ORIGINS)?)?,
            rate_limit: NonZeroU32::new(parse::number(&values.get(&settings::RATE_LIMIT)?, 0, 1_000_000)?),
            jwt_secret: parse::secret(values.get(&settings::JWT_SECRET)?)?,
            audit_key: parse::secret(values.get(&settings::AUDIT_KEY)?)?,
            jwt_issuer: values.get(&settings::JWT_ISSUER)?.filled(),
            jwt_audience: values.get(&settings::JWT_AUDIENCE)?.filled(),
            lease: Duration::from_millis(parse::number(&values.get(&settings::LEASE_MS)?, 100, 86_400_000)?),
            worker_concurrency: parse::number(&values.get(&settings::WORKER_CONCURRENCY)?, 1, 1000)?,
            db_pool: parse::number(&values.get(&settings::DB_POOL)?, 1, 1000)?,
            db_pool_overflow: parse::number(&values.get(&settings::DB_POOL_OVERFLOW)?, 0, 1000)?,
            hooks: parse::hooks(&values.get(&settings::HOOKS)?)?,
            result_files: parse::switch(&values.get(&settings::RESULT_FILES)?)?,
            outbound_allow: parse::outbound_allow(&values.get(&settings::OUTBOUND_ALLOW)?)?,
            shell: parse::switch(&values.get(&settings::SHELL)?)?,
            models: models::models(&values)?,
            metrics: parse::metrics(&values.get(&settings::METRICS)?)?,
            collector: telemetry::collector(&values.get(&settings::OTLP_ENDPOINT)?, &values)?,
            log_format: parse::log_format(&values.get(&settings::LOG_FORMAT)?)?,
            log_filter: match filter.place {
                Place::Default(_) => None,
                Place::Variable(_) | Place::File { .. } => parse::log_filter(filter)?,
            },
            data_dir,
        })
    }
}

/// The text of the file, if it is there.
fn read_file() -> Result<Option<String>, ConfigError> {
    match std::fs::read_to_string(Path::new(FILE)) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(ConfigError::UnreadableFile { reason: error.to_string() }),
    }
}
