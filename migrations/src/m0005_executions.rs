use crate::dialect::{NoReplace, Refusal};

// Runs, attempts and tool calls name tasks and agents by id without foreign keys, so that the record outlives what
// it records.
//
// What waits for a person has no `available_at` and is not in `ix_runs_claim`: a claim must not read past it.
crate::dialect::migration!(
    "Runs, their attempts, and the calls that attempts made.",
    up: "
CREATE TABLE runs (
    id {uuid} NOT NULL PRIMARY KEY,
    workspace_id {uuid} NOT NULL,
    task_id {uuid} NOT NULL,
    scheduled_at {time},
    trace_id {uuid} NOT NULL,
    request_trace_id {uuid},
    mode TEXT NOT NULL CHECK (mode IN ('scheduled', 'manual')),
    drives_task BOOLEAN NOT NULL,
    queue TEXT NOT NULL,
    priority INTEGER NOT NULL,
    agent_id {uuid} NOT NULL,
    performer TEXT NOT NULL CHECK (performer IN ('tool', 'llm', 'human', 'external')),
    status TEXT NOT NULL CHECK (status IN ('queued', 'running', 'waiting', 'succeeded', 'failed', 'cancelled')),
    available_at {time},
    attempts INTEGER NOT NULL CHECK (attempts >= 0),
    strikes INTEGER NOT NULL CHECK (strikes >= 0),
    fence BIGINT NOT NULL CHECK (fence >= 0),
    last_span {uuid},
    suspended BOOLEAN NOT NULL,
    created_at {time} NOT NULL,
    updated_at {time} NOT NULL,
    UNIQUE (task_id, scheduled_at),
    CHECK (status <> 'queued' OR available_at IS NOT NULL),
    CHECK (status IN ('queued', 'waiting') OR available_at IS NULL),
    CHECK (attempts = 0 OR scheduled_at IS NOT NULL)
);
CREATE INDEX ix_runs_claim ON runs (queue, priority DESC, available_at, id) WHERE available_at IS NOT NULL;
CREATE INDEX ix_runs_agent ON runs (workspace_id, agent_id, priority DESC, available_at, id)
    WHERE status IN ('queued', 'waiting');
CREATE UNIQUE INDEX ux_runs_driving ON runs (task_id) WHERE drives_task AND status IN ('queued', 'running', 'waiting');
CREATE TABLE attempts (
    span_id {uuid} NOT NULL PRIMARY KEY,
    run_id {uuid} NOT NULL REFERENCES runs (id),
    workspace_id {uuid} NOT NULL,
    task_id {uuid} NOT NULL,
    number INTEGER NOT NULL CHECK (number >= 1),
    retry_of {uuid},
    idempotency_key TEXT NOT NULL,
    agent_id {uuid} NOT NULL,
    worker TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('running', 'suspended', 'succeeded', 'partial', 'failed')),
    lease_token {uuid},
    lease_expires_at {time},
    fence BIGINT NOT NULL,
    suspension {json},
    recorded {json},
    error {json},
    experience_id TEXT,
    started_at {time} NOT NULL,
    ended_at {time},
    UNIQUE (run_id, number),
    CONSTRAINT attempts_first_retries_nothing CHECK ((number = 1) = (retry_of IS NULL)),
    CONSTRAINT attempts_running_has_lease CHECK
        ((status = 'running') = (lease_token IS NOT NULL) AND (status = 'running') = (lease_expires_at IS NOT NULL)),
    CONSTRAINT attempts_ended_has_end CHECK ((status IN ('succeeded', 'partial', 'failed')) = (ended_at IS NOT NULL)),
    CONSTRAINT attempts_ended_has_experience CHECK ((ended_at IS NOT NULL) = (experience_id IS NOT NULL)),
    CONSTRAINT attempts_failed_has_error CHECK ((status = 'failed') = (error IS NOT NULL)),
    CONSTRAINT attempts_suspended_says_why CHECK ((status = 'suspended') = (suspension IS NOT NULL))
);
CREATE INDEX ix_attempts_task ON attempts (task_id, span_id);
CREATE INDEX ix_attempts_lease ON attempts (lease_expires_at) WHERE status = 'running';
CREATE INDEX ix_attempts_agent ON attempts (agent_id) WHERE status = 'running';
CREATE TABLE tool_calls (
    id {uuid} NOT NULL PRIMARY KEY,
    workspace_id {uuid} NOT NULL,
    task_id {uuid} NOT NULL,
    span_id {uuid} NOT NULL,
    trace_id {uuid} NOT NULL,
    tool TEXT NOT NULL,
    operation TEXT NOT NULL,
    effect TEXT NOT NULL CHECK (effect IN ('none', 'idempotent', 'reversible', 'irreversible')),
    idempotency_key TEXT NOT NULL,
    parameters {json} NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('intended', 'succeeded', 'failed', 'unknown')),
    result {json},
    error {json},
    started_at {time} NOT NULL,
    ended_at {time},
    CHECK ((status = 'intended') = (ended_at IS NULL))
);
CREATE INDEX ix_tool_calls_span ON tool_calls (span_id, id);
",
    triggers: &[
        Refusal {
            name: "attempts_ended_stay",
            table: "attempts",
            on: "UPDATE",
            when: "OLD.ended_at IS NOT NULL",
            unless_exists: None,
            message: "an ended attempt never changes",
        },
        Refusal {
            name: "attempts_ended_are_kept",
            table: "attempts",
            on: "DELETE",
            when: "OLD.ended_at IS NOT NULL",
            unless_exists: None,
            message: "an ended attempt is never deleted",
        },
        Refusal {
            name: "runs_over_stay",
            table: "runs",
            on: "UPDATE",
            when: "OLD.status IN ('succeeded', 'cancelled')",
            unless_exists: None,
            message: "a run that succeeded or was cancelled never changes",
        },
        Refusal {
            name: "tool_calls_ended_stay",
            table: "tool_calls",
            on: "UPDATE",
            when: "OLD.ended_at IS NOT NULL",
            unless_exists: None,
            message: "an ended tool call never changes",
        },
        Refusal {
            name: "tool_calls_ended_are_kept",
            table: "tool_calls",
            on: "DELETE",
            when: "OLD.ended_at IS NOT NULL",
            unless_exists: None,
            message: "an ended tool call is never deleted",
        },
    ],
    kept: &[
        NoReplace {
            name: "attempts_are_not_replaced",
            table: "attempts",
            same: "span_id = NEW.span_id OR (run_id = NEW.run_id AND number = NEW.number)",
            action: "ABORT",
        },
        NoReplace { name: "tool_calls_are_not_replaced", table: "tool_calls", same: "id = NEW.id", action: "ABORT" },
    ],
    tables: ["tool_calls", "attempts", "runs"]
);
