//! A slow and obviously correct reading of schedules, compared with the fast one in every zone of the database.
//!
//! `GOALWRIGHT_SCHEDULE_ORACLE=full` compares 50 years of every zone; without it, some days of each.

use std::collections::HashMap;

use chrono::{DateTime, Datelike, NaiveDateTime, Offset, TimeDelta, TimeZone, Timelike, Utc};
use chrono_tz::{TZ_VARIANTS, Tz};
use serde_json::{Value, json};

use super::schedule;
use crate::Timestamp;

const DAY: i64 = 86_400;

/// Draws numbers, always the same ones.
struct Draw(u64);

impl Draw {
    fn below(&mut self, end: u32) -> u32 {
        // Steele, Lea, Flood: "Fast splittable pseudorandom number generators" (2014).
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        u32::try_from((z ^ (z >> 31)) % u64::from(end)).expect("below a u32")
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(u32::try_from(of.len()).expect("few")) as usize]
    }

    /// A few values of a field, or all of them, with the text for them.
    fn field(&mut self, first: u32, last: u32, wild: u32) -> (String, Vec<u32>) {
        let all: Vec<u32> = (first..=last).collect();
        match self.below(wild) {
            0 => ("*".to_owned(), all),
            1 => {
                let step = 1 + self.below(last / 2);
                (format!("*/{step}"), all.into_iter().step_by(step as usize).collect())
            }
            2 => {
                let from = first + self.below(last - first);
                let to = from + self.below(last - from + 1);
                (format!("{from}-{to}"), (from..=to).collect())
            }
            _ => {
                let (a, b) = (first + self.below(last - first + 1), first + self.below(last - first + 1));
                (format!("{a},{b}"), vec![a, b])
            }
        }
    }
}

/// A schedule in other words: the text of it, and a question to every local time.
struct Plain {
    value: Value,
    /// Whether `gap` and `fold` count.
    fixed: bool,
    /// How far apart the times are at least, in seconds.
    step: i64,
    gap: &'static str,
    fold: &'static str,
    matches: Box<dyn Fn(NaiveDateTime) -> bool>,
}

fn drawn(draw: &mut Draw, zone: Tz) -> Plain {
    let (gap, fold) = (draw.one(&["shift", "skip"]), draw.one(&["first", "second", "both"]));
    // Most clocks are changed at night.
    let hour = if draw.below(4) == 0 { draw.below(24) } else { draw.below(4) };
    let (minute, day) = (draw.one(&[0, 0, 1, 15, 30, 45, 59]), 1 + draw.below(31));
    let time = format!("{hour:02}:{minute:02}:00");
    let at_time = move |t: NaiveDateTime| (t.hour(), t.minute(), t.second()) == (hour, minute, 0);
    let mut fixed = true;
    let mut step = 60;
    let (mut value, matches): (Value, Box<dyn Fn(NaiveDateTime) -> bool>) = match draw.below(8) {
        0 => {
            fixed = false;
            let matches = move |t: NaiveDateTime| t.minute() == minute && t.second() == 0;
            (json!({"frequency": "hourly", "minute": minute}), Box::new(matches))
        }
        1 | 2 => (json!({"frequency": "daily", "time": time}), Box::new(at_time)),
        3 => {
            let days = [["sat", "sun"], ["sun", "mon"], ["thu", "fri"]][draw.below(3) as usize];
            let matches = move |t: NaiveDateTime| {
                at_time(t) && days.contains(&t.weekday().to_string().to_lowercase().as_str())
            };
            (json!({"frequency": "weekly", "weekdays": days, "time": time}), Box::new(matches))
        }
        4 => {
            let matches = move |t: NaiveDateTime| at_time(t) && t.day() == day;
            (json!({"frequency": "monthly", "day": day, "time": time}), Box::new(matches))
        }
        5 => {
            let matches = move |t: NaiveDateTime| at_time(t) && (t + TimeDelta::days(1)).day() == 1;
            (json!({"frequency": "monthly", "last": true, "time": time}), Box::new(matches))
        }
        kind => {
            let (seconds, second_set) = if kind == 6 && draw.below(12) == 0 {
                step = 1;
                draw.field(0, 59, 4)
            } else {
                ("0".to_owned(), vec![0])
            };
            let (minutes, minute_set) = draw.field(0, 59, 8);
            let (hours, hour_set) = draw.field(0, 5, 8);
            let hours = hours.replace('*', "0-5");
            let (days, day_set) = draw.field(1, 28, 3);
            let (weekdays, weekday_set) = draw.field(0, 6, 4);
            fixed = !minutes.starts_with('*') && !seconds.starts_with('*');
            let either = !days.starts_with('*') && !weekdays.starts_with('*');
            // A star is not the last word on days: the month has more than 28 of them.
            let days_text = days.replace('*', "1-28");
            let either = either || (days.starts_with('*') && !weekdays.starts_with('*'));
            let matches = move |t: NaiveDateTime| {
                let by_month = day_set.contains(&t.day());
                let by_week = weekday_set.contains(&t.weekday().num_days_from_sunday());
                second_set.contains(&t.second())
                    && minute_set.contains(&t.minute())
                    && hour_set.contains(&t.hour())
                    && if either { by_month || by_week } else { by_month && by_week }
            };
            let text = format!("{seconds} {minutes} {hours} {days_text} * {weekdays}");
            (json!({"cron": text}), Box::new(matches))
        }
    };
    value["timezone"] = json!(zone.name());
    value["gap"] = json!(gap);
    value["fold"] = json!(fold);
    Plain { value, fixed, step, gap, fold, matches }
}

