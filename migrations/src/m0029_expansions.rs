// A task that was broken into others waits for them; which breakdown made them is what its row says. Both columns are added,
// since building these tables anew would take long where they are large.
crate::dialect::migration!(
    "Why a task is as complex as it is, and which task a breakdown breaks further down.",
    up: "
ALTER TABLE tasks ADD COLUMN complexity_reason TEXT;
ALTER TABLE decompositions ADD COLUMN expanded_task_id {uuid};
CREATE INDEX ix_decompositions_expanded_task ON decompositions (expanded_task_id, id) WHERE expanded_task_id IS NOT NULL;
",
    triggers: &[crate::dialect::Refusal {
        name: "decompositions_keep_their_task",
        table: "decompositions",
        on: "UPDATE",
        when: "NEW.expanded_task_id {is_not} OLD.expanded_task_id",
        unless_exists: None,
        message: "a decomposition keeps the task that it breaks down",
    }],
    tables: []
);
