//! A model performs a task: it is told what there is to do, calls the tools that it may call, and ends with a result.
//!
//! What comes next is decided by [`Dialogue::next`] from what was said until now, and what was said is written before it is
//! acted upon. So a worker that takes over goes on where another one vanished: nothing that was answered is paid for again,
//! nothing that was called is called again, and a call whose outcome nobody knows is told to the model, or, if it cannot be
//! undone, to a person.

mod asking;
mod calling;
mod ending;
mod opening;
pub(crate) mod schema;
mod toolbox;

use std::path::PathBuf;
use std::time::Duration;

use goalwright_domain::Timestamp;
use goalwright_domain::agent::Profile;
use goalwright_domain::execution::{
    Action, Bounds, Dialogue, Entry, Lease, Left, Next, Opening, Outcome, WaitKind,
};
use goalwright_domain::experience::{Retrieval, result_text};
use goalwright_domain::model::{ModelName, ToolCall, ToolResult};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::{Assignment, Kernel, Report};
use crate::Error;
use crate::ports::UnitOfWork;
use crate::ports::telemetry::Performed;
use crate::retrying::retrying;
use opening::{Basis, Words};
use toolbox::Toolbox;

/// The most characters of one answer of a tool that a model is shown.
const SHOWN: usize = 60_000;
/// The most characters of all answers of tools to one turn of it.
const SHOWN_AT_ONCE: usize = 120_000;
/// So much of an answer is shown whatever was shown before it.
const SHOWN_AT_LEAST: usize = 1_000;

/// A dialogue that is being held.
struct Work {
    profile: Profile,
    model: ModelName,
    toolbox: Toolbox,
    form: Option<Value>,
    sandbox: PathBuf,
    dialogue: Dialogue,
    /// So many entries are written.
    written: usize,
    /// Another dialogue is there, in place of which this one comes.
    restarts: bool,
    /// What an earlier attempt asked for and did not see through.
    inherited: Vec<String>,
    /// What this attempt touched, and the calls that are written with its settlement.
    report: Report,
    begun_at: Timestamp,
}

/// What a step led to.
enum Step {
    /// The dialogue goes on.
    On,
    /// The attempt is over, or waits.
    End(Outcome),
}

impl Kernel {
    /// Has the task performed by a model. Whatever goes wrong in the work is an outcome.
    ///
    /// # Errors
    /// As [`Kernel::perform`].
    pub(super) async fn orchestrate(
        &self,
        assignment: &Assignment,
        begun_at: Timestamp,
        cancel: &CancellationToken,
    ) -> Result<Report, Error> {
        let mut work = match self.take_up(assignment, begun_at).await? {
            Ok(work) => work,
            Err(outcome) => return Ok(Report::of(outcome)),
        };
        let outcome = loop {
            if cancel.is_cancelled() {
                break Outcome::Released;
            }
            if let Step::End(outcome) = self.step(assignment, &mut work, cancel).await? {
                break outcome;
            }
        };
        self.close(assignment, &mut work, &outcome).await?;
        let performed = Performed {
            claimed_at: assignment.claimed_at,
            begun_at,
            called: Some((begun_at, self.clock().now())),
        };
        Ok(Report { outcome, performed: Some(performed), ..work.report })
    }

    async fn step(
        &self,
        assignment: &Assignment,
        work: &mut Work,
        cancel: &CancellationToken,
    ) -> Result<Step, Error> {
        let bounds = Bounds {
            turns: work.profile.max_turns,
            tokens: work.profile.max_tokens,
            cost: work.profile.max_cost(),
        };
        match work.dialogue.next(&bounds) {
            Next::Ask { last } => self.ask(assignment, work, last, cancel).await,
            Next::Call(call) => {
                let call = call.clone();
                self.call_for_model(assignment, work, &call, cancel).await
            }
            Next::Finish(call) => {
                let call = call.clone();
                Ok(work.finish(&call))
            }
            Next::GiveUp(call) => Ok(Step::End(ending::given_up(&call.arguments))),
            Next::Words(words) => Ok(work.end_with_words(&words)),
            Next::CutOff => {
                work.cut_off();
                Ok(Step::On)
            }
            Next::Over(exhausted) => Ok(Step::End(ending::exhausted(&exhausted))),
        }
    }

