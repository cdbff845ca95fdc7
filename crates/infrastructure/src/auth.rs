//! JSON Web Tokens, HS256 only (RFC 7519, RFC 7518 §3.2).

use std::time::Duration;

use goalwright_application::ports::{Claims, TokenError, Tokens};
use goalwright_domain::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};

/// The shortest secret that is accepted, in bytes: as long as the digest (RFC 7518 §3.2).
pub const SECRET_MIN_BYTES: usize = 32;
/// The name of the file that a generated secret is kept in.
pub const SECRET_FILE: &str = "jwt-secret";
/// Clocks may differ by so much.
const LEEWAY_SECONDS: i64 = 5;
/// Longer ones are refused before they are looked at.
const TOKEN_MAX_BYTES: usize = 8 * 1024;

/// Signs and verifies with one secret.
pub struct Hs256Tokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    issuer: Option<String>,
    audience: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Wire {
    sub: String,
    exp: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nbf: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    iat: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    iss: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    aud: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    workspace: Option<String>,
}

impl Hs256Tokens {
    /// With this secret; issuer and audience are checked when given, and put into minted tokens.
    ///
    /// # Errors
    /// If the secret is shorter than [`SECRET_MIN_BYTES`].
    pub fn new(secret: &[u8], issuer: Option<String>, audience: Option<String>) -> Result<Self, TokenError> {
        if secret.len() < SECRET_MIN_BYTES {
            return Err(TokenError(format!(
                "the secret has {} bytes; HS256 wants at least {SECRET_MIN_BYTES}",
                secret.len()
            )));
        }
        Ok(Self {
            encoding: EncodingKey::from_secret(secret),
            decoding: DecodingKey::from_secret(secret),
            issuer,
            audience,
        })
    }
}

impl Tokens for Hs256Tokens {
    fn verify(&self, token: &str, now: Timestamp) -> Result<Claims, TokenError> {
        if token.len() > TOKEN_MAX_BYTES {
            return Err(TokenError("the token is too long".to_owned()));
        }
        let mut validation = Validation::new(Algorithm::HS256);
        // Times are compared with our own clock below, which tests can set.
        validation.validate_exp = false;
        validation.set_required_spec_claims(&["exp", "sub"]);
        match &self.issuer {
            Some(issuer) => validation.set_issuer(&[issuer]),
            None => validation.iss = None,
        }
        match &self.audience {
            Some(audience) => validation.set_audience(&[audience]),
            None => validation.validate_aud = false,
        }
        if self.issuer.is_some() {
            validation.required_spec_claims.insert("iss".to_owned());
        }
        if self.audience.is_some() {
            validation.required_spec_claims.insert("aud".to_owned());
        }
        let wire =
            decode::<Wire>(token, &self.decoding, &validation).map_err(|error| refusal(&error))?.claims;
        let seconds = now.utc().timestamp();
        if wire.exp.saturating_add(LEEWAY_SECONDS) <= seconds {
            return Err(TokenError("the token has expired; mint a new one".to_owned()));
        }
        if wire.nbf.is_some_and(|from| from.saturating_sub(LEEWAY_SECONDS) > seconds) {
            return Err(TokenError("the token is not valid yet".to_owned()));
        }
        Ok(Claims { subject: wire.sub, workspace: wire.workspace })
    }

    fn mint(&self, claims: &Claims, lifetime: Duration, now: Timestamp) -> Result<String, TokenError> {
        let wire = Wire {
            sub: claims.subject.clone(),
            exp: (now + lifetime).utc().timestamp(),
            nbf: None,
            iat: Some(now.utc().timestamp()),
            iss: self.issuer.clone(),
            aud: self.audience.clone(),
            workspace: claims.workspace.clone(),
        };
        encode(&Header::new(Algorithm::HS256), &wire, &self.encoding)
            .map_err(|_| TokenError("the token cannot be signed".to_owned()))
    }
}

/// Why a token does not hold, without a word of the token.
fn refusal(error: &jsonwebtoken::errors::Error) -> TokenError {
    use jsonwebtoken::errors::ErrorKind as K;
    TokenError(
        match error.kind() {
            K::InvalidSignature => "the token's signature does not hold: it was signed with another secret",
            K::InvalidIssuer => "the token is from another issuer",
            K::InvalidAudience => "the token is for another audience",
            K::InvalidAlgorithm | K::InvalidAlgorithmName => "the token must be signed with HS256",
            K::MissingRequiredClaim(_) => {
                "the token lacks a claim that is required (`sub`, `exp`, and `iss` or `aud` when set)"
            }
            _ => "the token is malformed: three parts in base64url, joined by dots, were expected",
        }
        .to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-01-01T00:00:00Z".parse().expect("time")
    }

    fn tokens(secret: &str) -> Hs256Tokens {
        Hs256Tokens::new(secret.as_bytes(), None, None).expect("long enough")
    }

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    fn claims() -> Claims {
        Claims { subject: "ada".into(), workspace: None }
    }

    #[test]
    fn what_is_minted_verifies_until_it_expires() {
        let tokens = tokens(SECRET);
        let token = tokens.mint(&claims(), Duration::from_secs(60), now()).expect("signed");
        assert_eq!(tokens.verify(&token, now()).expect("holds"), claims());
        let refused = tokens.verify(&token, now() + Duration::from_secs(120)).expect_err("expired");
        assert!(refused.0.contains("expired"));
    }

    #[test]
    fn other_keys_other_algorithms_and_garbage_are_refused_in_words() {
        let ours = tokens(SECRET);
        let theirs =
            tokens("fedcba9876543210fedcba9876543210").mint(&claims(), Duration::from_secs(60), now());
        let theirs = theirs.expect("signed");
        // {"alg":"none"} . {"sub":"ada","exp":99999999999} .
        let none = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEiLCJleHAiOjk5OTk5OTk5OTk5fQ.";
        for token in [theirs.as_str(), none, "", "a.b.c", "not a token", &"x".repeat(20_000)] {
            let refused = ours.verify(token, now()).expect_err("refused");
            assert!(token.is_empty() || !refused.0.contains(token), "the answer must not repeat the token");
        }
    }

    #[test]
    fn issuer_and_audience_are_checked_when_set() {
        let strict =
            Hs256Tokens::new(SECRET.as_bytes(), Some("us".into()), Some("api".into())).expect("secret");
        let loose = tokens(SECRET);
        let plain = loose.mint(&claims(), Duration::from_secs(60), now()).expect("signed");
        assert!(strict.verify(&plain, now()).is_err());
        let own = strict.mint(&claims(), Duration::from_secs(60), now()).expect("signed");
        assert!(strict.verify(&own, now()).is_ok());
    }

    #[test]
    fn short_secrets_are_refused() {
        assert!(Hs256Tokens::new(b"short", None, None).is_err());
    }
}
