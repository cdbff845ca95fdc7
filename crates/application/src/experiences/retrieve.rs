//! Which experiences have to do with what somebody is about to do.

use goalwright_domain::Violation;
use goalwright_domain::experience::{Experience, ExperienceType, Retrieval, relevance};
use goalwright_domain::workspace::WorkspaceId;
use serde_json::{Map, json};

use super::Experiences;
use crate::Error;
use crate::read::Search;

/// The most experiences that are given.
pub const MAX_HITS: u64 = 50;
/// So many of the newest that match are weighed.
const WEIGHED: u64 = 200;

/// What to look for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// In words; the first of them count.
    pub query: String,
    /// Only experiences of this type.
    pub kind: Option<ExperienceType>,
    /// At most so many, 1 to [`MAX_HITS`].
    pub limit: u64,
}

/// What was found, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct Retrieved {
    /// The most relevant first.
    pub hits: Vec<Experience>,
    /// As the experience of an execution keeps it; its memories are the hits.
    pub provenance: Retrieval,
}

impl Experiences {
    /// The experiences of the workspace that have most to do with the words. Those with all of them are preferred; the
    /// newest are weighed against each other, so that it costs the same however many there are.
    ///
    /// # Errors
    /// `Invalid` naming `query` or `limit`.
    #[tracing::instrument(name = "experience.retrieve", skip_all)]
    pub async fn retrieve(&self, workspace: WorkspaceId, wanted: &Wanted) -> Result<Retrieved, Error> {
        let began = self.clock.now();
        let Some(search) = Search::loosely(&wanted.query) else {
            let message = "give at least one word or number to look for";
            return Err(Error::invalid(vec![Violation::new("query", "no_words", message)]));
        };
        if !(1..=MAX_HITS).contains(&wanted.limit) {
            let message = format!("between 1 and {MAX_HITS}");
            return Err(Error::invalid(vec![Violation::new("limit", "out_of_range", message)]));
        }
        self.catch_up().await;
        let with = async |all| self.queries.with_words(workspace, &search, all, wanted.kind, WEIGHED).await;
        let limit = usize::try_from(wanted.limit).unwrap_or(usize::MAX);
        let mut hits = most_relevant(&search, with(true).await?, limit);
        if hits.len() < limit && search.words().len() > 1 {
            let mut some = with(false).await?;
            some.retain(|experience| hits.iter().all(|hit| hit.id != experience.id));
            hits.extend(most_relevant(&search, some, limit - hits.len()));
        }
        let mut filters = Map::new();
        if let Some(kind) = wanted.kind {
            filters.insert("type".to_owned(), json!(kind.as_str()));
        }
        let provenance = Retrieval {
            memories: hits.iter().map(|hit| hit.id.clone()).collect(),
            query: Some(wanted.query.clone()),
            filters,
            latency_ms: self.clock.now().millis_since(began).try_into().unwrap_or(0),
            source: vec!["experiences".to_owned()],
        };
        Ok(Retrieved { hits, provenance })
    }
}

/// The best of these, which are newest first; of equals the newer ones.
fn most_relevant(search: &Search, found: Vec<Experience>, limit: usize) -> Vec<Experience> {
    let texts: Vec<&str> =
        found.iter().map(|experience| experience.content["text"].as_str().unwrap_or_default()).collect();
    let scores = relevance(search.words(), &texts);
    let mut scored: Vec<(f64, Experience)> = scores.into_iter().zip(found).collect();
    scored.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    scored.into_iter().take(limit).map(|(_, experience)| experience).collect()
}
