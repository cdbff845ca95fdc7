//! What people see: colours, tables, bars, spans of time. Everything is painted here, and the paint is taken away again
//! where the stream is no terminal or somebody asked for none, so that a pipe never gets any.

mod bar;
mod moment;
mod paint;
mod table;

use std::io::Write;

pub(crate) use bar::bar;
pub(crate) use moment::{ago, read_moment};
pub(crate) use paint::{Color, accent, dim, severity, status, strong};
pub(crate) use table::{Column, Table};

use crate::failure::{Failure, printable};

/// Writes a line to stdout. A reader that has gone away, as with `| head`, is no reason to fail.
pub(crate) fn print(line: &str) {
    let _ = writeln!(anstream::stdout().lock(), "{line}");
}

/// Writes text to stdout as it is: documents that are meant for files and programs.
pub(crate) fn print_raw(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes());
    if !text.ends_with('\n') {
        let _ = out.write_all(b"\n");
    }
    let _ = out.flush();
}

/// Writes a line to stderr: what is worth knowing, but is not what was asked for.
pub(crate) fn note(line: &str) {
    let _ = writeln!(anstream::stderr().lock(), "{line}");
}

/// Writes a question to stderr; the answer is given on the same line.
pub(crate) fn ask(question: &str) {
    let mut err = anstream::stderr().lock();
    let _ = write!(err, "{question}");
    let _ = err.flush();
}

/// Says on stderr what is wrong with a command line.
pub(crate) fn tell_usage(mistake: &str) {
    let mistake = mistake.strip_prefix("error:").unwrap_or(mistake);
    let help = "`goalwright --help` and `goalwright help COMMAND` show what can be given";
    note(&format!("{}{mistake}\n{} {help}", paint::bad("error:"), accent("help:")));
}

/// Says on stderr why a command did not do its work.
pub(crate) fn tell(failure: &Failure) {
    let mut lines = vec![format!("{} {}", paint::bad("error:"), printable(&failure.message))];
    lines.extend(failure.details.iter().map(|detail| format!("  {}", printable(detail))));
    lines.extend(failure.help.iter().map(|help| format!("{} {}", accent("help:"), printable(help))));
    note(&lines.join("\n"));
}
