use rstest::rstest;
use serde_json::{Value, json};

use super::schedule;
use crate::schedule::Schedule;

fn wrong(value: &Value) -> Vec<(String, String, String)> {
    let violations = Schedule::read(value, "schedule").expect_err("wrong");
    violations.into_iter().map(|one| (one.path, one.code, one.message)).collect()
}

#[test]
fn the_json_has_every_field_and_is_read_as_it_is_written() {
    let given = json!({
        "frequency": "daily", "time": "05:00:00", "timezone": "America/New_York", "overlap": "skip",
        "misfire": "last", "misfire_window": 3600, "gap": "shift", "fold": "first",
    });
    let mut full = given.clone();
    full["jitter"] = json!(0);
    assert_eq!(schedule(given).to_json(), full);
    for value in [
        json!({"frequency": "once", "at": "2026-03-01T09:00:00+01:00", "start": null}),
        json!({"frequency": "once", "at": "2026-03-01 09:00"}),
        json!({"frequency": "hourly"}),
        json!({"frequency": "weekly", "weekdays": ["Sunday", "mon", "MON"], "time": "9:00".replace('9', "09")}),
        json!({"frequency": "monthly", "day": 31, "time": "23:59:59", "end": "2030-01-01T00:00:00Z"}),
        json!({"frequency": "monthly", "last": true, "time": "00:00", "jitter": 60, "overlap": "queue"}),
        json!({"cron": " 0  9 * * MON-FRI ", "misfire": "none", "fold": "both", "gap": "skip"}),
    ] {
        let canonical = schedule(value).to_json();
        let read: Schedule = serde_json::from_value(canonical.clone()).expect("canonical");
        assert_eq!(read.to_json(), canonical);
    }
    let weekly = json!({"frequency": "weekly", "weekdays": ["Sunday", "mon", "MON"], "time": "09:00"});
    assert_eq!(schedule(weekly).to_json()["weekdays"], json!(["mon", "sun"]));
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let found = wrong(&json!({
        "frequency": "weekly", "weekdays": ["mon", "caturday"], "time": "25:00", "timezone": "Europe/Berln",
        "jitter": -1, "overlap": "maybe", "misfire": 3, "misfire_window": 99_999_999, "gap": "jump",
        "fold": "third", "day": 3, "start": "tomorrow", "colour": "red",
    }));
    let mut paths: Vec<&str> = found.iter().map(|(path, ..)| path.as_str()).collect();
    paths.sort_unstable();
    assert_eq!(
        paths,
        [
            "schedule.colour",
            "schedule.day",
            "schedule.fold",
            "schedule.gap",
            "schedule.jitter",
            "schedule.misfire",
            "schedule.misfire_window",
            "schedule.overlap",
            "schedule.start",
            "schedule.time",
            "schedule.timezone",
            "schedule.weekdays[1]",
        ]
    );
}

#[rstest]
#[case("Europe/Berln", "Europe/Berlin")]
#[case("europe/berlin", "Europe/Berlin")]
#[case("Berlin", "Europe/Berlin")]
#[case("America/New York", "America/New_York")]
#[case("Asia/Calcuta", "Asia/Calcutta")]
#[case("New York", "America/New_York")]
fn a_zone_that_is_unknown_gets_a_name_that_may_be_meant(#[case] given: &str, #[case] meant: &str) {
    let found = wrong(&json!({"frequency": "hourly", "timezone": given}));
    assert_eq!((found.len(), found[0].1.as_str()), (1, "unknown_timezone"));
    assert!(found[0].2.contains(meant), "{}", found[0].2);
}

#[rstest]
#[case(json!([]), "schedule", "wrong_type")]
#[case(json!({}), "schedule.frequency", "required")]
#[case(json!({"frequency": "yearly"}), "schedule.frequency", "unknown_value")]
#[case(json!({"frequency": 5}), "schedule.frequency", "wrong_type")]
#[case(json!({"frequency": "daily"}), "schedule.time", "required")]
#[case(json!({"frequency": "daily", "time": "5:00"}), "schedule.time", "invalid_time")]
#[case(json!({"frequency": "daily", "time": "24:00"}), "schedule.time", "invalid_time")]
#[case(json!({"frequency": "daily", "time": "23:59:60"}), "schedule.time", "invalid_time")]
#[case(json!({"frequency": "weekly", "time": "05:00", "weekdays": []}), "schedule.weekdays", "wrong_type")]
#[case(json!({"frequency": "monthly", "time": "05:00"}), "schedule.day", "required")]
#[case(json!({"frequency": "monthly", "time": "05:00", "day": 32}), "schedule.day", "out_of_range")]
#[case(json!({"frequency": "monthly", "time": "05:00", "day": 1, "last": true}), "schedule.last", "unexpected_field")]
#[case(json!({"frequency": "hourly", "minute": 60}), "schedule.minute", "out_of_range")]
#[case(json!({"frequency": "hourly", "cron": "* * * * *"}), "schedule.cron", "unexpected_field")]
#[case(json!({"frequency": "once"}), "schedule.at", "required")]
#[case(json!({"frequency": "once", "at": "2026-3-1T09:00"}), "schedule.at", "invalid_time")]
#[case(json!({"frequency": "once", "at": "2026-03-29T02:30", "timezone": "Europe/Berlin", "gap": "skip"}), "schedule.at", "never_comes")]
#[case(json!({"frequency": "hourly", "start": "2026-02-01T00:00:00Z", "end": "2026-01-01T00:00:00Z"}), "schedule.end", "never_comes")]
#[case(json!({"cron": "0 0 29 2 *", "start": "2026-02-01T00:00:00Z", "end": "2027-01-01T00:00:00Z"}), "schedule.end", "never_comes")]
#[case(json!({"frequency": "hourly", "timezone": "CET/nowhere/at/all/zzz"}), "schedule.timezone", "unknown_timezone")]
fn a_mistake_has_its_path_and_code(#[case] value: Value, #[case] path: &str, #[case] code: &str) {
    let found = wrong(&value);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].0.as_str(), found[0].1.as_str()), (path, code), "{found:?}");
}
