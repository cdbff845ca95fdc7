crate::dialect::migration!(
    "Whether words of experiences that were pruned may still be in a full-text index that deletes by marking: there is a \
     row until the index was merged. PostgreSQL's index has no such words.",
    up: "
CREATE TABLE pruned_words (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1)
);
",
    triggers: &[],
    tables: ["pruned_words"]
);
