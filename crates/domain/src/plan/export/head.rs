//! Front matter, title, description and success criteria.

use super::{indented, quoted};
use crate::plan::PlannedGoal;
use crate::plan::outline::exported::head_reads_back;

/// How the description of a goal is written.
#[derive(Clone, Copy, PartialEq)]
enum Form {
    Plain,
    Quoted,
    Json,
}

/// Everything before the tasks. Of the forms that a text can take, the plainest that is not misread.
pub(super) fn head(title: Option<&str>, goal: Option<&PlannedGoal>) -> String {
    let heading = |title: &str, quote: bool| if quote { quoted(title) } else { title.to_owned() };
    for quote in [false, true] {
        let line = title.map(|title| heading(title, quote));
        for form in [Form::Plain, Form::Quoted] {
            let text = written(line.as_deref(), goal, form);
            if head_reads_back(&text, title, goal) {
                return text;
            }
        }
    }
    let line = title.map(|title| heading(title, true));
    written(line.as_deref(), goal, Form::Json)
}

fn written(title: Option<&str>, goal: Option<&PlannedGoal>, form: Form) -> String {
    let mut text = String::from("---\ngoalwright: 1\n");
    if let Some(goal) = goal {
        let id = goal.id.map_or_else(|| "new".to_owned(), |id| id.to_string());
        text.push_str(&format!("goal: {id}\n"));
        if let Some(due) = goal.due_at {
            text.push_str(&format!("due: {due}\n"));
        }
        if form == Form::Json && !goal.description.is_empty() {
            text.push_str(&format!("description: {}\n", quoted(&goal.description)));
        }
    }
    text.push_str("---\n\n");
    if let Some(title) = title {
        text.push_str(&format!("# {title}\n\n"));
    }
    let Some(goal) = goal else {
        return text;
    };
    if !goal.description.is_empty() && form != Form::Json {
        text.push_str(&indented(&goal.description, if form == Form::Quoted { "> " } else { "" }));
        text.push('\n');
    }
    if !goal.success_criteria.is_empty() {
        text.push_str("## Success criteria\n\n");
        for criterion in &goal.success_criteria {
            text.push_str(&bullet(criterion));
        }
        text.push('\n');
    }
    text
}

fn bullet(criterion: &str) -> String {
    let goal = PlannedGoal { success_criteria: vec![criterion.to_owned()], ..PlannedGoal::default() };
    let plain = format!("- {criterion}\n");
    let alone = format!("---\ngoalwright: 1\n---\n## Success criteria\n{plain}");
    if head_reads_back(&alone, None, Some(&goal)) { plain } else { format!("- {}\n", quoted(criterion)) }
}
