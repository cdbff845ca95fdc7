//! Which traces are recorded: the samplers of the OpenTelemetry specification by their names there.
//!
//! The ratio is our own and not the SDK's, which compares the trace id's last 63 bits: ours are UUIDs, whose variant
//! stands at the beginning of these, so that it would take no trace below one half, and every one above three quarters.
//! This compares the last 56 bits, which are the random ones by W3C Trace Context, level 2.

use uuid::Uuid;

/// Which traces are recorded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampling {
    /// Of new traces, from 0 to 1.
    ratio: f64,
    /// Whether a caller's trace is recorded if and only if the caller records it.
    parent_based: bool,
}

/// A sampler that there is not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SamplingError {
    /// No such sampler.
    #[error("there is no sampler `{0}`")]
    Unknown(String),
    /// The ratio is none.
    #[error("`{0}` is no ratio")]
    NoRatio(String),
}

impl Default for Sampling {
    /// `parentbased_always_on`.
    fn default() -> Self {
        Self { ratio: 1.0, parent_based: true }
    }
}

impl Sampling {
    /// The names of the samplers.
    pub const NAMES: &str = "always_on, always_off, traceidratio, parentbased_always_on, parentbased_always_off, \
                             parentbased_traceidratio";

    /// The sampler of this name, with its argument: the ratio, 1 unless given.
    ///
    /// # Errors
    /// If there is none, or its ratio is not from 0 to 1.
    pub fn parse(name: &str, argument: Option<&str>) -> Result<Self, SamplingError> {
        let (parent_based, root) = match name.strip_prefix("parentbased_") {
            Some(root) => (true, root),
            None => (false, name),
        };
        let ratio = match root {
            "always_on" => 1.0,
            "always_off" => 0.0,
            "traceidratio" => ratio(argument.unwrap_or("1"))?,
            _ => return Err(SamplingError::Unknown(name.chars().take(60).collect())),
        };
        Ok(Self { ratio, parent_based })
    }

    /// Whether this trace is recorded; `wanted` is what the caller says, none of a new trace. All processes with the same
    /// sampler decide alike.
    pub fn samples(&self, trace: Uuid, wanted: Option<bool>) -> bool {
        const RANDOM: u64 = (1 << 56) - 1;
        match wanted {
            Some(wanted) if self.parent_based => wanted,
            _ => {
                let random = (trace.as_u64_pair().1 & RANDOM) as f64;
                random >= (1.0 - self.ratio) * RANDOM as f64 && self.ratio > 0.0
            }
        }
    }
}

fn ratio(text: &str) -> Result<f64, SamplingError> {
    let ratio = text.trim().parse::<f64>().ok().filter(|ratio| (0.0..=1.0).contains(ratio));
    ratio.ok_or_else(|| SamplingError::NoRatio(text.chars().take(60).collect()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::strategy::ValueTree;

    use super::*;

    fn of(name: &str, argument: Option<&str>) -> Sampling {
        Sampling::parse(name, argument).expect("a sampler")
    }

    #[test]
    fn a_ratio_is_kept_over_ids_that_are_uuids() {
        let mut runner = proptest::test_runner::TestRunner::deterministic();
        let ids: Vec<Uuid> = (0..4_000)
            .map(|_| {
                let id = any::<u128>().new_tree(&mut runner).expect("a number").current();
                uuid::Builder::from_random_bytes(id.to_be_bytes()).into_uuid()
            })
            .collect();
        for ratio in [0.0, 0.1, 0.5, 0.9, 1.0] {
            let sampling = of("traceidratio", Some(&ratio.to_string()));
            let taken = ids.iter().filter(|id| sampling.samples(**id, None)).count() as f64 / 4_000.0;
            assert!((taken - ratio).abs() < 0.03, "{taken} of {ratio}");
        }
    }

    #[test]
    fn the_caller_decides_where_the_sampler_follows_it() {
        let id = Uuid::from_u128(1);
        assert!(of("parentbased_always_off", None).samples(id, Some(true)));
        assert!(!of("parentbased_always_on", None).samples(id, Some(false)));
        assert!(of("always_on", None).samples(id, Some(false)));
        assert!(!of("always_off", None).samples(id, Some(true)));
        assert_eq!(of("parentbased_always_on", None), Sampling::default());
    }

    #[test]
    fn what_is_no_sampler_is_refused() {
        for (name, argument) in [
            ("xray", None),
            ("", None),
            ("traceidratio", Some("1.5")),
            ("parentbased_traceidratio", Some("half")),
        ] {
            assert!(Sampling::parse(name, argument).is_err(), "{name} {argument:?}");
        }
    }
}
