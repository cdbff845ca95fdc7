//! When a task recurs, as it is read and shown, and what comes of it.

use chrono::{DateTime, FixedOffset, SecondsFormat};
use goalwright_application::read::SetAside;
use goalwright_application::schedules::{PREVIEW_LIMIT, PreviewRequest};
use goalwright_application::{Error, Services};
use goalwright_domain::schedule::{
    FoldPolicy, GapPolicy, MisfirePolicy, OverlapPolicy, Schedule as Recurrence,
};
use goalwright_domain::task::TaskId;
use goalwright_domain::{Timestamp, Violation};
use poem_openapi::param::{Path, Query};
use poem_openapi::types::{ParseFromJSON, ToJSON};
use poem_openapi::{Object, OpenApi};
use uuid::Uuid;

use crate::answer::Shown;
use crate::auth::{Caller, Read};
use crate::body::Body;
use crate::document::Chapter;
use crate::problem::Problem;
use crate::values::{Moment, Vocabulary, Word, vocabulary};

/// Look ahead at schedules.
pub(crate) struct Schedule(pub(crate) Services);

/// How often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FrequencyKind {
    Once,
    Hourly,
    Daily,
    Weekly,
    Monthly,
    Cron,
}

vocabulary!(FrequencyKind, "frequency", {
    Once: "once", Hourly: "hourly", Daily: "daily", Weekly: "weekly", Monthly: "monthly", Cron: "cron"
});
vocabulary!(OverlapPolicy, "overlap policy", [Skip, Queue, Allow, CancelPrevious]);
vocabulary!(MisfirePolicy, "misfire policy", [All, Last, None]);
vocabulary!(GapPolicy, "gap policy", [Shift, Skip]);
vocabulary!(FoldPolicy, "fold policy", [First, Second, Both]);

/// When something recurs, in the time of a place. `frequency` says which of the first fields it has.
#[derive(Debug, Object)]
#[oai(rename = "Schedule", deny_unknown_fields, skip_serializing_if_is_none)]
pub(crate) struct ScheduleBody {
    /// How often; may be left out beside `cron`.
    frequency: Option<Word<FrequencyKind>>,
    /// Of `once`: a moment with an offset, or a local time such as `2026-03-01T09:00:00`.
    at: Option<String>,
    /// Of `hourly`: the minute; 0 unless given. Hours pass in elapsed time, whatever clocks do.
    minute: Option<u32>,
    /// Of `daily`, `weekly` and `monthly`: the time of day, `HH:MM` or `HH:MM:SS`.
    time: Option<String>,
    /// Of `weekly`: `mon` to `sun`.
    weekdays: Option<Vec<String>>,
    /// Of `monthly`: the day; months without it are passed over.
    day: Option<u32>,
    /// Of `monthly`: true for the last day, instead of `day`.
    last: Option<bool>,
    /// Of `cron`: five fields, or six with seconds first.
    cron: Option<String>,
    /// An IANA name; `UTC` unless given.
    timezone: Option<String>,
    /// Not before: a moment, or a local time.
    start: Option<String>,
    /// Not after: a moment, or a local time.
    end: Option<String>,
    /// The longest delay of a run after its time, in seconds; always the same for the same time. 0 unless given.
    jitter: Option<u32>,
    /// What happens while an earlier run is not over; `skip` unless given.
    overlap: Option<Word<OverlapPolicy>>,
    /// Which runs are caught up that nobody looked after in time; `last` unless given.
    misfire: Option<Word<MisfirePolicy>>,
    /// How far back they are caught up, in seconds; 3600 unless given.
    misfire_window: Option<u32>,
    /// What happens to a time that clocks skip; `shift`, to the first moment after the gap, unless given.
    gap: Option<Word<GapPolicy>>,
    /// At which of two equal times; `first` unless given.
    fold: Option<Word<FoldPolicy>>,
}

/// A schedule to be looked at.
#[derive(Debug, Object)]
#[oai(rename = "PreviewSchedule", deny_unknown_fields)]
pub(crate) struct PreviewScheduleBody {
    /// The schedule.
    schedule: ScheduleBody,
    /// After this moment; now unless given.
    from: Option<Moment>,
    /// The most runs to show, 1 to 100; 10 unless given.
    limit: Option<u32>,
}

/// The next runs of a schedule.
#[derive(Debug, Object)]
#[oai(rename = "SchedulePreview", skip_serializing_if_is_none)]
pub(crate) struct SchedulePreviewBody {
    /// In their order; none if there are no more, or no schedule.
    items: Vec<PlannedRunBody>,
    /// Why none of them will run: the schedule could not be looked after, and its task was not changed since. Left out
    /// where it is looked after.
    set_aside: Option<SetAsideBody>,
}

/// That a schedule is not looked after.
#[derive(Debug, Object)]
#[oai(rename = "ScheduleSetAside")]
pub(crate) struct SetAsideBody {
    /// Since when.
    at: Moment,
    /// What went wrong.
    reason: String,
}

impl From<SetAside> for SetAsideBody {
    fn from(SetAside { at, reason }: SetAside) -> Self {
        Self { at: at.into(), reason }
    }
}

