//! The language of templates and conditions: text with holes such as `{T001.files}`.
//!
//! [`resolve`] fills the holes of a JSON value from a [`Scope`]; [`inspect()`] says without any
//! values what the holes refer to; [`evaluate`] computes a bare expression, as conditions are.
//!
//! # Rules
//!
//! - A hole starts with `{`, optional blanks and a letter or underscore, and ends at the matching
//!   `}` outside quotes and nested braces. `{{` and `}}` are literal braces, except that a `}}`
//!   which closes two single braces of the text is left alone, so that JSON stays JSON.
//! - A hole that is no valid expression stays text; an expression with an unknown root is an
//!   error, and so is an undefined value without `default`.
//! - A string that is exactly one hole takes the type of its value. Inside text, strings appear as
//!   they are and everything else as compact JSON.
//! - Expressions are minijinja's, with its filters, less what lets memory grow without bound:
//!   `range` and the other functions, `chain`, `slice`, `zip`, `pprint`, and `*` on strings and
//!   lists. `join`, `replace`, `indent`, `format`, `batch`, `split` and their like count what they
//!   build against [`Limits::max_output_bytes`]. `tojson` writes plain JSON, without HTML escapes.
//! - Two filters are our own: `table(columns=['path', 'words'], headers=['File', 'Words'])` renders
//!   a list of objects as a Markdown table, `bullets` a list as a Markdown list.
//! - Numbers stay what they are: integers integers, and `4 / 2` is `2.0`, as in Python.

mod analysis;
mod convert;
mod engine;
mod error;
mod filters;
mod inspect;
mod lexer;
mod markdown;
mod resolve;
mod scan;
mod scope;

#[cfg(test)]
mod tests;

pub use error::TemplateError;
pub use inspect::{Hole, Inspection, Reference, Warning, inspect, inspect_at};
pub use resolve::{evaluate, resolve, resolve_at};
pub use scan::escape;
pub use scope::{Scope, is_name};

/// What a resolution may cost. A template is written by a person or a model, so none of these is
/// a matter of trust.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of text in the value that is resolved, over all its strings and keys.
    pub max_input_bytes: usize,
    /// Bytes of the resolved value, and of everything filters build on the way to it.
    pub max_output_bytes: usize,
    /// Instructions of the expression engine, for each hole.
    pub fuel: u64,
    /// How deep objects and lists may nest, in what is resolved and in what comes out.
    pub max_depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_input_bytes: 1024 * 1024, max_output_bytes: 8 * 1024 * 1024, fuel: 100_000, max_depth: 64 }
    }
}
