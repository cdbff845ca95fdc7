//! The canonical JSON of a schedule, in which it is stored, shown and compared.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value, json};

use super::model::{Frequency, MonthDay, Schedule, When};
use super::slots::nominal_text;

impl Schedule {
    /// All fields with their values; `start` and `end` only if there are some.
    pub fn to_json(&self) -> Value {
        let mut fields = Map::new();
        let mut put = |name: &str, value: Value| {
            fields.insert(name.to_owned(), value);
        };
        put("frequency", json!(self.frequency.as_str()));
        match &self.frequency {
            Frequency::Once { at } => put("at", written(*at)),
            Frequency::Hourly { minute } => put("minute", json!(minute)),
            Frequency::Daily { time } => put("time", json!(time.format("%H:%M:%S").to_string())),
            Frequency::Weekly { weekdays, time } => {
                let days: Vec<String> = weekdays.iter().map(|day| day.to_string().to_lowercase()).collect();
                put("weekdays", json!(days));
                put("time", json!(time.format("%H:%M:%S").to_string()));
            }
            Frequency::Monthly { day, time } => {
                match day {
                    MonthDay::Day(day) => put("day", json!(day)),
                    MonthDay::Last => put("last", json!(true)),
                }
                put("time", json!(time.format("%H:%M:%S").to_string()));
            }
            Frequency::Cron(cron) => put("cron", json!(cron.as_str())),
        }
        put("timezone", json!(self.zone.name()));
        for (name, bound) in [("start", self.start), ("end", self.end)] {
            if let Some(when) = bound {
                put(name, written(when));
            }
        }
        put("jitter", json!(self.jitter));
        put("overlap", json!(self.overlap.as_str()));
        put("misfire", json!(self.misfire.as_str()));
        put("misfire_window", json!(self.misfire_window));
        put("gap", json!(self.gap.as_str()));
        put("fold", json!(self.fold.as_str()));
        Value::Object(fields)
    }
}

impl Frequency {
    /// The word for it.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Once { .. } => "once",
            Self::Hourly { .. } => "hourly",
            Self::Daily { .. } => "daily",
            Self::Weekly { .. } => "weekly",
            Self::Monthly { .. } => "monthly",
            Self::Cron(_) => "cron",
        }
    }
}

fn written(when: When) -> Value {
    match when {
        When::Moment(at) => json!(at),
        When::Local(local) => json!(nominal_text(local)),
    }
}

impl Serialize for Schedule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Schedule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Self::read(&value, "schedule").map_err(|violations| {
            let all: Vec<String> =
                violations.iter().map(|one| format!("{}: {}", one.path, one.message)).collect();
            serde::de::Error::custom(all.join("; "))
        })
    }
}
