//! Which problems an operation may answer with, and which headers it takes, follows from its shape.

use goalwright_application::idempotency::KEY_LIMIT;
use poem_openapi::registry::Registry;
use poem_openapi::types::Type;
use serde_json::{Value, json};

use crate::auth::WORKSPACE;
use crate::problem::{self, PROBLEM_JSON, ProblemBody};
use crate::replay::IDEMPOTENCY_KEY;
use crate::tag::IF_MATCH;

/// The problems that are documented: status, name, description, and the code and detail of an example.
const PROBLEMS: [(&str, &str, &str, &str, &str); 14] = [
    (
        "400",
        "UnreadableBody",
        "The body is no JSON.",
        "unreadable_body",
        "the body is no JSON: EOF while parsing an object at line 1 column 1",
    ),
    (
        "401",
        "Unauthenticated",
        "Credentials are missing or invalid.",
        "unauthenticated",
        "send one header `Authorization: Bearer <token>`",
    ),
    (
        "403",
        "Forbidden",
        "The caller is no member of the workspace, or the API key lacks the scope `x-scope`.",
        "forbidden",
        "you are not a member of this workspace",
    ),
    (
        "404",
        "NotFound",
        "There is no such thing in this workspace.",
        "not_found",
        "there is no such thing in this workspace",
    ),
    (
        "408",
        "RequestTimeout",
        "The body did not arrive in time.",
        "request_timeout",
        "the body did not arrive within 30 s; send the request again",
    ),
    (
        "409",
        "Conflict",
        "The state does not allow this, or somebody else was faster.",
        "task_leased",
        "a worker is doing this task right now; wait for it",
    ),
    (
        "410",
        "Pruned",
        "The ledger tells no more of that moment.",
        "history_pruned",
        "what was before 2026-08-01T00:00:00.000000Z was pruned; ask for a moment from then on instead of \
         2026-01-01T00:00:00.000000Z",
    ),
    (
        "412",
        "PreconditionFailed",
        "It changed since it was read, or `If-Match` has a tag of something else.",
        "precondition_failed",
        "it changed since it was read; read it again, and send the change with its new `ETag`",
    ),
    (
        "413",
        "PayloadTooLarge",
        "The body is too large.",
        "payload_too_large",
        "the body has more than 6291456 bytes",
    ),
    (
        "415",
        "UnsupportedMediaType",
        "The body is not declared as JSON.",
        "unsupported_media_type",
        "`text/plain` cannot be read; send application/json",
    ),
    (
        "422",
        "Invalid",
        "The input breaks rules; `errors` names all of them.",
        "invalid_input",
        "title: this field is needed",
    ),
    (
        "429",
        "RateLimited",
        "Too much was asked for at once.",
        "rate_limited",
        "too many requests at once; slow down, or raise GOALWRIGHT_RATE_LIMIT",
    ),
    (
        "500",
        "Internal",
        "Something went wrong on our side.",
        "internal",
        "something went wrong on our side; the log has more under the trace id",
    ),
    (
        "503",
        "Unavailable",
        "Something this depends on does not answer.",
        "database_unavailable",
        "the database does not answer; try again in a moment",
    ),
];

/// Adds the one schema of errors, and an answer for each problem.
pub(super) fn describe(document: &mut Value) {
    let mut problems = Registry::new();
    ProblemBody::register(&mut problems);
    for (name, schema) in &problems.schemas {
        document["components"]["schemas"][name] = json!(schema);
    }
    for (status, name, description, code, detail) in PROBLEMS {
        document["components"]["responses"][name] = json!({
            "description": description,
            "content": {PROBLEM_JSON: {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "example": example(status, code, detail),
            }},
        });
    }
}

fn example(status: &str, code: &'static str, detail: &str) -> Value {
    let mut example = json!({
        "type": format!("urn:goalwright:problem:{code}"),
        "title": problem::title(code),
        "status": status.parse::<u16>().unwrap_or_default(),
        "detail": detail,
        "code": code,
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
    });
    if code == "invalid_input" {
        example["errors"] = json!([{"path": "title", "code": "required", "message": "this field is needed"}]);
    }
    example
}

/// Adds to an operation the headers that every one of its kind takes, and its problems. `names_a_thing` is whether
/// its body may hold an id.
pub(super) fn complete(method: &str, operation: &mut Value, names_a_thing: bool) {
    let has = |place: &str| {
        operation["parameters"].as_array().is_some_and(|all| all.iter().any(|one| one["in"] == place))
    };
    let in_query = |fits: &dyn Fn(&str) -> bool| {
        let query =
            operation["parameters"].as_array().into_iter().flatten().filter(|one| one["in"] == "query");
        query.filter_map(|one| one["name"].as_str()).any(fits)
    };
    // A list of what belongs to something that is not there is empty; anything else needs it.
    let names_a_thing =
        names_a_thing || (in_query(&|name| name.ends_with("_id")) && !in_query(&|name| name == "cursor"));
    let secured = operation.get("security").is_some();
    let changes = matches!(method, "put" | "patch" | "delete");
    let reads = operation.get("requestBody").is_some();
    let shape = [
        ("400", reads),
        ("401", secured),
        ("403", secured),
        ("404", has("path") || names_a_thing),
        ("408", reads),
        ("409", reads || changes),
        ("410", in_query(&|name| name == "as_of")),
        ("412", changes),
        ("413", reads),
        ("415", reads),
        // Parameters that an operation does not have are refused everywhere.
        ("422", true),
        ("429", secured),
        ("500", true),
        ("503", true),
    ];
    for (status, _) in shape.into_iter().filter(|(_, holds)| *holds) {
        if let Some((_, name, ..)) = PROBLEMS.iter().find(|(known, ..)| *known == status) {
            operation["responses"][status] = json!({"$ref": format!("#/components/responses/{name}")});
        }
    }
    if !secured {
        // Said aloud: left out, it could have been forgotten.
        operation["security"] = json!([]);
        return;
    }
    let id = operation["operationId"].as_str().unwrap_or_default();
    let creates =
        method == "post" && (operation["responses"].get("201").is_some() || id.starts_with("run_task"));
    let taken = [(true, WORKSPACE_HEADER), (changes, IF_MATCH_HEADER), (creates, KEY_HEADER)];
    let headers = taken.into_iter().filter(|(takes, _)| *takes).map(|(_, header)| header());
    let mut parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
    parameters.extend(headers);
    operation["parameters"] = json!(parameters);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_is_of_a_code_that_has_this_status() {
        for (status, name, _, code, detail) in PROBLEMS {
            let example = example(status, code, detail);
            assert_eq!(problem::status(code), status.parse().ok(), "{name}");
            assert_ne!(example["title"], "", "{name}");
        }
    }
}
