//! What to say about JSON that is no list of tasks.

use crate::plan::OutlineError;

use super::node::{Json, Node};

const EXPECTED: &str = "Task Master's `tasks.json`, such as `{\"tasks\": [{\"id\": 1, \"title\": \"…\"}]}`";

/// Says where JSON cannot be read, and why.
pub(super) fn unreadable(text: &str, error: &serde_json::Error) -> OutlineError {
    if text.trim().is_empty() {
        return not_a_plan(None, "the text is empty".to_owned());
    }
    let said = error.to_string();
    let reason = said.split(" at line ").next().unwrap_or_default();
    let line = u32::try_from(error.line()).ok().filter(|&line| line > 0);
    not_a_plan(line, format!("the JSON cannot be read at column {}: {reason}", error.column()))
}

/// A refusal of JSON that can be read.
pub(super) fn refuse(node: &Node, found: String) -> OutlineError {
    not_a_plan(Some(node.line), found)
}

fn not_a_plan(line: Option<u32>, found: String) -> OutlineError {
    OutlineError::NotAPlan { line, found, expected: EXPECTED.to_owned() }
}

/// A file that some other program keeps its data in, and the members that give it away.
struct Kind {
    name: &'static str,
    members: &'static [&'static str],
}

const KINDS: [Kind; 17] = [
    Kind { name: "an OpenAPI document", members: &["openapi", "paths"] },
    Kind { name: "a Swagger document", members: &["swagger", "paths"] },
    Kind { name: "a lock file of npm", members: &["lockfileVersion"] },
    Kind { name: "a TypeScript configuration", members: &["compilerOptions"] },
    Kind { name: "a Jupyter notebook", members: &["cells", "nbformat"] },
    Kind { name: "a Trello board", members: &["cards", "lists"] },
    Kind { name: "a chain; give it to the chain commands", members: &["name", "steps"] },
    Kind { name: "a chat export", members: &["mapping", "title"] },
    Kind { name: "a chat export", members: &["chat_messages"] },
    Kind { name: "a chat or a request to a model", members: &["messages"] },
    Kind { name: "a Postman collection", members: &["info", "item"] },
    Kind { name: "a HAR log of a browser", members: &["log"] },
    Kind { name: "a JSON Schema", members: &["$schema", "properties"] },
    Kind { name: "a package.json", members: &["name", "scripts"] },
    Kind { name: "a package.json", members: &["name", "version", "dependencies"] },
    Kind { name: "a package.json", members: &["name", "version", "devDependencies"] },
    Kind { name: "a task list of an editor (VS Code's tasks.json)", members: &["version", "tasks"] },
];

/// What an object without tasks is, if it is something well known.
pub(super) fn known_kind(root: &Node) -> Option<&'static str> {
    if let Some(kind) = root.member("type").and_then(Node::text)
        && ["FeatureCollection", "Feature", "GeometryCollection"].contains(&kind)
    {
        return Some("GeoJSON");
    }
    let has_all = |kind: &&Kind| kind.members.iter().all(|member| root.member(member).is_some());
    KINDS.iter().find(has_all).map(|kind| kind.name)
}

/// What a list without tasks is, judged by its first object.
pub(super) fn known_list(items: &[Node]) -> Option<&'static str> {
    let first = items.iter().find(|item| !item.members().is_empty())?;
    let has = |name: &str| first.member(name).is_some();
    if has("role") && has("content") {
        Some("a chat: a list of messages")
    } else if has("mapping") || has("chat_messages") {
        Some("a chat export")
    } else if has("number") && has("title") && has("html_url") {
        Some("a list of issues")
    } else {
        None
    }
}

/// The members of an object in a sentence, the first few of them.
pub(super) fn described(root: &Node) -> String {
    const MOST: usize = 5;
    match &root.value {
        Json::Object(members) if members.is_empty() => "an empty object".to_owned(),
        Json::Object(members) => {
            let names: Vec<String> = members
                .iter()
                .take(MOST)
                .map(|(name, _)| format!("`{}`", name.chars().take(40).collect::<String>()))
                .collect();
            let more = if members.len() > MOST { ", …" } else { "" };
            format!("an object with {}{more}, and no `tasks` among them", names.join(", "))
        }
        _ => format!("{} and no list of tasks", root.kind()),
    }
}
