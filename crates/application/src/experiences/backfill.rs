use std::collections::HashSet;
use std::sync::Arc;

use goalwright_domain::experience::Experience;

use crate::Error;
use crate::ports::Transactions;
use crate::read::Queries;
use crate::retrying::retrying;

/// Takes over experiences that were recorded elsewhere.
pub struct Backfill {
    transactions: Arc<dyn Transactions>,
    queries: Arc<dyn Queries>,
}

/// What became of an experience.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// Its id, or that of the one with the same idempotency key.
    pub id: String,
    /// Whether it was not there before.
    pub new: bool,
}

impl Backfill {
    /// Over these ports.
    pub fn new(transactions: Arc<dyn Transactions>, queries: Arc<dyn Queries>) -> Self {
        Self { transactions, queries }
    }

    /// Appends those whose idempotency key is not known yet, all or none of them; unless `dry_run`, which only tells what
    /// would be. The answer has one entry per experience, in their order.
    ///
    /// # Errors
    /// What storage says.
    #[tracing::instrument(name = "experience.backfill", skip_all, fields(count = experiences.len()))]
    pub async fn take(&self, experiences: &[Experience], dry_run: bool) -> Result<Vec<Taken>, Error> {
        let keys: Vec<String> = experiences.iter().map(key_of).collect();
        let known = self.queries.known_executions(&keys).await?;
        let mut first = HashSet::new();
        let mut taken: Vec<Taken> = experiences
            .iter()
            .zip(&keys)
            .map(|(experience, key)| match known.get(key) {
                Some(id) => Taken { id: id.clone(), new: false },
                None => Taken { id: experience.id.clone(), new: first.insert(key) },
            })
            .collect();
        let new: Vec<Experience> = experiences
            .iter()
            .zip(&taken)
            .filter(|(_, taken)| taken.new)
            .map(|(one, _)| one.clone())
            .collect();
        if dry_run || new.is_empty() {
            return Ok(taken);
        }
        let ids = retrying(|| async {
            let unit = self.transactions.begin().await?;
            let ids = unit.experiences().append(&new).await?;
            unit.commit().await?;
            Ok::<_, Error>(ids)
        })
        .await?;
        for (taken, id) in taken.iter_mut().filter(|taken| taken.new).zip(ids) {
            taken.id = id;
        }
        Ok(taken)
    }
}

fn key_of(experience: &Experience) -> String {
    experience.content["structured"]["idempotency_key"].as_str().unwrap_or_default().to_owned()
}
