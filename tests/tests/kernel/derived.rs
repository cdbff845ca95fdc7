//! Counters, runs and experiences agree with what they are derived from.

use goalwright_domain::task::TaskStatus;
use goalwright_testkit::TestApp;

/// Counts what disagrees, whatever happened before.
pub(crate) async fn check(app: &TestApp) {
    for status in TaskStatus::ALL.map(TaskStatus::as_str) {
        let drift = format!(
            "SELECT COUNT(*) FROM goal_progress p WHERE p.{status} <> \
             (SELECT COUNT(*) FROM tasks t WHERE t.goal_id = p.goal_id AND t.status = '{status}')"
        );
        assert_eq!(app.db.number(&drift).await, 0, "the counter of {status} tasks");
    }
    let open = "SELECT COUNT(*) FROM tasks t WHERE t.status = 'pending' AND t.open_dependencies <> \
                (SELECT COUNT(*) FROM task_dependencies d JOIN tasks w ON w.id = d.depends_on_task_id \
                 WHERE d.task_id = t.id AND w.status NOT IN ('completed', 'skipped'))";
    assert_eq!(app.db.number(open).await, 0, "the counter of open dependencies");
    let stuck = "SELECT COUNT(*) FROM tasks t WHERE t.status = 'pending' AND t.open_dependencies = 0 AND t.agent_id IS NOT NULL AND t.schedule IS NULL \
                 AND NOT EXISTS (SELECT 1 FROM goals g WHERE g.id = t.goal_id AND g.status IN ('draft', 'abandoned'))";
    assert_eq!(app.db.number(stuck).await, 0, "nothing that could be ready is pending");
    let looked_after = "SELECT COUNT(*) FROM tasks t WHERE (t.schedule IS NOT NULL) <> \
                        (EXISTS (SELECT 1 FROM task_schedules s WHERE s.task_id = t.id))";
    assert_eq!(app.db.number(looked_after).await, 0, "a task is looked after by its schedule if it has one");
    let forgotten = "SELECT COUNT(*) FROM task_slots q WHERE q.status = 'queued' AND NOT EXISTS \
                     (SELECT 1 FROM task_schedules s WHERE s.task_id = q.task_id AND s.wake_at IS NOT NULL)";
    assert_eq!(app.db.number(forgotten).await, 0, "a slot that waits is looked after");
    for (task, run) in [("ready", "queued"), ("running", "running"), ("waiting", "waiting")] {
        let mismatch = format!(
            "SELECT COUNT(*) FROM tasks t WHERE t.status = '{task}' AND NOT EXISTS \
             (SELECT 1 FROM runs r WHERE r.task_id = t.id AND r.drives_task AND r.status = '{run}')"
        );
        assert_eq!(app.db.number(&mismatch).await, 0, "a {task} task has a {run} run");
    }
    let left_over = "SELECT COUNT(*) FROM runs r JOIN tasks t ON t.id = r.task_id WHERE r.drives_task AND \
                     r.status IN ('queued', 'running', 'waiting') AND (t.status IN ('completed', 'failed', 'cancelled', \
                     'skipped') OR (t.status = 'pending' AND r.available_at IS NOT NULL))";
    assert_eq!(app.db.number(left_over).await, 0, "no run that could be claimed outlives what it was for");
    let leased = "SELECT COUNT(*) FROM attempts a JOIN runs r ON r.id = a.run_id WHERE \
                  (a.status = 'running' AND r.status <> 'running') OR (a.status = 'suspended' AND r.status <> 'waiting')";
    assert_eq!(
        app.db.number(leased).await,
        0,
        "no lease outlives its run, and nothing waits in one that is over"
    );
    let known = "SELECT COUNT(*) FROM unassignable_tasks u JOIN tasks t ON t.id = u.task_id \
                 WHERE t.agent_id IS NOT NULL";
    assert_eq!(app.db.number(known).await, 0, "whoever has somebody is not noted as having nobody");
    let queued = "SELECT COUNT(*) FROM runs r WHERE r.drives_task AND r.status = 'queued' AND NOT EXISTS \
                  (SELECT 1 FROM tasks t WHERE t.id = r.task_id AND t.status = 'ready' AND t.agent_id = r.agent_id \
                   AND t.priority = r.priority)";
    assert_eq!(app.db.number(queued).await, 0, "what is queued is ready, for its agent and as urgent");
    let several = "SELECT COUNT(*) FROM tasks t WHERE t.status = 'ready' AND 1 <> \
                   (SELECT COUNT(*) FROM runs r WHERE r.task_id = t.id AND r.drives_task AND r.status = 'queued')";
    assert_eq!(app.db.number(several).await, 0, "a ready task has one queued run");
    let resting = "SELECT COUNT(*) FROM tasks t JOIN goals g ON g.id = t.goal_id \
                   WHERE t.status = 'ready' AND g.status IN ('draft', 'abandoned')";
    assert_eq!(app.db.number(resting).await, 0, "nothing of a goal that rests is ready");
    let orphaned = "SELECT COUNT(*) FROM runs r WHERE r.status IN ('queued', 'running', 'waiting') AND NOT EXISTS \
                    (SELECT 1 FROM tasks t WHERE t.id = r.task_id)";
    assert_eq!(app.db.number(orphaned).await, 0, "no open run outlives its task");
    let retired = "SELECT COUNT(*) FROM tasks t JOIN agents a ON a.id = t.agent_id \
                   WHERE t.status IN ('pending', 'ready') AND a.status = 'retired'";
    assert_eq!(app.db.number(retired).await, 0, "nothing is left with who is retired");
    let ended = app.db.number("SELECT COUNT(*) FROM attempts WHERE ended_at IS NOT NULL").await;
    assert_eq!(
        app.db.number("SELECT COUNT(*) FROM experiences").await,
        ended,
        "one experience per ended attempt"
    );
    let orphans = "SELECT COUNT(*) FROM attempts a WHERE a.ended_at IS NOT NULL AND NOT EXISTS \
                   (SELECT 1 FROM experiences e WHERE e.id = a.experience_id)";
    assert_eq!(app.db.number(orphans).await, 0);
    let chain = "SELECT COUNT(*) FROM attempts a WHERE a.number > 1 AND NOT EXISTS (SELECT 1 FROM attempts b \
                 WHERE b.run_id = a.run_id AND b.number = a.number - 1 AND b.span_id = a.retry_of)";
    assert_eq!(app.db.number(chain).await, 0, "retry_of names the attempt before");
}
