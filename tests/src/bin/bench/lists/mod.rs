//! Lists and progress over HTTP: does the answer take longer because the tenant is a thousand times larger?
//!
//! Two databases with the same spread of goals, statuses, agents and types, one with a thousand tasks, one with a
//! million. The same questions are put to both in turn, so that whatever else the machine does hits both alike.

mod fill;
mod latency;
mod questions;

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use poem::endpoint::BoxEndpoint;
use poem::{Endpoint as _, Request, Response};
use serde_json::Value;

use crate::place::Place;
use crate::product::Product;
use crate::report::Report;
use fill::Filled;
pub(crate) use latency::{Latency, table};
use questions::Question;

/// Tasks of the small tenant.
const SMALL: u32 = 1_000;
/// How often each question is put before it counts.
const WARM_UP: usize = 10;
/// How often each question is put to each database.
const ROUNDS: usize = 200;

/// A tenant, and the interface in front of it.
struct Tenant {
    product: Product,
    http: BoxEndpoint<'static, Response>,
    token: String,
    filled: Filled,
}

/// Fills two databases, the larger with `large` tasks, and puts every question to both.
pub(crate) async fn measure(place: &Place, report: &mut Report, large: u32) -> anyhow::Result<()> {
    let small = Tenant::open(place, SMALL).await?;
    let started = Instant::now();
    let large = Tenant::open(place, large).await?;
    let (tasks, took) = (large.filled.tasks, started.elapsed().as_secs_f64());
    report.say(&format!("{}: filled with {tasks} tasks and as many events in {took:.0} s", place.name()));
    for question in questions::all() {
        let latency = compare(place, &question, &small, &large).await?;
        report.latency(latency);
    }
    small.product.close().await;
    large.product.close().await;
    Ok(())
}

async fn compare(
    place: &Place,
    question: &Question,
    small: &Tenant,
    large: &Tenant,
) -> anyhow::Result<Latency> {
    let paths = [(question.path)(&small.filled), (question.path)(&large.filled)];
    for _ in 0..WARM_UP {
        for (tenant, path) in [small, large].into_iter().zip(&paths) {
            let (answer, _) = tenant.ask(path).await?;
            let items = answer["items"].as_array().map(Vec::len);
            ensure!(items == question.items, "{path} shows {items:?} items, not {:?}", question.items);
        }
    }
    let mut times = [Vec::with_capacity(ROUNDS), Vec::with_capacity(ROUNDS)];
    for round in 0..ROUNDS {
        // Each goes first as often as the other.
        for turn in 0..2 {
            let which = (round + turn) % 2;
            let tenant = if which == 0 { small } else { large };
            times[which].push(tenant.ask(&paths[which]).await?.1);
        }
    }
    let [of_small, of_large] = times;
    Ok(Latency::new(place, question.what, (small.filled.tasks, of_small), (large.filled.tasks, of_large)))
}

impl Tenant {
    async fn open(place: &Place, tasks: u32) -> anyhow::Result<Self> {
        let product = Product::open(place).await?;
        let filled = fill::fill(&product, tasks).await?;
        let (http, token) = (product.http(), product.token()?);
        Ok(Self { product, http, token, filled })
    }

    /// The answer, and how long it took from the request to its last byte.
    async fn ask(&self, path: &str) -> anyhow::Result<(Value, Duration)> {
        let authorization = format!("Bearer {}", self.token);
        let request = Request::builder().uri(path.parse()?).header("authorization", authorization).finish();
        let started = Instant::now();
        let response = self.http.get_response(request).await;
        let status = response.status();
        let body = response.into_body().into_vec().await?;
        let took = started.elapsed();
        ensure!(status.is_success(), "{path} is answered with {status}: {}", String::from_utf8_lossy(&body));
        Ok((serde_json::from_slice(&body).with_context(|| format!("the answer to {path} is JSON"))?, took))
    }
}
