//! Language models as the product speaks of them: which one, what is said, what it costs, and what can go wrong.
//!
//! Providers differ in names and shapes; here is what they have in common. Adapters translate a [`Message`] into their
//! wire format and back, with nothing lost: what they do not understand travels along unread ([`Content::Opaque`],
//! [`ToolCall::extra`]).

mod breaker;
mod conversation;
mod failure;
mod name;
mod price;
mod usage;
mod words;

pub use breaker::{Admission, Breaker, BreakerRule, BreakerState};
pub use conversation::{Content, Message, Role, ToolCall, ToolChoice, ToolResult, ToolSpec};
pub use failure::{Cause, ModelFailure};
pub use name::{ModelName, Provider, UnknownModel};
pub use price::{PriceTable, Rates, UnreadablePrices, Usd};
pub use usage::Usage;
pub use words::{from_json_on, json_among, kept_words};
