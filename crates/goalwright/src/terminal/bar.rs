//! How far something is, drawn.

use owo_colors::OwoColorize;

/// So many characters wide.
const WIDTH: usize = 30;

/// A bar for `percentage`, from 0 to 100. It is only full, and only empty, where the share is.
pub(crate) fn bar(percentage: f64) -> String {
    let share = (percentage / 100.0).clamp(0.0, 1.0);
    let full = (share * WIDTH as f64).floor() as usize;
    let full = if share > 0.0 { full.max(1) } else { 0 };
    format!("{}{}", "━".repeat(full).green(), "━".repeat(WIDTH - full).dimmed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_only_full_at_the_end() {
        let filled = |percentage| {
            let bar = bar(percentage);
            let (full, _) = bar.split_once("\u{1b}[39m").expect("painted");
            full.matches('━').count()
        };
        assert_eq!([0.0, 0.1, 50.0, 99.9, 100.0, 140.0].map(filled), [0, 1, 15, 29, 30, 30]);
    }
}
