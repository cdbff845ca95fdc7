crate::dialect::migration!(
    "Agents. They are retired, never deleted; at most one is the default of its workspace.",
    up: "
CREATE TABLE agents (
    id {uuid} NOT NULL PRIMARY KEY,
    workspace_id {uuid} NOT NULL REFERENCES workspaces (id),
    name TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('tool', 'llm', 'human', 'external')),
    capabilities {json} NOT NULL,
    max_concurrency INTEGER CHECK (max_concurrency > 0),
    is_default BOOLEAN NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('active', 'retired')),
    user_id {uuid} REFERENCES users (id),
    revision BIGINT NOT NULL,
    created_at {time} NOT NULL,
    updated_at {time} NOT NULL,
    UNIQUE (workspace_id, id),
    UNIQUE (workspace_id, name),
    CHECK (NOT is_default OR status = 'active'),
    CHECK (user_id IS NULL OR kind = 'human')
);
CREATE UNIQUE INDEX ux_agents_default ON agents (workspace_id) WHERE is_default;
CREATE UNIQUE INDEX ux_agents_member ON agents (workspace_id, user_id) WHERE user_id IS NOT NULL;
CREATE INDEX ix_agents_limited ON agents (id) WHERE max_concurrency IS NOT NULL;
",
    triggers: &[crate::dialect::Refusal {
        name: "agents_are_never_deleted",
        table: "agents",
        on: "DELETE",
        when: "OLD.id IS NOT NULL",
        unless_exists: None,
        message: "agents are retired, never deleted",
    }],
    tables: ["agents"]
);
