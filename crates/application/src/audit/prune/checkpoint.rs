//! What stands for what was pruned.

use std::collections::BTreeMap;

use goalwright_domain::Timestamp;
use goalwright_domain::ledger::{
    Broken, Checkpoint, EventId, Folded, KeyRing, Noted, Saying, Snapshot, SnapshotSum, Telling, Verifier,
    gone_on,
};
use goalwright_domain::workspace::{Actor, WorkspaceId};
use serde_json::{Map, Value, json};

use super::{Bounds, Pruned, Pruner};
use crate::Error;
use crate::context::new_id;
use crate::ports::{Aged, HeldLedger, Ledger, UnitOfWork};

/// So many snapshots are read at once.
const AT_ONCE: usize = 1_000;
/// Of these a snapshot is kept: what can be asked for as of a past moment, or rebuilt.
const KEPT: [&str; 3] = ["goal", "task", "agent"];

impl Pruner {
    /// Tells of what goes, and writes what stands for it. What goes of the events was followed, up to this key.
    pub(super) async fn move_checkpoint(
        &self,
        unit: &dyn UnitOfWork,
        bounds: &Bounds<'_>,
        held: &HeldLedger,
        (aged, sealed_by): (&[Aged], Option<String>),
        pruned: &Pruned,
    ) -> Result<Checkpoint, Error> {
        let workspace = bounds.workspace;
        let mut verifier = trusted(self.ledger.keys(), workspace, held, &bounds.noted)?;
        let before = held.checkpoint.as_ref().map(|(checkpoint, _)| checkpoint);
        let mut next = before.cloned().unwrap_or_else(|| nothing_pruned(new_id(self.ids.as_ref())));
        next.sum = strengthened(self.ledger.as_ref(), workspace, held, &bounds.noted).await?;
        if let Some(last) = aged.last() {
            next.position = last.link.position;
            next.seal = last.link.seal.clone();
            next.seal_key = sealed_by;
            let latest = aged.iter().map(|one| one.telling.created_at).max();
            next.known_from = next.known_from.max(latest.unwrap_or(next.known_from));
        }
        next.ended_before = next.ended_before.max(bounds.ended_before);
        self.keep(unit, workspace, (aged, &mut verifier), &mut next).await?;
        let gone: Map<String, Value> =
            pruned.counts().into_iter().map(|(kind, count)| (kind.to_owned(), json!(count))).collect();
        self.tell(unit, workspace, (&bounds.asked.actor, &bounds.asked.reason), &mut next, gone).await?;
        Ok(next)
    }

