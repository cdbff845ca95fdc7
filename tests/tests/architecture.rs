//! The rules of the house, as tests: who may depend on whom, and what must not appear in the tree.
//!
//! The layers are a table in `docs/architecture.md`. Each rule is a function from text to violations, tested on a
//! sample that violates it, so that a rule which has gone blind is noticed.

#[path = "architecture/calls.rs"]
mod calls;
#[path = "architecture/documents.rs"]
mod documents;
#[path = "architecture/layers.rs"]
mod layers;
#[path = "architecture/paths.rs"]
mod paths;
#[path = "architecture/source.rs"]
mod source;
#[path = "architecture/tree.rs"]
mod tree;
