use crate::dialect::Refusal;

// The two foreign keys to goals are both wanted: the first detaches tasks when a goal goes, the second, checked
// after it, keeps a task and its goal in one workspace. The order of their declaration matters on PostgreSQL.
//
// The indexes by goal hold the workspace as well, since queries name both: without it SQLite prefers an index of the
// whole workspace, and PostgreSQL sorts, for it takes the two for independent and expects few rows.
crate::dialect::migration!(
    "Tasks and the edges between them.",
    up: "
CREATE TABLE tasks (
    id {uuid} NOT NULL PRIMARY KEY,
    workspace_id {uuid} NOT NULL REFERENCES workspaces (id),
    goal_id {uuid},
    key TEXT,
    slug TEXT NOT NULL,
    title TEXT NOT NULL CHECK (length(title) > 0),
    description TEXT NOT NULL,
    task_type TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN
        ('pending', 'ready', 'running', 'waiting', 'completed', 'failed', 'cancelled', 'skipped')),
    waiting {json},
    error {json},
    priority INTEGER NOT NULL,
    agent_id {uuid},
    action {json},
    result {json},
    labels {json} NOT NULL,
    parallel BOOLEAN NOT NULL,
    estimate_minutes INTEGER,
    complexity INTEGER,
    attempt INTEGER NOT NULL CHECK (attempt >= 0),
    max_attempts INTEGER NOT NULL CHECK (max_attempts >= 1),
    scheduled_at {time},
    open_dependencies INTEGER NOT NULL CHECK (open_dependencies >= 0),
    revision BIGINT NOT NULL,
    created_at {time} NOT NULL,
    updated_at {time} NOT NULL,
    UNIQUE (workspace_id, id),
    UNIQUE (workspace_id, slug),
    CONSTRAINT tasks_agent_unless_pending CHECK (agent_id IS NOT NULL OR status = 'pending'),
    CONSTRAINT tasks_waiting_says_why CHECK ((status = 'waiting') = (waiting IS NOT NULL)),
    CONSTRAINT tasks_ready_has_nothing_open CHECK (status <> 'ready' OR open_dependencies = 0),
    CONSTRAINT fk_tasks_goal_id FOREIGN KEY (goal_id) REFERENCES goals (id) ON DELETE SET NULL,
    CONSTRAINT fk_tasks_goal_workspace FOREIGN KEY (workspace_id, goal_id) REFERENCES goals (workspace_id, id),
    CONSTRAINT fk_tasks_agent FOREIGN KEY (workspace_id, agent_id) REFERENCES agents (workspace_id, id)
);
CREATE INDEX idx_tasks_goal_id ON tasks (goal_id, workspace_id, id);
CREATE INDEX ix_tasks_goal_status ON tasks (goal_id, workspace_id, status, id);
CREATE INDEX ix_tasks_status ON tasks (workspace_id, status, id);
CREATE INDEX ix_tasks_agent ON tasks (workspace_id, agent_id, id);
CREATE INDEX ix_tasks_type ON tasks (workspace_id, task_type, id);
CREATE UNIQUE INDEX ux_tasks_key ON tasks (goal_id, key) WHERE goal_id IS NOT NULL AND key IS NOT NULL;
CREATE TABLE task_dependencies (
    workspace_id {uuid} NOT NULL,
    task_id {uuid} NOT NULL,
    depends_on_task_id {uuid} NOT NULL,
    origin TEXT NOT NULL CHECK (origin IN ('explicit', 'structural', 'inferred')),
    created_at {time} NOT NULL,
    PRIMARY KEY (task_id, depends_on_task_id),
    CONSTRAINT task_dependencies_not_itself CHECK (task_id <> depends_on_task_id),
    FOREIGN KEY (workspace_id, task_id) REFERENCES tasks (workspace_id, id),
    FOREIGN KEY (workspace_id, depends_on_task_id) REFERENCES tasks (workspace_id, id)
);
CREATE INDEX ix_task_dependencies_waited_for ON task_dependencies (depends_on_task_id, task_id);
",
    triggers: &[
        // Attempts are inserted before their tasks start.
        Refusal {
            name: "tasks_running_has_lease",
            table: "tasks",
            on: "UPDATE",
            when: "NEW.status = 'running' AND OLD.status <> 'running'",
            unless_exists: Some("SELECT 1 FROM attempts a WHERE a.task_id = NEW.id AND a.status = 'running'"),
            message: "a task is running only while an attempt holds its lease",
        },
        Refusal {
        name: "tasks_final_results_stay",
        table: "tasks",
        on: "UPDATE",
        when: "OLD.status IN ('completed', 'cancelled', 'skipped') AND \
               (NEW.status {is_not} OLD.status OR NEW.result {is_not} OLD.result)",
        unless_exists: None,
        message: "a completed, cancelled or skipped task keeps its status and result",
        },
    ],
    tables: ["task_dependencies", "tasks"]
);
