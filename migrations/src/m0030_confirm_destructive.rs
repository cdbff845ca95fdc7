crate::dialect::migration!(
    "Whether conversations ask before they take something away for good.",
    up: "
ALTER TABLE workspace_settings ADD COLUMN confirm_destructive BOOLEAN NOT NULL DEFAULT true;
",
    triggers: &[],
    tables: []
);
