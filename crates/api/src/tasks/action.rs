//! What a task asks for, as it is read and shown: one flat object whose `kind` says which fields it has.

use goalwright_domain::Violation;
use goalwright_domain::execution::Action;
use poem_openapi::Object;
use serde_json::{Value, json};

use crate::values::{FreeObject, Word, vocabulary};

/// The kinds of actions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ActionKind {
    Tool,
    Orchestrated,
    Human,
    External,
}

vocabulary!(ActionKind, "action kind", {
    Tool: "tool", Orchestrated: "orchestrated", Human: "human", External: "external"
});

/// What to do: one call of a tool, work for a model, for a person, or for an outside worker.
#[derive(Debug, Object)]
#[oai(rename = "Action", deny_unknown_fields, skip_serializing_if_is_none)]
pub(crate) struct ActionBody {
    /// Which of them.
    kind: Word<ActionKind>,
    /// Of kind `tool`: the tool, such as `file`.
    tool: Option<String>,
    /// Of kind `tool`: its operation, such as `read`.
    operation: Option<String>,
    /// Of kind `tool`: the parameters; their texts may hold templates that read earlier results.
    parameters: Option<FreeObject>,
    /// Of kind `orchestrated` or `human`: what to do.
    instructions: Option<String>,
    /// Of kind `orchestrated`: the tools that may be used, as `tool.operation`.
    tools: Option<Vec<String>>,
    /// Of kind `orchestrated`: the JSON Schema that the result must satisfy.
    output_schema: Option<FreeObject>,
}

impl ActionBody {
    fn empty(kind: ActionKind) -> Self {
        Self {
            kind: Word(kind),
            tool: None,
            operation: None,
            parameters: None,
            instructions: None,
            tools: None,
            output_schema: None,
        }
    }

    /// The action, if it has the fields of its kind and no others.
    pub(crate) fn action(self) -> Result<Action, Vec<Violation>> {
        let Self { kind: Word(kind), tool, operation, parameters, instructions, tools, output_schema } = self;
        let (needed, possible): (&[&str], &[&str]) = match kind {
            ActionKind::Tool => (&["tool", "operation"], &["parameters"]),
            ActionKind::Orchestrated => (&["instructions"], &["tools", "output_schema"]),
            ActionKind::Human => (&["instructions"], &[]),
            ActionKind::External => (&[], &[]),
        };
        let given = [
            ("tool", tool.is_some()),
            ("operation", operation.is_some()),
            ("parameters", parameters.is_some()),
            ("instructions", instructions.is_some()),
            ("tools", tools.is_some()),
            ("output_schema", output_schema.is_some()),
        ];
        let kind_name = crate::values::Vocabulary::word(kind);
        let violations: Vec<Violation> = given
            .into_iter()
            .filter_map(|(name, given)| match (needed.contains(&name), possible.contains(&name), given) {
                (true, _, false) => {
                    Some(("required", format!("an action of kind `{kind_name}` needs it"), name))
                }
                (false, false, true) => {
                    Some(("unknown_field", format!("not of an action of kind `{kind_name}`"), name))
                }
                _ => None,
            })
            .map(|(code, message, name)| Violation::new(format!("action.{name}"), code, message))
            .collect();
        if !violations.is_empty() {
            return Err(violations);
        }
        Ok(match kind {
            ActionKind::Tool => Action::Tool {
                tool: tool.unwrap_or_default(),
                operation: operation.unwrap_or_default(),
                parameters: parameters.map_or_else(|| json!({}), |object| object.0),
            },
            ActionKind::Orchestrated => Action::Orchestrated {
                instructions: instructions.unwrap_or_default(),
                tools: tools.unwrap_or_default(),
                output_schema: output_schema.map(|object| object.0),
            },
            ActionKind::Human => Action::Human { instructions: instructions.unwrap_or_default() },
            ActionKind::External => Action::External,
        })
    }
}

impl From<Action> for ActionBody {
    fn from(action: Action) -> Self {
        match action {
            Action::Tool { tool, operation, parameters } => Self {
                tool: Some(tool),
                operation: Some(operation),
                parameters: Some(FreeObject(parameters)),
                ..Self::empty(ActionKind::Tool)
            },
            Action::Orchestrated { instructions, tools, output_schema } => Self {
                instructions: Some(instructions),
                tools: Some(tools),
                output_schema: output_schema.filter(Value::is_object).map(FreeObject),
                ..Self::empty(ActionKind::Orchestrated)
            },
            Action::Human { instructions } => {
                Self { instructions: Some(instructions), ..Self::empty(ActionKind::Human) }
            }
            Action::External => Self::empty(ActionKind::External),
        }
    }
}

#[cfg(test)]
mod tests {
    use poem_openapi::types::{ParseFromJSON, ToJSON};

    use super::*;

    fn read(value: Value) -> Result<Action, Vec<String>> {
        let body = ActionBody::parse_from_json(Some(value)).expect("fits its schema");
        body.action().map_err(|all| all.into_iter().map(|one| format!("{} {}", one.path, one.code)).collect())
    }

    #[test]
    fn an_action_has_the_fields_of_its_kind() {
        let value = json!({"kind": "tool", "tool": "file", "operation": "read", "parameters": {"path": "a"}});
        let action = read(value.clone()).expect("sound");
        assert_eq!(serde_json::to_value(&action).expect("JSON"), value);
        assert_eq!(ActionBody::from(action).to_json(), Some(value));
        let wrong = json!({"kind": "tool", "tool": "file", "instructions": "look"});
        assert_eq!(
            read(wrong),
            Err(vec!["action.operation required".into(), "action.instructions unknown_field".into()])
        );
        assert_eq!(read(json!({"kind": "external"})), Ok(Action::External));
    }
}
