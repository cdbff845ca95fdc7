use crate::dialect::{NoReplace, Refusal};

// The columns that queries use are generated from the document, so that they cannot say anything else.
const UP: &str = "
CREATE TABLE experiences (
    id TEXT NOT NULL PRIMARY KEY,
    workspace_id {uuid} NOT NULL,
    type TEXT NOT NULL CHECK (type IN
        ('OBSERVATION', 'CONVERSATION', 'REFLECTION', 'BELIEF', 'TASK_EXECUTION', 'CHAIN_EXECUTION')),
    content {json} NOT NULL,
    provenance {json} NOT NULL,
    parents {json} NOT NULL,
    causes {json} NOT NULL,
    session_id TEXT NOT NULL,
    created_at {time} NOT NULL,
    ts {float} NOT NULL,
    meta {json} NOT NULL,
    task_id TEXT GENERATED ALWAYS AS (content -> 'structured' ->> 'task_id') STORED,
    task_slug TEXT GENERATED ALWAYS AS (content -> 'structured' ->> 'task_slug') STORED,
    trace_id TEXT GENERATED ALWAYS AS (content -> 'structured' ->> 'trace_id') STORED,
    idempotency_key TEXT GENERATED ALWAYS AS (content -> 'structured' ->> 'idempotency_key') STORED,
    CHECK (type <> 'TASK_EXECUTION' OR idempotency_key IS NOT NULL)
);
CREATE INDEX ix_experiences_recent ON experiences (workspace_id, ts DESC, id DESC);
CREATE INDEX ix_experiences_type_ts ON experiences (workspace_id, type, ts DESC, id DESC);
CREATE INDEX ix_experiences_task ON experiences (workspace_id, task_id, ts DESC, id DESC);
CREATE INDEX ix_experiences_task_slug ON experiences (workspace_id, task_slug, ts DESC, id DESC);
CREATE INDEX ix_experiences_trace ON experiences (workspace_id, trace_id, ts DESC, id DESC);
CREATE UNIQUE INDEX ix_experiences_idempotency ON experiences (idempotency_key);
";

crate::dialect::migration!(
    "Experiences: the audit record of what was done.",
    up: UP,
    triggers: &[
        Refusal {
            name: "experiences_are_kept",
            table: "experiences",
            on: "DELETE",
            when: "OLD.id IS NOT NULL",
            unless_exists: None,
            message: "an experience is never deleted",
        },
        Refusal {
        name: "experiences_stay",
        table: "experiences",
        on: "UPDATE",
        when: "OLD.id IS NOT NULL",
        unless_exists: None,
        message: "an experience never changes",
        },
    ],
    kept: &[NoReplace {
        name: "experiences_are_not_replaced",
        table: "experiences",
        same: "id = NEW.id OR idempotency_key = (NEW.content -> 'structured' ->> 'idempotency_key')",
        action: "IGNORE",
    }],
    tables: ["experiences"]
);
