//! The OpenAPI document: what the operations say about themselves, and what follows from their shape.
//!
//! Which problems an operation may answer with depends on what it takes: credentials, a body, an id in its path. So
//! the document says it here once, and an operation cannot forget one.

mod bodies;
mod bounds;
mod examples;
mod links;
mod problems;
mod scopes;

use std::marker::PhantomData;
use std::sync::LazyLock;

use poem::endpoint::{BoxEndpoint, make_sync};
use poem::http::Method;
use poem::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use poem::{Response, RouteMethod, get};
use poem_openapi::registry::{MetaApi, MetaPath, Registry};
use poem_openapi::{ContactObject, LicenseObject, OpenApi, OpenApiService, Tags};
use serde_json::{Map, Value, json};

use crate::answer::JSON;

/// What the document calls the interface.
pub(crate) const TITLE: &str = "Goalwright";
/// The version of the product.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

const LICENSE: &str = env!("CARGO_PKG_LICENSE");
const CONTACT: &str = "The contributors to Goalwright";

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
    /// What agents and services authenticate with.
    ApiKeys,
    /// The audit record of what was done.
    Experiences,
    /// Everything that changed, in order.
    Events,
    /// What models cost, what may be spent, and what they are told.
    Models,
    /// What workspaces have settled for themselves.
    Workspaces,
    /// Whether the service is alive and ready; needs no credentials.
    Health,
}

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
    /// Several blocks of operations may share a path, and the framework would show those of the last block only.
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
    let service = OpenApiService::new(operations, TITLE, VERSION)
        .description(DESCRIPTION)
        .license(LicenseObject::new(LICENSE))
        .contact(ContactObject::new().name(CONTACT))
        .server("/");
    let mut document: Value = serde_json::from_str(&service.spec()).unwrap_or_default();
    document["openapi"] = json!("3.0.3");
    problems::describe(&mut document);
    let mut read = Vec::new();
    let schemas = document["components"]["schemas"].clone();
    for (method, operation) in fields(&mut document["paths"]).flat_map(named_fields) {
        let body = operation.pointer("/requestBody/content/application~1json/schema/$ref");
        let body = body.and_then(Value::as_str).map(str::to_owned);
        let schema = body.as_deref().and_then(|body| body.rsplit('/').next()).map(|name| &schemas[name]);
        scopes::tell(operation);
        problems::complete(method, operation, schema.is_some_and(names_a_thing));
        if let Some(name) = body.as_deref().and_then(|body| body.rsplit('/').next()) {
            examples::show(operation, name);
            // Nothing at all says as much as an object without fields.
            operation["requestBody"]["required"] = json!(schemas[name].get("required").is_some());
        }
        read.extend(body);
    }
    bodies::join_descriptions(&mut document["components"]["schemas"]);
    bodies::close(&mut document, read);
    bounds::describe(&mut document);
    bodies::spell_numbers(&mut document);
    bodies::spell_null(&mut document["components"]["schemas"]);
    links::add(&mut document);
    name_lists(&mut document);
    document
}

/// The framework calls the list of goals `List_Goal`; people who read generated code want `GoalList`.
fn name_lists(document: &mut Value) {
    let renamed = |name: &str| name.strip_prefix("List_").map(|of| format!("{of}List"));
    if let Some(schemas) = document["components"]["schemas"].as_object_mut() {
        *schemas = std::mem::take(schemas)
            .into_iter()
            .map(|(name, mut schema)| match renamed(&name) {
                Some(name) => {
                    schema["title"] = json!(name);
                    (name, schema)
                }
                None => (name, schema),
            })
            .collect();
    }
    each_reference(document, &mut |reference| {
        if let Some((place, name)) = reference.rsplit_once('/')
            && let Some(name) = renamed(name)
        {
            *reference = format!("{place}/{name}");
        }
    });
}

fn each_reference(value: &mut Value, change: &mut impl FnMut(&mut String)) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(reference)) = fields.get_mut("$ref") {
                change(reference);
            }
            fields.values_mut().for_each(|value| each_reference(value, change));
        }
        Value::Array(items) => items.iter_mut().for_each(|value| each_reference(value, change)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Whether a body may hold the id of something, which may not be there.
fn names_a_thing(body: &Value) -> bool {
    body["properties"].as_object().is_some_and(|fields| fields.keys().any(|name| name.ends_with("_id")))
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
        let known = <crate::Operations as OpenApi>::meta();
        let known: usize = known.iter().flat_map(|api| &api.paths).map(|path| path.operations.len()).sum();
        assert_eq!(operations.len(), known, "every operation is there, also where blocks share a path");
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
