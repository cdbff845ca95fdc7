//! Goals that models break down: what is asked, what goes back, what is written, what it costs.

mod answers;
mod costs;
mod proposals;
mod requests;

use goalwright_application::Error;
use goalwright_application::planning::{DecomposeRequest, Decomposition};
use goalwright_application::usage::UsageBy;
use goalwright_domain::goal::GoalId;
use goalwright_testkit::TestApp;
use serde_json::{Value, json};

use crate::planners::task;

fn bread() -> Value {
    json!({"tasks": [task("T001", "Knead", &[]), task("T002", "Bake", &["T001"]), task("T003", "Eat", &["T002"])]})
}

async fn decompose(app: &TestApp, id: GoalId, request: &DecomposeRequest) -> Result<Decomposition, Error> {
    app.services.planning.decompose(&app.ada, id, request).await
}

/// Calls and tokens of the workspace until now.
async fn spent(app: &TestApp) -> (u64, u64) {
    let figures = app.services.usage.usage(&app.ada, UsageBy::Model, None, None).await.expect("sums");
    figures
        .rows
        .iter()
        .fold((0, 0), |(calls, tokens), row| (calls + row.calls, tokens + row.usage.cost_tokens()))
}
