//! What a URL alone tells: whether it may be asked for at all, and by which way.

use std::net::IpAddr;

use url::{Host, Url};

use super::address::objection;
use super::allow::AllowList;
use super::error::{OutboundError, Refused};

/// How much a request may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Only what is public: every address that the host's name resolves to is judged.
    Public,
    /// The host itself is on the allow-list, whatever its name resolves to.
    Anything,
}

/// Reads a URL.
///
/// # Errors
/// [`OutboundError::InvalidUrl`]; its message holds no part of the URL, which may hold a password.
pub(super) fn read(text: &str) -> Result<Url, OutboundError> {
    let invalid = |said: String| Err(OutboundError::InvalidUrl(said));
    match Url::parse(text) {
        Ok(url) => Ok(url),
        Err(url::ParseError::RelativeUrlWithoutBase) => {
            invalid("the URL has no scheme; begin it with `https://`".to_owned())
        }
        Err(error) => invalid(format!("the URL cannot be read: {error}")),
    }
}

/// Judges a URL. Addresses are known in every spelling, since reading the URL has put them into one form: they never
/// reach a resolver, so this is the only place that sees them.
///
/// # Errors
/// [`OutboundError::InvalidUrl`] and [`OutboundError::Refused`].
pub(super) fn judge(url: &Url, allow: &AllowList) -> Result<Reach, OutboundError> {
    let invalid = |said: &str| Err(OutboundError::InvalidUrl(said.to_owned()));
    if !matches!(url.scheme(), "http" | "https") {
        return invalid("the URL's scheme is neither http nor https");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return invalid("the URL has a user or password in it; send them as the header `Authorization`");
    }
    let Some(host) = url.host() else { return invalid("the URL has no host") };
    if allow.names(&host, url.port_or_known_default()) {
        return Ok(Reach::Anything);
    }
    let address: IpAddr = match host {
        Host::Domain(_) => return Ok(Reach::Public),
        Host::Ipv4(address) => address.into(),
        Host::Ipv6(address) => address.into(),
    };
    match objection(address) {
        Some(what) if !allow.contains(address) => Err(Refused { place: place(url), what }.into()),
        _ => Ok(Reach::Public),
    }
}

/// Host and port of a URL, for messages.
pub(super) fn place(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(text: &str, allow: &str) -> Result<Reach, OutboundError> {
        judge(&read(text)?, &allow.parse().expect(allow))
    }

    #[test]
    fn addresses_are_refused_in_every_spelling() {
        for text in [
            "http://127.0.0.1/",
            "http://127.0.0.1./",
            "http://2130706433/",
            "http://0x7f000001/",
            "http://0x7f.1/",
            "http://0177.0.0.1/",
            "http://017700000001/",
            "http://127.1/",
            "http://127.0.1/",
            "http://0/",
            "http://１２７.０.０.１/",
            "http://127。0。0。1/",
            "http://①②⑦.0.0.1/",
            "http://%31%32%37.0.0.1/",
            "HTTP:\\\\127.0.0.1\\",
            "http:127.0.0.1",
            "http://\t127.0.0.1\n/",
            "http://[::1]/",
            "http://[::]/",
            "http://[0:0:0:0:0:0:0:1]:80/",
            "http://[::ffff:127.0.0.1]/",
            "http://[::ffff:7f00:1]/",
            "http://[::7f00:1]/",
            "http://[64:ff9b::7f00:1]/",
            "http://[2002:7f00:1::]/",
            "http://[2001:0:7f00:1::]/",
            "http://[fe80::1]/",
            "http://[fd00:ec2::254]/latest/meta-data/",
            "http://169.254.169.254/latest/meta-data/",
            "https://0xa9fea9fe/",
        ] {
            assert!(
                matches!(judged(text, ""), Err(OutboundError::Refused(_))),
                "{text}: {:?}",
                judged(text, "")
            );
        }
    }

    #[test]
    fn urls_that_lead_elsewhere_than_they_seem_are_invalid() {
        for (text, said) in [
            ("example.org/x", "no scheme"),
            ("/x", "no scheme"),
            ("ftp://example.org", "neither http nor https"),
            ("file:///etc/passwd", "neither http nor https"),
            ("localhost:80", "neither http nor https"),
            ("http://ann@example.org/", "user or password"),
            ("http://:secret@example.org/", "user or password"),
            ("http://example.org@127.0.0.1/", "user or password"),
            ("http://", "cannot be read"),
            ("http://exa mple.org/", "cannot be read"),
            ("http://1.2.3.4.5/", "cannot be read"),
            ("http://256.0.0.1/", "cannot be read"),
            ("http://[fe80::1%25eth0]/", "cannot be read"),
            ("http://example.org:70000/", "cannot be read"),
        ] {
            let error = judged(text, "").expect_err(text);
            assert!(matches!(error, OutboundError::InvalidUrl(_)), "{text}: {error:?}");
            let error = error.to_string();
            assert!(error.contains(said) && !error.contains("secret"), "{text}: {error}");
        }
    }

    #[test]
    fn public_and_allowed_places_are_reached() {
        for (text, allow, reach) in [
            ("https://example.org/", "", Reach::Public),
            ("http://8.8.8.8/", "", Reach::Public),
            ("http://[2606:4700::1]/", "", Reach::Public),
            ("http://localhost:3000/", "", Reach::Public),
            ("http://localhost:3000/", "localhost", Reach::Anything),
            ("http://localhost./", "localhost", Reach::Anything),
            ("http://localhost:3000/", "localhost:3001", Reach::Public),
            ("https://localhost/", "localhost:443", Reach::Anything),
            ("http://127.1:8080/", "127.0.0.1:8080", Reach::Anything),
            ("http://127.1:8081/", "127.0.0.0/8", Reach::Public),
            ("http://[::ffff:10.0.0.1]/", "10.0.0.1", Reach::Public),
        ] {
            assert_eq!(judged(text, allow).ok(), Some(reach), "{text} with {allow}");
        }
        assert!(judged("http://127.0.0.1:8081/", "127.0.0.1:8080").is_err());
        assert!(judged("http://10.0.0.1/", "localhost").is_err());
    }
}
