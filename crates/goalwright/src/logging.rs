//! Log lines, on stderr.

use std::io::{self, Write};

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
        self.0.suspend(|| io::stderr().write_all(line)).map(|()| line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

impl<'a> MakeWriter<'a> for Stderr {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}
