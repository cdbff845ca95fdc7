//! A person, who is asked about work that the rules do not let go on by itself.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, bail};
use reqwest::blocking::{Client, RequestBuilder};
use serde_json::{Value, json};

use crate::graph::Deed;
use crate::place::Place;
use crate::recorder::Recorder;

/// A user with a token, and what they were asked.
pub(crate) struct Person {
    url: String,
    token: String,
    http: Client,
    pub(crate) asked: Asked,
}

/// Why a person was asked, and what came of it.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    /// An irreversible effect was begun, and nobody knows whether it took place.
    pub(crate) unknown: usize,
    /// Too many workers vanished while they held the task.
    pub(crate) strikes: usize,
    /// Tasks that were completed by hand, since their effect had taken place.
    pub(crate) completed: usize,
    /// Tasks that were to be tried again.
    pub(crate) retried: usize,
    /// For no reason that the rules give.
    pub(crate) wrongly: Vec<String>,
}

impl Person {
    pub(crate) fn new(address: SocketAddr, token: String) -> anyhow::Result<Self> {
        let http = Client::builder().no_proxy().timeout(Duration::from_secs(20)).build()?;
        Ok(Self { url: format!("http://{address}"), token, http, asked: Asked::default() })
    }

    /// Makes a goal of a plan.
    pub(crate) fn import(&self, plan: &str) -> anyhow::Result<()> {
        self.send(self.http.post(format!("{}/v1/goals/import", self.url)).json(&json!({"content": plan})))?;
        Ok(())
    }

    /// Looks at everything that waits for a decision: completes what has taken place, lets be tried again what has not.
    ///
    /// # Errors
    /// If the server does not answer, which may have been killed; then the rest is left for the next time.
    pub(crate) fn decide(
        &mut self,
        place: &Place,
        deeds: &BTreeMap<String, Deed>,
        recorder: &Recorder,
    ) -> anyhow::Result<()> {
        let waiting = self.waiting()?;
        if waiting.is_empty() {
            return Ok(());
        }
        let (seen, lines) = (recorder.seen(), place.lines()?);
        for task in waiting {
            let text = |field: &str| task[field].as_str().unwrap_or_default().to_owned();
            let (id, title) = (text("id"), text("title"));
            let message = task["waiting"]["message"].as_str().unwrap_or_default();
            let deed = deeds.get(&title).copied().context("a task of ours")?;
            let unknown = message.contains("was begun and its worker vanished");
            let strikes = message.contains("strike_limit");
            if unknown == strikes || (unknown && !deed.is_irreversible()) {
                self.asked.wrongly.push(format!("{title} ({deed:?}): {message}"));
            }
            let took_place = deed.is_irreversible()
                && (seen.contains_key(&title) || lines.get(&title).is_some_and(|&lines| lines > 0));
            let (path, body) = if took_place {
                ("complete", json!({"summary": "It had taken place"}))
            } else {
                ("retry", json!({"reason": "It had not taken place"}))
            };
            self.send(self.http.post(format!("{}/v1/tasks/{id}/{path}", self.url)).json(&body))?;
            self.asked.unknown += usize::from(unknown);
            self.asked.strikes += usize::from(strikes);
            self.asked.completed += usize::from(took_place);
            self.asked.retried += usize::from(!took_place);
        }
        Ok(())
    }

    /// Every task that waits for a decision.
    fn waiting(&self) -> anyhow::Result<Vec<Value>> {
        let (mut tasks, mut cursor) = (Vec::new(), String::new());
        loop {
            let path = format!("{}/v1/tasks?status=waiting&limit=200{cursor}", self.url);
            let page = self.send(self.http.get(path))?;
            let items = page["items"].as_array().context("a list")?;
            tasks.extend(items.iter().filter(|task| task["waiting"]["kind"] == "decision").cloned());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return Ok(tasks),
            }
        }
    }

    fn send(&self, request: RequestBuilder) -> anyhow::Result<Value> {
        let answer = request.bearer_auth(&self.token).send()?;
        let (status, path) = (answer.status(), answer.url().path().to_owned());
        let body: Value = answer.json().unwrap_or_default();
        if !status.is_success() {
            bail!("{path}: {status} {body}");
        }
        Ok(body)
    }
}

impl std::fmt::Display for Asked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "a person was asked {} times ({} unknown outcomes, {} strike limits), completed {} and retried {}",
            self.completed + self.retried,
            self.unknown,
            self.strikes,
            self.completed,
            self.retried
        )
    }
}
