use chrono::{DateTime, Utc};
use rstest::rstest;
use serde_json::json;

use super::{next, schedule};
use crate::Timestamp;
use crate::schedule::Schedule;

#[rstest]
#[case("*/15 9-17 * * mon-fri")]
#[case("0 0 29 2 *")]
#[case("30 4 1,15 * *")]
#[case("5,10,15 */3 * jan-mar,dec sun")]
#[case("59 23 31 * *")]
#[case("*/7 * * * *")]
#[case("0 12 * * 7")]
#[case("0 12 * * 5-7")]
#[case("15 30 */6 * * *")]
#[case("10-50/20 0 6 * * 1-5")]
// Both restrict: a day needs to match one.
#[case("30 4 1,15 * 5")]
#[case("0 0 13 * fri")]
fn in_universal_time_it_is_what_croner_says(#[case] text: &str) {
    let pattern = croner::parser::CronParser::builder()
        .seconds(croner::parser::Seconds::Optional)
        .build()
        .parse(text)
        .expect("croner reads it");
    let ours = schedule(json!({"cron": text}));
    for begin in ["2024-02-28T23:59:59Z", "1999-12-31T12:34:56Z"] {
        let mut at: DateTime<Utc> = begin.parse().expect("a moment");
        let slots: Vec<Timestamp> = ours.slots(Timestamp::new(at)).take(300).map(|slot| slot.at).collect();
        for slot in slots {
            at = pattern.find_next_occurrence(&at, false).expect("there is one");
            assert_eq!(slot, Timestamp::new(at), "{text}");
        }
    }
}

#[test]
fn days_of_month_and_week_are_alternatives_only_if_both_restrict() {
    let days = |text: &str| next(json!({"cron": text}), "2026-02-01T00:00:00Z", 3).join(", ");
    // The 13th, and every Friday.
    assert_eq!(
        days("0 9 13 * fri"),
        "2026-02-06T09:00:00+00:00 2026-02-06T09:00:00 0, 2026-02-13T09:00:00+00:00 2026-02-13T09:00:00 0, \
         2026-02-20T09:00:00+00:00 2026-02-20T09:00:00 0"
    );
    // A star with a step does not restrict: odd days that are Fridays.
    assert_eq!(
        days("0 9 */2 * fri"),
        "2026-02-13T09:00:00+00:00 2026-02-13T09:00:00 0, 2026-02-27T09:00:00+00:00 2026-02-27T09:00:00 0, \
         2026-03-13T09:00:00+00:00 2026-03-13T09:00:00 0"
    );
}

#[rstest]
#[case("", "has 0 fields")]
#[case("* * * *", "has 4 fields")]
#[case("* * * * * * *", "has 7 fields")]
#[case("@daily", "is an alias; write the five fields")]
#[case("60 * * * *", "minute: `60` is not 0 to 59")]
#[case("* 24 * * *", "hour: `24` is not 0 to 23")]
#[case("* * 0 * *", "day of month: `0` is not 1 to 31")]
#[case("* * * foo *", "month: `foo` is not 1 to 12 or jan to dec")]
#[case("* * * * 8", "day of week: `8` is not 0 to 7 or sun to sat")]
#[case("* * L * *", "for the last day of a month use the frequency `monthly`")]
#[case("* * ? * *", "write `*` instead")]
#[case("5/10 * * * *", "has a step without a range; write `5-59/…`")]
#[case("*/0 * * * *", "the step in `*/0` is none")]
#[case("*/60 * * * *", "the step in `*/60` is none")]
#[case("30-10 * * * *", "ends before it begins")]
#[case("1-2-3 * * * *", "`2-3` in `1-2-3` is not 0 to 59")]
#[case("+5 * * * *", "`+5` is not")]
#[case("1, * * * *", "`` in")]
#[case("0 0 30 2 *", "never comes")]
#[case("0 0 31 4,6,9,11 *", "never comes")]
fn what_is_wrong_is_said_with_its_field(#[case] text: &str, #[case] said: &str) {
    let violations = Schedule::read(&json!({"cron": text}), "schedule").expect_err("wrong");
    let message = &violations[0].message;
    assert_eq!((violations[0].path.as_str(), violations[0].code.as_str()), ("schedule.cron", "invalid_cron"));
    assert!(message.contains(said) || said == "`` in" && message.contains("``"), "{message}");
}

#[test]
fn every_field_that_is_wrong_is_named() {
    let violations = Schedule::read(&json!({"cron": "61 25 * 13 *"}), "s").expect_err("wrong");
    assert_eq!(violations.len(), 3, "{violations:?}");
}

#[test]
fn rare_days_are_found_at_once() {
    // 29 February on a Monday, in leap years only: with a star for the day of the month both must match.
    let days = next(json!({"cron": "0 0 */28 2 mon"}), "2033-01-01T00:00:00Z", 2);
    assert!(days[0].starts_with("2038-02-01"), "{days:?}");
    let far = next(json!({"cron": "0 0 29 2 *"}), "2096-03-01T00:00:00Z", 1);
    assert!(far[0].starts_with("2104-02-29"), "{far:?}");
    assert_eq!(next(json!({"cron": "0 0 1 1 *"}), "9999-06-01T00:00:00Z", 1), Vec::<String>::new());
}
