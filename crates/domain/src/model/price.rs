//! What calls cost: a table of prices as data, with a version, so that a figure can be traced to the prices it was made of.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::{Add, AddAssign};

use serde::{Deserialize, Serialize};

use super::{ModelName, Usage};

/// The table that comes with the product.
const BUNDLED: &str = include_str!("prices.json");

/// US dollars, to the billionth: what one token costs is rarely a whole millionth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Usd(i64);

impl Usd {
    /// Of so many billionths of a dollar.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// In billionths of a dollar.
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// Of dollars with a fraction; none of what is no amount, negative, or more than nine billion.
    #[expect(clippy::cast_possible_truncation, reason = "as was just seen")]
    pub fn from_dollars(dollars: f64) -> Option<Self> {
        (dollars.is_finite() && (0.0..=9e9).contains(&dollars)).then(|| Self((dollars * 1e9).round() as i64))
    }

    /// In dollars, for people and JSON.
    pub fn dollars(self) -> f64 {
        self.0 as f64 / 1e9
    }
}

impl Add for Usd {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Usd {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl fmt::Display for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "${:.4}", self.dollars())
    }
}

/// Prices of models. Names may end in `*`; of several that fit, the longest holds.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceTable {
    /// Which prices these are.
    version: String,
    models: BTreeMap<String, Priced>,
}

/// US dollars for a million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rates {
    /// Input that no cache knows.
    pub input: f64,
    /// Output.
    pub output: f64,
    /// Input that is put into a cache; as other input if it has no price of its own.
    #[serde(default)]
    pub cache_write: Option<f64>,
    /// Input that comes from a cache; as other input if it has no price of its own.
    #[serde(default)]
    pub cache_read: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
struct Priced {
    #[serde(flatten)]
    usual: Rates,
    #[serde(default)]
    long: Option<Long>,
}

/// What a call costs whose input is longer.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
struct Long {
    above: u64,
    #[serde(flatten)]
    rates: Rates,
}

/// A text is no table of prices.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the table of prices cannot be read: {0}")]
pub struct UnreadablePrices(String);

impl Default for PriceTable {
    /// The table that comes with the product; a test reads it.
    fn default() -> Self {
        Self::read(BUNDLED).unwrap_or_else(|_| Self { version: String::new(), models: BTreeMap::new() })
    }
}

impl PriceTable {
    /// Reads a table: `{"version": "…", "models": {"openai/gpt-4o*": {"input": 2.5, "output": 10, "cache_read": 1.25}}}`,
    /// in US dollars for a million tokens.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn read(text: &str) -> Result<Self, UnreadablePrices> {
        let table: Self = serde_json::from_str(text).map_err(|error| UnreadablePrices(error.to_string()))?;
        for (model, priced) in &table.models {
            let all = [Some(priced.usual), priced.long.map(|long| long.rates)];
            let mut prices = all
                .into_iter()
                .flatten()
                .flat_map(|rates| {
                    [Some(rates.input), Some(rates.output), rates.cache_write, rates.cache_read]
                })
                .flatten();
            if prices.any(|price| !(0.0..=1e6).contains(&price)) {
                return Err(UnreadablePrices(format!(
                    "{model}: a price is between 0 and 1,000,000 dollars for a million tokens"
                )));
            }
        }
        Ok(table)
    }

    /// This table with those of another added; where both name the same, the other's hold.
    #[must_use]
    pub fn overlaid(mut self, other: Self) -> Self {
        self.version = format!("{}+{}", self.version, other.version);
        self.models.extend(other.models);
        self
    }

    /// Which prices these are.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// What one call cost; none where the model's price is not known.
    #[expect(clippy::cast_possible_truncation, reason = "far below what an i64 holds")]
    pub fn cost(&self, model: &ModelName, usage: &Usage) -> Option<Usd> {
        let priced = self.find(model)?;
        let rates = match priced.long {
            Some(long) if usage.input_tokens > long.above => long.rates,
            _ => priced.usual,
        };
        let cached = usage.cache_creation_tokens.saturating_add(usage.cache_read_tokens);
        let parts = [
            (usage.input_tokens.saturating_sub(cached), rates.input),
            (usage.cache_creation_tokens, rates.cache_write.unwrap_or(rates.input)),
            (usage.cache_read_tokens, rates.cache_read.unwrap_or(rates.input)),
            (usage.output_tokens, rates.output),
        ];
        // A dollar for a million tokens is a thousand billionths for one.
        let nanos: f64 = parts.iter().map(|(tokens, price)| *tokens as f64 * price * 1e3).sum();
        Some(Usd::from_nanos(nanos.round() as i64))
    }

    fn find(&self, model: &ModelName) -> Option<Priced> {
        let name = model.to_string();
        if let Some(priced) = self.models.get(&name) {
            return Some(*priced);
        }
        let fits = |pattern: &&String| pattern.strip_suffix('*').is_some_and(|start| name.starts_with(start));
        let longest = self.models.keys().filter(fits).max_by_key(|pattern| pattern.len())?;
        self.models.get(longest).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(model: &str, usage: [u64; 4]) -> Option<f64> {
        let [input_tokens, output_tokens, cache_creation_tokens, cache_read_tokens] = usage;
        let usage = Usage { input_tokens, output_tokens, cache_creation_tokens, cache_read_tokens };
        PriceTable::default().cost(&model.parse().expect("a name"), &usage).map(Usd::dollars)
    }

    #[test]
    fn the_bundled_table_is_read_and_prices_cached_tokens_apart() {
        PriceTable::read(BUNDLED).expect("it can be read");
        assert_eq!(cost("anthropic/claude-sonnet-4-5", [1_000_000 - 900_000, 10_000, 0, 0]), Some(0.45));
        // 1,000 new, 10,000 written to the cache, 100,000 read from it, 2,000 written.
        let expected = 0.003 + 0.0375 + 0.03 + 0.03;
        assert_eq!(
            cost("anthropic/claude-sonnet-4-5-20250929", [111_000, 2_000, 10_000, 100_000]),
            Some(expected)
        );
        assert_eq!(cost("openai/gpt-4o-mini-2024-07-18", [1_000, 0, 0, 1_000]), Some(0.000_075));
        assert_eq!(cost("openai/gemini-2.5-pro", [300_000, 0, 0, 0]), Some(0.75), "long requests cost more");
        assert_eq!(
            cost("openai/gpt-5-codex-of-somebody", [1, 1, 0, 0]),
            None,
            "unknown is unknown, not free"
        );
        assert_eq!(cost("openai/llama3", [1_000, 1_000, 0, 0]), None);
    }

    #[test]
    fn a_table_of_one_s_own_is_added() {
        let own = r#"{"version": "mine", "models": {"openai/llama3*": {"input": 0, "output": 0.001}}}"#;
        let table = PriceTable::default().overlaid(PriceTable::read(own).expect("it can be read"));
        let usage = Usage { input_tokens: 5, output_tokens: 7, ..Usage::default() };
        let model = "openai/llama3.2:1b".parse().expect("a name");
        assert_eq!(table.cost(&model, &usage), Some(Usd::from_nanos(7)));
        assert!(table.version().ends_with("+mine"), "{}", table.version());
        for wrong in [
            r#"{"models": {}}"#,
            r#"{"version": "1", "models": {"x": {"input": 1}}}"#,
            r#"{"version": "1", "models": {"x": {"input": -1, "output": 1}}}"#,
        ] {
            assert!(PriceTable::read(wrong).is_err(), "{wrong}");
        }
    }
}
