//! The OpenAPI document: what the operations say about themselves, and what follows from their shape.
//!
//! Which problems an operation may answer with depends on what it takes: credentials, a body, an id in its path. So
//! the document says it here once, and an operation cannot forget one.

use std::marker::PhantomData;
use std::sync::LazyLock;

use goalwright_application::idempotency::KEY_LIMIT;
use poem::endpoint::{BoxEndpoint, make_sync};
use poem::http::Method;
use poem::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use poem::{Response, RouteMethod, get};
use poem_openapi::registry::{MetaApi, MetaPath, Registry};
use poem_openapi::types::Type;
use poem_openapi::{OpenApi, OpenApiService, Tags};
use serde_json::{Map, Value, json};

use crate::answer::JSON;
use crate::auth::WORKSPACE;
use crate::problem::{PROBLEM_JSON, ProblemBody};
use crate::replay::IDEMPOTENCY_KEY;
use crate::tag::IF_MATCH;

/// What the document calls the interface.
pub(crate) const TITLE: &str = "Goalwright";
/// The version of the product.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

const DESCRIPTION: &str = "Goals become task graphs, agents do the work, and every execution leaves its record. \
    Times are RFC 3339 in UTC, ids are UUIDs, names are snake_case. Lists are keyset-paged, newest first. Every \
    error is a Problem; programs look at its `code`.";

/// The chapters of the document.
#[derive(Tags)]
pub(crate) enum Chapter {
    /// Goals, the plans they come from, and how far they are.
    Goals,
    /// Tasks: add, read, run, complete.
    Tasks,
    /// Who performs tasks.
    Agents,
    /// The audit record of what was done.
    Experiences,
    /// Everything that changed, in order.
    Events,
    /// Whether the service is alive and ready; needs no credentials.
    Health,
}

/// The problems that are documented, by status.
const PROBLEMS: [(&str, &str, &str); 13] = [
    ("400", "UnreadableBody", "The body is no JSON."),
    ("401", "Unauthenticated", "Credentials are missing or invalid."),
    ("403", "Forbidden", "The caller is no member of the workspace."),
    ("404", "NotFound", "There is no such thing in this workspace."),
    ("408", "RequestTimeout", "The body did not arrive in time."),
    ("409", "Conflict", "The state does not allow this, or somebody else was faster."),
    ("412", "PreconditionFailed", "It changed since it was read, or `If-Match` has a tag of something else."),
    ("413", "PayloadTooLarge", "The body is too large."),
    ("415", "UnsupportedMediaType", "The body is not declared as JSON."),
    ("422", "Invalid", "The input breaks rules; `errors` names all of them."),
    ("429", "RateLimited", "Too much was asked for at once."),
    ("500", "Internal", "Something went wrong on our side."),
    ("503", "Unavailable", "Something this depends on does not answer."),
];

static TEXT: LazyLock<String> = LazyLock::new(|| {
    let mut text = serde_json::to_string_pretty(&sorted(document())).unwrap_or_default();
    text.push('\n');
    text
});

/// The document as it is served and checked in.
pub(crate) fn text() -> String {
    TEXT.clone()
}

/// Serves the document.
pub(crate) fn endpoint() -> RouteMethod {
    get(make_sync(|_| {
        let document: &'static str = &TEXT;
        Response::builder().header(CONTENT_TYPE, JSON).header(CACHE_CONTROL, "no-cache").body(document)
    }))
}

/// Describes operations without having them.
struct Described<T>(PhantomData<fn() -> T>);

