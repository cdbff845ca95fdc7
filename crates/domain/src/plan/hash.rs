//! The identity of a plan.

use super::Plan;
use crate::canonical;

/// `sha256:` and 64 hex digits over the plan's canonical JSON.
///
/// Equal plans have equal hashes, whatever order `serde_json` keeps members in; any other title,
/// edge, flag or line gives another hash. Numbers in parameters count by value: `1.0` is `1`.
pub fn plan_hash(plan: &Plan) -> String {
    let value = serde_json::to_value(plan).expect("a plan has only string keys and finite numbers");
    canonical::digest(&value)
}
