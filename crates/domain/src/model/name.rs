//! Which model.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The longest name of a model, in bytes.
const LONGEST: usize = 200;

/// A family of endpoints that are spoken to in the same way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Provider {
    /// The Messages API of Anthropic.
    Anthropic,
    /// Chat Completions as `OpenAI` defined them; also Gemini, Ollama, vLLM and many more, by their base URL.
    OpenAi,
}

impl Provider {
    /// As a model's name begins with it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Anthropic => "anthropic",
            Self::OpenAi => "openai",
        }
    }
}

/// A model at a provider: `anthropic/<model>` or `openai/<model>`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ModelName {
    provider: Provider,
    model: String,
}

impl ModelName {
    /// Who offers it.
    pub const fn provider(&self) -> Provider {
        self.provider
    }

    /// As the provider calls it.
    pub fn model(&self) -> &str {
        &self.model
    }
}

impl fmt::Display for ModelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.provider.as_str(), self.model)
    }
}

impl FromStr for ModelName {
    type Err = UnknownModel;

    fn from_str(text: &str) -> Result<Self, UnknownModel> {
        let (provider, model) = text.split_once('/').ok_or(UnknownModel)?;
        let provider = match provider {
            "anthropic" => Provider::Anthropic,
            "openai" => Provider::OpenAi,
            _ => return Err(UnknownModel),
        };
        let sound =
            !model.is_empty() && model.len() <= LONGEST && model.chars().all(|c| c.is_ascii_graphic());
        if sound { Ok(Self { provider, model: model.to_owned() }) } else { Err(UnknownModel) }
    }
}

impl TryFrom<String> for ModelName {
    type Error = UnknownModel;

    fn try_from(text: String) -> Result<Self, UnknownModel> {
        text.parse()
    }
}

impl From<ModelName> for String {
    fn from(name: ModelName) -> Self {
        name.to_string()
    }
}

/// A text names no model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a model is named `anthropic/<model>` or `openai/<model>`, for example `anthropic/claude-sonnet-4-5`"
)]
pub struct UnknownModel;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_a_provider_and_keeps_every_other_slash() {
        let name: ModelName = "openai/meta-llama/Llama-3.1-8B".parse().expect("a name");
        assert_eq!((name.provider(), name.model()), (Provider::OpenAi, "meta-llama/Llama-3.1-8B"));
        assert_eq!(name.to_string(), "openai/meta-llama/Llama-3.1-8B");
        for wrong in
            ["", "claude", "anthropic/", "mistral/large", "openai/two words", "openai/a\nb", "OpenAI/x"]
        {
            assert_eq!(wrong.parse::<ModelName>(), Err(UnknownModel), "{wrong}");
        }
    }
}
