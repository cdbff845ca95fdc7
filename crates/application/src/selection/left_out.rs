//! What a selection leaves out, and why.

use goalwright_domain::task::{Standing, Standings};

use crate::read::{CANDIDATES, Offered};

/// Open tasks that were left out for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// `unassigned`, `dependencies_open`, `goal_not_active`, `scheduled_later`, `waiting_for_person`, `in_progress`,
    /// `with_workers`; to somebody who claims also `other_queue`, `other_types`, `agent_busy`, `claimable_now`.
    pub code: &'static str,
    /// In words, with what to do.
    pub message: String,
    /// How many; where it is [`CANDIDATES`] there may be more.
    pub count: i64,
}

impl LeftOut {
    fn new(code: &'static str, count: i64, (one, many): (&str, &str)) -> Option<Self> {
        let capped = count >= i64::try_from(CANDIDATES).unwrap_or(i64::MAX);
        let message = match count {
            1 => format!("1 task {one}"),
            _ if capped => format!("{count} tasks or more {many}"),
            _ => format!("{count} tasks {many}"),
        };
        (count > 0).then_some(Self { code, message, count })
    }
}

/// What stands in the way of open tasks, as somebody sees it who looks for something to do.
pub(crate) fn of(standings: &Standings) -> Vec<LeftOut> {
    let mut left_out = pending(standings);
    let of = |standing| standings.of(standing);
    left_out.extend(LeftOut::new("scheduled_later", of(Standing::Later), LATER));
    left_out.extend(LeftOut::new(
        "with_workers",
        of(Standing::Executable),
        ("is ready for a worker", "are ready for workers"),
    ));
    left_out.extend(LeftOut::new(
        "in_progress",
        of(Standing::Running),
        ("is being worked on", "are being worked on"),
    ));
    left_out.extend(LeftOut::new("waiting_for_person", of(Standing::ForPerson), FOR_PERSON));
    left_out
}

/// Why somebody who claims got nothing.
pub(crate) fn of_offer(offered: &Offered, places: Option<u32>) -> Vec<LeftOut> {
    let mut left_out = Vec::new();
    let busy = places.is_some_and(|places| offered.held >= i64::from(places));
    if busy {
        let words = (
            "is held by the agent, as many as its `max_concurrency` allows",
            "are held by the agent, as many as its `max_concurrency` allows",
        );
        left_out.extend(LeftOut::new("agent_busy", offered.held, words));
    } else {
        left_out.extend(LeftOut::new(
            "in_progress",
            offered.held,
            ("is held by the agent", "are held by the agent"),
        ));
        let words = ("has just become claimable; ask again", "have just become claimable; ask again");
        left_out.extend(LeftOut::new("claimable_now", offered.claimable, words));
    }
    let words = ("is of another type than was asked for", "are of other types than were asked for");
    left_out.extend(LeftOut::new("other_types", offered.other_types, words));
    let words = (
        "belongs to a plan that `goalwright run` works on",
        "belong to plans that `goalwright run` works on",
    );
    left_out.extend(LeftOut::new("other_queue", offered.other_queue, words));
    left_out.extend(pending(&offered.pending));
    let later = offered.later + offered.pending.of(Standing::Later);
    left_out.extend(LeftOut::new("scheduled_later", later, LATER));
    left_out.extend(LeftOut::new("waiting_for_person", offered.for_person, FOR_PERSON));
    left_out
}

const LATER: (&str, &str) =
    ("begins later, or is tried again later", "begin later, or are tried again later");
const FOR_PERSON: (&str, &str) = ("waits for a person", "wait for a person");

fn pending(standings: &Standings) -> Vec<LeftOut> {
    let reasons = [
        (
            "unassigned",
            Standing::Unassigned,
            (
                "has no agent; make one that can do it, or assign it",
                "have no agent; make one that can do them, or assign them",
            ),
        ),
        ("dependencies_open", Standing::Blocked, ("waits for other tasks", "wait for other tasks")),
        (
            "goal_not_active",
            Standing::Resting,
            (
                "belongs to a goal that is not active; make it active",
                "belong to goals that are not active; make them active",
            ),
        ),
    ];
    reasons
        .into_iter()
        .filter_map(|(code, standing, words)| LeftOut::new(code, standings.of(standing), words))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_open_task_is_accounted_for() {
        let mut standings = Standings::default();
        for (standing, count) in Standing::ALL.into_iter().zip(1..) {
            standings.add(standing, count);
        }
        let told: i64 = of(&standings).iter().map(|left_out| left_out.count).sum();
        assert_eq!(told, standings.total());
        assert_eq!(of(&standings)[0].message, "1 task has no agent; make one that can do it, or assign it");
    }

    #[test]
    fn a_busy_agent_is_told_so_and_a_count_that_was_cut_says_it() {
        let offered = Offered { held: 2, claimable: 200, other_types: 200, ..Offered::default() };
        let codes = |places| of_offer(&offered, places).iter().map(|one| one.code).collect::<Vec<_>>();
        assert_eq!(codes(Some(2)), ["agent_busy", "other_types"]);
        assert_eq!(codes(None), ["in_progress", "claimable_now", "other_types"]);
        let told = of_offer(&offered, None);
        assert!(told[2].message.starts_with("200 tasks or more"), "{told:?}");
    }
}
