// Columns are added, since building these tables anew would take long where they are large. An agent's sign of life is no
// change of the agent: it has no event.
crate::dialect::migration!(
    "How tasks are tried again, which attempts do not count, and when agents were last heard of.",
    up: "
ALTER TABLE tasks ADD COLUMN retry {json};
ALTER TABLE tasks ADD COLUMN on_exhausted TEXT NOT NULL DEFAULT 'fail' CHECK (on_exhausted IN ('fail', 'pause'));
ALTER TABLE runs ADD COLUMN excused INTEGER NOT NULL DEFAULT 0 CHECK (excused >= 0);
ALTER TABLE agents ADD COLUMN last_seen_at {time};
",
    triggers: &[],
    tables: []
);
