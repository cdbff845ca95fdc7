//! Texts that are no plans, and texts that are too large or made to hurt.

use rstest::rstest;

use super::refusal;
use crate::plan::{Limits, OutlineError, read_outline};

#[rstest]
#[case::empty("", "the text is empty; expected Markdown with checklist items such as `- [ ] T001 Title`")]
#[case::blank("\n \n", "the text is empty")]
#[case::json("\n{\"tasks\": []}", "line 2: `{` looks like JSON")]
#[case::array("[1, 2]", "line 1: `[` looks like JSON")]
#[case::html("<!DOCTYPE html>\n<pre>\n- [ ] T001 a", "line 1: `<!DOCTYPE html>` looks like HTML")]
#[case::fragment("<p>hello</p>", "line 1: `<p>hello</p>` looks like HTML")]
#[case::binary("- [ ] T001 a\n\u{0}b", "line 2: the control character U+0000")]
#[case::prose("# A\ntext\n## B\n", "read 3 lines with 2 headings but no checklist item")]
#[case::no_box("# A\n- T001 Title", "line 2: `- T001 Title` has an id but no checkbox")]
#[case::row("# A\n\n| ID | Title |\n|---|---|\n| T001 | dig |", "line 5: `| T001 | dig |` has an id but no")]
#[case::readme("# Boat\n\nA boat.\n\n## Install\n\n- buy wood\n", "read 7 lines with 2 headings but no")]
#[case::chain(
    "name: Brief\nschedule: { frequency: daily }\nsteps:\n  - id: news\n    type: tool\n",
    "line 3: `steps:` looks like a chain in YAML"
)]
#[case::yaml("version: 3\nservices:\n  web:\n    image: nginx\n", "line 1: `version: 3` looks like YAML")]
#[case::toml("[package]\nname = \"a\"\n", "line 1: `[package]` looks like TOML")]
#[case::csv("id,title,done\n1,dig,no\n2,\"lay, twice\",no\n", "line 1: `id,title,done` looks like a table")]
#[case::tabs("id\ttitle\n1\tdig\n", "line 1: `id\ttitle` looks like a table")]
#[case::rust("use std::fs;\n\nfn main() {\n    let a = 1;\n}\n", "line 1: `use std::fs;` looks like source")]
#[case::python("# a\nimport os\n\ndef main():\n    return 1\n", "read 5 lines with 1 heading")]
#[case::python_script("import os\n\ndef main():\n    return 1\n", "line 1: `import os` looks like source")]
#[case::c(
    "#include <a.h>\n# define X\nint main() {\n  return 0;\n}\n",
    "line 1: `#include <a.h>` looks like source"
)]
#[case::shell("#!/bin/sh\necho a\n", "line 1: `#!/bin/sh` looks like a script")]
#[case::php("<?php\necho 1;\n", "line 1: `<?php` looks like source")]
#[case::pdf("%PDF-1.7\n%\u{fffd}\n- [ ] T001 a", "line 1: the file is a PDF file")]
#[case::word("PK\u{3}\u{4}\u{14}", "line 1: the file is a ZIP archive or an Office document")]
#[case::rich_text("{\\rtf1 - [ ] T001 a}", "line 1: the file is a rich text document")]
#[case::png("\u{fffd}PNG\r\n\u{1a}\n", "line 1: the file is a PNG image")]
#[case::utf16("\u{fffd}\u{fffd}- [ ] T001 a", "line 1: the file is no text in UTF-8")]
#[case::fenced("```\n- [ ] T001 a\n```", "read 3 lines with 0 headings")]
fn no_plan(#[case] text: &str, #[case] says: &str) {
    let error = refusal(text);
    assert_eq!(error.code(), "not_a_plan");
    assert!(error.to_string().starts_with(says), "{error}");
}

#[test]
fn size_is_checked_before_anything_else() {
    let limits = Limits { max_bytes: 10, ..Limits::IMPORT };
    let error = read_outline("\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}", &limits);
    assert_eq!(error, Err(OutlineError::TooLarge { bytes: 11, limit: 10 }));
}

#[test]
fn fifty_thousand_tasks_are_too_many() {
    let text: String = (1..=50_000).map(|number| format!("- [ ] T{number:05} t\n")).collect();
    let error = refusal(&text);
    assert_eq!(error, OutlineError::TooManyTasks { tasks: 50_000, limit: 10_000 });
    let message = error.to_string();
    assert!(message.contains("50000") && message.contains("10000"), "{message}");
}

#[test]
fn written_edges_are_counted_exactly() {
    let mut text: String = (1..=1_000).map(|number| format!("- [ ] T{number:04} [P] t\n")).collect();
    for number in 1_001..=1_200 {
        text += &format!("- [ ] T{number:04} t (depends on T0001-T1000, T0005-T0500)\n");
    }
    let error = refusal(&text);
    assert_eq!(error, OutlineError::TooManyEdges { edges: 200_000, limit: 100_000, between: None });
}

