//! `time.now` and `time.sleep`.

use chrono::{Datelike, SecondsFormat, TimeDelta};
use goalwright_application::ports::tools::{Reply, ToolFailure};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::operation::{Call, done, to_value};

/// `time.now` takes nothing.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NowParameters {}

/// The present moment, in UTC.
#[derive(Serialize, JsonSchema)]
pub(super) struct Now {
    /// RFC 3339: `2025-11-04T18:29:12.000000Z`.
    now: String,
    /// `2025-11-04`.
    date: String,
    /// `18:29:12`.
    time: String,
    /// `Tuesday`.
    weekday: String,
    /// Seconds since 1970.
    unix: i64,
}

pub(super) fn now(call: &Call, _: NowParameters) -> Result<Reply, ToolFailure> {
    const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
    let weekday = call.now.weekday().num_days_from_monday() as usize;
    done(Now {
        now: call.now.to_rfc3339_opts(SecondsFormat::Micros, true),
        date: call.now.format("%Y-%m-%d").to_string(),
        time: call.now.format("%H:%M:%S").to_string(),
        weekday: DAYS[weekday % 7].to_owned(),
        unix: call.now.timestamp(),
    })
}

/// Parameters of `time.sleep`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SleepParameters {
    /// How long, from 0 to 31,536,000 seconds (a year).
    #[schemars(range(min = 0, max = 31_536_000))]
    seconds: f64,
}

/// What `time.sleep` answers once the time has passed.
#[derive(Serialize, JsonSchema)]
pub(super) struct Slept {
    /// How long it was asked for.
    seconds: f64,
    /// When the time was over, RFC 3339.
    until: String,
}

pub(super) fn sleep(call: &Call, parameters: SleepParameters) -> Result<Reply, ToolFailure> {
    let seconds = parameters.seconds;
    // Within the range that the schema allows, microseconds fit.
    #[expect(clippy::cast_possible_truncation, reason = "at most 3.2e13")]
    let span = TimeDelta::microseconds((seconds * 1e6) as i64);
    let until = call.now.checked_add_signed(span).unwrap_or(call.now);
    let until = until.to_rfc3339_opts(SecondsFormat::Micros, true);
    Ok(Reply::Sleep { seconds, result: to_value(Slept { seconds, until })? })
}
