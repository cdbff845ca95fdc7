//! What is derived from experiences follows them: words to find them by, links between them, executions to count. The unit
//! that appends them only notes that there is something to be read, so that settling work stays fast.

use super::Experiences;
use crate::Error;
use crate::retrying::retrying;

/// Experiences read in one unit.
const BATCH: usize = 500;
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
        retrying(|| async {
            let unit = self.transactions.begin().await?;
            let read = unit.experiences().follow(BATCH).await?;
            unit.commit().await?;
            Ok(read)
        })
        .await
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
