//! Tasks that are broken further down.

mod parts;
mod proposals;
mod races;
mod refusals;

use goalwright_application::Error;
use goalwright_application::planning::{DecomposeRequest, Decomposition};
use goalwright_domain::goal::GoalId;
use goalwright_domain::task::TaskId;
use goalwright_testkit::TestApp;

const PLAN: &str = "# Bread\n\n- [ ] T001 Knead\n  use: time.now\n- [ ] T002 Bake (depends on T001)\n  use: time.now\n\
                    - [ ] T003 Eat (depends on T002)\n  use: time.now\n";
const PARTS: &str = "- [ ] Heat the oven\n  use: time.now\n- [ ] Put it in\n  use: time.now\n";

fn outline(text: &str) -> DecomposeRequest {
    DecomposeRequest { outline: text.to_owned(), ..DecomposeRequest::default() }
}

async fn expand(app: &TestApp, id: TaskId, request: &DecomposeRequest) -> Result<Decomposition, Error> {
    app.services.planning.expand(&app.ada, id, request).await
}

async fn find(app: &TestApp, goal: GoalId, key: &str) -> TaskId {
    app.task(goal, key).await.state.id
}

/// The keys of what it waits for.
async fn waits(app: &TestApp, goal: GoalId, key: &str) -> Vec<String> {
    let tasks = app.tasks(goal).await;
    let of = tasks.iter().find(|task| task.state.key.as_deref() == Some(key)).expect("it is there");
    let name = |id: TaskId| tasks.iter().find(|task| task.state.id == id)?.state.key.clone();
    let mut names: Vec<String> = of.depends_on.iter().filter_map(|edge| name(edge.task_id)).collect();
    names.sort_unstable();
    names
}

async fn count(app: &TestApp, table: &str) -> i64 {
    app.db.number(&format!("SELECT COUNT(*) FROM {table}")).await
}
