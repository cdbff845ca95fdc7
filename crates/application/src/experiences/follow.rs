//! What is derived from experiences follows them: words to find them by, links between them, executions to count. The unit
//! that appends them only notes that there is something to be read, so that settling work stays fast.

use goalwright_domain::experience::audit_text;
use goalwright_domain::ledger::Fact;
use goalwright_domain::workspace::Actor;
use serde_json::json;

use super::Experiences;
use crate::Error;
use crate::context::events;
use crate::retrying::retrying;

type Cause = dyn std::error::Error + Send + Sync;

/// Experiences read in one unit.
const BATCH: usize = 500;
/// So often an experience is tried before it is set aside.
const TRIES: u32 = 3;
/// Units that a reader waits for: more than that is left to whoever follows anyway.
const CATCH_UP: usize = 8;

impl Experiences {
    /// Reads a batch of what was appended; gives how many it were.
    ///
    /// # Errors
    /// What storage says.
    #[tracing::instrument(name = "experience.follow", skip_all, level = "debug")]
    pub async fn follow(&self) -> Result<usize, Error> {
        if !self.queries.has_unread().await? {
            return Ok(0);
        }
        let mut most = BATCH;
        loop {
            match self.read_some(most).await {
                // Nothing else is wrong with the database: it is one of these that cannot be read.
                Err(Error::Internal(_)) if most > 1 => most /= 2,
                Err(Error::Internal(_)) => return self.past_the_next().await,
                read => return read,
            }
        }
    }

    async fn read_some(&self, most: usize) -> Result<usize, Error> {
        retrying(|| async {
            let unit = self.transactions.begin().await?;
            let read = unit.experiences().follow(most).await?;
            unit.commit().await?;
            Ok(read)
        })
        .await
    }

    /// Tries the next experience again, and sets it aside if that never succeeds: one that cannot be read keeps nobody from
    /// those behind it.
    async fn past_the_next(&self) -> Result<usize, Error> {
        let Some(next) = self.queries.next_unread().await? else { return Ok(0) };
        for tried in 1..=TRIES {
            match self.read_some(1).await {
                Err(Error::Internal(cause)) if tried == TRIES => {
                    return self.set_aside(&next, &*cause).await;
                }
                Err(Error::Internal(_)) => {}
                read => return read,
            }
        }
        Ok(0)
    }

    async fn set_aside(&self, experience: &str, cause: &Cause) -> Result<usize, Error> {
        // The driver's words may hold what people wrote.
        let error = audit_text(&cause.source().map_or_else(|| cause.to_string(), ToString::to_string));
        let found = retrying(|| self.set_aside_once(experience, &error)).await?;
        if found {
            tracing::error!(
                experience.id = experience,
                error,
                "an experience cannot be read and is set aside; `goalwright admin rebuild` tries it again"
            );
        }
        Ok(1)
    }

    async fn set_aside_once(&self, experience: &str, error: &str) -> Result<bool, Error> {
        let now = self.clock.now();
        let unit = self.transactions.begin().await?;
        let Some(workspace) = unit.experiences().set_aside(experience, error, now).await? else {
            return Ok(false);
        };
        let fact = Fact {
            entity_type: "experience",
            entity_id: experience.to_owned(),
            event_type: "experience.set_aside",
            changes: json!({}),
            metadata: json!({"error": error, "tries": TRIES}),
        };
        let actor = Actor::system("follower");
        unit.outbox().append(&events(&*self.ids, workspace, &actor, None, vec![fact], now)).await?;
        unit.commit().await?;
        Ok(true)
    }

    /// Lets a question see what was appended before it: reads what is unread, unless it is very much. A question that cannot
    /// be helped like that is answered from what was read before.
    pub async fn catch_up(&self) {
        for _ in 0..CATCH_UP {
            match self.follow().await {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(error = %error, cause = ?std::error::Error::source(&error), "experiences could not be read before a question");
                    break;
                }
            }
        }
    }

    /// Reads all that is unread, however much it is.
    ///
    /// # Errors
    /// What storage says.
    pub async fn read_all(&self) -> Result<(), Error> {
        while self.follow().await? > 0 {}
        Ok(())
    }

    /// Derives everything anew from all experiences of all workspaces; gives how many there are.
    ///
    /// # Errors
    /// What storage says. What was read by then stays read, the rest is read by whoever follows.
    #[tracing::instrument(name = "experience.rebuild", skip_all)]
    pub async fn rebuild(&self) -> Result<usize, Error> {
        retrying(|| async {
            let unit = self.transactions.begin().await?;
            unit.experiences().forget_derived().await?;
            unit.commit().await?;
            Ok::<_, Error>(())
        })
        .await?;
        let mut count = 0;
        loop {
            match self.follow().await? {
                0 => return Ok(count),
                read => count += read,
            }
        }
    }
}
