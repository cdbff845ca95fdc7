//! What the database must say about finished work, however it was interrupted.

use crate::database::Database;

impl Database {
    pub(crate) fn count(&self, table_and_condition: &str) -> i64 {
        self.number(&format!("SELECT COUNT(*) FROM {table_and_condition}"))
    }

    /// Every task has exactly one attempt that succeeded, no attempt is open, and each has an experience of its own.
    #[track_caller]
    pub(crate) fn shows_each_task_done_once(&self, tasks: i64) {
        self.shows_settled_attempts();
        assert_eq!(self.count("tasks WHERE status = 'completed'"), tasks);
        assert_eq!(self.count("attempts WHERE status = 'succeeded'"), tasks);
        assert_eq!(
            self.number("SELECT COUNT(DISTINCT task_id) FROM attempts WHERE status = 'succeeded'"),
            tasks
        );
        assert_eq!(self.count("runs"), tasks);
    }

    /// No attempt is open, and attempts and experiences match one to one.
    #[track_caller]
    pub(crate) fn shows_settled_attempts(&self) {
        let attempts = self.count("attempts");
        assert_eq!(self.count("attempts WHERE ended_at IS NULL"), 0, "open attempts");
        assert_eq!(self.count("experiences WHERE type = 'TASK_EXECUTION'"), attempts);
        let pairs = "attempts a JOIN experiences e \
                     ON e.id = a.experience_id AND e.idempotency_key = a.idempotency_key";
        assert_eq!(self.count(pairs), attempts, "attempts with an experience of their own");
        assert_eq!(self.count("tool_calls WHERE status = 'intended'"), 0, "calls that nobody knows of");
    }

    /// Positions of the ledger are 1, 2, 3, …
    #[track_caller]
    pub(crate) fn shows_a_ledger_without_gaps(&self) {
        let gaps = "SELECT COUNT(*) FROM (SELECT COUNT(*) AS n, MIN(position) AS low, MAX(position) AS high, \
                    COUNT(DISTINCT position) AS places FROM events GROUP BY workspace_id) w \
                    WHERE low <> 1 OR high <> n OR places <> n";
        assert_eq!(self.number(gaps), 0);
    }

    /// The names under which processes worked: `role@host:pid`.
    pub(crate) fn workers(&self) -> Vec<String> {
        self.texts("SELECT DISTINCT worker FROM attempts ORDER BY worker")
    }
}