/// A run that is planned.
#[derive(Debug, Object)]
#[oai(rename = "PlannedRun")]
pub(crate) struct PlannedRunBody {
    /// When, with the offset that the zone has then.
    at: String,
}

impl ScheduleBody {
    /// The schedule.
    pub(crate) fn schedule(self) -> Result<Recurrence, Vec<Violation>> {
        Recurrence::read(&self.to_json().unwrap_or_default(), "schedule")
    }
}

impl From<Recurrence> for ScheduleBody {
    fn from(schedule: Recurrence) -> Self {
        let none = Self {
            frequency: None,
            at: None,
            minute: None,
            time: None,
            weekdays: None,
            day: None,
            last: None,
            cron: None,
            timezone: None,
            start: None,
            end: None,
            jitter: None,
            overlap: None,
            misfire: None,
            misfire_window: None,
            gap: None,
            fold: None,
        };
        // Every canonical schedule fits: a test shows it.
        Self::parse_from_json(Some(schedule.to_json())).unwrap_or(none)
    }
}

#[OpenApi(tag = "Chapter::Tasks")]
impl Schedule {
    /// Show when a task is to run.
    ///
    /// The next times of its schedule, with the offset of its zone. Nothing is said about whether the task can run then.
    #[oai(path = "/v1/tasks/:id/schedule/preview", method = "get", operation_id = "preview_task_schedule")]
    async fn preview(
        &self,
        caller: Caller<Read>,
        /// The task's id.
        id: Path<Uuid>,
        /// After this moment; now unless given.
        from: Query<Option<String>>,
        /// The most items, 1 to 100; 10 unless given.
        #[oai(validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<Option<u32>>,
    ) -> Result<Shown<SchedulePreviewBody>, Problem> {
        let from = from.0.map(|text| text.parse::<Timestamp>()).transpose();
        let from = from.map_err(|error| {
            Error::invalid(vec![Violation::new("from", "invalid_value", error.to_string())])
        })?;
        let request = request(from, limit.0)?;
        let shown = self.0.schedules.preview(&caller.0, TaskId::new(id.0), &request).await?;
        let set_aside = self.0.schedules.set_aside(&caller.0, TaskId::new(id.0)).await?;
        let set_aside = set_aside.map(SetAsideBody::from);
        Ok(Shown(SchedulePreviewBody { set_aside, ..shown.into() }))
    }

    /// Show when something would run.
    ///
    /// The next times of a schedule that no task has yet. Nothing is kept.
    #[oai(path = "/v1/schedules/preview", method = "post", operation_id = "preview_schedule")]
    async fn preview_of(
        &self,
        _caller: Caller<Read>,
        body: Body<PreviewScheduleBody>,
    ) -> Result<Shown<SchedulePreviewBody>, Problem> {
        let PreviewScheduleBody { schedule, from, limit } = body.0;
        let request = request(from.map(|from| from.0), limit)?;
        let schedule = schedule.schedule().map_err(Error::invalid)?;
        Ok(Shown(self.0.schedules.preview_of(&schedule, &request).into()))
    }
}

fn request(from: Option<Timestamp>, limit: Option<u32>) -> Result<PreviewRequest, Error> {
    let limit = limit.map_or(10, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    if !(1..=PREVIEW_LIMIT).contains(&limit) {
        let message = format!("between 1 and {PREVIEW_LIMIT}");
        return Err(Error::invalid(vec![Violation::new("limit", "out_of_range", message)]));
    }
    Ok(PreviewRequest { from, limit })
}

impl From<Vec<DateTime<FixedOffset>>> for SchedulePreviewBody {
    fn from(shown: Vec<DateTime<FixedOffset>>) -> Self {
        let item = |at: DateTime<FixedOffset>| PlannedRunBody {
            at: at.to_rfc3339_opts(SecondsFormat::AutoSi, false),
        };
        Self { items: shown.into_iter().map(item).collect(), set_aside: None }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_schedule_is_shown_as_it_is() {
        for value in [
            json!({"frequency": "once", "at": "2026-03-01T09:00:00"}),
            json!({"frequency": "hourly", "minute": 5, "overlap": "queue"}),
            json!({"frequency": "weekly", "weekdays": ["mon"], "time": "05:00", "start": "2026-03-01T09:00:00Z"}),
            json!({"frequency": "monthly", "last": true, "time": "05:00", "misfire": "none", "jitter": 5}),
            json!({"frequency": "monthly", "day": 31, "time": "05:00", "misfire": "all", "gap": "skip"}),
            json!({"cron": "0 9 * * mon-fri", "timezone": "Europe/Berlin", "overlap": "cancel_previous", "fold": "both"}),
        ] {
            let schedule = Recurrence::read(&value, "schedule").expect("sound");
            let shown = ScheduleBody::from(schedule.clone()).to_json().expect("JSON");
            assert_eq!(shown, schedule.to_json());
            assert_eq!(ScheduleBody::parse_from_json(Some(shown)).expect("fits").schedule(), Ok(schedule));
        }
    }
}
