//! Which scope an API key needs for an operation: told by the scheme that the operation was declared with.

use serde_json::{Value, json};

use crate::auth::SCHEME;

/// Where an operation names the scope that an API key needs.
const FIELD: &str = "x-scope";

/// Names the scope in its own field and in words; what remains is the one scheme that there is.
pub(super) fn tell(operation: &mut Value) {
    let declared = operation["security"][0].as_object().and_then(|schemes| schemes.keys().next());
    let scope = declared.and_then(|scheme| scheme.split_once(':')).map(|(_, scope)| scope.to_owned());
    let Some(scope) = scope else { return };
    operation["security"] = json!([{SCHEME: []}]);
    let description = operation["description"].as_str().unwrap_or_default();
    operation["description"] = json!(format!("{description}\n\nAn API key needs the scope `{scope}`."));
    operation[FIELD] = json!(scope);
}
