//! Log lines, on stderr, scrubbed of personal data and of credentials.

use std::io::{self, Write};

use goalwright_domain::scrub::scrub;
use indicatif::MultiProgress;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::config::{Config, LogFormat};
use crate::failure::Failure;

/// Starts logging. `default` is the filter where the settings name none; `bars` are taken away while a line is
/// written, so that neither garbles the other.
///
/// # Errors
/// If the filter cannot be used.
pub fn start(config: &Config, default: &str, bars: MultiProgress) -> Result<(), Failure> {
    let filter = config.log_filter.as_deref().unwrap_or(default);
    let filter = EnvFilter::builder()
        .parse(filter)
        .map_err(|error| Failure::usage(format!("RUST_LOG: {error}"), "give a level such as `info`"))?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(Stderr(bars));
    // Fails where logging has started already, as in tests: then it goes on as it is.
    let _ = match config.log_format {
        LogFormat::Text => lines.with_ansi(io::IsTerminal::is_terminal(&io::stderr())).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    Ok(())
}

struct Stderr(MultiProgress);

impl Write for &Stderr {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let scrubbed = scrubbed(&String::from_utf8_lossy(line));
        self.0.suspend(|| io::stderr().write_all(scrubbed.as_bytes())).map(|()| line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// A line as it may be kept. Colours stand between a name and its value, so each part of a coloured line is read alone.
fn scrubbed(line: &str) -> String {
    let mut parts = line.split('\u{1b}');
    let mut kept = scrub(parts.next().unwrap_or_default()).into_owned();
    for part in parts {
        let (colour, text) = part.split_at(part.find('m').map_or(0, |end| end + 1));
        kept.push('\u{1b}');
        kept.push_str(colour);
        kept.push_str(&scrub(text));
    }
    kept
}

impl<'a> MakeWriter<'a> for Stderr {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_scrubbed_with_and_without_colours() {
        let plain = "2026-11-21T08:00:00.000001Z  INFO login user=ada@example.org ip=203.0.113.9 took=12ms\n";
        assert_eq!(
            scrubbed(plain),
            "2026-11-21T08:00:00.000001Z  INFO login user=[email] ip=[ip] took=12ms\n"
        );
        let coloured =
            "\u{1b}[2m2026-11-21T08:00:00Z\u{1b}[0m \u{1b}[3mip\u{1b}[0m\u{1b}[2m=\u{1b}[0m203.0.113.9\n";
        assert_eq!(scrubbed(coloured), coloured.replace("203.0.113.9", "[ip]"));
    }
}
