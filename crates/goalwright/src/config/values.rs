//! From the environment, the file and the defaults to the text of each setting, with the place it came from.

use std::collections::HashMap;
use std::ffi::OsString;

use toml::de::{DeTable, DeValue};

use super::error::{ConfigError, Place};
use super::settings::{SETTINGS, Setting};

/// The text of a setting.
#[derive(Debug)]
pub(super) struct Given {
    pub(super) text: String,
    pub(super) place: Place,
}

impl Given {
    /// This value cannot be used.
    pub(super) fn unusable(&self, reason: impl Into<String>, expected: impl Into<String>) -> ConfigError {
        ConfigError::Unusable { place: self.place.clone(), reason: reason.into(), expected: expected.into() }
    }

    /// Its text, unless it is empty.
    pub(super) fn filled(self) -> Option<String> {
        Some(self.text).filter(|text| !text.is_empty())
    }
}

/// Every value that was given.
pub(super) struct Values<'a> {
    variables: &'a dyn Fn(&str) -> Option<OsString>,
    file: HashMap<&'static str, (String, usize)>,
}

impl<'a> Values<'a> {
    pub(super) fn read(
        variables: &'a dyn Fn(&str) -> Option<OsString>,
        file: Option<&str>,
    ) -> Result<Self, ConfigError> {
        Ok(Self { variables, file: file.map(read_file).transpose()?.unwrap_or_default() })
    }

    /// The environment first, then the file, then the default. An empty variable counts as unset.
    pub(super) fn get(&self, setting: &Setting) -> Result<Given, ConfigError> {
        if let Some(text) = (self.variables)(setting.variable).filter(|text| !text.is_empty()) {
            let place = Place::Variable(setting.variable);
            return match text.into_string() {
                Ok(text) => Ok(Given { text, place }),
                Err(_) => Err(ConfigError::Unusable {
                    place,
                    reason: "the value is not UTF-8".to_owned(),
                    expected: "write it in UTF-8".to_owned(),
                }),
            };
        }
        Ok(match self.file.get(setting.key) {
            Some((text, line)) => {
                Given { text: text.clone(), place: Place::File { key: setting.key.to_owned(), line: *line } }
            }
            None => Given { text: setting.default.to_owned(), place: Place::Default(setting.key) },
        })
    }

    /// A variable that is no setting of ours, such as `HOME`.
    pub(super) fn variable(&self, name: &str) -> Option<OsString> {
        (self.variables)(name).filter(|text| !text.is_empty())
    }
}

fn read_file(text: &str) -> Result<HashMap<&'static str, (String, usize)>, ConfigError> {
    let line = |at: usize| text.as_bytes().iter().take(at).filter(|&&byte| byte == b'\n').count() + 1;
    let table = DeTable::parse(text).map_err(|error| ConfigError::NoToml {
        line: line(error.span().map_or(0, |span| span.start)),
        reason: error.message().to_owned(),
    })?;
    let mut entries: Vec<_> = table.get_ref().iter().collect();
    // In the order of the file, so that of several mistakes the first is told.
    entries.sort_by_key(|(key, _)| key.span().start);
    let mut values = HashMap::new();
    for (key, value) in entries {
        let (name, line) = (key.get_ref().as_ref(), line(key.span().start));
        let Some(setting) = SETTINGS.iter().find(|setting| setting.key == name) else {
            let key = name.chars().take(100).collect();
            return Err(ConfigError::UnknownKey { line, key, similar: similar_to(name) });
        };
        let text = match value.get_ref() {
            DeValue::String(text) => text.to_string(),
            DeValue::Integer(number) => number.to_string(),
            DeValue::Boolean(yes) => if *yes { "on" } else { "off" }.to_owned(),
            other => {
                return Err(ConfigError::Unusable {
                    place: Place::File { key: name.to_owned(), line },
                    reason: format!("a value of type {} is not taken", other.type_str()),
                    expected: "give a text in quotes or a whole number, as in goalwright.example.toml"
                        .to_owned(),
                });
            }
        };
        values.insert(setting.key, (text, line));
    }
    Ok(values)
}

/// A setting that is probably meant: the variable's spelling, or another separator.
fn similar_to(name: &str) -> Option<&'static str> {
    let plain = |text: &str| text.to_ascii_lowercase().replace(['_', '-'], "");
    let name = plain(name);
    let name = name.strip_prefix("goalwright").unwrap_or(&name);
    SETTINGS.iter().map(|setting| setting.key).find(|key| {
        let key = plain(key);
        key == name || (name.len() > 3 && (key.starts_with(name) || name.starts_with(&key)))
    })
}
