use crate::dialect::{NoReplace, Refusal};

// The key itself is nowhere: `digest` is that of its whole text, and the id in the text finds it.
crate::dialect::migration!(
    "API keys. They are revoked, never deleted.",
    up: "
CREATE TABLE api_keys (
    id {uuid} NOT NULL PRIMARY KEY,
    workspace_id {uuid} NOT NULL REFERENCES workspaces (id),
    created_by {uuid} NOT NULL REFERENCES users (id),
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
    digest TEXT NOT NULL CHECK (length(digest) = 64),
    may_read BOOLEAN NOT NULL,
    may_write BOOLEAN NOT NULL,
    may_work BOOLEAN NOT NULL,
    may_admin BOOLEAN NOT NULL,
    agent_id {uuid},
    expires_at {time},
    revoked_at {time},
    last_used_at {time},
    created_at {time} NOT NULL,
    UNIQUE (workspace_id, id),
    CONSTRAINT api_keys_are_good_for_something CHECK (may_read OR may_write OR may_work OR may_admin),
    CONSTRAINT api_keys_of_agents_work CHECK (agent_id IS NULL OR NOT (may_write OR may_admin)),
    CONSTRAINT api_keys_expire_later CHECK (expires_at IS NULL OR expires_at > created_at),
    CONSTRAINT api_keys_are_revoked_later CHECK (revoked_at IS NULL OR revoked_at >= created_at),
    FOREIGN KEY (workspace_id, agent_id) REFERENCES agents (workspace_id, id)
);
",
    triggers: &[
        Refusal {
            name: "api_keys_stay_what_they_are",
            table: "api_keys",
            on: "UPDATE",
            when: "NEW.id <> OLD.id OR NEW.workspace_id <> OLD.workspace_id OR NEW.created_by <> OLD.created_by OR \
                   NEW.digest <> OLD.digest OR NEW.may_read <> OLD.may_read OR NEW.may_write <> OLD.may_write OR \
                   NEW.may_work <> OLD.may_work OR NEW.may_admin <> OLD.may_admin OR \
                   NEW.agent_id {is_not} OLD.agent_id OR NEW.expires_at {is_not} OLD.expires_at OR \
                   NEW.created_at <> OLD.created_at OR \
                   (OLD.revoked_at IS NOT NULL AND NEW.revoked_at {is_not} OLD.revoked_at)",
            unless_exists: None,
            message: "an API key stays what it is, and revoked once it is",
        },
        Refusal {
            name: "api_keys_are_never_deleted",
            table: "api_keys",
            on: "DELETE",
            when: "OLD.id IS NOT NULL",
            unless_exists: None,
            message: "API keys are revoked, never deleted",
        },
    ],
    kept: &[NoReplace {
        name: "api_keys_are_not_replaced",
        table: "api_keys",
        same: "id = NEW.id",
        action: "ABORT",
    }],
    tables: ["api_keys"]
);
