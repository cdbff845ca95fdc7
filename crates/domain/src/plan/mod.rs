//! Plans: what a planner proposes before anything is written.
//!
//! A [`Plan`] is a list of tasks and a list of dependencies between their indices. It comes from a
//! model or from a file ([`read_plan`]), is checked as a whole ([`validate()`]), is identified by its
//! content ([`plan_hash`]), and can be written to a file again ([`write_plan`]). Everything here is pure: text and values in, values out.

pub mod answer;
mod export;
mod finding;
pub mod graph;
mod hash;
mod model;
pub mod outline;
mod read;
mod shape;
mod taskmaster;
mod update;
pub mod validate;

pub use export::write_plan;
pub use finding::{Finding, Severity};
pub use hash::plan_hash;
pub use model::{
    Limits, Origin, Plan, PlannedAction, PlannedDependency, PlannedGoal, PlannedTask, PlannedWork,
    TITLE_MAX_CHARS,
};
pub use outline::{Outline, OutlineError, read_outline};
pub use read::{Format, read_plan};
pub use shape::{Shape, shape};
pub use update::{
    Changed, Changes, FieldChange, PresentGoal, PresentTask, TaskDependencies, TaskRef, basis,
    basis_of_addition, basis_of_expansion, compare, expand, inherit, name_parts, plan_of, refuse_expansion,
    refuse_made_up_references, refuse_too_many_edges,
};
pub use validate::{Problem, validate};

#[cfg(test)]
mod tests;
