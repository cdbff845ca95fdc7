//! Letting go of what was kept long enough: events as a sealed prefix under a checkpoint, and what was executed.

mod checkpoint;
mod files;

use std::sync::Arc;
use std::time::Duration;

use goalwright_domain::ledger::{LEDGER_PRUNED, Noted};
use goalwright_domain::workspace::{Actor, WorkspaceId};
use goalwright_domain::{Timestamp, Violation};

use crate::Error;
use crate::execution::KernelPorts;
use crate::ports::{
    Aged, Artifacts, Clock, Dependent, HeldLedger, Ids, Ledger, RecordCursor, Results, Ripe, RunCursor,
    Transactions, UnitOfWork, Words,
};
use crate::retrying::retrying;
use checkpoint::follow;
pub(super) use checkpoint::{broken, strengthened, tell_of, trusted};

/// So many events go in one unit.
const EVENTS: usize = 1_000;
/// So many runs of which nothing is on record are looked at in one unit.
const RUNS: usize = 1_000;
/// So many experiences are looked at in one unit.
const EXPERIENCES: usize = 250;
/// Between two units that merge an index, so that other processes, which look now and then, find SQLite's file free.
const BREATH: Duration = Duration::from_millis(20);

/// Prunes.
pub struct Pruner {
    transactions: Arc<dyn Transactions>,
    ledger: Arc<dyn Ledger>,
    artifacts: Arc<dyn Artifacts>,
    results: Arc<dyn Results>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    hooks: Vec<String>,
}

/// What is to go, and on whose word.
#[derive(Debug, Clone)]
pub struct Prune {
    /// What was before this moment.
    pub before: Timestamp,
    /// Who says so.
    pub actor: Actor,
    /// Kept as long as the event that tells of it.
    pub reason: String,
    /// Only look.
    pub dry_run: bool,
    /// After so many units the rest is left for the next time.
    pub units: usize,
}

/// What went, or would.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Events.
    pub events: u64,
    /// Experiences.
    pub experiences: u64,
    /// Runs.
    pub runs: u64,
    /// Attempts.
    pub attempts: u64,
    /// What depended on the attempts.
    pub dependent: Dependent,
    /// Files that were removed.
    pub files: u64,
    /// Where the ledger begins now: behind this position, and how things stood is known from this moment on.
    pub checkpoint: Option<(i64, Timestamp)>,
    /// Whether result files are still to be written of what would go otherwise, with how far they are.
    pub held_back: Option<i64>,
    /// Experiences that would go, but words, links or hooks have not read them yet.
    pub unread: u64,
    /// Whether there is more to do.
    pub more: bool,
}

impl Pruned {
    /// Whether nothing went.
    pub const fn is_nothing(&self) -> bool {
        self.events + self.experiences + self.runs == 0
    }

    /// By kind, as the event tells of it and people are shown it.
    pub fn counts(&self) -> [(&'static str, u64); 7] {
        [
            ("events", self.events),
            ("experiences", self.experiences),
            ("runs", self.runs),
            ("attempts", self.attempts),
            ("tool_calls", self.dependent.tool_calls),
            ("script_runs", self.dependent.script_runs),
            ("artifacts", self.dependent.artifacts),
        ]
    }

    fn add(&mut self, one: &Self) {
        self.events += one.events;
        self.experiences += one.experiences;
        self.runs += one.runs;
        self.attempts += one.attempts;
        self.dependent.tool_calls += one.dependent.tool_calls;
        self.dependent.script_runs += one.dependent.script_runs;
        self.dependent.artifacts += one.dependent.artifacts;
        self.unread += one.unread;
        self.checkpoint = one.checkpoint.or(self.checkpoint);
    }
}

/// How far pruning has come, from unit to unit. What must stay lies behind it, and is not looked at again before the end.
#[derive(Debug, Clone, Default)]
pub struct Way {
    /// Behind this experience; none at the beginning, and at the end once `looked` is set.
    cursor: Option<RecordCursor>,
    /// The record was looked through.
    looked: bool,
    /// Behind this one of the runs of which nothing is on record.
    run: Option<RunCursor>,
    /// These were looked through.
    ended: bool,
    /// There are no more events that are old enough.
    followed: bool,
    /// Where a dry run stands in the ledger.
    position: Option<i64>,
    /// How far the words of what went are out of the index.
    words: Words,
}

impl Way {
    /// Whether everything was looked at.
    const fn is_at_its_end(&self) -> bool {
        self.looked && self.ended && self.followed
    }
}

/// What holds for all units of a pruning.
struct Bounds<'a> {
    workspace: WorkspaceId,
    asked: &'a Prune,
    noted: Noted,
    /// Events beyond are not read by everybody yet.
    last: i64,
    /// The same as a moment, for what is on record.
    ended_before: Timestamp,
}

