//! Questions about who waits for whom, over (number of nodes, edges).
//!
//! An edge `(a, b)` says that `a` waits for `b`. Nothing here recurses, so the length of a chain is
//! bounded by memory and not by the stack. Edges that name a node outside `0..nodes` are ignored.

mod adjacency;
mod cycles;
mod growing;
mod order;

use adjacency::Adjacency;
pub use cycles::{components, find_cycles};
pub use growing::{GrowingGraph, Insertion};
pub use order::topological_order;
