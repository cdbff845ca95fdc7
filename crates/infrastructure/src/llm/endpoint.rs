//! Where a provider is reached, and with which key.

use std::fmt;

use goalwright_domain::model::Provider;
use reqwest::header::HeaderValue;
use url::Url;

/// Where a provider is reached.
#[derive(Clone, PartialEq)]
pub struct Endpoint {
    provider: Provider,
    base: Url,
    key: Option<HeaderValue>,
    /// The key as it was given, so that it can be taken out of what an endpoint says.
    bare: Option<String>,
}

/// Why there is no such endpoint. `Display` holds no part of a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// The base URL cannot be used.
    #[error("{0}")]
    Base(String),
    /// The key cannot be sent.
    #[error("the key has characters that no header takes, such as a line break or a space")]
    Key,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = if self.key.is_some() { "<secret>" } else { "none" };
        f.debug_struct("Endpoint").field("base", &self.base.as_str()).field("key", &key).finish()
    }
}

impl Endpoint {
    /// The provider's own base URL, as its SDKs have it.
    pub const fn usual_base(provider: Provider) -> &'static str {
        match provider {
            Provider::Anthropic => "https://api.anthropic.com",
            Provider::OpenAi => "https://api.openai.com/v1",
        }
    }

    /// At this base URL, with this key if there is one.
    ///
    /// # Errors
    /// If one of them cannot be used.
    pub fn new(provider: Provider, base: &str, key: Option<&str>) -> Result<Self, EndpointError> {
        let url = Url::parse(base.trim().trim_end_matches('/'))
            .map_err(|error| EndpointError::Base(format!("the URL cannot be read: {error}")))?;
        let refused = |said: &str| Err(EndpointError::Base(said.to_owned()));
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return refused("the URL is neither http nor https");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return refused("the URL has a user or a password in it");
        }
        if url.query().is_some() || url.fragment().is_some() {
            return refused("the URL has a query or a fragment");
        }
        let key = key.map(str::trim).filter(|key| !key.is_empty());
        let sent = key.map(|key| match provider {
            Provider::Anthropic => key.to_owned(),
            Provider::OpenAi => format!("Bearer {key}"),
        });
        let header = sent.map(|sent| {
            let sound = key.is_some_and(|key| key.bytes().all(|byte| byte.is_ascii_graphic()));
            let mut value = HeaderValue::from_str(&sent).ok().filter(|_| sound).ok_or(EndpointError::Key)?;
            value.set_sensitive(true);
            Ok(value)
        });
        Ok(Self { provider, base: url, key: header.transpose()?, bare: key.map(str::to_owned) })
    }

    pub(super) const fn provider(&self) -> Provider {
        self.provider
    }

    /// Whether this is where the provider itself answers.
    pub(super) fn is_usual(&self) -> bool {
        let usual = Url::parse(Self::usual_base(self.provider)).ok();
        usual.is_some_and(|usual| usual.host() == self.base.host())
    }

    /// A key is needed at the provider's own endpoint; a model on one's own machine often has none.
    pub(super) fn lacks_key(&self) -> bool {
        self.key.is_none() && self.is_usual()
    }

    /// The setting of the key.
    pub(super) const fn key_setting(&self) -> &'static str {
        match self.provider {
            Provider::Anthropic => "ANTHROPIC_API_KEY",
            Provider::OpenAi => "OPENAI_API_KEY",
        }
    }

    /// The setting of the base URL.
    pub(super) const fn base_setting(&self) -> &'static str {
        match self.provider {
            Provider::Anthropic => "ANTHROPIC_BASE_URL",
            Provider::OpenAi => "OPENAI_BASE_URL",
        }
    }

    /// Host and port.
    pub(super) fn place(&self) -> String {
        let host = self.base.host_str().unwrap_or_default();
        self.base.port_or_known_default().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// Where requests go.
    pub(super) fn url(&self) -> String {
        let path = match self.provider {
            Provider::Anthropic => "/v1/messages",
            Provider::OpenAi => "/chat/completions",
        };
        format!("{}{path}", self.base.as_str().trim_end_matches('/'))
    }

    /// The headers that carry the key and the version.
    pub(super) fn headers(&self) -> Vec<(&'static str, HeaderValue)> {
        let (name, version) = match self.provider {
            Provider::Anthropic => {
                ("x-api-key", Some(("anthropic-version", HeaderValue::from_static("2023-06-01"))))
            }
            Provider::OpenAi => ("authorization", None),
        };
        self.key.clone().map(|key| (name, key)).into_iter().chain(version).collect()
    }

    /// A text without the key.
    pub(super) fn without_key(&self, text: &str) -> String {
        match &self.bare {
            Some(key) => text.replace(key.as_str(), "[key]"),
            None => text.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_leads_to_its_operation_and_a_key_is_never_shown() {
        let made = |provider, base: &str, key| Endpoint::new(provider, base, key).expect(base);
        let anthropic = made(Provider::Anthropic, "https://api.anthropic.com/", Some("s3cret-key"));
        assert_eq!(anthropic.url(), "https://api.anthropic.com/v1/messages");
        assert_eq!(anthropic.place(), "api.anthropic.com:443");
        let gemini = "https://generativelanguage.googleapis.com/v1beta/openai/";
        let gemini = made(Provider::OpenAi, gemini, Some("s3cret-key"));
        assert!(gemini.url().ends_with("/v1beta/openai/chat/completions"));
        let shown = format!("{anthropic:?} {gemini:?} {:?}", gemini.headers());
        assert!(!shown.contains("s3cret"), "{shown}");
        assert_eq!(gemini.without_key("bad s3cret-key here"), "bad [key] here");
        for wrong in
            ["localhost:11434/v1", "ftp://a", "https://u:s3cret-key@a/v1", "https://a/v1?key=s3cret-key"]
        {
            let error = Endpoint::new(Provider::OpenAi, wrong, None).expect_err(wrong).to_string();
            assert!(!error.contains("s3cret"), "{error}");
        }
        let broken = Endpoint::new(Provider::OpenAi, "http://a", Some("two words")).expect_err("no header");
        assert_eq!(broken, EndpointError::Key);
    }

    #[test]
    fn only_the_provider_itself_insists_on_a_key() {
        for (provider, base, lacks) in [
            (Provider::Anthropic, Endpoint::usual_base(Provider::Anthropic), true),
            (Provider::OpenAi, Endpoint::usual_base(Provider::OpenAi), true),
            (Provider::OpenAi, "http://localhost:11434/v1", false),
            (Provider::Anthropic, "http://gateway.internal", false),
        ] {
            let endpoint = Endpoint::new(provider, base, Some("  ")).expect(base);
            assert_eq!(endpoint.lacks_key(), lacks, "{base}");
        }
    }
}
