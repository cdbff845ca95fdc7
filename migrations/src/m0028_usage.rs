// What models cost: each call, its sums by day, the budget of a workspace with what is spent and what is promised of it, and
// the versions of prompts. `goal_id` of a sum that belongs to no goal is the nil UUID, so that it can be part of the key.
crate::dialect::migration!(
    "What models cost, and what they are told.",
    up: "
CREATE TABLE model_calls (
    id {uuid} NOT NULL PRIMARY KEY,
    workspace_id {uuid} NOT NULL,
    purpose TEXT NOT NULL,
    goal_id {uuid},
    task_id {uuid},
    decomposition_id {uuid},
    model TEXT NOT NULL,
    prompt_version TEXT,
    attempts BIGINT NOT NULL,
    input_tokens BIGINT NOT NULL CHECK (input_tokens >= 0),
    output_tokens BIGINT NOT NULL CHECK (output_tokens >= 0),
    cache_creation_tokens BIGINT NOT NULL CHECK (cache_creation_tokens >= 0),
    cache_read_tokens BIGINT NOT NULL CHECK (cache_read_tokens >= 0),
    raw_usage {json} NOT NULL,
    cost_nanos BIGINT,
    price_version TEXT NOT NULL,
    trace_id {uuid},
    created_at {time} NOT NULL
);
CREATE TABLE usage_days (
    workspace_id {uuid} NOT NULL,
    day TEXT NOT NULL,
    model TEXT NOT NULL,
    goal_id {uuid} NOT NULL,
    calls BIGINT NOT NULL,
    input_tokens BIGINT NOT NULL,
    output_tokens BIGINT NOT NULL,
    cache_creation_tokens BIGINT NOT NULL,
    cache_read_tokens BIGINT NOT NULL,
    cost_nanos BIGINT NOT NULL,
    unpriced_calls BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, day, model, goal_id)
);
CREATE TABLE budgets (
    workspace_id {uuid} NOT NULL PRIMARY KEY REFERENCES workspaces (id),
    monthly_nanos BIGINT CHECK (monthly_nanos >= 0),
    monthly_tokens BIGINT CHECK (monthly_tokens >= 0),
    revision BIGINT NOT NULL,
    updated_at {time} NOT NULL
);
CREATE TABLE budget_months (
    workspace_id {uuid} NOT NULL,
    month TEXT NOT NULL,
    spent_nanos BIGINT NOT NULL,
    spent_tokens BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, month)
);
CREATE TABLE budget_reservations (
    id {uuid} NOT NULL PRIMARY KEY,
    workspace_id {uuid} NOT NULL,
    nanos BIGINT NOT NULL CHECK (nanos >= 0),
    tokens BIGINT NOT NULL CHECK (tokens >= 0),
    expires_at {time} NOT NULL
);
CREATE INDEX ix_budget_reservations_workspace ON budget_reservations (workspace_id, expires_at);
ALTER TABLE workspace_settings ADD COLUMN model TEXT;
ALTER TABLE idempotency_keys ADD COLUMN reserved_until {time};
CREATE TABLE prompts (
    workspace_id {uuid} NOT NULL REFERENCES workspaces (id),
    version TEXT NOT NULL,
    content TEXT NOT NULL CHECK (length(content) > 0),
    created_by {uuid} NOT NULL REFERENCES users (id),
    created_at {time} NOT NULL,
    PRIMARY KEY (workspace_id, version)
);
",
    triggers: &[crate::dialect::Refusal {
        name: "prompts_keep",
        table: "prompts",
        on: "UPDATE",
        when: "OLD.version = NEW.version",
        unless_exists: None,
        message: "a version of a prompt is never changed",
    }],
    tables: ["prompts", "budget_reservations", "budget_months", "budgets", "usage_days", "model_calls"]
);