impl<T: OpenApi> OpenApi for Described<T> {
    /// One block, so that operations of several blocks that share a path stand side by side.
    fn meta() -> Vec<MetaApi> {
        let mut paths: Vec<MetaPath> = Vec::new();
        for path in T::meta().into_iter().flat_map(|api| api.paths) {
            match paths.iter_mut().find(|known| known.path == path.path) {
                Some(known) => known.operations.extend(path.operations),
                None => paths.push(path),
            }
        }
        vec![MetaApi { paths }]
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn add_routes(self, _table: &mut RouteTable) {}
}

type RouteTable = std::collections::HashMap<String, std::collections::HashMap<Method, BoxEndpoint<'static>>>;

fn document() -> Value {
    let operations = Described::<crate::Operations>(PhantomData);
    let service = OpenApiService::new(operations, TITLE, VERSION).description(DESCRIPTION).server("/");
    let mut document: Value = serde_json::from_str(&service.spec()).unwrap_or_default();
    document["openapi"] = json!("3.0.3");
    let mut problems = Registry::new();
    ProblemBody::register(&mut problems);
    for (name, schema) in &problems.schemas {
        document["components"]["schemas"][name] = json!(schema);
    }
    for (_, name, description) in PROBLEMS {
        document["components"]["responses"][name] = json!({
            "description": description,
            "content": {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        });
    }
    let mut read = Vec::new();
    for (method, operation) in fields(&mut document["paths"]).flat_map(named_fields) {
        if let Some(body) = operation.pointer("/requestBody/content/application~1json/schema/$ref") {
            read.extend(body.as_str().map(str::to_owned));
        }
        complete(method, operation);
    }
    while let Some(reference) = read.pop() {
        if let Some(schema) = document.pointer_mut(reference.trim_start_matches('#')) {
            read.extend(close(schema));
        }
    }
    document
}

/// Adds the headers that every operation of its kind takes, and the problems.
fn complete(method: &str, operation: &mut Value) {
    let has = |place: &str| {
        operation["parameters"].as_array().is_some_and(|all| all.iter().any(|one| one["in"] == place))
    };
    let secured = operation.get("security").is_some();
    let changes = matches!(method, "put" | "patch" | "delete");
    let shape = [
        ("400", operation.get("requestBody").is_some()),
        ("401", secured),
        ("403", secured),
        ("404", has("path")),
        ("408", operation.get("requestBody").is_some()),
        ("409", operation.get("requestBody").is_some() || changes),
        ("412", changes),
        ("413", operation.get("requestBody").is_some()),
        ("415", operation.get("requestBody").is_some()),
        ("422", operation.get("requestBody").is_some() || has("query")),
        ("429", secured),
        ("500", true),
        ("503", true),
    ];
    for (status, _) in shape.into_iter().filter(|(_, holds)| *holds) {
        if let Some((_, name, _)) = PROBLEMS.iter().find(|(known, ..)| *known == status) {
            operation["responses"][status] = json!({"$ref": format!("#/components/responses/{name}")});
        }
    }
    if secured {
        let creates = method == "post" && operation["responses"].get("201").is_some();
        let taken = [(true, WORKSPACE_HEADER), (changes, IF_MATCH_HEADER), (creates, KEY_HEADER)];
        let headers = taken.into_iter().filter(|(takes, _)| *takes).map(|(_, header)| header());
        let mut parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        parameters.extend(headers);
        operation["parameters"] = json!(parameters);
    }
}

const WORKSPACE_HEADER: fn() -> Value = || {
    header(
        WORKSPACE,
        json!({"type": "string", "format": "uuid"}),
        "Another workspace that the caller is a member of; their own without it.",
    )
};

const IF_MATCH_HEADER: fn() -> Value = || {
    header(
        IF_MATCH,
        json!({"type": "string", "maxLength": 1000}),
        "The `ETag` that was read; if it changed since, the request is refused with 412. Without it, whatever it is by \
         now is changed.",
    )
};

const KEY_HEADER: fn() -> Value = || {
    header(
        IDEMPOTENCY_KEY,
        json!({"type": "string", "minLength": 1, "maxLength": KEY_LIMIT, "pattern": "^[ -~]+$"}),
        "Makes a repetition safe: for 24 hours the same key and body give the same answer, with \
         `Idempotency-Replayed: true`, and nothing is made twice.",
    )
};

fn header(name: &str, schema: Value, description: &str) -> Value {
    json!({"name": name, "in": "header", "required": false, "schema": schema, "description": description})
}

/// A body that is read has no unknown fields, and null in a field that may be missing is the same as missing. Gives
/// the schemas that it refers to.
fn close(schema: &mut Value) -> Vec<String> {
    if schema.get("additionalProperties").is_some() {
        return Vec::new();
    }
    schema["additionalProperties"] = json!(false);
    let required: Vec<Value> = schema["required"].as_array().cloned().unwrap_or_default();
    let mut references = Vec::new();
    let properties = schema["properties"].as_object_mut();
    for (name, property) in properties.into_iter().flatten() {
        let reference =
            property.pointer("/$ref").or(property.pointer("/allOf/0/$ref")).and_then(Value::as_str);
        references.extend(reference.map(str::to_owned));
        if required.iter().any(|one| one == name.as_str()) {
            continue;
        }
        if let Some(reference) = property.get("$ref").cloned() {
            *property = json!({"type": "object", "allOf": [{"$ref": reference}]});
        } else if let Some(first) = property.pointer("/allOf/0").cloned() {
            // The framework repeats the description in a second part, which says nothing.
            property["allOf"] = json!([first]);
            property["type"] = json!("object");
        }
        if property.get("type").is_some() {
            property["nullable"] = json!(true);
        }
        if let Some(words) = property.get_mut("enum").and_then(Value::as_array_mut) {
            words.push(Value::Null);
        }
    }
    references
}

fn named_fields(value: &mut Value) -> impl Iterator<Item = (&str, &mut Value)> {
    value.as_object_mut().into_iter().flatten().map(|(name, value)| (name.as_str(), value))
}

fn fields(value: &mut Value) -> impl Iterator<Item = &mut Value> {
    value.as_object_mut().into_iter().flat_map(Map::values_mut)
}

/// The same with sorted keys, whichever way the map of the JSON library keeps them.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(object) => {
            let mut all: Vec<(String, Value)> = object.into_iter().collect();
            all.sort_by(|(one, _), (other, _)| one.cmp(other));
            Value::Object(all.into_iter().map(|(name, value)| (name, sorted(value))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operations() -> Vec<(String, Value)> {
        let mut document: Value = serde_json::from_str(&text()).expect("JSON");
        let mut all = Vec::new();
        for (path, methods) in document["paths"].as_object_mut().expect("paths") {
            for (method, operation) in methods.as_object_mut().expect("methods") {
                all.push((format!("{method} {path}"), operation.take()));
            }
        }
        all
    }

    #[test]
    fn every_operation_says_what_it_is_and_how_it_fails() {
        let operations = operations();
        assert!(operations.len() >= 20, "{}", operations.len());
        let mut ids = std::collections::HashSet::new();
        for (name, operation) in operations {
            let open = name.ends_with("/livez") || name.ends_with("/readyz");
            let id = operation["operationId"].as_str().unwrap_or_default().to_owned();
            assert!(!id.is_empty() && ids.insert(id), "{name}: operationId");
            for text in ["summary", "description"] {
                assert!(operation[text].as_str().is_some_and(|text| text.len() > 5), "{name}: {text}");
            }
            assert!(operation["tags"][0].is_string(), "{name}: tag");
            assert_eq!(operation["security"][0]["bearer"].is_array(), !open, "{name}: security");
            let problems: &[&str] = if open { &["500", "503"] } else { &["401", "403", "500", "503"] };
            for status in problems {
                assert!(operation["responses"][status]["$ref"].is_string(), "{name}: {status}");
            }
            if name.contains('{') {
                assert!(operation["responses"]["404"].is_object(), "{name}: 404");
            }
        }
    }

    #[test]
    fn there_is_one_schema_of_errors_and_bodies_are_closed() {
        let document: Value = serde_json::from_str(&text()).expect("JSON");
        let schemas = &document["components"]["schemas"];
        assert_eq!(schemas["Problem"]["required"].as_array().map(Vec::len), Some(6));
        assert_eq!(schemas["NewTask"]["additionalProperties"], false);
        assert_eq!(schemas["Action"]["additionalProperties"], false);
        assert_eq!(schemas["NewTask"]["properties"]["goal_id"]["nullable"], true);
        assert_eq!(schemas["NewTask"]["properties"]["title"]["nullable"], Value::Null);
        assert!(schemas["Goal"].get("additionalProperties").is_none());
    }

    #[test]
    fn the_text_is_the_same_each_time() {
        assert_eq!(*TEXT, text());
        assert!(text().ends_with("}\n"));
        assert!(
            !text().contains("http://") && !text().contains("https://"),
            "nothing is loaded from elsewhere"
        );
    }
}
