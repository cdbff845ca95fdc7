use rstest::rstest;
use serde_json::json;

use super::{at, schedule};
use crate::schedule::{Admission, MissedWhy, OverlapPolicy, SLOTS_AT_ONCE, admit, due};

/// Hourly at the full hour, looked after until 08:00, and again at 12:30.
fn after_downtime(misfire: &str, window: u32) -> (Vec<String>, Vec<(MissedWhy, usize)>) {
    let hourly = schedule(json!({"frequency": "hourly", "misfire": misfire, "misfire_window": window}));
    let due = due(&hourly, at("2026-05-01T08:00:00Z"), at("2026-05-01T12:30:00Z"));
    assert_eq!(due.considered, at("2026-05-01T12:30:00Z"));
    assert_eq!(due.next.expect("one").at, at("2026-05-01T13:00:00Z"));
    let fired = due.fire.iter().map(|slot| slot.at.utc().format("%H:%M").to_string()).collect();
    (fired, due.missed.iter().map(|missed| (missed.why, missed.slots.len())).collect())
}

#[rstest]
#[case::all("all", 86_400, &["09:00", "10:00", "11:00", "12:00"], &[])]
#[case::all_within("all", 5_400, &["11:00", "12:00"], &[(MissedWhy::OutsideWindow, 2)])]
#[case::last("last", 86_400, &["12:00"], &[(MissedWhy::LaterOne, 3)])]
#[case::last_within("last", 1_800, &["12:00"], &[(MissedWhy::OutsideWindow, 3)])]
#[case::last_outside("last", 600, &[], &[(MissedWhy::OutsideWindow, 4)])]
#[case::none("none", 86_400, &[], &[(MissedWhy::NotCaughtUp, 4)])]
#[case::none_at_all("none", 0, &[], &[(MissedWhy::OutsideWindow, 4)])]
fn after_downtime_the_policy_decides(
    #[case] misfire: &str,
    #[case] window: u32,
    #[case] fired: &[&str],
    #[case] missed: &[(MissedWhy, usize)],
) {
    let (found, left_out) = after_downtime(misfire, window);
    assert_eq!(found, fired);
    assert_eq!(left_out, missed);
}

#[rstest]
#[case("all")]
#[case("last")]
#[case("none")]
fn a_slot_fires_in_time_under_every_policy(#[case] misfire: &str) {
    let hourly = schedule(json!({"frequency": "hourly", "misfire": misfire, "misfire_window": 0}));
    let due = due(&hourly, at("2026-05-01T08:00:00Z"), at("2026-05-01T09:00:42Z"));
    assert_eq!((due.fire.len(), due.missed.len()), (1, 0));
    assert_eq!(due.fire[0].at, at("2026-05-01T09:00:00Z"));
}

#[test]
fn a_missed_slot_is_not_caught_up_under_last_if_a_later_one_fires_in_time() {
    let hourly = schedule(json!({"frequency": "hourly", "misfire": "last", "misfire_window": 7_200}));
    let due = due(&hourly, at("2026-05-01T10:30:00Z"), at("2026-05-01T12:00:30Z"));
    assert_eq!(due.fire.iter().map(|slot| slot.at).collect::<Vec<_>>(), [at("2026-05-01T12:00:00Z")]);
    assert_eq!(due.missed[0].why, MissedWhy::LaterOne);
}

#[test]
fn nothing_is_decided_twice_and_nothing_is_forgotten() {
    let often = schedule(json!({"cron": "* * * * * *", "misfire": "all", "misfire_window": 3_000}));
    let (mut considered, now) = (at("2026-05-01T08:00:00Z"), at("2026-05-01T09:30:00Z"));
    let (mut fired, mut missed, mut rounds) = (Vec::new(), 0, 0);
    loop {
        let due = due(&often, considered, now);
        assert!(due.fire.len() <= SLOTS_AT_ONCE);
        fired.extend(due.fire.iter().map(|slot| slot.at));
        missed += due.missed.iter().map(|missed| missed.slots.len()).sum::<usize>();
        considered = due.considered;
        rounds += 1;
        if due.next.is_some_and(|next| next.at > now) {
            break;
        }
    }
    assert!(fired.windows(2).all(|pair| pair[1].millis_since(pair[0]) == 1_000), "each once, in order");
    // Those outside of the window are listed up to a number.
    assert_eq!((fired.len(), missed, rounds), (3_001, SLOTS_AT_ONCE, 4));
    assert_eq!(considered, now);
}

#[test]
fn a_schedule_that_is_over_has_no_next_slot() {
    let once = schedule(json!({"frequency": "once", "at": "2026-05-01T08:00:00Z"}));
    let first = due(&once, at("2026-05-01T07:00:00Z"), at("2026-05-01T08:00:01Z"));
    assert_eq!((first.fire.len(), first.next), (1, None));
    let again = due(&once, first.considered, at("2026-05-01T08:00:02Z"));
    assert_eq!((again.fire.len(), again.next), (0, None));
}

#[rstest]
#[case(OverlapPolicy::Skip, 0, Admission::Fire)]
#[case(OverlapPolicy::Skip, 1, Admission::Skip)]
#[case(OverlapPolicy::Queue, 0, Admission::Fire)]
#[case(OverlapPolicy::Queue, 1, Admission::Wait)]
#[case(OverlapPolicy::Queue, 99, Admission::Wait)]
#[case(OverlapPolicy::Queue, 100, Admission::QueueFull)]
#[case(OverlapPolicy::Allow, 500, Admission::Fire)]
#[case(OverlapPolicy::CancelPrevious, 0, Admission::Fire)]
#[case(OverlapPolicy::CancelPrevious, 1, Admission::Replace)]
fn what_becomes_of_a_firing(#[case] policy: OverlapPolicy, #[case] open: usize, #[case] expected: Admission) {
    assert_eq!(admit(policy, open), expected);
}
