//! Reading a plan, whatever it is written in.

use super::outline::exported;
use super::{Limits, Outline, OutlineError, read_outline, taskmaster};

/// What a plan is written in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Format {
    /// Looks at the content: JSON is Task Master's, anything else is Markdown.
    #[default]
    Auto,
    /// A checklist, or an exported plan.
    Markdown,
    /// Task Master's `tasks.json`.
    Taskmaster,
}

/// Reads a plan from Markdown or from Task Master's `tasks.json`.
///
/// # Errors
///
/// [`OutlineError`]: the text is larger than `limits` allow, or is no plan, or has mistakes that leave
/// its meaning open. All mistakes are reported at once.
///
/// # Examples
///
/// ```
/// use goalwright_domain::plan::{Format, Limits, read_plan};
///
/// let markdown = "- [x] T001 Buy flour\n- [ ] T002 Bake bread (depends on T001)\n";
/// let outline = read_plan(markdown, Format::Auto, &Limits::IMPORT)?;
/// assert_eq!(outline.plan.tasks[1].title, "Bake bread");
///
/// let json = r#"{"tasks": [{"id": 1, "title": "Buy flour", "status": "done"},
///                          {"id": 2, "title": "Bake bread", "dependencies": [1]}]}"#;
/// let outline = read_plan(json, Format::Auto, &Limits::IMPORT)?;
/// assert!(outline.plan.tasks[0].done);
/// assert_eq!(outline.plan.dependencies.len(), 1);
/// # Ok::<(), goalwright_domain::plan::OutlineError>(())
/// ```
pub fn read_plan(text: &str, format: Format, limits: &Limits) -> Result<Outline, OutlineError> {
    if text.len() > limits.max_bytes {
        let (bytes, limit) = (text.len(), limits.max_bytes);
        return Err(OutlineError::TooLarge { bytes, limit });
    }
    let is_json = match format {
        Format::Auto => looks_like_json(text),
        Format::Markdown => false,
        Format::Taskmaster => true,
    };
    if is_json {
        return taskmaster::read_tasks(text, limits);
    }
    if exported::is_exported(text) {
        return exported::read_exported(text, limits);
    }
    read_outline(text, limits)
}

/// Whether the first sign is one that JSON begins with. Markdown may begin with a bracket as well: a
/// link, or a box without its dash.
fn looks_like_json(text: &str) -> bool {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).trim_start();
    let Some(inside) = text.strip_prefix('[') else {
        return text.starts_with('{');
    };
    let line = text.lines().next().unwrap_or_default();
    let inside = inside.trim_start();
    let is_item = inside.starts_with(|c: char| c.is_ascii_digit() || "{[\"-".contains(c));
    let is_empty_list = inside.strip_prefix(']').is_some_and(|rest| rest.trim().is_empty());
    (inside.is_empty() || is_item || is_empty_list) && !line.contains("](") && !line.contains("]:")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_sign_tells_the_format() {
        for text in ["{", " \n{}", "\u{feff}[\n{\"id\": 1}]", "[]", "[ ]", "[", "[1, 2]"] {
            assert!(looks_like_json(text), "{text}");
        }
        for text in
            ["", "- [ ] T001 a", "[ ] T001 a", "[x] a", "[a](b)", "[1]: https://a.example", "[TOC]", "# {"]
        {
            assert!(!looks_like_json(text), "{text}");
        }
    }
}
