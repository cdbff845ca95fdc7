// The key is kept as its digest: callers put anything into it. What was made is known from the unit that made it; the
// answer follows when it has been given.
crate::dialect::migration!(
    "Requests that were answered once and are answered alike when they are repeated.",
    up: "
CREATE TABLE idempotency_keys (
    workspace_id {uuid} NOT NULL REFERENCES workspaces (id),
    user_id {uuid} NOT NULL,
    key_digest TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    made TEXT NOT NULL,
    status INTEGER,
    headers {json},
    body TEXT,
    created_at {time} NOT NULL,
    PRIMARY KEY (workspace_id, user_id, key_digest),
    CHECK ((status IS NULL) = (body IS NULL) AND (status IS NULL) = (headers IS NULL))
);
CREATE INDEX ix_idempotency_keys_age ON idempotency_keys (created_at);
",
    triggers: &[],
    tables: ["idempotency_keys"]
);
