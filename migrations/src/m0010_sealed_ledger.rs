// A head says how far its events are sealed, with the seal there and a mark that only a holder of the key can make. What
// was appended before has no seals yet; the sequencer makes them up.
crate::dialect::migration!(
    "Heads of ledgers that are sealed, and the key that they are sealed with, by its fingerprint.",
    up: "
ALTER TABLE ledger_heads ADD COLUMN sealed BIGINT NOT NULL DEFAULT 0;
ALTER TABLE ledger_heads ADD COLUMN seal TEXT;
ALTER TABLE ledger_heads ADD COLUMN mark TEXT;
CREATE INDEX ix_ledger_heads_unsealed ON ledger_heads (workspace_id) WHERE sealed < position;
CREATE TABLE ledger_key (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    fingerprint TEXT NOT NULL,
    created_at {time} NOT NULL
);
",
    triggers: &[],
    tables: ["ledger_key"]
);
