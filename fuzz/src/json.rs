//! JSON: its canonical text, and plans that come as JSON.

use goalwright_domain::plan::{Limits, Plan, plan_hash, validate};
use goalwright_domain::{canonical, plan::Problem};
use serde_json::Value;

use crate::{cost, is_code};

/// Reads the text as JSON, and the JSON as a plan.
///
/// # Panics
/// If a law is broken.
pub fn check(text: &str) {
    let Ok(value) = serde_json::from_str::<Value>(text) else { return };
    let canonical = cost::bounded(text.len(), || canonical::to_string(&value));
    let again: Value = serde_json::from_str(&canonical).expect("the canonical text is JSON");
    assert_eq!(canonical::to_string(&again), canonical, "the canonical text is its own canonical text");
    assert_eq!(canonical::digest(&again), canonical::digest(&value), "and so is its digest");
    if let Ok(plan) = serde_json::from_value::<Plan>(value) {
        check_plan(text.len(), &plan);
    }
}

fn check_plan(bytes: usize, plan: &Plan) {
    let checked = cost::bounded(bytes, || validate(plan, &Limits::IMPORT));
    assert_eq!(checked, validate(plan, &Limits::IMPORT), "the same plan is judged in the same way");
    let json = serde_json::to_value(plan).expect("a plan is JSON");
    let again: Plan = serde_json::from_value(json.clone()).expect("the JSON of a plan is a plan");
    assert_eq!(serde_json::to_value(&again).ok(), Some(json), "a plan that was stored is the same plan");
    assert_eq!(plan_hash(&again), plan_hash(plan));
    match checked {
        Ok(()) => {
            let count = plan.tasks.len();
            let inside = |index: usize| index < count;
            assert!(plan.dependencies.iter().all(|edge| inside(edge.from_index) && inside(edge.to_index)));
            assert!(plan.tasks.iter().all(|task| !task.title.trim().is_empty()));
        }
        Err(problems) => {
            assert!(!problems.is_empty(), "a plan is refused for a reason");
            for Problem { path, code, message, .. } in &problems {
                assert!(is_code(code) && !message.is_empty(), "{problems:?}");
                assert!(path.starts_with("tasks") || path.starts_with("dependencies"), "{problems:?}");
            }
        }
    }
}
