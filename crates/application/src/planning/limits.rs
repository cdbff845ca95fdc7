//! How long the answers of a model may be.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use goalwright_domain::model::ModelName;

/// An answer ends after so many tokens. What an endpoint allows is less for some models: that is learned where they are asked.
const USUAL: u32 = 8_192;
/// After so many where a model needs most of them for its thoughts.
const GENEROUS: u32 = 32_768;
/// So many models are remembered: callers name them, and a name must not cost memory for ever.
const MOST_KNOWN: usize = 1_000;

/// The models whose answers are allowed to be long, until the process ends.
#[derive(Debug, Default)]
pub(super) struct OutputLimits {
    generous: Mutex<HashSet<ModelName>>,
}

impl OutputLimits {
    /// After how many tokens an answer ends.
    pub(super) fn of(&self, model: &ModelName) -> u32 {
        let generous = self.generous.lock().unwrap_or_else(PoisonError::into_inner);
        if generous.contains(model) { GENEROUS } else { USUAL }
    }

    /// Allows longer ones from now on; false if one that ended after `asked` tokens was such a one already.
    pub(super) fn raise(&self, model: &ModelName, asked: u32) -> bool {
        let mut generous = self.generous.lock().unwrap_or_else(PoisonError::into_inner);
        if generous.len() >= MOST_KNOWN {
            generous.clear();
        }
        generous.insert(model.clone());
        asked < GENEROUS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_allowed_more_once_and_others_are_not() {
        let limits = OutputLimits::default();
        let named = |name: &str| name.parse::<ModelName>().expect("a name");
        assert_eq!(limits.of(&named("openai/thinker")), USUAL);
        assert!(limits.raise(&named("openai/thinker"), USUAL));
        assert!(limits.raise(&named("openai/thinker"), USUAL), "somebody else asked before that was known");
        assert!(!limits.raise(&named("openai/thinker"), GENEROUS));
        assert_eq!(
            (limits.of(&named("openai/thinker")), limits.of(&named("openai/other"))),
            (GENEROUS, USUAL)
        );
        for number in 0..MOST_KNOWN {
            limits.raise(&named(&format!("openai/{number}")), USUAL);
        }
        assert!(limits.generous.lock().expect("whole").len() <= MOST_KNOWN);
    }
}
