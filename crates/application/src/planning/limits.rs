//! How long the answers of a model may be.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use goalwright_domain::model::ModelName;
use goalwright_domain::workspace::WorkspaceId;

/// An answer ends after so many tokens. What an endpoint allows is less for some models: that is learned where they are asked.
const USUAL: u32 = 8_192;
/// After so many where a model needs most of them for its thoughts.
const GENEROUS: u32 = 32_768;
/// So many models are remembered: callers name them, and a name must not cost memory for ever.
const MOST_KNOWN: usize = 1_000;

/// The models whose answers are allowed to be long, until the process ends. Each workspace pays for its own.
#[derive(Debug, Default)]
pub(super) struct OutputLimits {
    generous: Mutex<HashSet<(WorkspaceId, ModelName)>>,
}

impl OutputLimits {
    /// After how many tokens the answers of a conversation end.
    pub(super) fn of(&self, workspace: WorkspaceId, model: &ModelName) -> OutputLimit {
        OutputLimit { raised: self.lock().contains(&(workspace, model.clone())) }
    }

    /// With longer answers the model comes to an end: it is allowed them from the beginning from now on.
    pub(super) fn keep(&self, workspace: WorkspaceId, model: &ModelName) {
        let mut generous = self.lock();
        if generous.len() >= MOST_KNOWN {
            generous.clear();
        }
        generous.insert((workspace, model.clone()));
    }

    /// With longer answers it takes too long.
    pub(super) fn take_back(&self, workspace: WorkspaceId, model: &ModelName) {
        self.lock().remove(&(workspace, model.clone()));
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<(WorkspaceId, ModelName)>> {
        self.generous.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// After how many tokens the answers of one conversation end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct OutputLimit {
    raised: bool,
}

impl OutputLimit {
    /// So many, of a model whose endpoint allows `most`, as far as that is known.
    pub(super) fn tokens(self, most: Option<u32>) -> u32 {
        let wanted = if self.raised { GENEROUS } else { USUAL };
        most.map_or(wanted, |most| wanted.min(most))
    }

    /// Whether it was raised, now or earlier.
    pub(super) const fn is_raised(self) -> bool {
        self.raised
    }

    /// Raises it, if longer answers are allowed at all; else it stays as it is, and false is given.
    pub(super) fn raise(&mut self, most: Option<u32>) -> bool {
        let raised = Self { raised: true };
        let longer = raised.tokens(most) > self.tokens(most);
        self.raised |= longer;
        longer
    }
}

#[cfg(test)]
mod tests {
    use goalwright_domain::Id;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn what_is_kept_is_of_one_workspace_and_one_model() {
        let limits = OutputLimits::default();
        let named = |name: &str| name.parse::<ModelName>().expect("a name");
        let (ours, theirs) = (Id::new(Uuid::from_u128(1)), Id::new(Uuid::from_u128(2)));
        limits.keep(ours, &named("openai/thinker"));
        assert_eq!(limits.of(ours, &named("openai/thinker")).tokens(None), GENEROUS);
        assert_eq!(limits.of(theirs, &named("openai/thinker")).tokens(None), USUAL);
        assert_eq!(limits.of(ours, &named("openai/other")).tokens(None), USUAL);
        limits.take_back(ours, &named("openai/thinker"));
        assert_eq!(limits.of(ours, &named("openai/thinker")).tokens(None), USUAL);
        for number in 0..=MOST_KNOWN {
            limits.keep(ours, &named(&format!("openai/{number}")));
        }
        assert!(limits.lock().len() <= MOST_KNOWN);
    }

    #[test]
    fn an_answer_is_allowed_more_once_and_never_more_than_its_endpoint_allows() {
        let mut limit = OutputLimit::default();
        assert!(limit.raise(None) && limit.is_raised());
        assert!(!limit.raise(None));
        assert_eq!((limit.tokens(None), limit.tokens(Some(16_384))), (GENEROUS, 16_384));
        let mut small = OutputLimit::default();
        assert!(!small.raise(Some(4_096)) && !small.is_raised());
        assert_eq!(small.tokens(Some(4_096)), 4_096);
        assert!(small.raise(Some(16_384)));
    }
}
