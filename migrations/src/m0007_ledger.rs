use crate::dialect::{NoReplace, Refusal};

// `seq` is drawn at insert, after the locks of the transaction; it orders what is committed but has no position
// yet. Only events with a position are listed; an index that leaves out the others is written once per event, not once
// more when it gets its position. `changes` and `metadata` are kept as the text that was digested.
crate::dialect::migration!(
    "The ledger of events, append-only.",
    up: "
CREATE TABLE events (
    seq {sequence},
    id {uuid} NOT NULL UNIQUE,
    workspace_id {uuid} NOT NULL,
    position BIGINT CHECK (position > 0),
    entity_type TEXT NOT NULL,
    entity_id TEXT NOT NULL,
    event_type TEXT NOT NULL,
    actor_type TEXT NOT NULL CHECK (actor_type IN ('user', 'agent', 'system')),
    actor_id TEXT NOT NULL,
    changes {text_json} NOT NULL,
    metadata {text_json} NOT NULL,
    digest TEXT NOT NULL,
    seal TEXT,
    trace_id {uuid},
    created_at {time} NOT NULL
);
CREATE UNIQUE INDEX ux_events_position ON events (workspace_id, position) WHERE position IS NOT NULL;
CREATE INDEX ix_events_kind ON events (workspace_id, entity_type, position) WHERE position IS NOT NULL;
CREATE INDEX ix_events_entity ON events (workspace_id, entity_id, position) WHERE position IS NOT NULL;
CREATE INDEX ix_events_type ON events (workspace_id, event_type, position) WHERE position IS NOT NULL;
CREATE INDEX ix_events_trace ON events (workspace_id, trace_id, position)
    WHERE position IS NOT NULL AND trace_id IS NOT NULL;
CREATE INDEX ix_events_unplaced ON events (seq) WHERE position IS NULL;
CREATE TABLE ledger_heads (
    workspace_id {uuid} NOT NULL PRIMARY KEY,
    position BIGINT NOT NULL
);
",
    triggers: &[
        Refusal {
            name: "events_append_only",
            table: "events",
            on: "UPDATE",
            when: "NEW.seq <> OLD.seq OR NEW.id <> OLD.id OR NEW.workspace_id <> OLD.workspace_id OR \
                   NEW.entity_type <> OLD.entity_type OR NEW.entity_id <> OLD.entity_id OR \
                   NEW.event_type <> OLD.event_type OR NEW.actor_type <> OLD.actor_type OR \
                   NEW.actor_id <> OLD.actor_id OR CAST(NEW.changes AS TEXT) <> CAST(OLD.changes AS TEXT) OR \
                   CAST(NEW.metadata AS TEXT) <> CAST(OLD.metadata AS TEXT) OR NEW.digest <> OLD.digest OR \
                   NEW.trace_id {is_not} OLD.trace_id OR NEW.created_at <> OLD.created_at OR \
                   (OLD.position IS NOT NULL AND NEW.position {is_not} OLD.position) OR \
                   (OLD.seal IS NOT NULL AND NEW.seal {is_not} OLD.seal)",
            unless_exists: None,
            message: "events are append-only: only a position and a seal are set, once",
        },
        Refusal {
            name: "events_are_kept",
            table: "events",
            on: "DELETE",
            when: "OLD.id IS NOT NULL",
            unless_exists: None,
            message: "events are append-only: none is deleted",
        },
    ],
    kept: &[NoReplace {
        name: "events_are_not_replaced",
        table: "events",
        same: "seq = NEW.seq OR id = NEW.id OR (workspace_id = NEW.workspace_id AND position = NEW.position)",
        action: "ABORT",
    }],
    tables: ["ledger_heads", "events"]
);
