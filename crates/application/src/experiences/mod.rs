//! Experiences that somebody adds. Those of executions are written with what they record, and by nobody else.

mod backfill;

use std::sync::Arc;

use goalwright_domain::Violation;
use goalwright_domain::experience::{Experience, ExperienceType, Note, note, short};

use crate::ports::{Clock, Ids, Transactions};
use crate::read::Queries;
use crate::retrying::retrying;
use crate::{Context, Error};

pub use backfill::{Backfill, Taken};

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
        let mut violations = given.violations();
        if violations.is_empty() {
            let known = self.queries.known_experiences(context.workspace(), &given.parents).await?;
            let unknown = given.parents.iter().enumerate().filter(|(_, parent)| !known.contains(*parent));
            violations.extend(unknown.map(|(index, parent)| {
                let message = format!("there is no experience `{parent}` in this workspace");
                Violation::new(format!("parents[{index}]"), "unknown_experience", message)
            }));
        }
        if !violations.is_empty() {
            return Err(Error::invalid(violations));
        }
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
