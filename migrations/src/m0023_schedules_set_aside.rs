// A schedule that cannot be looked after is set aside: it wakes nobody until its task is changed.
crate::dialect::migration!(
    "Why a schedule is not looked after.",
    up: "
ALTER TABLE task_schedules ADD COLUMN set_aside_at {time};
ALTER TABLE task_schedules ADD COLUMN set_aside_reason TEXT;
",
    triggers: &[],
    tables: []
);
