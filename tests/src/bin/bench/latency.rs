//! How long one task takes on a system with nothing else to do.

use std::time::{Duration, Instant};

use anyhow::ensure;
use goalwright_application::tasks::NewTask;
use goalwright_domain::execution::Action;
use goalwright_domain::task::{DraftTask, TaskStatus};
use goalwright_infrastructure::worker::{SequencerLoop, Workers};
use serde_json::json;

use crate::place::Place;
use crate::product::Product;
use crate::report::{Figure, Report};

/// So many tasks, one after the other; the first ones are not counted.
const TASKS: usize = 500;
const WARM_UP: usize = 20;
/// Nobody signals to another process; whoever waits here looks again after this time.
const LOOK: Duration = Duration::from_millis(2);

pub(crate) async fn measure(place: &Place, report: &mut Report) -> anyhow::Result<()> {
    let product = Product::open(place).await?;
    let signals = product.ports.signals.clone();
    let sequencer =
        SequencerLoop::start(product.database.sequencer(), product.database.ledger(), signals.clone());
    let workers = Workers::start(product.kernel.clone(), signals, 16);
    let mut times = Vec::with_capacity(TASKS);
    for number in 0..TASKS + WARM_UP {
        times.push(one(&product, number).await?);
        // An idle system: the loops have gone to sleep again.
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
    workers.stop(Duration::from_secs(5)).await;
    sequencer.stop().await;
    product.close().await;
    let mut times = times.split_off(WARM_UP);
    times.sort_unstable();
    for (name, part) in [("median", 0.5), ("99th percentile", 0.99)] {
        let at = times[((times.len() - 1) as f64 * part) as usize];
        let what = format!("one task, from its request until it is seen to be completed, {name} of {TASKS}");
        report.figure(Figure::new(place, &what, at.as_secs_f64() * 1_000.0, "ms"));
    }
    Ok(())
}

async fn one(product: &Product, number: usize) -> anyhow::Result<Duration> {
    let action = Action::Tool { tool: "time".to_owned(), operation: "now".to_owned(), parameters: json!({}) };
    let draft = DraftTask {
        title: format!("Tell the time, call {number}"),
        action: Some(action),
        ..DraftTask::default()
    };
    let started = Instant::now();
    let task =
        product.services.tasks.create(&product.context, NewTask { draft, ..NewTask::default() }).await?;
    loop {
        let seen = product.ports.signals.work_seen();
        let now = product.services.tasks.get(&product.context, task.state.id).await?;
        if now.state.status == TaskStatus::Completed {
            return Ok(started.elapsed());
        }
        ensure!(started.elapsed() < Duration::from_secs(10), "task {number} is {:?}", now.state.status);
        product.ports.signals.until_work_changes(seen, LOOK).await;
    }
}