    /// Keeps how everything stood of which these events tell. What was kept of it before is looked at first: it is marked
    /// anew, and what somebody forged would be trusted from then on.
    async fn keep(
        &self,
        unit: &dyn UnitOfWork,
        workspace: WorkspaceId,
        (aged, verifier): (&[Aged], &mut Verifier<'_>),
        checkpoint: &mut Checkpoint,
    ) -> Result<(), Error> {
        let mut told: BTreeMap<(String, String), Vec<Telling>> = BTreeMap::new();
        for one in aged.iter().filter(|one| KEPT.contains(&one.entity_type.as_str())) {
            let entity = (one.entity_type.clone(), one.telling.entity_id.clone());
            told.entry(entity).or_default().push(one.telling.clone());
        }
        let entities: Vec<(String, String)> = told.keys().cloned().collect();
        let known = unit.pruning().snapshots(workspace, &entities).await?;
        let mut before: BTreeMap<(String, String), (Folded, String)> = BTreeMap::new();
        for (snapshot, mark) in known {
            verifier.keep(&snapshot, &mark).map_err(|reason| broken(&reason.to_string()))?;
            before.insert((snapshot.entity_type, snapshot.entity_id), (snapshot.folded, mark));
        }
        let key = self.ledger.keys().current();
        let (mut kept, mut gone) = (Vec::new(), Vec::new());
        for (entity, tellings) in told {
            let (folded, mark) = before.remove(&entity).unzip();
            if let Some(mark) = &mark {
                checkpoint.sum.remove(mark);
                checkpoint.snapshots -= 1;
            }
            let contradiction = |why: String| broken(&format!("it contradicts itself: {why}"));
            let Some(folded) = gone_on(folded, &tellings).map_err(contradiction)? else { continue };
            if folded.is_gone() {
                gone.extend(mark.map(|_| entity));
                continue;
            }
            let (entity_type, entity_id) = entity;
            let snapshot = Snapshot { entity_type, entity_id, folded };
            let mark = key.snapshot_mark(workspace, &snapshot);
            checkpoint.sum.add(&mark);
            checkpoint.snapshots += 1;
            kept.push((snapshot, mark));
        }
        Ok(unit.pruning().keep_snapshots(workspace, &kept, &gone).await?)
    }

    async fn tell(
        &self,
        unit: &dyn UnitOfWork,
        workspace: WorkspaceId,
        (actor, reason): (&Actor, &str),
        checkpoint: &mut Checkpoint,
        gone: Map<String, Value>,
    ) -> Result<(), Error> {
        let (id, now) = (new_id(self.ids.as_ref()), self.clock.now());
        tell_of(unit, self.ledger.keys(), workspace, (id, actor, reason, now), checkpoint, gone).await
    }
}

/// Appends the event that tells of a checkpoint, and writes the checkpoint.
pub(in crate::audit) async fn tell_of(
    unit: &dyn UnitOfWork,
    keys: &KeyRing,
    workspace_id: WorkspaceId,
    (id, actor, reason, created_at): (EventId, &Actor, &str, Timestamp),
    checkpoint: &mut Checkpoint,
    gone: Map<String, Value>,
) -> Result<(), Error> {
    checkpoint.told_by = id;
    let saying =
        Saying { id, workspace_id, actor: actor.clone(), created_at, reason: reason.trim().to_owned() };
    unit.outbox().append(&[saying.pruning(checkpoint, gone)]).await?;
    let mark = keys.current().checkpoint_mark(workspace_id, checkpoint);
    Ok(unit.pruning().set_checkpoint(workspace_id, checkpoint, &mark).await?)
}

/// The sum of what is kept at the checkpoint. One that could be forged is made anew, of snapshots that are looked at once
/// more: the ledger is held, so nobody changes them meanwhile, and nothing of this unit has.
pub(in crate::audit) async fn strengthened(
    ledger: &dyn Ledger,
    workspace: WorkspaceId,
    held: &HeldLedger,
    noted: &Noted,
) -> Result<SnapshotSum, Error> {
    let Some((checkpoint, _)) = &held.checkpoint else { return Ok(SnapshotSum::default()) };
    if !checkpoint.sum.is_weak() {
        return Ok(checkpoint.sum.clone());
    }
    let mut verifier = trusted(ledger.keys(), workspace, held, noted)?;
    let (mut sum, mut after) = (SnapshotSum::default(), None);
    loop {
        let kept = ledger.snapshots(workspace, after.take(), AT_ONCE).await?;
        let Some((last, _)) = kept.last() else { break };
        after = Some((last.entity_type.clone(), last.entity_id.clone()));
        for (snapshot, mark) in &kept {
            verifier.keep(snapshot, mark).map_err(|reason| broken(&reason.to_string()))?;
            sum.add(mark);
        }
    }
    verifier.agree_on_what_is_kept().map_err(|reason| broken(&reason.to_string()))?;
    Ok(sum)
}

fn nothing_pruned(told_by: EventId) -> Checkpoint {
    let never = Timestamp::new(chrono::DateTime::UNIX_EPOCH);
    Checkpoint {
        position: 0,
        seal: None,
        seal_key: None,
        known_from: never,
        ended_before: never,
        snapshots: 0,
        sum: SnapshotSum::default(),
        told_by,
    }
}

/// Whoever verifies from what stands for the events that are gone, if a holder of the key made it.
pub(in crate::audit) fn trusted<'a>(
    keys: &'a KeyRing,
    workspace: WorkspaceId,
    held: &'a HeldLedger,
    noted: &'a Noted,
) -> Result<Verifier<'a>, Error> {
    let head = held.head.clone();
    let Some((checkpoint, mark)) = &held.checkpoint else {
        return Ok(Verifier::new(keys, workspace, head, noted));
    };
    let behind = Verifier::behind((keys, workspace), head, noted, (checkpoint, mark.as_str()));
    behind.map_err(|reason| broken(&reason.to_string()))
}

/// Follows what goes once more: a ledger that is not what was written is evidence, and stays. Gives the key at its end.
pub(super) async fn follow(
    unit: &dyn UnitOfWork,
    keys: &KeyRing,
    bounds: &Bounds<'_>,
    held: &HeldLedger,
    aged: &[Aged],
) -> Result<Option<String>, Error> {
    let refused = |reason: Broken| broken(&reason.to_string());
    let mut verifier = trusted(keys, bounds.workspace, held, &bounds.noted)?;
    for one in aged {
        verifier.follow(&one.link).map_err(refused)?;
    }
    // What says why a payload is gone may come behind what goes now; that it says so is to be seen before.
    let awaited = verifier.awaited();
    if !awaited.is_empty() {
        for link in unit.pruning().links(bounds.workspace, &awaited).await? {
            verifier.look_ahead(&link).map_err(refused)?;
        }
    }
    if verifier.unexplained().is_some() {
        return Err(refused(Broken::Blanked));
    }
    Ok(verifier.sealed_by())
}

pub(in crate::audit) fn broken(why: &str) -> Error {
    let message = format!(
        "the ledger is not what was written, so nothing of it is taken out ({why}); run `goalwright admin verify-audit`"
    );
    Error::Conflict { code: "ledger_broken", message }
}
