use std::collections::{HashMap, HashSet};

use goalwright_domain::ledger::{Disagreement, Entity, Folded, Stored, Telling, disagreements, gone_on};
use goalwright_domain::workspace::WorkspaceId;
use uuid::Uuid;

use super::Maintenance;
use crate::Error;
use crate::read::{Histories, Place, Source};

/// So many entities are compared at one moment.
const ENTITIES: usize = 200;
/// So many events of them are read at once.
const EVENTS: usize = 2_000;

/// An entity whose row is not what its events tell.
#[derive(Debug, Clone, PartialEq)]
pub struct Differing {
    /// The tenant.
    pub workspace: WorkspaceId,
    /// What it is.
    pub entity: Entity,
    /// Its id.
    pub id: String,
    /// In what they differ.
    pub what: Disagreement,
}

/// What was compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Compared {
    /// Entities that have a row.
    pub rows: u64,
    /// Those that are not what their events tell, and those that lost their row.
    pub differing: u64,
}

impl Maintenance {
    /// Folds the events of every goal, task and agent and compares what comes of it with the row, workspace by workspace
    /// and in batches, each at one moment; `tell` hears of every difference. Nothing is changed: which of the two is right
    /// only people know.
    ///
    /// # Errors
    /// What storage says.
    #[tracing::instrument(name = "maintenance.compare_rows", skip_all)]
    pub async fn compare_rows(&self, tell: &mut (dyn FnMut(Differing) + Send)) -> Result<Compared, Error> {
        let mut compared = Compared::default();
        for workspace in self.ledger.workspaces().await? {
            for entity in Entity::ALL {
                self.compare_stored((workspace, entity), &mut compared, tell).await?;
                for source in [Source::Events, Source::Snapshots] {
                    self.compare_told((workspace, entity), source, &mut compared, tell).await?;
                }
            }
        }
        Ok(compared)
    }

    /// Those that have a row.
    async fn compare_stored(
        &self,
        (workspace, entity): (WorkspaceId, Entity),
        compared: &mut Compared,
        tell: &mut (dyn FnMut(Differing) + Send),
    ) -> Result<(), Error> {
        let mut after = None;
        loop {
            let histories = self.queries.histories().await?;
            let read = read_stored(histories.as_ref(), workspace, entity, after).await;
            histories.end().await;
            let (rows, told) = read?;
            let Some((last, _)) = rows.last() else { return Ok(()) };
            after = Some(*last);
            for (id, row) in &rows {
                compared.rows += 1;
                let id = id.to_string();
                let found = match told.get(&id) {
                    Some(Err(why)) => vec![Disagreement::Contradiction { why: why.clone() }],
                    Some(Ok(folded)) => disagreements(entity, Some(row), Some(folded)),
                    None => disagreements(entity, Some(row), None),
                };
                compared.differing += u64::from(!found.is_empty());
                found
                    .into_iter()
                    .for_each(|what| tell(Differing { workspace, entity, id: id.clone(), what }));
            }
        }
    }

    /// Those that were told of and have no row.
    async fn compare_told(
        &self,
        (workspace, entity): (WorkspaceId, Entity),
        source: Source,
        compared: &mut Compared,
        tell: &mut (dyn FnMut(Differing) + Send),
    ) -> Result<(), Error> {
        let mut after = String::new();
        loop {
            let histories = self.queries.histories().await?;
            let read = read_told(histories.as_ref(), workspace, entity, (source, &after)).await;
            histories.end().await;
            let (last, told) = read?;
            let Some(last) = last else { return Ok(()) };
            after = last;
            for (id, told) in told {
                let found = match told {
                    Err(why) => vec![Disagreement::Contradiction { why }],
                    Ok(folded) => disagreements(entity, None, Some(&folded)),
                };
                compared.differing += u64::from(!found.is_empty());
                found
                    .into_iter()
                    .for_each(|what| tell(Differing { workspace, entity, id: id.clone(), what }));
            }
        }
    }
}

/// What events fold to, by entity; or how they contradict each other.
type Told = HashMap<String, Result<Folded, String>>;

async fn read_stored(
    histories: &dyn Histories,
    workspace: WorkspaceId,
    entity: Entity,
    after: Option<Uuid>,
) -> Result<(Vec<(Uuid, Stored)>, Told), Error> {
    let rows = histories.stored(workspace, entity, after, ENTITIES).await?;
    let ids: Vec<String> = rows.iter().map(|(id, _)| id.to_string()).collect();
    let told = fold_all(histories, workspace, entity, &ids).await?.0;
    Ok((rows, told))
}

/// The next ones behind an id that have no row, and the last one that was looked at.
async fn read_told(
    histories: &dyn Histories,
    workspace: WorkspaceId,
    entity: Entity,
    (source, after): (Source, &str),
) -> Result<(Option<String>, Told), Error> {
    let mut ids = histories.told_of(workspace, entity, source, after, ENTITIES).await?;
    let last = ids.last().cloned();
    let known: Vec<Uuid> = ids.iter().filter_map(|id| id.parse().ok()).collect();
    let there = histories.with_row(workspace, entity, &known).await?;
    let there: HashSet<String> = there.iter().map(ToString::to_string).collect();
    ids.retain(|id| !there.contains(id));
    let (mut told, by_events) = fold_all(histories, workspace, entity, &ids).await?;
    if source == Source::Snapshots {
        // Those that events tell of as well were looked at before.
        told.retain(|id, _| !by_events.contains(id));
    }
    Ok((last, told))
}

/// Folds what is kept and what events tell of these entities, and names those that events tell of.
async fn fold_all(
    histories: &dyn Histories,
    workspace: WorkspaceId,
    entity: Entity,
    ids: &[String],
) -> Result<(Told, HashSet<String>), Error> {
    if ids.is_empty() {
        return Ok(Default::default());
    }
    let kept = histories.kept(workspace, entity.as_str(), ids).await?;
    let mut told: Told = kept.into_iter().map(|(id, folded)| (id, Ok(folded))).collect();
    let mut by_events = HashSet::new();
    let mut after: Option<Place> = None;
    loop {
        let tellings = histories.all_told(workspace, entity, ids, after.as_ref(), EVENTS).await?;
        let Some((last, _)) = tellings.last() else { return Ok((told, by_events)) };
        after = Some(last.clone());
        let mut rest = tellings.into_iter().map(|(_, telling)| telling).peekable();
        while let Some(first) = rest.next() {
            let id = first.entity_id.clone();
            let mut of_one: Vec<Telling> = vec![first];
            while let Some(next) = rest.next_if(|next| next.entity_id == id) {
                of_one.push(next);
            }
            let before = told.remove(&id).transpose();
            if let Some(folded) = before.and_then(|before| gone_on(before, &of_one)).transpose() {
                told.insert(id.clone(), folded);
            }
            by_events.insert(id);
        }
    }
}
