//! Credentials.

use std::time::Duration;

use goalwright_domain::Timestamp;

/// Verifies and mints JSON Web Tokens (RFC 7519, HS256).
pub trait Tokens: Send + Sync {
    /// What a token says, once its signature, times, issuer and audience were checked at `now`.
    ///
    /// # Errors
    /// Why it does not hold, in words that do not repeat it.
    fn verify(&self, token: &str, now: Timestamp) -> Result<Claims, TokenError>;

    /// A token for `claims` that expires `lifetime` after `now`.
    ///
    /// # Errors
    /// If it cannot be signed.
    fn mint(&self, claims: &Claims, lifetime: Duration, now: Timestamp) -> Result<String, TokenError>;
}

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// `sub`: the user.
    pub subject: String,
    /// The workspace it is for, if it is for one only.
    pub workspace: Option<String>,
}

/// Why a token does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TokenError(pub String);