fn offset(zone: Tz, utc: i64) -> i64 {
    let utc = DateTime::<Utc>::from_timestamp(utc, 0).expect("in range").naive_utc();
    zone.offset_from_utc_datetime(&utc).fix().local_minus_utc().into()
}

/// What clocks show, as if it were universal time.
fn local(zone: Tz, utc: i64) -> i64 {
    utc + offset(zone, utc)
}

fn naive(local: i64) -> NaiveDateTime {
    DateTime::<Utc>::from_timestamp(local, 0).expect("in range").naive_utc()
}

/// Every slot in `[begin, end)`, by looking at a clock at every step of two days more on both sides.
fn slowly(plain: &Plain, zone: Tz, begin: i64, end: i64) -> Vec<(i64, NaiveDateTime, i16)> {
    let step = plain.step;
    let moments: Vec<i64> =
        (0..).map(|n| begin - 2 * DAY + n * step).take_while(|at| *at < end + 2 * DAY).collect();
    let shown: Vec<i64> = moments.iter().map(|at| local(zone, *at)).collect();
    let steady = shown.windows(2).all(|pair| pair[1] == pair[0] + step);
    let mut times: HashMap<i64, Vec<i64>> = HashMap::new();
    if !steady {
        for (at, shown) in moments.iter().zip(&shown) {
            times.entry(*shown).or_default().push(*at);
        }
    }
    let mut slots = Vec::new();
    for (index, (at, clock)) in moments.iter().zip(&shown).enumerate() {
        if !(begin..end).contains(at) {
            continue;
        }
        if (plain.matches)(naive(*clock)) {
            let before = times.get(clock).is_some_and(|times| times.iter().any(|other| other < at));
            let again = times.get(clock).is_some_and(|times| times.iter().any(|other| other > at));
            let wanted = match plain.fold {
                _ if !plain.fixed => true,
                "first" => !before,
                "second" => before || !again,
                _ => true,
            };
            if wanted {
                slots.push((*at, naive(*clock), i16::from(before)));
            }
        } else if plain.fixed && plain.gap == "shift" && *clock > shown[index - 1] + step {
            let skipped = (1..).map(|n| shown[index - 1] + n * step).take_while(|time| time < clock);
            if let Some(nominal) = skipped.map(naive).find(|time| (plain.matches)(*time)) {
                slots.push((*at, nominal, 0));
            }
        }
    }
    slots
}

fn compare(draw: &mut Draw, zone: Tz, begin: i64, days: i64) -> usize {
    let plain = drawn(draw, zone);
    let schedule = schedule(plain.value.clone());
    // Every second of many days takes too long.
    let end = begin + if plain.step == 1 { DAY } else { days * DAY };
    let moment = |at: i64| Timestamp::new(DateTime::from_timestamp(at, 0).expect("in range"));
    let slow = slowly(&plain, zone, begin, end);
    let fast: Vec<_> = schedule
        .slots(moment(begin - 1))
        .take_while(|slot| slot.at < moment(end))
        .map(|slot| (slot.at.utc().timestamp(), slot.nominal, slot.fold.number()))
        .collect();
    assert_eq!(fast, slow, "{} from {}", plain.value, moment(begin));
    slow.len()
}

fn year(year: i32) -> i64 {
    chrono::NaiveDate::from_ymd_opt(year, 1, 1)
        .expect("a day")
        .and_hms_opt(0, 0, 0)
        .expect("midnight")
        .and_utc()
        .timestamp()
}

#[test]
fn slots_are_what_somebody_who_watches_a_clock_finds() {
    let full = std::env::var("GOALWRIGHT_SCHEDULE_ORACLE").is_ok_and(|value| value == "full");
    let (mut draw, mut windows, mut with_change, mut slots) = (Draw(2_026), 0_u64, 0_u64, 0);
    // Offsets have been whole minutes everywhere since 1972.
    let (first, last) = (year(1990), year(2040));
    for zone in TZ_VARIANTS.iter().copied() {
        let changed = changed(zone, first, last);
        let days = if full { 60 } else { 2 };
        let begins: Vec<i64> = if full {
            (first..last).step_by(60 * 86_400).collect()
        } else {
            let near = |day: i64| day - i64::from(draw.below(2)) * DAY;
            let mut begins: Vec<i64> = changed.iter().copied().map(near).collect();
            let kept = begins.len().min(2);
            let skipped = draw.below(u32::try_from(begins.len() - kept + 1).expect("few")) as usize;
            begins = begins.split_off(skipped);
            begins.truncate(kept);
            begins.push(first + i64::from(draw.below(18_000)) * DAY);
            begins
        };
        for begin in begins {
            let change = changed.iter().any(|day| (begin - DAY..begin + days * DAY).contains(day));
            // Where clocks are not changed little can go wrong.
            if full && !change && draw.below(8) > 0 {
                continue;
            }
            windows += 1;
            with_change += u64::from(change);
            slots += compare(&mut draw, zone, begin, days);
        }
    }
    println!(
        "{} zones, {windows} windows ({with_change} with a change), {slots} slots agree",
        TZ_VARIANTS.len()
    );
    assert!(with_change > 500, "clocks are changed in many places");
}

/// The days within which the offset changes, seen from ten days to ten days and then from day to day.
fn changed(zone: Tz, first: i64, last: i64) -> Vec<i64> {
    let changes = |from: i64, days: i64| offset(zone, from) != offset(zone, from + days * DAY);
    let spans = (first..last).step_by(10 * 86_400).filter(|from| changes(*from, 10));
    spans.flat_map(|from| (0..10).map(move |day| from + day * DAY)).filter(|day| changes(*day, 1)).collect()
}