impl Pruner {
    /// Over these ports. What these hooks have not looked at stays; one that is switched off holds nothing back.
    pub fn new(ports: &KernelPorts, results: Arc<dyn Results>, hooks: Vec<String>) -> Self {
        let KernelPorts { transactions, ledger, artifacts, clock, ids, .. } = ports.clone();
        Self { transactions, ledger, artifacts, results, clock, ids, hooks }
    }

    /// Removes the workspace's oldest events that were before a moment, and what was executed before it and belongs to
    /// nothing that is worked on any more. It is done in units that each are whole, and each told by an event; doing it
    /// again goes on, and removes the files that a crash left.
    ///
    /// # Errors
    /// `Invalid` for a moment that has not come; `Conflict` (`ledger_broken`) where the ledger is not what was written, of
    /// which nothing is removed; what storage and the file system say.
    pub async fn prune(&self, workspace: WorkspaceId, asked: &Prune) -> Result<Pruned, Error> {
        self.go_on(workspace, asked, &mut Way::default()).await
    }

    /// The same, from where another call for the same moment came to.
    ///
    /// # Errors
    /// As [`prune`](Self::prune).
    #[tracing::instrument(name = "audit.prune", skip_all)]
    pub async fn go_on(&self, workspace: WorkspaceId, asked: &Prune, way: &mut Way) -> Result<Pruned, Error> {
        let now = self.clock.now();
        if asked.before > now {
            let message = format!("{} has not come yet; name a moment that is over", asked.before);
            return Err(Error::invalid(vec![Violation::new("before", "in_the_future", message)]));
        }
        let mut pruned = Pruned::default();
        let bounds = self.bounds(workspace, asked, &mut pruned).await?;
        for _ in 0..asked.units {
            if way.is_at_its_end() {
                break;
            }
            let (one, next) = retrying(|| self.in_one_unit(&bounds, way.clone())).await?;
            pruned.add(&one);
            *way = next;
        }
        pruned.more = !way.is_at_its_end();
        if !asked.dry_run {
            if !pruned.more {
                self.forget_words(asked.units, way).await?;
                pruned.more = way.words != Words::Forgotten;
            }
            pruned.files = self.remove_files().await?;
        }
        Ok(pruned)
    }

    /// Words that went stay in the index of SQLite until its parts are merged. That is done once, at the end of a pass, in
    /// units that are short however large the index is, and by the next pass where a crash was faster.
    async fn forget_words(&self, units: usize, way: &mut Way) -> Result<(), Error> {
        for _ in 0..units {
            let words = way.words;
            way.words = retrying(|| async move {
                let unit = self.transactions.begin().await?;
                let words = unit.pruning().forget_words(words).await?;
                unit.commit().await?;
                Ok::<_, Error>(words)
            })
            .await?;
            if way.words == Words::Forgotten {
                break;
            }
            tokio::time::sleep(BREATH).await;
        }
        Ok(())
    }