/// Long inputs that make careless readers quadratic. No clock is asked: a second in linear time is
/// hours in quadratic time, and nobody overlooks a test that does not end.
#[rstest]
#[case::brackets("- [ ] T001 ", "[", 1_000_000, "")]
#[case::labels("- [ ] T001 ", "[A1]", 200_000, "")]
#[case::many_labels("- [ ] ", "[P] ", 200_000, "T001")]
#[case::parentheses("- [ ] T001 ", "(", 1_000_000, "")]
#[case::phrases("- [ ] T001 ", "(depends on ", 100_000, "")]
#[case::phrases_with_id("- [ ] T001 ", "(depends on T002 ", 100_000, "")]
#[case::afters("- [ ] T001 ", "(after ", 300_000, "")]
#[case::closing("- [ ] T001 ", ")", 1_000_000, "")]
#[case::backticks("- [ ] T001 ", "`", 1_000_000, "")]
#[case::backtick_pairs("- [ ] T001 ", "` `` ", 200_000, "")]
#[case::comments("- [ ] T001 ", "<!-- --> ", 300_000, "")]
#[case::short_comments("- [ ] T001 ", "<!-->", 300_000, " far -->")]
#[case::open_comments("- [ ] T001 ", "<!--", 700_000, "")]
#[case::comment_lines("- [ ] T001 a\n", "x <!-- y\n", 300_000, "-->")]
#[case::fences("- [ ] T001 a\n", "```\n", 200_000, "")]
#[case::headings("- [ ] T001 a\n", "#\n", 200_000, "")]
#[case::marks("- [ ] T001 a\n", "#", 2_000_000, "")]
#[case::blanks("- [ ] T001 a", " ", 3_000_000, "b")]
#[case::indented("- [ ] T001 a\n", "  b\n", 200_000, "")]
#[case::ranges("- [ ] T002 a\n- [ ] T001 b ", "(depends on T002-T002) ", 100_000, "")]
#[case::unknown("- [ ] T001 b (depends on ", "T5,", 200_000, ")")]
#[case::json_depth("- [ ] T001 b\n  use: a.b ", "{\"a\":", 400_000, "")]
#[case::json_lines("- [ ] T001 b\n  use: a.b {\n", " [\n", 200_000, "")]
#[case::holes("- [ ] T001 b\n  use: a.b {\"x\":\"", "{a", 300_000, "\"}")]
#[case::lookups("- [ ] T001 b\n  use: a.b {\"x\":\"", "tasks['", 300_000, "\"}")]
#[case::stars("- [ ] ", "*", 2_000_000, "T001")]
#[case::statements("- [ ] T001 a\n## Phase Dependencies\n", "- a: after all, ", 200_000, "")]
#[case::statement_lines(
    "## Phase 1\n- [ ] T001 a\n## Phase Dependencies\n",
    "- Phase 1: after all phases\n",
    100_000,
    ""
)]
#[case::bullets("- [ ] T001 a\n", "- ", 1_500_000, "")]
#[case::arrows("- [ ] T001 a\n\n", "T001 → ", 300_000, "")]
#[case::arrow_signs("- [ ] T001 a\n\nT001 ", "→", 900_000, "")]
#[case::dashes("- [ ] T001 a\n\nT001 ", "-", 2_000_000, "")]
#[case::phrases_outside("- [ ] T001 a\n\nT001 ", "depends on ", 300_000, "T001")]
#[case::fillers("- [ ] T001 a\n\nT001 ", "after and ", 300_000, "T001")]
#[case::half_phrases("- [ ] T001 a\n\nT001 ", "hängt ab ", 300_000, "T001")]
#[case::lists("- [ ] T001 a\n\n", "T001, T002 needs T003, ", 150_000, "")]
#[case::groups("- [ ] T001 a\n\nT001 → ", "(", 500_000, "T001")]
#[case::nested_lists("- [ ] T001 a\n\n", "(T001,", 400_000, "")]
#[case::closed_lists("- [ ] T001 a\n\n(((((((((((((((( ", "T001)", 500_000, "")]
#[case::unspaced("- [ ] T001 a\n\nT001", "依赖の", 400_000, "")]
#[case::statements_with_ids("- [ ] T001 a\n- [ ] T002 b\n", "\nT001 → T002", 200_000, "")]
#[case::wide_statements("- [ ] T001 a\n- [ ] T002 b\n", "\nT001-T999 → T001-T999", 100_000, "")]
#[case::heading_tasks("", "# T001\n", 300_000, "")]
#[case::group_headings("", "## T001\n- [ ] T002 a\n", 150_000, "")]
#[case::repetitions("", "- [ ] T001 a\n", 250_000, "")]
#[case::open_spans("- [ ] T001 a\n", "  `a\n\n", 400_000, "")]
#[case::long_spans("- [ ] T001 a\n  `", "  b `` c\n", 250_000, "")]
#[case::ids("- [ ] T001 ", "T1", 1_000_000, "")]
#[case::blocks("- [ ] T002 a\n- [ ] T001 b ", "(blocks T001-T002) ", 100_000, "")]
#[case::files("- [ ] T001 ", "`a/b.rs` ", 300_000, "")]
#[case::paths("- [ ] T001 ", "a/", 1_000_000, "b.rs")]
#[case::yaml("", "a: b\n", 700_000, "")]
#[case::separators("", ",", 3_000_000, "\n,")]
fn hostile_texts_take_linear_time(
    #[case] before: &str,
    #[case] repeated: &str,
    #[case] times: usize,
    #[case] after: &str,
) {
    let text = format!("{before}{}{after}", repeated.repeat(times));
    assert!(text.len() <= Limits::IMPORT.max_bytes, "{}", text.len());
    let _ = read_outline(&text, &Limits::IMPORT);
}

/// A plan at the limit whose first tasks all wait for its last ones.
#[test]
fn a_large_plan_against_its_own_order_ends() {
    let mut text = String::from("## A\n");
    for number in 1..=9_900 {
        text += &format!("- [ ] T{number} t (depends on T{})\n", 9_900 + number % 100 + 1);
    }
    text += "## B\n";
    for number in 9_901..=10_000 {
        text += &format!("- [ ] T{number} [P] t\n");
    }
    let outline = read_outline(&text, &Limits::IMPORT).expect("a plan");
    assert_eq!(crate::plan::validate(&outline.plan, &Limits::IMPORT), Ok(()));
}
