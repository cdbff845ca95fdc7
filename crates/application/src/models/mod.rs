//! Calls of models: the one layer that tries again, and the one breaker around it.
//!
//! Whoever needs a model asks [`ModelCalls`], and never the port. A call is one or more attempts at one endpoint; it ends
//! with an answer, or with the reason why there is none. Nothing above tries again, and nothing below does.

mod breakers;
mod call;
mod told;
mod unanswered;
mod waiting;

use std::sync::Arc;
use std::time::Duration;

use goalwright_domain::model::{BreakerRule, Cause, ModelName, PriceTable, Usage};

use crate::ports::{Clock, Ids, ModelReply, Models, Telemetry, Timer};
use breakers::Breakers;
pub use unanswered::{NoAnswer, Unanswered};

/// What calls of models stand on.
#[derive(Clone)]
pub struct ModelPorts {
    /// The endpoints.
    pub models: Arc<dyn Models>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Waiting.
    pub timer: Arc<dyn Timer>,
    /// Chance, and the ids of spans.
    pub ids: Arc<dyn Ids>,
    /// Who watches.
    pub telemetry: Arc<dyn Telemetry>,
}

/// Asks models, patiently.
pub struct ModelCalls {
    ports: ModelPorts,
    patience: Patience,
    breakers: Breakers,
    prices: PriceTable,
}

/// How long and how often a model is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// So often at most; at least 1.
    pub attempts: u32,
    /// One attempt is ended after this.
    pub attempt_timeout: Duration,
    /// The shortest pause between two attempts.
    pub min: Duration,
    /// The longest pause, unless the endpoint wants a longer one.
    pub max: Duration,
    /// The whole call ends within this, its pauses included; without one within what its attempts and pauses can take.
    pub deadline: Option<Duration>,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            attempts: 3,
            attempt_timeout: Duration::from_secs(60),
            min: Duration::from_secs(2),
            max: Duration::from_secs(10),
            deadline: None,
        }
    }
}

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Answered {
    /// What was answered.
    pub reply: ModelReply,
    /// How often it was asked for.
    pub attempts: u32,
    /// What all attempts consumed, those that failed included as far as the provider told.
    pub usage: Usage,
    /// Whether more may have been consumed than was told, by an attempt that broke off or by an answer that says nothing of it:
    /// then nobody knows what the call cost.
    pub untold: bool,
    /// How long it took, pauses included.
    pub took: Duration,
}

impl ModelCalls {
    /// Over these ports, with the patience of calls for which nobody says otherwise.
    pub fn new(ports: ModelPorts, patience: Patience, rule: BreakerRule) -> Self {
        let rule = BreakerRule { probe: rule.probe.max(patience.whole()), ..rule };
        let breakers = Breakers::new(rule, ports.clock.clone(), ports.telemetry.clone());
        Self { ports, patience, breakers, prices: PriceTable::default() }
    }

    /// With these prices instead of the bundled ones.
    #[must_use]
    pub fn with_prices(self, prices: PriceTable) -> Self {
        Self { prices, ..self }
    }

    /// What models cost.
    pub const fn prices(&self) -> &PriceTable {
        &self.prices
    }

    /// How patient calls are for which nobody says otherwise.
    pub const fn patience(&self) -> Patience {
        self.patience
    }

    /// The model that is asked where nobody names one.
    pub fn usual(&self) -> Option<ModelName> {
        self.ports.models.usual()
    }

    /// Whether any model could be asked, if only by naming it.
    pub fn any(&self) -> bool {
        self.ports.models.any()
    }

    /// After how many tokens an answer of this model ends at the latest, if its endpoint has said so. More is neither asked for nor
    /// promised.
    pub fn output_limit(&self, model: &ModelName) -> Option<u32> {
        self.ports.models.output_limit(model)
    }

    /// This model, else the usual one.
    ///
    /// # Errors
    /// `NotConfigured` if there is neither, or nothing to reach it by.
    pub fn choose(&self, named: Option<ModelName>) -> Result<ModelName, Unanswered> {
        let missing = || Unanswered::of(Cause::NotConfigured { setting: "GOALWRIGHT_MODEL" });
        let model = named.or_else(|| self.usual()).ok_or_else(missing)?;
        self.ports.models.endpoint(&model).map_err(|failure| Unanswered::of(failure.cause))?;
        Ok(model)
    }
}
