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
    Action, Bounds, Dialogue, Entry, ExecutionError, Left, Next, Opening, Outcome, WaitKind,
};
use goalwright_domain::experience::{Retrieval, result_text};
use goalwright_domain::model::{ModelName, ToolCall, ToolResult};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::{Assignment, Kernel, Report};
use crate::Error;
use crate::ports::telemetry::Performed;
use crate::retrying::retrying;
use opening::Words;
use toolbox::Toolbox;

/// The most characters of one answer of a tool that a model is shown.
const SHOWN: usize = 60_000;

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
        let model = match self.ports.models.choose(named) {
            Ok(model) => model,
            Err(unanswered) => return Ok(Err(ending::unanswered(unanswered, begun_at))),
        };
        let sandbox = match self.ports.sandboxes.folder(workspace, assignment.sandbox.as_deref()) {
            Ok(folder) => folder,
            Err(reason) => return Ok(Err(ending::failed("SandboxUnavailable", &reason))),
        };
        let words = match self.words(assignment).await? {
            Words::Are(words) => words,
            Words::Unresolved(error) => return Ok(Err(ending::failed("TemplateError", &error))),
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
        let opening = self.opening(assignment, (&profile, &model), &toolbox, &words, known).await?;
        let mut work = Work {
            profile,
            model,
            toolbox,
            form,
            sandbox,
            dialogue,
            written,
            inherited: Vec::new(),
            report,
            begun_at,
        };
        match opening {
            Some(opening) => self.begin_anew(assignment, &mut work, opening).await?,
            None => work.go_on(assignment),
        }
        Ok(Ok(work))
    }

    /// Another dialogue: the one before rests on what is no more.
    async fn begin_anew(
        &self,
        assignment: &Assignment,
        work: &mut Work,
        opening: Opening,
    ) -> Result<(), Error> {
        if work.written > 0 {
            retrying(|| async {
                let unit = self.ports.transactions.begin().await?;
                unit.executions().end_dialogues(&[assignment.run.id]).await?;
                Ok::<_, Error>(unit.commit().await?)
            })
            .await?;
        }
        work.report.retrieval.clone_from(&opening.retrieval);
        work.dialogue = Dialogue::of(vec![Entry::Opening(Box::new(opening))]);
        work.written = 0;
        Ok(())
    }

    /// Writes what was said and is not written yet.
    async fn save(&self, assignment: &Assignment, work: &mut Work) -> Result<(), Error> {
        if work.unwritten().is_empty() {
            return Ok(());
        }
        let held = retrying(|| async {
            let unit = self.ports.transactions.begin().await?;
            let now = self.clock().now();
            let held = unit.executions().say(&assignment.lease, work.written, work.unwritten(), now).await?;
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

    fn is_written(&mut self, held: bool) -> Result<(), Error> {
        if !held {
            let message = "the lease was lost while the model was at work".to_owned();
            return Err(Error::Conflict { code: "lease_lost", message });
        }
        self.written = self.dialogue.len();
        Ok(())
    }

    /// What waited for a moment has come to it; what an earlier attempt left open is looked at again.
    fn go_on(&mut self, assignment: &Assignment) {
        if let Some(opening) = self.dialogue.opening() {
            let retrieval = opening.retrieval.clone();
            merge(&mut self.report.retrieval, retrieval);
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
        let text = opening::cut(&text, SHOWN);
        // Not every endpoint takes an answer without a word.
        let text = if text.trim().is_empty() { "(nothing)".to_owned() } else { text };
        self.report.files_written.extend(left.files_written.iter().cloned());
        for artifact in &left.artifacts {
            if !self.report.artifacts.contains(artifact) {
                self.report.artifacts.push(*artifact);
            }
        }
        self.report.scripts.extend(left.scripts.iter().cloned());
        let memories = left.memories.clone();
        if !memories.is_empty() {
            merge(&mut self.report.retrieval, Some(Retrieval { memories, ..Retrieval::default() }));
        }
        let result = ToolResult { id, text, is_error };
        self.dialogue.push(Entry::Result { result, note: None, left });
    }

    fn note(&mut self, words: &str) {
        let mut entries = self.dialogue.entries().to_vec();
        if let Some(Entry::Result { note, .. }) = entries.last_mut() {
            *note = Some(words.to_owned());
        }
        self.dialogue = Dialogue::of(entries);
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

/// What earlier parts of this attempt touched.
fn of_entries<'a>(entries: impl Iterator<Item = &'a Entry>) -> Report {
    let mut report = Report::of(Outcome::Released);
    for entry in entries {
        let Entry::Result { left, .. } = entry else { continue };
        report.files_written.extend(left.files_written.iter().cloned());
        report.artifacts.extend(left.artifacts.iter().copied());
        report.scripts.extend(left.scripts.iter().cloned());
        if !left.memories.is_empty() {
            let memories = left.memories.clone();
            merge(&mut report.retrieval, Some(Retrieval { memories, ..Retrieval::default() }));
        }
    }
    report
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

pub(super) fn error_of(kind: &str, message: &str) -> ExecutionError {
    ExecutionError::new(kind, message, &[])
}
