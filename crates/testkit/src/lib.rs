//! What tests are made of: a clock that is moved by hand, ids in order, a fresh database per test on either backend,
//! tools that count their calls, a model that answers what it is told to, and the product wired over all of it. And
//! waiting, with an end, for what nobody announces.
//!
//! ```no_run
//! # async fn example() {
//! use goalwright_testkit::{Backend, TestApp};
//!
//! let Some(app) = TestApp::start(Backend::Sqlite).await else { return };
//! let goal = app.import("# Plan\n\n- [ ] T001 Say the time\n  use: time.now\n").await;
//! app.drain().await;
//! assert_eq!(app.progress(goal).await.percentage, 100.0);
//! # }
//! ```

mod app;
mod database;
mod drafts;
mod probe;
mod script;
mod time;
mod until;

pub use app::TestApp;
pub use database::{Backend, TestDatabase, audit_key, database_settings};
pub use drafts::draft_agent;
pub use probe::ProbeTools;
pub use script::{ScriptedModel, scripted_reply};
pub use time::{FakeClock, SequentialIds};
pub use until::until;