    /// Takes up the dialogue of the run where it ended, or begins one.
    async fn take_up(
        &self,
        assignment: &Assignment,
        begun_at: Timestamp,
    ) -> Result<Result<Work, Outcome>, Error> {
        let workspace = assignment.run.workspace_id;
        let agent = self.ports.queries.agent(workspace, assignment.run.agent_id).await?;
        let profile = agent.and_then(|agent| agent.state().llm.clone()).unwrap_or_default();
        let named = match &profile.model {
            Some(model) => Some(model.clone()),
            None => self.ports.queries.settings(workspace).await?.and_then(|of| of.state().model.clone()),
        };
        let model = match self.ports.models.choose(named.clone()) {
            Ok(model) => model,
            Err(unanswered) => return Ok(Err(ending::unanswered(unanswered, begun_at))),
        };
        let sandbox = match self.ports.sandboxes.folder(workspace, assignment.sandbox.as_deref()) {
            Ok(folder) => folder,
            Err(reason) => return Ok(Err(Outcome::failed("SandboxUnavailable", &reason))),
        };
        let words = match self.words(assignment).await? {
            Words::Are(words) => words,
            Words::Unresolved(error) => return Ok(Err(Outcome::failed("TemplateError", &error))),
        };
        let (wanted, form) = match &assignment.task.action {
            Some(Action::Orchestrated { tools, output_schema, .. }) => {
                (Some(tools.as_slice()), output_schema.clone())
            }
            _ => (None, None),
        };
        let toolbox = Toolbox::of(&*self.ports.tools, &profile, wanted, form.as_ref());
        let said = retrying(|| async {
            let unit = self.ports.transactions.begin().await?;
            Ok::<_, Error>(unit.executions().dialogue(assignment.run.id).await?)
        })
        .await?;
        let own = said.iter().filter(|(span, _)| *span == assignment.attempt.span_id);
        let report = of_entries(own.map(|(_, entry)| entry));
        let written = said.len();
        let dialogue = Dialogue::of(said.into_iter().map(|(_, entry)| entry).collect());
        let known = dialogue.opening();
        let rests_on =
            Basis { profile: &profile, named: named.as_ref(), wanted, form: form.as_ref(), words: &words };
        let opening = self.opening(assignment, &rests_on, (&model, &toolbox), &dialogue).await?;
        // A dialogue goes on with the model that it began with, whoever holds it.
        let model = match known.filter(|_| opening.is_none()).and_then(|known| known.model.parse().ok()) {
            Some(begun_with) => begun_with,
            None => model,
        };
        let mut work = Work {
            profile,
            model,
            toolbox,
            form,
            sandbox,
            dialogue,
            written,
            restarts: false,
            inherited: Vec::new(),
            report,
            begun_at,
        };
        match opening {
            Some(opening) => work.begin(opening),
            None => work.go_on(assignment),
        }
        Ok(Ok(work))
    }

    /// Writes what was said and is not written yet.
    async fn save(&self, assignment: &Assignment, work: &mut Work) -> Result<(), Error> {
        if work.unwritten().is_empty() {
            return Ok(());
        }
        let held = retrying(|| async {
            let unit = self.ports.transactions.begin().await?;
            let held = work.write(&*unit, &assignment.lease, self.clock().now()).await?;
            unit.commit().await?;
            Ok::<_, Error>(held)
        })
        .await?;
        work.is_written(held)
    }
}

impl Work {
    fn unwritten(&self) -> &[Entry] {
        self.dialogue.entries().get(self.written..).unwrap_or_default()
    }

    /// Writes what was said and is not written yet, with the calls that it tells of; `false` and nothing written if the lease
    /// is lost.
    async fn write(&self, unit: &dyn UnitOfWork, lease: &Lease, now: Timestamp) -> Result<bool, Error> {
        let held = if self.restarts {
            unit.executions().restart_dialogue(lease, self.unwritten(), now).await?
        } else {
            unit.executions().say(lease, self.written, self.unwritten(), now).await?
        };
        if held && !self.report.calls.is_empty() {
            unit.executions().insert_calls(&self.report.calls).await?;
        }
        Ok(held)
    }

