//! Experiences: adding them, finding them, and where they come from. Those of executions are written with what they
//! record, and by nobody else.

mod executions;
mod follow;
mod lineage;
mod retrieve;

mod backfill;

use std::sync::Arc;

use goalwright_domain::Violation;
use goalwright_domain::experience::{Experience, ExperienceType, Note, note, short};
use goalwright_domain::workspace::WorkspaceId;

use crate::ports::{Clock, Ids, Transactions};
use crate::read::Queries;
use crate::retrying::retrying;
use crate::{Context, Error};

pub use backfill::{Backfill, Taken};
pub use lineage::{
    DEFAULT_DEPTH, DEFAULT_NODES, Direction, Lineage, MAX_DEPTH, MAX_NODES, Node, NodeKind, Reach,
};
pub use retrieve::{MAX_HITS, Retrieved, Wanted};

/// What can be done with experiences.
pub struct Experiences {
    transactions: Arc<dyn Transactions>,
    queries: Arc<dyn Queries>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
}

impl Experiences {
    /// Over these ports.
    pub fn new(
        transactions: Arc<dyn Transactions>,
        queries: Arc<dyn Queries>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
    ) -> Self {
        Self { transactions, queries, clock, ids }
    }

    /// Adds one.
    ///
    /// # Errors
    /// `Invalid` with every violation: `type_reserved` for the record of executions, `unknown_experience` for parents that
    /// are not in the workspace.
    #[tracing::instrument(name = "experience.add", skip_all)]
    pub async fn add(
        &self,
        context: &Context,
        kind: ExperienceType,
        given: Note,
    ) -> Result<Experience, Error> {
        if matches!(kind, ExperienceType::TaskExecution | ExperienceType::ChainExecution) {
            return Err(reserved(kind));
        }
        self.check(context.workspace(), &given).await?;
        retrying(|| async {
            let now = self.clock.now();
            let random = self.ids.random();
            let experience =
                note(kind, given.clone(), context.workspace(), &short(random), self.ids.ordered(), now);
            let unit = self.transactions.begin().await?;
            unit.experiences().append(std::slice::from_ref(&experience)).await?;
            context.remember(&*unit, "experience", &experience.id, now).await?;
            unit.commit().await?;
            Ok(experience)
        })
        .await
    }

    /// Adds one for a tool, once for each key; gives its id.
    ///
    /// # Errors
    /// As [`Experiences::add`].
    #[tracing::instrument(name = "experience.add", skip_all)]
    pub async fn add_by_tool(
        &self,
        by: ToolNote<'_>,
        kind: ExperienceType,
        given: Note,
    ) -> Result<String, Error> {
        if matches!(kind, ExperienceType::TaskExecution | ExperienceType::ChainExecution) {
            return Err(reserved(kind));
        }
        self.check(by.workspace, &given).await?;
        retrying(|| async {
            let now = self.clock.now();
            let random = self.ids.random();
            let noted = note(kind, given.clone(), by.workspace, &short(random), self.ids.ordered(), now);
            let experience = noted.by_tool(by.idempotency_key);
            let unit = self.transactions.begin().await?;
            let written = unit.experiences().append(std::slice::from_ref(&experience)).await?;
            unit.commit().await?;
            Ok(written.into_iter().next().unwrap_or(experience.id))
        })
        .await
    }

    async fn check(&self, workspace: WorkspaceId, given: &Note) -> Result<(), Error> {
        let mut violations = given.violations();
        if violations.is_empty() {
            let known = self.queries.known_experiences(workspace, &given.parents).await?;
            let unknown = given.parents.iter().enumerate().filter(|(_, parent)| !known.contains(*parent));
            violations.extend(unknown.map(|(index, parent)| {
                let message = format!("there is no experience `{parent}` in this workspace");
                Violation::new(format!("parents[{index}]"), "unknown_experience", message)
            }));
        }
        if violations.is_empty() { Ok(()) } else { Err(Error::invalid(violations)) }
    }
}

/// For whom a tool adds an experience.
#[derive(Debug, Clone, Copy)]
pub struct ToolNote<'a> {
    /// The tenant.
    pub workspace: WorkspaceId,
    /// The key of the attempt that calls it: the same call adds it once.
    pub idempotency_key: &'a str,
}

fn reserved(kind: ExperienceType) -> Error {
    let message =
        format!("experiences of the type {} are written by what executes, and by nobody else", kind.as_str());
    Error::Invalid {
        code: "type_reserved",
        violations: vec![Violation::new("type", "type_reserved", message.clone())],
        message,
    }
}
