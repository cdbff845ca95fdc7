//! The Messages API of Anthropic.

mod answer;
mod request;
mod stream;

pub(super) use request::body;
pub(super) use stream::Stream;

/// How a provider's own parts of a conversation are marked, so that no other provider is sent them.
const PROVIDER: &str = "anthropic";
