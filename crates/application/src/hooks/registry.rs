use std::sync::Arc;

use super::{Hook, Lessons, Notes};
use crate::execution::KernelPorts;

/// The names of all hooks there are.
pub const HOOKS: [&str; 2] = [Notes::NAME, Lessons::NAME];

/// The hooks with these names, over these ports.
pub fn registered(names: &[String], ports: &KernelPorts) -> Vec<Arc<dyn Hook>> {
    let notes: Arc<dyn Hook> = Arc::new(Notes::new(ports.queries.clone(), ports.clock.clone()));
    let lessons: Arc<dyn Hook> = Arc::new(Lessons::new(ports));
    [notes, lessons].into_iter().filter(|hook| names.iter().any(|name| name == hook.name())).collect()
}
