//! The identity of a plan.

use std::fmt::Write as _;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::Plan;

/// `sha256:` and 64 hex digits over the plan's canonical JSON.
///
/// Two plans have the same hash exactly if they are equal. Keys are sorted here and not left to
/// `serde_json`, whose order depends on a feature that any crate of the build may switch on.
pub fn plan_hash(plan: &Plan) -> String {
    let value = serde_json::to_value(plan).expect("a plan has only string keys and finite numbers");
    let mut canonical = String::new();
    write_canonical(&value, &mut canonical);
    let mut hash = String::from("sha256:");
    for byte in Sha256::digest(canonical.as_bytes()) {
        write!(hash, "{byte:02x}").expect("writing to a string cannot fail");
    }
    hash
}

/// Writes JSON without blanks, the members of every object sorted by the bytes of their names.
fn write_canonical(value: &Value, out: &mut String) {
    match value {
        Value::Object(members) => {
            let mut names: Vec<&String> = members.keys().collect();
            names.sort_unstable();
            out.push('{');
            for (position, name) in names.into_iter().enumerate() {
                if position > 0 {
                    out.push(',');
                }
                out.push_str(&Value::from(name.as_str()).to_string());
                out.push(':');
                write_canonical(&members[name], out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (position, item) in items.iter().enumerate() {
                if position > 0 {
                    out.push(',');
                }
                write_canonical(item, out);
            }
            out.push(']');
        }
        scalar => out.push_str(&scalar.to_string()),
    }
}
