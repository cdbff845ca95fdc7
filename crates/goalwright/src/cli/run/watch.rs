//! Follows the ledger while the workers work, and notices when nothing moves any more.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use goalwright_application::read::{EventFilter, EventView, MAX_LIMIT, PageRequest};
use goalwright_application::{Context, Error};
use goalwright_domain::Timestamp;
use goalwright_domain::task::TaskId;

use super::leases::Leases;
use super::plan::Begun;
use super::show::Show;
use super::standing::{self, Standing};
use crate::compose::App;

/// Looks at least so often: another process may do the work.
const LOOK: Duration = Duration::from_millis(200);
/// Looks at most so often: a worker that settles a thousand tasks a second must not be held up by who watches it.
const PAUSE: Duration = Duration::from_millis(25);
/// Work without any event for so long may be a lease that nobody holds any more.
const QUIET: Duration = Duration::from_secs(1);

/// The watch over one goal.
pub(super) struct Watch<'a> {
    app: &'a App,
    context: Context,
    begun: &'a Begun,
    show: &'a Show,
    leases: Leases,
    /// The last event that was shown; none before the first look.
    seen: Option<i64>,
    /// When each running task began.
    since: HashMap<TaskId, Timestamp>,
}

impl<'a> Watch<'a> {
    pub(super) fn new(app: &'a App, context: Context, begun: &'a Begun, show: &'a Show) -> Self {
        Self { app, context, begun, show, leases: Leases::default(), seen: None, since: HashMap::new() }
    }

    /// Shows what happens until the goal stands still.
    pub(super) async fn until_still(&mut self) -> Result<Standing, Error> {
        let mut quiet_since = Instant::now();
        if self.begun.resumed && self.seen.is_none() {
            self.leases.tell(self.app, &self.context, self.begun, self.show).await?;
        }
        loop {
            let news = self.catch_up().await?;
            let (standing, counts) = standing::look(self.app, &self.context, self.begun.goal).await?;
            self.show.counts(&counts);
            if standing != Standing::Moving {
                // What ended between the two looks is shown as well.
                self.catch_up().await?;
                return Ok(standing);
            }
            if news {
                quiet_since = Instant::now();
            } else if quiet_since.elapsed() > QUIET && counts.running > 0 {
                quiet_since = Instant::now();
                self.leases.tell(self.app, &self.context, self.begun, self.show).await?;
            }
            self.app.ports.signals.until_work_changes(LOOK).await;
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Shows the events since the last look, oldest first; whether there were any.
    async fn catch_up(&mut self) -> Result<bool, Error> {
        let events = self.new_events().await?;
        for event in events.iter().rev() {
            self.tell(event);
        }
        Ok(!events.is_empty())
    }

    /// Newest first, back to what was seen. A goal that is resumed has its past behind it; of a new one, everything
    /// that happens to its tasks is shown.
    async fn new_events(&mut self) -> Result<Vec<EventView>, Error> {
        let filter = EventFilter { entity_type: Some("task".to_owned()), ..EventFilter::default() };
        let mut page = PageRequest::first(MAX_LIMIT);
        let mut fresh: Vec<EventView> = Vec::new();
        loop {
            let events = self.app.services.queries.events(self.context.workspace(), &filter, &page).await?;
            let more = events.items.len();
            let newer = |event: &EventView| match self.seen {
                Some(seen) => event.position > seen,
                None => !self.begun.resumed && event.event_type != "task.created",
            };
            fresh.extend(events.items.into_iter().take_while(newer));
            page.after = events.next;
            if page.after.is_none() || fresh.len() % usize::try_from(MAX_LIMIT).unwrap_or(usize::MAX) != 0 || more == 0 {
                break;
            }
        }
        Ok(fresh)
    }

    fn tell(&mut self, event: &EventView) {
        let Ok(task) = event.entity_id.parse::<TaskId>() else { return };
        let Some(name) = self.begun.names.get(&task) else { return };
        match event.event_type.as_str() {
            "task.started" => {
                let _ = (name, &self.since);
            }
            _ => {}
        }
    }
}
