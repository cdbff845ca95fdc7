//! Why the settings cannot be used.

use std::fmt;

/// Where a value was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In the environment.
    Variable(&'static str),
    /// On a line of the file, from 1.
    File {
        /// The setting's name there.
        key: String,
        /// The line.
        line: usize,
    },
    /// Nowhere: it is the default.
    Default(&'static str),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => f.write_str(name),
            Self::File { key, line } => write!(f, "{}, line {line}: `{key}`", super::FILE),
            Self::Default(key) => write!(f, "the default of `{key}`"),
        }
    }
}

/// A setting that cannot be used. No variant holds a value that may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The file is there and cannot be read.
    #[error("{file} cannot be read: {reason}", file = super::FILE)]
    UnreadableFile {
        /// What the system says.
        reason: String,
    },
    /// The file is no TOML.
    #[error("{file}, line {line}: {reason}", file = super::FILE)]
    NoToml {
        /// Where, from 1.
        line: usize,
        /// What the parser says.
        reason: String,
    },
    /// The file names something that is no setting.
    #[error("{file}, line {line}: `{key}` is no setting", file = super::FILE)]
    UnknownKey {
        /// Where, from 1.
        line: usize,
        /// The name.
        key: String,
        /// A setting with a similar name.
        similar: Option<&'static str>,
    },
    /// A value is not what the setting takes.
    #[error("{place}: {reason}")]
    Unusable {
        /// Where it was given.
        place: Place,
        /// What is wrong with it.
        reason: String,
        /// What would be right.
        expected: String,
    },
}

impl ConfigError {
    /// What to do.
    pub fn help(&self) -> String {
        match self {
            Self::UnreadableFile { .. } => format!("make {} readable, or remove it", super::FILE),
            Self::NoToml { .. } => "write `name = value` lines as in goalwright.example.toml".to_owned(),
            Self::UnknownKey { similar: Some(similar), .. } => format!("did you mean `{similar}`?"),
            Self::UnknownKey { similar: None, .. } => {
                let keys: Vec<&str> = super::SETTINGS.iter().map(|setting| setting.key).collect();
                format!("the settings are {}", keys.join(", "))
            }
            Self::Unusable { expected, .. } => expected.clone(),
        }
    }
}
