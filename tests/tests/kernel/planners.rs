//! Models that plan: what they are asked for, what they answer, and what happens meanwhile.

use std::time::Duration;

use goalwright_application::planning::{DecomposeRequest, Planner};
use goalwright_domain::goal::{DraftGoal, GoalId};
use goalwright_testkit::TestApp;
use serde_json::{Value, json};

/// Between two attempts at a model nobody waits for longer; an attempt itself may take longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// A model is asked.
pub(crate) fn by_model() -> DecomposeRequest {
    DecomposeRequest { planner: Planner::Llm, ..DecomposeRequest::default() }
}

/// A task as a model answers it.
pub(crate) fn task(key: &str, title: &str, depends_on: &[&str]) -> Value {
    json!({
        "key": key, "title": title, "description": "", "task_type": "general", "estimate_minutes": 30, "complexity": 3,
        "complexity_reason": "nothing special", "labels": [], "parallel": false, "depends_on": depends_on, "use": null,
    })
}

/// A goal without tasks.
pub(crate) async fn goal(app: &TestApp) -> GoalId {
    let draft = DraftGoal { title: "Bread".into(), description: "Two loaves".into(), ..DraftGoal::default() };
    app.services.goals.create(&app.ada, draft).await.expect("made").state.id
}

/// What comes of a question to a model that fails at first, if this happens before it is asked again.
pub(crate) fn meanwhile<T>(
    app: &TestApp,
    asked: impl Future<Output = T>,
    happens: impl Future<Output = ()>,
) -> impl Future<Output = T> {
    let (asked, happens) = (Box::pin(asked), Box::pin(happens));
    let meanwhile = async move {
        let mut pause = app.clock.next_sleep().await;
        while pause > LONGEST_PAUSE {
            pause = app.clock.next_sleep().await;
        }
        happens.await;
        app.clock.advance(pause);
    };
    async move { tokio::join!(asked, meanwhile).0 }
}
