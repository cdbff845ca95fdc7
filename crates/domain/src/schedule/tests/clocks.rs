//! The days on which clocks are changed.

use rstest::rstest;
use serde_json::{Value, json};

use super::{at, next, schedule};

fn daily(time: &str, zone: &str, more: Value) -> Value {
    let mut value = json!({"frequency": "daily", "time": time, "timezone": zone});
    value.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
    value
}

#[rstest]
#[case::shifted("shift", "2026-03-29T03:00:00+02:00 2026-03-29T02:30:00 0")]
#[case::skipped("skip", "2026-03-30T02:30:00+02:00 2026-03-30T02:30:00 0")]
fn a_time_that_clocks_skip(#[case] gap: &str, #[case] expected: &str) {
    let found = next(daily("02:30", "Europe/Berlin", json!({"gap": gap})), "2026-03-28T12:00:00Z", 1);
    assert_eq!(found, [expected]);
}

#[rstest]
#[case::first("first", &["2026-10-25T02:30:00+02:00 2026-10-25T02:30:00 0", "2026-10-26T02:30:00+01:00 2026-10-26T02:30:00 0"])]
#[case::second("second", &["2026-10-25T02:30:00+01:00 2026-10-25T02:30:00 1", "2026-10-26T02:30:00+01:00 2026-10-26T02:30:00 0"])]
#[case::both("both", &["2026-10-25T02:30:00+02:00 2026-10-25T02:30:00 0", "2026-10-25T02:30:00+01:00 2026-10-25T02:30:00 1"])]
fn a_time_that_comes_twice(#[case] fold: &str, #[case] expected: &[&str]) {
    let found = next(daily("02:30", "Europe/Berlin", json!({"fold": fold})), "2026-10-24T12:00:00Z", 2);
    assert_eq!(found, expected);
}

#[test]
fn elapsed_time_goes_on_while_clocks_are_changed() {
    let hourly = json!({"frequency": "hourly", "minute": 30, "timezone": "America/New_York"});
    let forward: Vec<String> = next(hourly.clone(), "2026-03-08T05:45:00Z", 3);
    assert_eq!(
        forward,
        [
            "2026-03-08T01:30:00-05:00 2026-03-08T01:30:00 0",
            "2026-03-08T03:30:00-04:00 2026-03-08T03:30:00 0",
            "2026-03-08T04:30:00-04:00 2026-03-08T04:30:00 0",
        ]
    );
    let back = next(hourly, "2026-11-01T04:45:00Z", 3);
    assert_eq!(
        back,
        [
            "2026-11-01T01:30:00-04:00 2026-11-01T01:30:00 0",
            "2026-11-01T01:30:00-05:00 2026-11-01T01:30:00 1",
            "2026-11-01T02:30:00-05:00 2026-11-01T02:30:00 0",
        ]
    );
    let quarters = json!({"cron": "*/15 * * * *", "timezone": "Europe/Berlin"});
    let moments: Vec<_> =
        schedule(quarters).slots(at("2026-10-24T00:00:00Z")).take(200).map(|slot| slot.at).collect();
    assert!(moments.windows(2).all(|pair| pair[1].millis_since(pair[0]) == 900_000));
}

#[test]
fn slots_of_one_moment_are_one() {
    // 02:00, 02:30 and 03:00 all come when clocks show 03:00 for the first time.
    let cron = json!({"cron": "0,30 2,3 * * *", "timezone": "Europe/Berlin"});
    assert_eq!(
        next(cron, "2026-03-28T23:00:00Z", 2),
        [
            "2026-03-29T03:00:00+02:00 2026-03-29T03:00:00 0",
            "2026-03-29T03:30:00+02:00 2026-03-29T03:30:00 0",
        ]
    );
}

#[test]
fn a_day_that_a_place_never_had() {
    // Samoa went from 29 to 31 December 2011.
    assert_eq!(
        next(daily("05:00", "Pacific/Apia", json!({})), "2011-12-29T20:00:00Z", 2),
        [
            "2011-12-31T00:00:00+14:00 2011-12-30T05:00:00 0",
            "2011-12-31T05:00:00+14:00 2011-12-31T05:00:00 0",
        ]
    );
    let skipping = daily("05:00", "Pacific/Apia", json!({"gap": "skip"}));
    assert!(next(skipping, "2011-12-29T20:00:00Z", 1)[0].starts_with("2011-12-31T05:00:00"));
}