    /// What follows the ledger in a file has not read everything yet.
    async fn bounds<'a>(
        &self,
        workspace: WorkspaceId,
        asked: &'a Prune,
        pruned: &mut Pruned,
    ) -> Result<Bounds<'a>, Error> {
        let noted = self.ledger.noted(workspace)?;
        let reached = self.results.reached(workspace).await.map_err(|error| Error::Internal(error.into()))?;
        let mut bounds = Bounds { workspace, asked, noted, last: i64::MAX, ended_before: asked.before };
        let Some(last) = reached else { return Ok(bounds) };
        // What is placed from now on is not read either.
        bounds.last = last;
        let unit = self.transactions.begin().await?;
        let next = unit.pruning().moment_behind(workspace, last).await?;
        if let Some(at) = next.filter(|at| *at < asked.before) {
            bounds.ended_before = at;
            pruned.held_back = Some(last);
        }
        Ok(bounds)
    }

    async fn in_one_unit(&self, bounds: &Bounds<'_>, mut way: Way) -> Result<(Pruned, Way), Error> {
        let Bounds { workspace, asked, .. } = *bounds;
        let unit = self.transactions.begin().await?;
        let mut ripe = Ripe::default();
        if !way.looked {
            // Rows before the ledger, as everybody locks them.
            let cursor = way.cursor.as_ref();
            let looked_at = (cursor, EXPERIENCES);
            ripe = unit.pruning().ripe(workspace, bounds.ended_before, looked_at, &self.hooks).await?;
            way.looked = ripe.next.is_none();
            way.cursor = ripe.next.clone();
        } else if !way.ended {
            let looked_at = (way.run, RUNS);
            let (runs, next) =
                unit.pruning().never_begun(bounds.workspace, bounds.ended_before, looked_at).await?;
            (ripe.runs, way.ended, way.run) = (runs, next.is_none(), next);
        }
        let alone = ripe.runs.is_empty() && ripe.experiences.is_empty();
        if alone && !self.is_any_aged(unit.as_ref(), bounds, &mut way).await? {
            // Nobody waits for the ledger because of nothing.
            return Ok((Pruned { unread: ripe.unread, ..Pruned::default() }, way));
        }
        let held = unit.pruning().hold_ledger(workspace).await?;
        let (mut aged, sealed_by) = self.aged(unit.as_ref(), bounds, &held, &mut way).await?;
        // That something was pruned is no reason to prune.
        if alone && aged.iter().all(|one| one.telling.event_type == LEDGER_PRUNED) {
            aged.clear();
            way.followed = true;
        }
        let mut pruned = Pruned {
            events: count(aged.len()),
            experiences: count(ripe.experiences.len()),
            runs: count(ripe.runs.len()),
            attempts: count(ripe.spans.len()),
            dependent: ripe.counts,
            unread: ripe.unread,
            ..Pruned::default()
        };
        if pruned.is_nothing() || asked.dry_run {
            return Ok((pruned, way));
        }
        let going = (aged.as_slice(), sealed_by);
        let checkpoint = self.move_checkpoint(unit.as_ref(), bounds, &held, going, &pruned).await?;
        if !aged.is_empty() {
            unit.pruning().remove_events(workspace, checkpoint.position).await?;
        }
        let results: Vec<String> =
            ripe.experiences.iter().filter_map(|one| self.results.place(one)).collect();
        pruned.dependent =
            unit.pruning().remove_record(workspace, bounds.ended_before, &ripe, &results).await?;
        pruned.checkpoint = Some((checkpoint.position, checkpoint.known_from));
        unit.commit().await?;
        Ok((pruned, way))
    }

    /// Whether there is an event that may be old enough, before the ledger is held.
    async fn is_any_aged(
        &self,
        unit: &dyn UnitOfWork,
        bounds: &Bounds<'_>,
        way: &mut Way,
    ) -> Result<bool, Error> {
        if !way.followed {
            let (after, before) = (way.position.unwrap_or(0), bounds.asked.before);
            let first = unit.pruning().aged(bounds.workspace, after, bounds.last, before, 1).await?;
            way.followed = first.is_empty();
        }
        Ok(!way.followed)
    }

    /// The next events that are old enough, each as it was written, and the key at their end.
    async fn aged(
        &self,
        unit: &dyn UnitOfWork,
        bounds: &Bounds<'_>,
        held: &HeldLedger,
        way: &mut Way,
    ) -> Result<(Vec<Aged>, Option<String>), Error> {
        if way.followed {
            return Ok((Vec::new(), None));
        }
        let known = held.checkpoint.as_ref();
        let begin = known.map_or(0, |(checkpoint, _)| checkpoint.position);
        let after = way.position.unwrap_or(begin);
        let aged =
            unit.pruning().aged(bounds.workspace, after, bounds.last, bounds.asked.before, EVENTS).await?;
        way.followed = aged.len() < EVENTS;
        let mut sealed_by = None;
        if after == begin {
            sealed_by = follow(unit, self.ledger.keys(), bounds, held, &aged).await?;
        }
        if bounds.asked.dry_run {
            way.position = aged.last().map(|one| one.link.position).or(way.position);
        }
        Ok((aged, sealed_by))
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
