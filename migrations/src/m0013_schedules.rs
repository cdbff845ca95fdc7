use crate::dialect::Refusal;

// What a schedule says is part of its task. Here stands how far it has been looked after, and what came of its slots.
//
// A slot is the nominal local time and the fold: a schedule that is changed does not make it another one.
crate::dialect::migration!(
    "Schedules of tasks, and the slots that fired.",
    up: "
ALTER TABLE tasks ADD COLUMN schedule {json};
CREATE TABLE task_schedules (
    task_id {uuid} NOT NULL PRIMARY KEY,
    workspace_id {uuid} NOT NULL,
    considered_at {time} NOT NULL,
    next_at {time},
    wake_at {time},
    CONSTRAINT task_schedules_next_is_ahead CHECK (next_at IS NULL OR next_at > considered_at),
    FOREIGN KEY (workspace_id, task_id) REFERENCES tasks (workspace_id, id) ON DELETE CASCADE
);
CREATE INDEX ix_task_schedules_wake ON task_schedules (wake_at, task_id) WHERE wake_at IS NOT NULL;
CREATE TABLE task_slots (
    task_id {uuid} NOT NULL,
    workspace_id {uuid} NOT NULL,
    nominal TEXT NOT NULL CHECK (length(nominal) BETWEEN 19 AND 26),
    fold INTEGER NOT NULL CHECK (fold IN (0, 1)),
    slot_at {time} NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('queued', 'fired', 'dropped')),
    run_id {uuid},
    created_at {time} NOT NULL,
    PRIMARY KEY (task_id, nominal, fold),
    CONSTRAINT task_slots_fired_has_its_run CHECK ((status = 'fired') = (run_id IS NOT NULL)),
    FOREIGN KEY (workspace_id, task_id) REFERENCES tasks (workspace_id, id) ON DELETE CASCADE
);
CREATE INDEX ix_task_slots_queued ON task_slots (task_id, slot_at) WHERE status = 'queued';
CREATE INDEX ix_runs_open ON runs (task_id) WHERE status IN ('queued', 'running', 'waiting');
",
    triggers: &[
        Refusal {
            name: "task_slots_stay",
            table: "task_slots",
            on: "UPDATE",
            when: "OLD.status <> 'queued' OR NEW.task_id {is_not} OLD.task_id OR NEW.nominal {is_not} OLD.nominal \
                   OR NEW.fold {is_not} OLD.fold OR NEW.slot_at {is_not} OLD.slot_at",
            unless_exists: None,
            message: "what came of a slot stays",
        },
        Refusal {
            name: "task_schedules_look_ahead",
            table: "task_schedules",
            on: "UPDATE",
            when: "NEW.considered_at < OLD.considered_at",
            unless_exists: None,
            message: "slots that were decided are not decided again",
        },
    ],
    tables: ["task_slots", "task_schedules"]
);
