//! The command line of Goalwright, and the one place where everything is wired together.
//!
//! - [`config`]: settings from the environment, `goalwright.toml` and defaults,
//! - [`compose`]: from settings to services, kernel and workers, on one screen,
//! - [`lifecycle`]: the runtime, and the signals that end a process,
//! - [`cli`]: the commands,
//! - `client`: the HTTP interface as the client commands speak it,
//! - `terminal`: what people see.

pub mod cli;
mod client;
pub mod compose;
pub mod config;
pub mod failure;
pub mod lifecycle;
pub mod logging;
mod terminal;
