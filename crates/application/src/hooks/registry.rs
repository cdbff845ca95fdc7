use std::sync::Arc;

use super::{Hook, Notes};
use crate::execution::KernelPorts;

/// The names of all hooks there are.
pub const HOOKS: [&str; 1] = [Notes::NAME];

/// The hooks with these names, over these ports.
pub fn registered(names: &[String], ports: &KernelPorts) -> Vec<Arc<dyn Hook>> {
    let notes: Arc<dyn Hook> = Arc::new(Notes::new(ports.queries.clone(), ports.clock.clone()));
    [notes].into_iter().filter(|hook| names.iter().any(|name| name == hook.name())).collect()
}
