// How an agent works that is a model; for which attempt a model was asked, and how long that took; and the dialogues in which models perform runs, entry by entry, for as long as their
// runs are not over.
crate::dialect::migration!(
    "Agents that are models.",
    up: "
ALTER TABLE agents ADD COLUMN llm {json};
ALTER TABLE model_calls ADD COLUMN span_id {uuid};
ALTER TABLE model_calls ADD COLUMN took_ms BIGINT;
CREATE INDEX ix_model_calls_trace ON model_calls (trace_id, id) WHERE trace_id IS NOT NULL;
CREATE TABLE dialogue_entries (
    run_id {uuid} NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    n BIGINT NOT NULL CHECK (n >= 0),
    span_id {uuid} NOT NULL,
    entry TEXT NOT NULL,
    created_at {time} NOT NULL,
    PRIMARY KEY (run_id, n)
);
",
    triggers: &[crate::dialect::Refusal {
        name: "dialogue_entries_keep",
        table: "dialogue_entries",
        on: "UPDATE",
        when: "OLD.n IS NOT NULL",
        unless_exists: None,
        message: "what was said in a dialogue is never changed",
    }],
    tables: ["dialogue_entries"]
);
