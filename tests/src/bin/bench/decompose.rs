//! What a decomposition by a model costs beyond the model's own time.

use std::time::Instant;

use anyhow::ensure;
use async_trait::async_trait;
use goalwright_application::Precondition;
use goalwright_application::planning::{DecomposeRequest, Planner};
use goalwright_application::ports::{Listener, ModelReply, ModelRequest, Models, Stop};
use goalwright_domain::goal::DraftGoal;
use goalwright_domain::model::{ModelFailure, ModelName, Usage};
use serde_json::{Value, json};

use crate::place::Place;
use crate::product::Product;
use crate::report::{Figure, Report};

/// So many goals, one after the other; the first ones are not counted.
const GOALS: usize = 300;
const WARM_UP: usize = 20;
const TASKS: usize = 20;

/// A model that answers a plan of twenty tasks in no time.
#[derive(Debug)]
pub(crate) struct TwentyTasks(String);

impl Default for TwentyTasks {
    fn default() -> Self {
        let task = |index: usize| {
            let waits: Vec<String> =
                (index.saturating_sub(2)..index).map(|other| format!("T{other:03}")).collect();
            json!({
                "key": format!("T{index:03}"), "title": format!("Write chapter {index} of the handbook"),
                "description": "Two pages for people who operate it. Done when somebody who has never seen it can follow them.",
                "task_type": "general", "estimate_minutes": 90, "complexity": 4,
                "complexity_reason": "It takes asking people who know.", "labels": ["handbook"], "parallel": false,
                "depends_on": waits, "use": null,
            })
        };
        let tasks: Vec<Value> = (0..TASKS).map(task).collect();
        Self(json!({"tasks": tasks}).to_string())
    }
}

#[async_trait]
impl Models for TwentyTasks {
    fn usual(&self) -> Option<ModelName> {
        "anthropic/claude-sonnet-4-5".parse().ok()
    }

    fn endpoint(&self, _: &ModelName) -> Result<String, ModelFailure> {
        Ok("in.process:443".to_owned())
    }

    async fn ask(&self, _: &ModelRequest, _: Option<&dyn Listener>) -> Result<ModelReply, ModelFailure> {
        Ok(ModelReply {
            content: Vec::new(),
            formed: Some(self.0.clone()),
            stop: Stop::Finished,
            usage: Usage { input_tokens: 4_000, output_tokens: 2_500, ..Usage::default() },
            raw_usage: json!({"input_tokens": 4_000, "output_tokens": 2_500}),
            model: "claude-sonnet-4-5".to_owned(),
        })
    }
}

pub(crate) async fn measure(place: &Place, report: &mut Report) -> anyhow::Result<()> {
    for budget in [false, true] {
        let product = Product::open(place).await?;
        if budget {
            let usage = &product.services.usage;
            usage.set_budget(&product.context, Some(1e6), None, &Precondition::Any).await?;
        }
        let mut times = Vec::with_capacity(GOALS);
        for number in 0..GOALS + WARM_UP {
            let draft = DraftGoal { title: format!("Handbook {number}"), ..DraftGoal::default() };
            let goal = product.services.goals.create(&product.context, draft).await?.state.id;
            let request = DecomposeRequest { planner: Planner::Llm, ..DecomposeRequest::default() };
            let started = Instant::now();
            let made = product.services.planning.decompose(&product.context, goal, &request).await?;
            times.push(started.elapsed());
            ensure!(made.task_ids.len() == TASKS, "{} tasks", made.task_ids.len());
        }
        product.close().await;
        let mut times = times.split_off(WARM_UP);
        times.sort_unstable();
        let with = if budget { ", with a budget" } else { "" };
        for (name, part) in [("median", 0.5), ("99th percentile", 0.99)] {
            let at = times[((times.len() - 1) as f64 * part) as usize];
            let what =
                format!("decomposition of {TASKS} tasks beyond the model's time{with}, {name} of {GOALS}");
            report.figure(Figure::new(place, &what, at.as_secs_f64() * 1_000.0, "ms"));
        }
    }
    Ok(())
}
