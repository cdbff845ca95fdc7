//! A goal worked off by the loops that `goalwright serve` runs.

use std::time::{Duration, Instant};

use goalwright_infrastructure::worker::{SequencerLoop, Workers};
use sea_orm::{ConnectionTrait, Statement};

use crate::place::Place;
use crate::plain;
use crate::product::{self, Product};
use crate::report::{Figure, Report};

/// Attempts at once, as many as the settings give where nobody says otherwise.
const CONCURRENCY: usize = 16;
/// How often the goal's counter is looked at.
const LOOK: Duration = Duration::from_millis(10);
/// What is not done by then is not waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// Gives the URL of the database, in which everything is done.
pub(crate) async fn measure(place: &Place, report: &mut Report, tasks: u32) -> anyhow::Result<String> {
    let product = Product::open(place).await?;
    product.import(&product::plan(1, tasks)).await?;
    let watch = plain::connect(&product.url, 1).await?;
    let completed =
        Statement::from_string(watch.get_database_backend(), "SELECT completed FROM goal_progress");

    let started = Instant::now();
    let sequencer = SequencerLoop::start(product.database.sequencer(), product.ports.signals.clone());
    let workers = Workers::start(product.kernel.clone(), product.ports.signals.clone(), CONCURRENCY);
    let (count, took) = loop {
        let row = watch.query_one_raw(completed.clone()).await?;
        let count: i64 = row.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or(0);
        if count >= i64::from(tasks) || started.elapsed() > PATIENCE {
            break (count, started.elapsed());
        }
        tokio::time::sleep(LOOK).await;
    };
    workers.stop(Duration::from_secs(5)).await;
    sequencer.stop().await;
    watch.close().await?;
    let url = product.url.clone();
    product.close().await;

    let what =
        format!("a goal of `time.now` tasks through the worker loop, {CONCURRENCY} at once ({count} tasks)");
    report.figure(Figure::new(place, &what, count as f64 / took.as_secs_f64(), "tasks/s"));
    Ok(url)
}
