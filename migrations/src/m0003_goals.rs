crate::dialect::migration!(
    "Goals, the counters of their tasks, and the decompositions that planners made of them.",
    up: "
CREATE TABLE goals (
    id {uuid} NOT NULL PRIMARY KEY,
    workspace_id {uuid} NOT NULL REFERENCES workspaces (id),
    title TEXT NOT NULL CHECK (length(title) > 0),
    description TEXT NOT NULL,
    success_criteria {json} NOT NULL,
    due_at {time},
    status TEXT NOT NULL CHECK (status IN ('draft', 'active', 'achieved', 'abandoned')),
    queue TEXT NOT NULL,
    sandbox TEXT,
    source_path TEXT,
    source_digest TEXT,
    created_by {uuid} NOT NULL REFERENCES users (id),
    revision BIGINT NOT NULL,
    created_at {time} NOT NULL,
    updated_at {time} NOT NULL,
    UNIQUE (workspace_id, id)
);
CREATE INDEX ix_goals_status ON goals (workspace_id, status, id);
CREATE INDEX ix_goals_source ON goals (workspace_id, source_path, id) WHERE source_path IS NOT NULL;
CREATE TABLE goal_progress (
    goal_id {uuid} NOT NULL PRIMARY KEY REFERENCES goals (id) ON DELETE CASCADE,
    pending BIGINT NOT NULL CHECK (pending >= 0),
    ready BIGINT NOT NULL CHECK (ready >= 0),
    running BIGINT NOT NULL CHECK (running >= 0),
    waiting BIGINT NOT NULL CHECK (waiting >= 0),
    completed BIGINT NOT NULL CHECK (completed >= 0),
    failed BIGINT NOT NULL CHECK (failed >= 0),
    cancelled BIGINT NOT NULL CHECK (cancelled >= 0),
    skipped BIGINT NOT NULL CHECK (skipped >= 0),
    revision BIGINT NOT NULL
);
CREATE TABLE decompositions (
    id {uuid} NOT NULL PRIMARY KEY,
    workspace_id {uuid} NOT NULL,
    goal_id {uuid} NOT NULL REFERENCES goals (id) ON DELETE CASCADE,
    status TEXT NOT NULL CHECK (status IN ('proposed', 'applied', 'rejected', 'failed')),
    planner TEXT NOT NULL,
    dry_run BOOLEAN NOT NULL,
    plan {json} NOT NULL,
    plan_hash TEXT NOT NULL,
    findings {json} NOT NULL,
    usage {json} NOT NULL,
    event_id {uuid} NOT NULL,
    created_at {time} NOT NULL
);
CREATE INDEX ix_decompositions_goal ON decompositions (goal_id, id);
",
    triggers: &[],
    tables: ["decompositions", "goal_progress", "goals"]
);
