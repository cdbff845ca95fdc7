// Eight bytes as a signed number: which span of the request's trace asked, so that a run can be linked to it.
crate::dialect::migration!(
    "The span of the request that asked for a run.",
    up: "
ALTER TABLE runs ADD COLUMN request_span_id BIGINT;
",
    triggers: &[],
    tables: []
);
