//! Artifacts: what is too large to stand in the record, kept once for each workspace under its digest.

use serde_json::Value;
use uuid::Uuid;

use super::{result_text, without_secrets};

use crate::execution::SpanId;
use crate::workspace::WorkspaceId;
use crate::{Timestamp, canonical};

/// The largest artifact, in bytes.
pub const ARTIFACT_LIMIT: usize = 16 * 1024 * 1024;

/// All of an audit copy, with its media type, where [`audit_value`](super::audit_value) left it out of `copy` because it is
/// too large.
pub fn whole_copy(value: &Value, copy: &Value) -> Option<(String, &'static str)> {
    let left_out = copy.get("omitted").is_some() && value.get("omitted").is_none();
    let media_type = if value.is_string() { "text/plain; charset=utf-8" } else { "application/json" };
    left_out.then(|| (result_text(&without_secrets(value)), media_type))
}

/// What is known of an artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// Its id.
    pub id: Uuid,
    /// The tenant.
    pub workspace_id: WorkspaceId,
    /// `sha256:` of its bytes; a workspace has each once.
    pub digest: String,
    /// Such as `application/json`.
    pub media_type: String,
    /// In bytes.
    pub size: u64,
    /// The attempt that left it first.
    pub span_id: Option<SpanId>,
    /// When it was kept.
    pub created_at: Timestamp,
    /// Whether its bytes were taken away.
    pub redacted: bool,
}

impl Artifact {
    /// What is to be known of these bytes.
    pub fn of(
        bytes: &[u8],
        media_type: &str,
        (id, workspace_id, span_id): (Uuid, WorkspaceId, Option<SpanId>),
        created_at: Timestamp,
    ) -> Self {
        Self {
            id,
            workspace_id,
            digest: format!("sha256:{}", canonical::sha256_hex(bytes)),
            media_type: media_type.to_owned(),
            size: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            span_id,
            created_at,
            redacted: false,
        }
    }

    /// Whether these are its bytes.
    pub fn is(&self, bytes: &[u8]) -> bool {
        self.digest == format!("sha256:{}", canonical::sha256_hex(bytes))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{TEXT_LIMIT, audit_value};
    use super::*;

    #[test]
    fn only_what_is_left_out_is_kept_whole_and_without_secrets() {
        let whole = |value: Value| whole_copy(&value, &audit_value(&value));
        assert_eq!(whole(json!({"text": "short"})), None);
        assert_eq!(whole(json!({"omitted": "x".repeat(10)})), None);
        let (text, media_type) =
            whole(json!({"token": "s3cret", "text": "x".repeat(TEXT_LIMIT)})).expect("too large");
        assert_eq!(media_type, "application/json");
        assert!(text.len() > TEXT_LIMIT && !text.contains("s3cret"));
        let (text, media_type) = whole(json!("y".repeat(TEXT_LIMIT))).expect("too large");
        assert_eq!((text.len(), media_type), (TEXT_LIMIT, "text/plain; charset=utf-8"));
    }
}
