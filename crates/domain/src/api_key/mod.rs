//! API keys: what agents and services authenticate with. Only the digest of a key is kept.

mod aggregate;
mod scope;
mod text;

pub use aggregate::{ApiKey, ApiKeyState, DraftApiKey, KeyRefusal, NAME_LIMIT};
pub use scope::{Scope, Scopes};
pub use text::{KeyDigest, KeyText, MalformedKey, PREFIX, Presented};

use crate::Id;

/// Id of an API key.
pub type ApiKeyId = Id<ApiKey>;
