//! The tools of a model: which operations it may call, and by which names.

use std::collections::BTreeMap;

use goalwright_domain::agent::Profile;
use goalwright_domain::execution::{FINISH, GIVE_UP};
use goalwright_domain::model::ToolSpec;
use serde_json::{Value, json};

use super::schema;
use crate::ports::Tools;

/// The longest name that every provider takes.
const LONGEST: usize = 64;

/// Operations by the names that a model calls them by.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Toolbox {
    named: BTreeMap<String, (String, String)>,
    specs: Vec<ToolSpec>,
}

impl Toolbox {
    /// What the agent may call for a task that names `wanted`, besides what ends the dialogue.
    pub(super) fn of(
        tools: &dyn Tools,
        profile: &Profile,
        wanted: Option<&[String]>,
        form: Option<&Value>,
    ) -> Self {
        let mut named = BTreeMap::new();
        let mut specs = Vec::new();
        for operation in tools.all() {
            if !profile.allows(wanted, &operation.tool, &operation.operation) {
                continue;
            }
            let name = free_name(&operation.tool, &operation.operation, &named);
            specs.push(ToolSpec {
                name: name.clone(),
                description: operation.summary.clone(),
                parameters: operation.parameters.clone(),
            });
            named.insert(name, (operation.tool.clone(), operation.operation.clone()));
        }
        specs.extend([finish(form), give_up()]);
        Self { named, specs }
    }

    /// As a model is told of them, always in the same order.
    pub(super) fn specs(&self) -> &[ToolSpec] {
        &self.specs
    }

    /// The operation that the model means.
    pub(super) fn find(&self, name: &str) -> Option<(&str, &str)> {
        self.named.get(name).map(|(tool, operation)| (tool.as_str(), operation.as_str()))
    }

    /// All names, for somebody who called another one.
    pub(super) fn names(&self) -> String {
        let names: Vec<&str> = self.specs.iter().map(|spec| spec.name.as_str()).collect();
        names.join(", ")
    }
}

/// `file_read` for `file.read`; of names that would be the same, the later ones are numbered.
fn free_name(tool: &str, operation: &str, taken: &BTreeMap<String, (String, String)>) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let plain: String = format!("{tool}_{operation}")
        .chars()
        .map(|c| if allowed(c) { c } else { '_' })
        .take(LONGEST - 4)
        .collect();
    let is_free = |name: &String| !taken.contains_key(name) && name != FINISH && name != GIVE_UP;
    std::iter::once(plain.clone())
        .chain((2..).map(|number| format!("{plain}_{number}")))
        .find(is_free)
        .unwrap_or(plain)
}

fn finish(form: Option<&Value>) -> ToolSpec {
    let mut parameters =
        json!({"type": "object", "required": ["result", "summary"], "additionalProperties": false});
    let result = match form {
        Some(form) => schema::nested(form, &mut parameters),
        None => json!({"type": "string", "description": "What the task asks for, complete."}),
    };
    parameters["properties"] = json!({
        "result": result,
        "summary": {"type": "string", "description": "One or two sentences for people: what was done, and what came of it."},
        "outcome": {"type": "string", "enum": ["success", "partial"],
                    "description": "`partial` if only a part of it could be done."},
    });
    ToolSpec {
        name: FINISH.to_owned(),
        description: "Ends the task with its result. Call it once, when everything is done.".to_owned(),
        parameters,
    }
}

fn give_up() -> ToolSpec {
    ToolSpec {
        name: GIVE_UP.to_owned(),
        description: "Ends the task without a result, because it cannot be done.".to_owned(),
        parameters: json!({
            "type": "object", "required": ["reason"], "additionalProperties": false,
            "properties": {"reason": {"type": "string", "description": "Why not, and what would be needed."}},
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_such_as_every_provider_takes_and_none_is_there_twice() {
        let mut taken = BTreeMap::new();
        let operations = [
            ("a", "b_c"),
            ("a_b", "c"),
            ("a.b", "c"),
            ("ü", "x"),
            ("give", "up"),
            (&*"t".repeat(90), "long"),
        ];
        for (tool, operation) in operations {
            let name = free_name(tool, operation, &taken);
            assert!(
                name.len() <= LONGEST && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'),
                "{name}"
            );
            assert!(taken.insert(name, (tool.to_owned(), operation.to_owned())).is_none());
        }
        let names: Vec<&str> = taken.keys().map(String::as_str).collect();
        assert!(names.contains(&"a_b_c") && names.contains(&"a_b_c_2") && names.contains(&"a_b_c_3"));
        assert!(names.contains(&"give_up_2"), "{names:?}");
    }
}
