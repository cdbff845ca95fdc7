//! What a model is asked to answer.

use serde_json::{Value, json};

use crate::plan::PlannedTask;

/// What the form is called where it has to have a name.
pub const FORM_NAME: &str = "plan";

/// JSON Schema of an answer. Every object lists all its properties and allows no others, as endpoints with strict schemas
/// want it; what may be missing is null.
pub fn form() -> Value {
    let text = |description: &str| json!({"type": "string", "description": description});
    let words =
        |description: &str| json!({"type": "array", "items": {"type": "string"}, "description": description});
    let usage = object(&[
        ("tool", text("The operation, as it is listed: `file.read`.")),
        (
            "parameters",
            text(
                "The parameters, one JSON object written as text. Results of earlier tasks are read as {T001.field}.",
            ),
        ),
    ]);
    let task = object(&[
        (
            "key",
            text(
                "Its name in the plan, unique in it: T001, T002, …; a task that the goal has keeps the key it has.",
            ),
        ),
        ("title", text("What is to be done, in one line of at most 120 characters that begins with a verb.")),
        (
            "description",
            text("What whoever does it has to know, and how one sees that it is done. Markdown."),
        ),
        ("task_type", text("One of the listed types of work.")),
        ("estimate_minutes", json!({"type": "integer", "description": "How long it takes, in minutes."})),
        ("complexity", json!({"type": "integer", "description": "From 1, trivial, to 10."})),
        ("complexity_reason", text("Why it is that complex, in one sentence.")),
        ("labels", words("Words to find it by; often none.")),
        (
            "parallel",
            json!({"type": "boolean", "description": "Whether it can be done next to its neighbours."}),
        ),
        ("depends_on", words("The keys of the tasks that have to be done before it, and of no others.")),
        (
            "use",
            json!({"anyOf": [usage, {"type": "null"}], "description": "The tool that does it, if one does."}),
        ),
    ]);
    object(&[("tasks", json!({"type": "array", "items": task}))])
}

fn object(properties: &[(&str, Value)]) -> Value {
    let required: Vec<&str> = properties.iter().map(|(name, _)| *name).collect();
    let properties: serde_json::Map<String, Value> =
        properties.iter().map(|(name, schema)| ((*name).to_owned(), schema.clone())).collect();
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

/// A task that a goal has, in this form: what a model that was asked for the plan could have answered.
pub fn task_as_answered(key: &str, task: &PlannedTask, depends_on: Vec<String>) -> Value {
    let tool = task.action.as_ref().map(|action| {
        json!({
            "tool": format!("{}.{}", action.tool, action.operation), "parameters": action.parameters.to_string(),
        })
    });
    json!({
        "key": key, "title": task.title, "description": task.description, "task_type": task.task_type,
        "estimate_minutes": task.estimate_minutes, "complexity": task.complexity,
        "complexity_reason": task.complexity_reason, "labels": task.labels, "parallel": task.parallel,
        "depends_on": depends_on, "use": tool,
    })
}