    fn is_written(&mut self, held: bool) -> Result<(), Error> {
        if !held {
            let message = "the lease was lost while the model was at work".to_owned();
            return Err(Error::Conflict { code: "lease_lost", message });
        }
        self.written = self.dialogue.len();
        self.restarts = false;
        self.report.calls.clear();
        Ok(())
    }

    /// Another dialogue: there was none, or the one before rests on what is no more.
    fn begin(&mut self, opening: Opening) {
        merge(&mut self.report.retrieval, opening.retrieval.clone());
        self.restarts = self.written > 0;
        self.dialogue = Dialogue::of(vec![Entry::Opening(Box::new(opening))]);
        self.written = 0;
    }

    /// What waited for a moment has come to it; what an earlier attempt left open is looked at again.
    fn go_on(&mut self, assignment: &Assignment) {
        if let Some(opening) = self.dialogue.opening() {
            merge(&mut self.report.retrieval, opening.retrieval.clone());
        }
        let open: Vec<String> = self.dialogue.pending().iter().map(|call| call.id.clone()).collect();
        match (&assignment.resumed, open.first()) {
            (Some(suspension), Some(id)) if suspension.wait.kind == WaitKind::Time => {
                let text = result_text(&suspension.then);
                self.answer(id.clone(), text, false, Left::default());
            }
            _ => self.inherited = open,
        }
    }

    /// A tool answered.
    fn answer(&mut self, id: String, text: String, is_error: bool, left: Left) {
        let left_to_show = SHOWN_AT_ONCE.saturating_sub(self.dialogue.answered_characters());
        let text = opening::cut(&text, SHOWN.min(left_to_show.max(SHOWN_AT_LEAST)));
        // Not every endpoint takes an answer without a word.
        let text = if text.trim().is_empty() { "(nothing)".to_owned() } else { text };
        add(&mut self.report, &left);
        let result = ToolResult { id, text, is_error };
        self.dialogue.push(Entry::Result { result, note: None, left });
    }

    fn remark(&mut self, text: String) {
        self.dialogue.push(Entry::Remark { text });
    }

    fn open_calls(&self) -> Vec<ToolCall> {
        self.dialogue.pending().into_iter().cloned().collect()
    }

    /// How much time this attempt has left.
    fn time_left(&self, now: Timestamp) -> Duration {
        Duration::from_secs(self.profile.max_seconds).saturating_sub(now.since(self.begun_at))
    }
}

/// What an attempt touched, as far as its part of a dialogue tells.
pub(in super::super) fn of_entries<'a>(entries: impl Iterator<Item = &'a Entry>) -> Report {
    let mut report = Report::of(Outcome::Released);
    for entry in entries {
        match entry {
            Entry::Opening(opening) => merge(&mut report.retrieval, opening.retrieval.clone()),
            Entry::Result { left, .. } => add(&mut report, left),
            Entry::Answer { .. }
            | Entry::Unanswered { .. }
            | Entry::Remark { .. }
            | Entry::Stopped { .. } => {}
        }
    }
    report
}

fn add(report: &mut Report, left: &Left) {
    report.files_written.extend(left.files_written.iter().cloned());
    for artifact in &left.artifacts {
        if !report.artifacts.contains(artifact) {
            report.artifacts.push(*artifact);
        }
    }
    report.scripts.extend(left.scripts.iter().cloned());
    if !left.memories.is_empty() {
        let memories = left.memories.clone();
        merge(&mut report.retrieval, Some(Retrieval { memories, ..Retrieval::default() }));
    }
}

/// What was looked up later is told with what was looked up first.
fn merge(into: &mut Option<Retrieval>, more: Option<Retrieval>) {
    let Some(mut more) = more else { return };
    let Some(known) = into.take() else {
        *into = Some(more);
        return;
    };
    // The one with the question is the first one.
    let (mut first, later) = if known.query.is_some() || more.query.is_none() {
        (known, more.memories)
    } else {
        (Retrieval { memories: std::mem::take(&mut more.memories), ..more }, known.memories)
    };
    for memory in later {
        if !first.memories.contains(&memory) {
            first.memories.push(memory);
        }
    }
    *into = Some(first);
}
