use std::fmt;

use chrono::{DateTime, Offset, TimeZone};
use chrono_tz::{TZ_VARIANTS, Tz};

/// Two changes of a zone's offset that undo each other are further apart than this, in seconds.
const HOP: i64 = 6 * 3_600;
/// Clocks are never set by more than this, in seconds: the international date line moves them by a day.
pub(super) const WIDEST: i64 = 26 * 3_600;

/// A time zone of the IANA database.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Zone(Tz);

impl Zone {
    /// Universal time.
    pub const UTC: Self = Self(Tz::UTC);

    /// The zone with exactly this name.
    pub fn named(name: &str) -> Option<Self> {
        name.parse().ok().map(Self)
    }

    /// Every zone of the database, aliases included.
    pub fn all() -> impl Iterator<Item = Self> {
        TZ_VARIANTS.iter().copied().map(Self)
    }

    /// Such as `Europe/Berlin`.
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// Local time minus universal time at this second of the epoch, in seconds.
    pub fn offset(self, utc: i64) -> i32 {
        let utc = DateTime::from_timestamp(utc, 0).unwrap_or(DateTime::UNIX_EPOCH).naive_utc();
        self.0.offset_from_utc_datetime(&utc).fix().local_minus_utc()
    }

    pub(super) fn local(self, utc: i64) -> i64 {
        utc + i64::from(self.offset(utc))
    }

    /// The first second after `from`, at `until` at the latest, at which the offset is another than the second before.
    pub(super) fn change(self, from: i64, until: i64) -> Option<i64> {
        let before = self.offset(from);
        let mut at = from;
        while at < until {
            let next = (at + HOP).min(until);
            if self.offset(next) != before {
                return Some(self.first_of_another(before, at, next));
            }
            at = next;
        }
        None
    }

    fn first_of_another(self, before: i32, mut same: i64, mut another: i64) -> i64 {
        while another - same > 1 {
            let middle = same + (another - same) / 2;
            if self.offset(middle) == before { same = middle } else { another = middle }
        }
        another
    }

    /// Whether the local time that clocks show at `utc` was shown before.
    pub(super) fn repeats(self, utc: i64) -> bool {
        let local = self.local(utc);
        let mut from = utc - WIDEST;
        while let Some(change) = self.change(from, utc) {
            if local < change + i64::from(self.offset(change - 1)) {
                return true;
            }
            from = change;
        }
        false
    }

    /// Whether the local time that clocks show at `utc` will be shown again.
    pub(super) fn will_repeat(self, utc: i64) -> bool {
        let local = self.local(utc);
        let mut from = utc;
        while let Some(change) = self.change(from, utc + WIDEST) {
            if local >= self.local(change) {
                return true;
            }
            from = change;
        }
        false
    }

    /// Up to three names that somebody may have meant by `name`.
    pub(super) fn near(name: &str) -> Vec<&'static str> {
        let wanted = plain(name);
        if wanted.is_empty() || wanted.len() > 64 {
            return Vec::new();
        }
        let mut found: Vec<(usize, &'static str)> = TZ_VARIANTS
            .iter()
            .map(|zone| zone.name())
            .filter_map(|known| {
                let full = plain(known);
                let city = full.rsplit('/').next().unwrap_or(&full);
                let wanted_city = wanted.rsplit('/').next().unwrap_or(&wanted);
                let far =
                    distance(&wanted, &full).min(distance(wanted_city, city) + usize::from(wanted != city));
                (far <= 1 + wanted.len() / 4).then_some((far, known))
            })
            .collect();
        found.sort_unstable();
        let best = found.first().map_or(0, |(far, _)| *far);
        found.retain(|(far, _)| *far <= best + usize::from(best > 1));
        found.truncate(3);
        found.into_iter().map(|(_, name)| name).collect()
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

fn plain(name: &str) -> String {
    name.trim().to_lowercase().replace([' ', '-'], "_")
}

/// Levenshtein's distance, in bytes: names of zones are ASCII.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let replaced = corner + usize::from(x != y);
            corner = row[j + 1];
            row[j + 1] = replaced.min(corner + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