#[test]
fn half_hours_and_midnights() {
    // Lord Howe Island sets its clocks by half an hour, Newfoundland did so one minute after midnight.
    let found =
        next(daily("01:45", "Australia/Lord_Howe", json!({"fold": "both"})), "2026-04-04T00:00:00Z", 2);
    assert_eq!(
        found,
        [
            "2026-04-05T01:45:00+11:00 2026-04-05T01:45:00 0",
            "2026-04-05T01:45:00+10:30 2026-04-05T01:45:00 1",
        ]
    );
    let found =
        next(daily("23:30", "America/St_Johns", json!({"fold": "second"})), "2006-10-28T12:00:00Z", 1);
    assert_eq!(found, ["2006-10-28T23:30:00-03:30 2006-10-28T23:30:00 1"]);
}

#[test]
fn months_without_the_day_are_passed_over_and_the_last_day_is_always_there() {
    let monthly = |more: Value| {
        let mut value = json!({"frequency": "monthly", "time": "12:00"});
        value.as_object_mut().expect("an object").extend(more.as_object().cloned().expect("an object"));
        next(value, "2028-01-31T13:00:00Z", 3).iter().map(|slot| slot[..10].to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(monthly(json!({"day": 31})), ["2028-03-31", "2028-05-31", "2028-07-31"]);
    assert_eq!(monthly(json!({"last": true})), ["2028-02-29", "2028-03-31", "2028-04-30"]);
}

#[test]
fn once_is_once() {
    let local = json!({"frequency": "once", "at": "2026-03-29T02:30:00", "timezone": "Europe/Berlin"});
    assert_eq!(next(local, "2026-01-01T00:00:00Z", 5), ["2026-03-29T03:00:00+02:00 2026-03-29T02:30:00 0"]);
    let moment = json!({"frequency": "once", "at": "2026-03-29T00:30:00.250Z", "timezone": "Europe/Berlin"});
    assert_eq!(
        next(moment.clone(), "2026-03-29T00:30:00.249Z", 5),
        ["2026-03-29T01:30:00+01:00 2026-03-29T01:30:00.250000 0"]
    );
    assert!(next(moment, "2026-03-29T00:30:00.250Z", 5).is_empty());
}

#[test]
fn start_and_end_are_part_of_it() {
    let bounded = |start: &str, end: &str| {
        next(daily("05:00", "Europe/Berlin", json!({"start": start, "end": end})), "2026-01-01T00:00:00Z", 9)
            .len()
    };
    assert_eq!(bounded("2026-05-01T05:00:00", "2026-05-03T05:00:00"), 3);
    assert_eq!(bounded("2026-05-01T03:00:00Z", "2026-05-03T02:59:59Z"), 2);
    assert_eq!(bounded("2026-05-01T05:00:01", "2026-05-03T05:00:00"), 2);
}

#[test]
fn jitter_is_the_same_for_a_slot_and_spread_over_slots() {
    let jittery = schedule(daily("05:00", "UTC", json!({"jitter": 600})));
    let delays: Vec<_> =
        jittery.slots(at("2026-01-01T00:00:00Z")).take(200).map(|slot| jittery.delay("one", &slot)).collect();
    let again: Vec<_> =
        jittery.slots(at("2026-01-01T00:00:00Z")).take(200).map(|slot| jittery.delay("one", &slot)).collect();
    assert_eq!(delays, again);
    assert!(delays.iter().all(|delay| delay.as_secs() <= 600));
    assert!(
        delays.iter().any(|delay| delay.as_secs() < 100) && delays.iter().any(|delay| delay.as_secs() > 500)
    );
    let slot = jittery.slots(at("2026-01-01T00:00:00Z")).next().expect("one");
    assert_ne!(jittery.delay("one", &slot), jittery.delay("another", &slot));
}
