//! Links as documents have them (RFC 3986 references), as far as they lead to files.

/// What a link leads to.
pub(super) enum Link {
    /// A file, by its path without fragment and query, percent-decoded.
    Here(String),
    /// Another place, or another part of the same file.
    Elsewhere,
}

/// Reads a link.
pub(super) fn parse(link: &str) -> Link {
    let link = link.trim();
    let link = link.strip_prefix('<').and_then(|link| link.strip_suffix('>')).unwrap_or(link);
    let path = link.split(['#', '?']).next().unwrap_or_default();
    if path.is_empty() || link.starts_with("//") || has_scheme(path) {
        return Link::Elsewhere;
    }
    Link::Here(decode(path))
}

fn has_scheme(path: &str) -> bool {
    path.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
    })
}

/// Percent-decodes, and leaves alone what is no valid encoding of UTF-8.
fn decode(path: &str) -> String {
    let bytes = path.as_bytes();
    let hex = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escaped = match bytes[at..] {
            [b'%', high, low, ..] => hex(high).zip(hex(low)).map(|(high, low)| high * 16 + low),
            _ => None,
        };
        decoded.push(escaped.unwrap_or(bytes[at]));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    String::from_utf8(decoded).unwrap_or_else(|_| path.to_owned())
}

/// The folder of a file, `""` for the topmost.
pub(super) fn folder_of(file: &str) -> &str {
    file.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// A path relative to a folder as one relative to the sandbox, without `.` and `..`. One that starts with `/`
/// is relative to the sandbox already, as on code hosts. `None` when it leads out.
pub(super) fn normalize(folder: &str, path: &str) -> Option<String> {
    if path.contains('\0') {
        return None;
    }
    let folder = if path.starts_with('/') { "" } else { folder };
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_to_files() {
        for (link, path) in [
            ("a.md", Some("a.md")),
            ("a%20b.md#part", Some("a b.md")),
            ("<a b.md>", Some("a b.md")),
            ("../x/?raw=1", Some("../x/")),
            ("100%.md", Some("100%.md")),
            ("%ff", Some("%ff")),
            ("#part", None),
            ("?q", None),
            ("", None),
            ("https://example.org/a.md", None),
            ("mailto:a@example.org", None),
            ("//example.org/a", None),
            ("tel:1", None),
        ] {
            let found = match parse(link) {
                Link::Here(path) => Some(path),
                Link::Elsewhere => None,
            };
            assert_eq!(found.as_deref(), path, "{link}");
        }
    }

    #[test]
    fn paths_are_relative_to_the_folder_of_their_file() {
        assert_eq!(normalize("docs/guides", "../a.md").as_deref(), Some("docs/a.md"));
        assert_eq!(normalize("docs", "/README.md").as_deref(), Some("README.md"));
        assert_eq!(normalize("docs", "./").as_deref(), Some("docs"));
        assert_eq!(normalize("", ".."), None);
        assert_eq!(folder_of("docs/a.md"), "docs");
    }
}
