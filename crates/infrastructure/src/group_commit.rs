//! Group commit: many commands, one unit of work.
//!
//! It takes commands, not open units, and has no timer: the next group is what arrived while the last one was written.
//! A lone command is written at once, and under load groups grow by themselves. The queue is bounded: whoever submits
//! waits, and so does what is behind it. A group that fails is halved until the culprit is alone, so that it takes
//! nobody with it.

use std::sync::Arc;

use async_trait::async_trait;
use goalwright_application::Error;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::spawn::spawn_essential;

/// Commands of one group, at most.
const GROUP: usize = 512;
/// Commands that may wait; more are not accepted until a group is written.
const QUEUE: usize = 4 * GROUP;

/// What is done with a group.
#[async_trait]
pub(crate) trait Commit: Send + Sync + 'static {
    /// What is submitted.
    type Command: Send + 'static;
    /// What its submitter learns.
    type Answer: Send + 'static;

    /// Writes all of the group, or nothing; the answers are in its order.
    async fn commit(&self, group: &[Self::Command]) -> Result<Vec<Self::Answer>, Error>;

    /// A group is about to be written, and so many commands wait behind it.
    fn begun(&self, _waiting: usize) {}

    /// What becomes of a command that cannot be written, though it is alone or because the database is away.
    async fn give_up(&self, command: Self::Command, error: &Error) -> Self::Answer;
}

/// One queue, and the loop that empties it.
pub(crate) struct GroupCommit<C: Commit> {
    queue: mpsc::Sender<Submitted<C>>,
    running: JoinHandle<()>,
}

type Submitted<C> = (<C as Commit>::Command, oneshot::Sender<<C as Commit>::Answer>);

impl<C: Commit> GroupCommit<C> {
    /// Starts the loop.
    pub(crate) fn start(name: &'static str, commit: C) -> Self {
        let (queue, arrived) = mpsc::channel(QUEUE);
        Self { queue, running: spawn_essential(name, run(Arc::new(commit), arrived)) }
    }

    /// Waits until the command is written, or given up; none only if the loop has ended.
    pub(crate) async fn submit(&self, command: C::Command) -> Option<C::Answer> {
        let (answer, answered) = oneshot::channel();
        self.queue.send((command, answer)).await.ok()?;
        answered.await.ok()
    }

    /// Writes what is queued, and ends.
    pub(crate) async fn finish(self) {
        drop(self.queue);
        let _ = self.running.await;
    }
}

async fn run<C: Commit>(commit: Arc<C>, mut arrived: mpsc::Receiver<Submitted<C>>) {
    let mut group = Vec::with_capacity(GROUP);
    while arrived.recv_many(&mut group, GROUP).await > 0 {
        commit.begun(arrived.len());
        let (commands, answers): (Vec<_>, Vec<_>) = group.drain(..).unzip();
        write(&*commit, commands, answers).await;
    }
}

async fn write<C: Commit>(commit: &C, commands: Vec<C::Command>, answers: Vec<oneshot::Sender<C::Answer>>) {
    let mut open = vec![(commands, answers)];
    while let Some((mut commands, mut answers)) = open.pop() {
        match commit.commit(&commands).await {
            Ok(given) => {
                for (answer, given) in answers.into_iter().zip(given) {
                    // Whoever submitted it may have gone; what it asked for is written all the same.
                    let _ = answer.send(given);
                }
            }
            // Where the database is away, none of them is the culprit.
            Err(error) if commands.len() > 1 && !matches!(error, Error::Unavailable { .. }) => {
                tracing::warn!(error = %error, group.size = commands.len(), "a group could not be written; halving it");
                let half = commands.len() / 2;
                let later = (commands.split_off(half), answers.split_off(half));
                open.push(later);
                open.push((commands, answers));
            }
            Err(error) => {
                for (command, answer) in commands.drain(..).zip(answers.drain(..)) {
                    let _ = answer.send(commit.give_up(command, &error).await);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use futures::future::join_all;
    use tokio::sync::Semaphore;

    use super::*;

    /// Notes the groups it is given; 13 cannot be written. Waits for a permit before each group.
    struct Noted {
        groups: Arc<Mutex<Vec<Vec<u32>>>>,
        permits: Arc<Semaphore>,
    }

    #[async_trait]
    impl Commit for Noted {
        type Command = u32;
        type Answer = Result<u32, String>;

        async fn commit(&self, group: &[u32]) -> Result<Vec<Self::Answer>, Error> {
            self.permits.acquire().await.expect("open").forget();
            if group.contains(&13) {
                return Err(Error::Internal("13".into()));
            }
            self.groups.lock().expect("whole").push(group.to_vec());
            Ok(group.iter().map(|number| Ok(number * 2)).collect())
        }

        async fn give_up(&self, command: u32, _: &Error) -> Self::Answer {
            Err(format!("{command} was given up"))
        }
    }

    /// Is away; counts how often it was asked.
    struct Away(Arc<Mutex<usize>>);

    #[async_trait]
    impl Commit for Away {
        type Command = u32;
        type Answer = u32;

        async fn commit(&self, _: &[u32]) -> Result<Vec<u32>, Error> {
            *self.0.lock().expect("whole") += 1;
            Err(Error::Unavailable {
                code: "database_unavailable",
                message: String::new(),
                retry_after: None,
            })
        }

        async fn give_up(&self, command: u32, error: &Error) -> u32 {
            assert_eq!(error.code(), "database_unavailable");
            command
        }
    }

    #[tokio::test]
    async fn a_database_that_is_away_is_not_asked_about_each() {
        let asked = Arc::default();
        let (senders, answers): (Vec<_>, Vec<_>) = (0..8).map(|_| oneshot::channel()).unzip();
        write(&Away(Arc::clone(&asked)), (0..8).collect(), senders).await;
        assert_eq!(join_all(answers).await, (0..8).map(Ok).collect::<Vec<_>>());
        assert_eq!(*asked.lock().expect("whole"), 1);
    }

    #[tokio::test]
    async fn what_arrives_meanwhile_is_the_next_group() {
        let (groups, permits) = (Arc::default(), Arc::new(Semaphore::new(0)));
        let commit =
            GroupCommit::start("test", Noted { groups: Arc::clone(&groups), permits: permits.clone() });
        let first = commit.submit(0);
        let rest = join_all((21..=60).map(|number| commit.submit(number)));
        let open = async {
            // The first group is taken before the others are all there.
            while permits.available_permits() == 0 && groups.lock().expect("whole").is_empty() {
                permits.add_permits(1);
                tokio::task::yield_now().await;
            }
            permits.add_permits(100);
        };
        let (first, rest, ()) = tokio::join!(first, rest, open);
        assert_eq!(first, Some(Ok(0)));
        assert_eq!(rest, (21..=60).map(|number| Some(Ok(number * 2))).collect::<Vec<_>>());
        let sizes: Vec<usize> = groups.lock().expect("whole").iter().map(Vec::len).collect();
        assert_eq!(sizes.iter().sum::<usize>(), 41);
        assert!(sizes.len() < 41, "{sizes:?}");
    }

    #[tokio::test]
    async fn a_culprit_takes_nobody_with_it() {
        let (groups, permits) = (Arc::default(), Arc::new(Semaphore::new(1_000)));
        let commit = GroupCommit::start("test", Noted { groups, permits });
        let answers = join_all((0..64).map(|number| commit.submit(number))).await;
        for (number, answer) in (0..64).zip(answers) {
            let expected = if number == 13 { Err("13 was given up".to_owned()) } else { Ok(number * 2) };
            assert_eq!(answer, Some(expected));
        }
        commit.finish().await;
    }
}
