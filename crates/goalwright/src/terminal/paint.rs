//! Colours: few, and each with one meaning.

use clap::ValueEnum;
use owo_colors::OwoColorize;

/// When colours are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal that shows them, unless the environment says otherwise
    #[default]
    Auto,
    /// Always, also into a pipe
    Always,
    /// Never
    Never,
}

impl Color {
    /// Makes it so for the whole process. `auto` follows `NO_COLOR`, `CLICOLOR_FORCE`, `CLICOLOR` and `TERM`.
    pub(crate) fn choose(self) {
        let choice = match self {
            Self::Auto => anstream::ColorChoice::Auto,
            Self::Always => anstream::ColorChoice::Always,
            Self::Never => anstream::ColorChoice::Never,
        };
        choice.write_global();
    }
}

/// What is looked for first.
pub(crate) fn strong(text: &str) -> String {
    text.bold().to_string()
}

/// What is there to be looked up.
pub(crate) fn dim(text: &str) -> String {
    text.dimmed().to_string()
}

/// What leads on.
pub(crate) fn accent(text: &str) -> String {
    text.cyan().bold().to_string()
}

/// What went wrong.
pub(super) fn bad(text: &str) -> String {
    text.red().bold().to_string()
}

/// The colour of a status, of whatever noun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Good,
    Bad,
    Moving,
    Asking,
    Quiet,
    Plain,
}

pub(super) fn tone(word: &str) -> Tone {
    match word {
        "achieved" | "completed" | "succeeded" | "applied" | "success" => Tone::Good,
        "failed" | "error" | "failure" => Tone::Bad,
        "running" | "ready" | "queued" => Tone::Moving,
        "waiting" | "proposed" | "partial" | "warning" => Tone::Asking,
        "abandoned" | "cancelled" | "skipped" | "retired" | "draft" | "rejected" | "info" => Tone::Quiet,
        _ => Tone::Plain,
    }
}

/// A status in its colour.
pub(crate) fn status(word: &str) -> String {
    match tone(word) {
        Tone::Good => word.green().to_string(),
        Tone::Bad => word.red().to_string(),
        Tone::Moving => word.cyan().to_string(),
        Tone::Asking => word.yellow().to_string(),
        Tone::Quiet => dim(word),
        Tone::Plain => word.to_owned(),
    }
}

/// The name of a severity, in its colour.
pub(crate) fn severity(word: &str) -> String {
    status(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_of_the_product_has_a_tone() {
        for (words, expected) in [
            (&["achieved", "completed", "succeeded"][..], Tone::Good),
            (&["failed"], Tone::Bad),
            (&["running", "ready", "queued"], Tone::Moving),
            (&["waiting"], Tone::Asking),
            (&["abandoned", "cancelled", "skipped", "retired", "draft"], Tone::Quiet),
            (&["active", "pending"], Tone::Plain),
        ] {
            for word in words {
                assert_eq!(tone(word), expected, "{word}");
            }
        }
    }

    #[test]
    fn the_paint_can_be_taken_away() {
        let painted = format!("{} {} {}", strong("a"), status("failed"), dim("b"));
        assert!(painted.contains('\u{1b}'));
        assert_eq!(anstream::adapter::strip_str(&painted).to_string(), "a failed b");
    }
}
