//! The tokens of an expression, as far as the analysis needs them; minijinja's parser decides
//! what they mean.

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Name,
    Text,
    Number,
    Symbol,
}

/// A token with its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    pub(super) source: &'a str,
    pub(super) start: usize,
}

impl Token<'_> {
    pub(super) fn end(&self) -> usize {
        self.start + self.source.len()
    }

    pub(super) fn is(&self, source: &str) -> bool {
        self.kind != Kind::Text && self.source == source
    }

    /// The content of a string literal without escapes.
    pub(super) fn plain_text(&self) -> Option<&str> {
        (self.kind == Kind::Text && !self.source.contains('\\'))
            .then(|| &self.source[1..self.source.len() - 1])
    }
}

const LONG_SYMBOLS: [&str; 7] = ["**", "//", "==", "!=", "<=", ">=", "=>"];

/// The tokens of `source`, or `None` when it has a string without end or a foreign character.
pub(super) fn tokens(source: &str) -> Option<Vec<Token<'_>>> {
    let mut found: Vec<Token<'_>> = Vec::new();
    let mut rest = source.trim_start();
    while let Some(first) = rest.chars().next() {
        let (kind, length) = if first.is_ascii_alphabetic() || first == '_' {
            (Kind::Name, leading(rest, |c| c.is_ascii_alphanumeric() || c == '_'))
        } else if first.is_ascii_digit() {
            let after_dot = found.last().is_some_and(|token| token.is("."));
            (Kind::Number, number(rest, after_dot))
        } else if matches!(first, '\'' | '"') {
            (Kind::Text, string(rest, first)?)
        } else if let Some(symbol) = LONG_SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol)) {
            (Kind::Symbol, symbol.len())
        } else if "+-*/%~<>=.,:|()[]{}".contains(first) {
            (Kind::Symbol, 1)
        } else {
            return None;
        };
        found.push(Token { kind, source: &rest[..length], start: source.len() - rest.len() });
        rest = rest[length..].trim_start();
    }
    Some(found)
}

fn leading(text: &str, accept: impl Fn(char) -> bool) -> usize {
    text.find(|c| !accept(c)).unwrap_or(text.len())
}

fn number(text: &str, after_dot: bool) -> usize {
    let bytes = text.as_bytes();
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut length = leading(text, word);
    // `1.5` is a number, `1.a` and `list.1.5` are attributes.
    if !after_dot && bytes.get(length) == Some(&b'.') && bytes.get(length + 1).is_some_and(u8::is_ascii_digit)
    {
        length += 1 + leading(&text[length + 1..], word);
    }
    if matches!(bytes[length - 1], b'e' | b'E')
        && matches!(bytes.get(length), Some(b'+' | b'-'))
        && bytes.get(length + 1).is_some_and(u8::is_ascii_digit)
    {
        length += 1 + leading(&text[length + 1..], word);
    }
    length
}

fn string(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return Some(at + 1),
            _ => {}
        }
    }
    None
}
