//! Watching the work: faults are made where they are due, the person is sent for, and progress is told.

use std::time::{Duration, Instant};

use anyhow::anyhow;

use crate::faults::Faults;
use crate::graph::Work;
use crate::person::Person;
use crate::place::Place;
use crate::processes::Processes;
use crate::recorder::Recorder;

/// How often a person looks what waits for them.
const VISIT: Duration = Duration::from_millis(400);
/// How often progress is told.
const TELL: Duration = Duration::from_secs(5);

/// Whoever watches until all is done.
pub(crate) struct Watch<'a> {
    place: &'a Place,
    tasks: usize,
    started: Instant,
    pub(crate) faults: Faults,
    /// Processes that ended by themselves, though the database was there.
    pub(crate) gave_up: Vec<String>,
    told: Instant,
    visited: Instant,
}

impl<'a> Watch<'a> {
    /// Over the work of so many tasks, which began then.
    pub(crate) fn begin(place: &'a Place, (tasks, started): (usize, Instant), faults: Faults) -> Self {
        let now = Instant::now();
        Self { place, tasks, started, faults, gave_up: Vec::new(), told: now, visited: now }
    }

    /// Looks once, and does what is due; something once everything is done.
    ///
    /// # Errors
    /// If a task failed, which none may.
    pub(crate) fn look(
        &mut self,
        processes: &mut Processes<'_>,
        person: &mut Person,
        work: &Work,
        recorder: &Recorder,
    ) -> anyhow::Result<Option<()>> {
        // A question may have lost its connection, or its server.
        let completed = self.place.number("SELECT COUNT(*) FROM tasks WHERE status = 'completed'");
        let completed = completed.ok().and_then(|count| usize::try_from(count).ok());
        if let Some(completed) = completed {
            self.faults.strike(completed, self.place, processes)?;
            if completed >= self.tasks && self.faults.are_over() {
                return Ok(Some(()));
            }
        }
        for ended in processes.revive()? {
            println!("{:?}: {ended}", self.place.backend);
            if !self.faults.have_shaken_the_database() {
                self.gave_up.push(ended);
            }
        }
        if self.visited.elapsed() > VISIT {
            self.visited = Instant::now();
            // The server may just be dead; the next visit finds it.
            let _ = person.decide(self.place, &work.deeds, recorder);
        }
        if self.told.elapsed() > TELL {
            self.told = Instant::now();
            self.tell(completed);
        }
        match self.place.number("SELECT COUNT(*) FROM tasks WHERE status = 'failed'") {
            Ok(failed @ 1..) => Err(self.stuck(failed, person)),
            _ => Ok(None),
        }
    }

    fn tell(&self, completed: Option<usize>) {
        let shown = completed.map_or_else(|| "?".to_owned(), |completed| completed.to_string());
        println!(
            "{:?}: {shown} of {} after {:.0} s; {}",
            self.place.backend,
            self.tasks,
            self.started.elapsed().as_secs_f64(),
            self.faults.done
        );
    }

    /// Prints what is not done; gives the error that ends the run.
    pub(crate) fn stuck(&self, failed: i64, person: &Person) -> anyhow::Error {
        for line in left(self.place).unwrap_or_default() {
            println!("  {line}");
        }
        let (took, done) = (self.started.elapsed().as_secs(), &self.faults.done);
        anyhow!("not done after {took} s, {failed} tasks failed: {done}; {}", person.asked)
    }
}

/// What is not done yet, for people.
fn left(place: &Place) -> anyhow::Result<Vec<String>> {
    place.texts(
        "SELECT t.title || ' is ' || t.status || COALESCE(': ' || CAST(t.waiting AS TEXT), '') \
         || COALESCE(': ' || CAST(t.error AS TEXT), '') || COALESCE('; its run is ' || r.status, '') FROM tasks t LEFT JOIN runs r ON r.task_id = t.id \
         WHERE t.status NOT IN ('completed', 'pending') ORDER BY t.title LIMIT 30",
    )
}
