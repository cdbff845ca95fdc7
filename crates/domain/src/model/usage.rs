//! What a call consumed, counted in the same way whoever was asked.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Tokens of one call, or of several together.
///
/// Providers count differently: Anthropic's `input_tokens` leave out what came from a cache or went into one, those of
/// Chat Completions contain it. Here `input_tokens` are all that the model read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Usage {
    /// All that was read, cached or not.
    pub input_tokens: u64,
    /// All that was written, thoughts among it.
    pub output_tokens: u64,
    /// Of the input: what was put into the provider's cache.
    pub cache_creation_tokens: u64,
    /// Of the input: what came from there.
    pub cache_read_tokens: u64,
}

impl Usage {
    /// Of the `usage` of Anthropic's Messages API; in a stream of the last one that was told. What is missing counts nothing,
    /// and [is not told](Self::is_told).
    pub fn of_anthropic(usage: &Value) -> Self {
        let cache_creation_tokens = count(usage, "/cache_creation_input_tokens");
        let cache_read_tokens = count(usage, "/cache_read_input_tokens");
        let uncached = count(usage, "/input_tokens");
        Self {
            input_tokens: uncached.saturating_add(cache_creation_tokens).saturating_add(cache_read_tokens),
            output_tokens: count(usage, "/output_tokens"),
            cache_creation_tokens,
            cache_read_tokens,
        }
    }

    /// Of the `usage` of Chat Completions. Some endpoints count thoughts in the total only: what is in the total and not
    /// read was written.
    pub fn of_openai(usage: &Value) -> Self {
        let input_tokens = count(usage, "/prompt_tokens");
        let written = count(usage, "/completion_tokens");
        let rest = count(usage, "/total_tokens").saturating_sub(input_tokens);
        // The second is how DeepSeek calls it.
        let cached = count(usage, "/prompt_tokens_details/cached_tokens");
        let cached = if cached == 0 { count(usage, "/prompt_cache_hit_tokens") } else { cached };
        Self {
            input_tokens,
            output_tokens: written.max(rest),
            cache_creation_tokens: 0,
            cache_read_tokens: cached.min(input_tokens),
        }
    }

    /// What was read and what was written.
    pub const fn cost_tokens(&self) -> u64 {
        self.input_tokens.saturating_add(self.output_tokens)
    }

    /// Whether it is known: whoever answers has read something, and written something.
    pub const fn is_told(&self) -> bool {
        self.input_tokens > 0 && self.output_tokens > 0
    }

    /// Whether a part of the input came from the provider's cache.
    pub const fn cache_hit(&self) -> bool {
        self.cache_read_tokens > 0
    }
}

impl AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.input_tokens = self.input_tokens.saturating_add(other.input_tokens);
        self.output_tokens = self.output_tokens.saturating_add(other.output_tokens);
        self.cache_creation_tokens = self.cache_creation_tokens.saturating_add(other.cache_creation_tokens);
        self.cache_read_tokens = self.cache_read_tokens.saturating_add(other.cache_read_tokens);
    }
}

/// A count that an endpoint tells, whether as a number or not at all. More than a database holds is nothing that was
/// counted.
fn count(usage: &Value, pointer: &str) -> u64 {
    const MOST: u64 = 1 << 40;
    usage.pointer(pointer).and_then(Value::as_u64).filter(|count| *count <= MOST).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What endpoints really answer, and what it means.
    #[test]
    fn every_known_shape_is_counted_alike() {
        let golden = [
            // Anthropic, nothing cached.
            (
                "anthropic",
                json!({"input_tokens": 472, "output_tokens": 2000, "service_tier": "standard"}),
                [472, 2000, 0, 0],
            ),
            // Anthropic, the prefix is written to the cache.
            (
                "anthropic",
                json!({"input_tokens": 21, "cache_creation_input_tokens": 188_086, "cache_read_input_tokens": 0,
                       "cache_creation": {"ephemeral_5m_input_tokens": 188_086, "ephemeral_1h_input_tokens": 0},
                       "output_tokens": 393}),
                [188_107, 393, 188_086, 0],
            ),
            // Anthropic, and read from it the next time; the end of a stream.
            (
                "anthropic",
                json!({"input_tokens": 21, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 188_086,
                       "output_tokens": 393, "server_tool_use": {"web_search_requests": 0}}),
                [188_107, 393, 0, 188_086],
            ),
            // OpenAI, with details of both sides.
            (
                "openai",
                json!({"prompt_tokens": 2006, "completion_tokens": 300, "total_tokens": 2306,
                       "prompt_tokens_details": {"cached_tokens": 1920, "audio_tokens": 0},
                       "completion_tokens_details": {"reasoning_tokens": 128, "accepted_prediction_tokens": 0}}),
                [2006, 300, 0, 1920],
            ),
            // Gemini's compatible endpoint: thoughts are in the total only.
            (
                "openai",
                json!({"prompt_tokens": 12, "completion_tokens": 40, "total_tokens": 700}),
                [12, 688, 0, 0],
            ),
            // DeepSeek.
            (
                "openai",
                json!({"prompt_tokens": 100, "completion_tokens": 5, "total_tokens": 105,
                       "prompt_cache_hit_tokens": 64, "prompt_cache_miss_tokens": 36}),
                [100, 5, 0, 64],
            ),
            // Ollama and vLLM: the plain three.
            (
                "openai",
                json!({"prompt_tokens": 26, "completion_tokens": 290, "total_tokens": 316}),
                [26, 290, 0, 0],
            ),
            // Embedded servers that leave out what they do not know, or say null.
            ("openai", json!({"prompt_tokens": 9, "prompt_tokens_details": null}), [9, 0, 0, 0]),
            ("openai", Value::Null, [0, 0, 0, 0]),
            ("anthropic", json!({"input_tokens": -3, "output_tokens": "many"}), [0, 0, 0, 0]),
            ("anthropic", json!({"input_tokens": u64::MAX, "output_tokens": 1}), [0, 1, 0, 0]),
        ];
        for (provider, raw, [input, output, created, read]) in golden {
            let usage =
                if provider == "anthropic" { Usage::of_anthropic(&raw) } else { Usage::of_openai(&raw) };
            let expected = Usage {
                input_tokens: input,
                output_tokens: output,
                cache_creation_tokens: created,
                cache_read_tokens: read,
            };
            assert_eq!(usage, expected, "{provider}: {raw}");
            assert_eq!(usage.cost_tokens(), input + output);
            assert_eq!(usage.cache_hit(), read > 0);
        }
    }
}
