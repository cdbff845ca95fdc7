//! Every setting as it holds, with the place it comes from. Secrets are not shown.

use std::ffi::OsString;

use super::values::Values;
use super::{Config, ConfigError, Place, SETTINGS, settings};

/// What stands for a secret that is there.
const REDACTED: &str = "<secret>";

/// The settings that are never shown.
const SECRETS: [&str; 4] = [
    settings::JWT_SECRET.key,
    settings::AUDIT_KEY.key,
    settings::ANTHROPIC_API_KEY.key,
    settings::OPENAI_API_KEY.key,
];

/// A setting as it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// Its name in `goalwright.toml`.
    pub key: &'static str,
    /// Its name in the environment.
    pub variable: &'static str,
    /// What holds, as it is used; empty where it is unset.
    pub value: String,
    /// Where it was given.
    pub place: Place,
}

impl Explained {
    /// Every setting of this process, in the order of the example file.
    ///
    /// # Errors
    /// The first setting that cannot be used, with its place.
    pub fn load() -> Result<Vec<Self>, ConfigError> {
        Self::from_sources(&|name| std::env::var_os(name), super::read_file()?.as_deref())
    }

    /// From these variables and the text of this file.
    ///
    /// # Errors
    /// See [`Explained::load`].
    pub fn from_sources(
        variables: &dyn Fn(&str) -> Option<OsString>,
        file: Option<&str>,
    ) -> Result<Vec<Self>, ConfigError> {
        let config = Config::from_sources(variables, file)?;
        let values = Values::read(variables, file)?;
        let mut all = Vec::with_capacity(SETTINGS.len());
        for setting in SETTINGS {
            let given = values.get(setting)?;
            let value = match setting.key {
                key if key == settings::DATABASE_URL.key => config.database_url.to_string(),
                key if key == settings::DATA_DIR.key => config.data_dir.display().to_string(),
                key if SECRETS.contains(&key) && !given.text.is_empty() => REDACTED.to_owned(),
                _ => given.text,
            };
            all.push(Self { key: setting.key, variable: setting.variable, value, place: given.place });
        }
        Ok(all)
    }
}
