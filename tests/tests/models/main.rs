//! Models over the wire: both families of endpoints, played by servers of the test, and the layer that asks again.
//!
//! Time is the test's: attempts time out and pauses pass when the clock is moved, and nothing really waits.

mod anthropic;
mod breaker;
mod errors;
mod forms;
mod openai;
mod patience;
mod raw;
mod sdks;
mod spans;
mod stage;
