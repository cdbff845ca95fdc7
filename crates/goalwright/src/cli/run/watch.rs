//! Follows the ledger while the workers work, and notices when nothing moves any more.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
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
    /// The position of the last event that was shown.
    seen: i64,
    /// Whether leases were looked at that were there before.
    looked_back: bool,
    /// When each running task began.
    since: HashMap<TaskId, Timestamp>,
}

impl<'a> Watch<'a> {
    pub(super) fn new(
        app: &'a App,
        context: Context,
        begun: &'a Begun,
        show: &'a Show,
        leases: Leases,
    ) -> Self {
        Self {
            app,
            context,
            begun,
            show,
            leases,
            seen: begun.position,
            looked_back: false,
            since: HashMap::new(),
        }
    }

    /// Shows what happens until the goal stands still.
    pub(super) async fn until_still(&mut self) -> Result<Standing, Error> {
        let mut quiet_since = Instant::now();
        if self.begun.resumed && !self.looked_back {
            self.looked_back = true;
            self.leases.tell(self.app, &self.context, self.begun, self.show).await?;
        }
        loop {
            let seen = self.app.ports.signals.work_seen();
            let news = self.catch_up().await?;
            let (standing, counts) = standing::look(self.app, &self.context, self.begun.goal).await?;
            self.show.counts(&counts);
            if standing != Standing::Moving {
                // What ended between the two looks is shown as well, once it has its place in the ledger.
                self.app.sequence().await?;
                self.catch_up().await?;
                return Ok(standing);
            }
            if news {
                quiet_since = Instant::now();
            } else if quiet_since.elapsed() > QUIET && counts.running > 0 {
                quiet_since = Instant::now();
                self.leases.tell(self.app, &self.context, self.begun, self.show).await?;
            }
            self.app.ports.signals.until_work_changes(seen, LOOK).await;
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

    /// Newest first, back to what was seen.
    async fn new_events(&mut self) -> Result<Vec<EventView>, Error> {
        let filter = EventFilter { entity_type: Some("task".to_owned()), ..EventFilter::default() };
        let mut page = PageRequest::first(MAX_LIMIT);
        let mut fresh: Vec<EventView> = Vec::new();
        loop {
            let events = self.app.services.queries.events(self.context.workspace(), &filter, &page).await?;
            let known = events.items.iter().position(|event| event.position <= self.seen);
            fresh.extend(events.items.into_iter().take(known.unwrap_or(usize::MAX)));
            page.after = events.next;
            if known.is_some() || page.after.is_none() {
                break;
            }
        }
        if let Some(newest) = fresh.first() {
            self.seen = newest.position;
        }
        Ok(fresh)
    }

    fn tell(&mut self, event: &EventView) {
        // The workspace's ledger also tells of tasks that are no business of this goal.
        let Ok(task) = event.entity_id.parse::<TaskId>() else { return };
        let Some(name) = self.begun.names.get(&task) else { return };
        let now = |field: &str| &event.changes[field]["to"];
        match event.event_type.as_str() {
            "task.started" => {
                // A task that slept and woke up was shown before.
                if let Entry::Vacant(entry) = self.since.entry(task) {
                    entry.insert(event.created_at);
                    self.show.started(task, name);
                }
            }
            "task.completed" => {
                let millis = self.since.remove(&task).map(|since| event.created_at.millis_since(since));
                self.show.completed(task, name, millis);
            }
            "task.failed" | "task.requeued" => {
                self.since.remove(&task);
                let message = now("error")["message"].as_str().unwrap_or("failed as before");
                self.show.failed(task, name, message, event.event_type == "task.requeued");
            }
            "task.suspended" if now("waiting")["kind"] != "time" => self.show.waits(task, name),
            _ => {}
        }
    }
}
