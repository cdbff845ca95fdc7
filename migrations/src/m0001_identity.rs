crate::dialect::migration!(
    "Users, workspaces and memberships.",
    up: "
CREATE TABLE users (
    id {uuid} NOT NULL PRIMARY KEY,
    subject TEXT NOT NULL UNIQUE CHECK (length(subject) BETWEEN 1 AND 255),
    created_at {time} NOT NULL
);
CREATE TABLE workspaces (
    id {uuid} NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    created_at {time} NOT NULL
);
CREATE TABLE workspace_members (
    workspace_id {uuid} NOT NULL REFERENCES workspaces (id),
    user_id {uuid} NOT NULL REFERENCES users (id),
    role TEXT NOT NULL CHECK (role IN ('owner', 'member')),
    personal BOOLEAN NOT NULL,
    created_at {time} NOT NULL,
    PRIMARY KEY (workspace_id, user_id)
);
CREATE UNIQUE INDEX ux_workspace_members_personal ON workspace_members (user_id) WHERE personal;
",
    triggers: &[],
    tables: ["workspace_members", "workspaces", "users"]
);
