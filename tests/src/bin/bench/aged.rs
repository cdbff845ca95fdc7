//! The drain behind many finished tasks, against the drain on empty tables.

use std::time::Instant;

use crate::drain::{self, CALLS};
use crate::finished;
use crate::place::Place;
use crate::product::Product;
use crate::report::{Figure, Report};

/// Drains the same number of tasks on empty tables and again behind so many that are finished, and says what is left of the
/// rate. The first of those that are finished were drained; the others are made of one of them.
pub(crate) async fn measure(
    place: &Place,
    report: &mut Report,
    tasks: u32,
    finished: u32,
) -> anyhow::Result<()> {
    let product = Product::open(place).await?;
    let fresh = drain::drain(&product, CALLS[0], tasks).await?;
    let (url, workspace) = (product.url.clone(), product.context.workspace().uuid());
    product.close().await;

    let started = Instant::now();
    let missing = finished.saturating_sub(fresh.count);
    finished::fill(&url, workspace, missing).await?;
    report.say(&format!(
        "{}: {missing} finished tasks were made in {:.0} s",
        place.name(),
        started.elapsed().as_secs_f64()
    ));

    let product = Product::open_at(place, url).await?;
    let aged = drain::drain(&product, CALLS[0], tasks).await?;
    product.close().await;
    let behind = fresh.count + missing;
    let what = format!("drain of {tasks} tasks behind {behind} finished ones, and on empty tables");
    let figure = Figure::new(place, &what, aged.rate(), "tasks/s");
    report.figure(figure.against(fresh.rate()));
    Ok(())
}
