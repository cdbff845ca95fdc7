//! Lists of which hardly anything matches all that is asked, among thousands that match some of it.

use std::cell::Cell;

use goalwright_application::read::{
    EventFilter, ExecutionFilter, ExecutionStatus, ExperienceFilter, PageRequest, Search, TaskFilter,
};
use goalwright_domain::experience::ExperienceType;
use goalwright_domain::goal::GoalId;
use goalwright_domain::task::TaskStatus;
use goalwright_testkit::{Backend, TestApp};

/// Reads a list to its end; gives what was seen, and on how many pages.
macro_rules! pages {
    ($page:ident => $send:expr) => {{
        let (mut $page, mut seen, mut pages) = (PageRequest::first(10), Vec::new(), 0);
        loop {
            let found = $send.await.expect("lists");
            seen.extend(found.items);
            pages += 1;
            assert!(pages < 10, "it ends");
            match found.next {
                Some(next) => $page.after = Some(next),
                None => break (seen, pages),
            }
        }
    }};
}

/// More rows of each filter than are looked at for one page, of which hardly any matches both.
const MANY: i64 = 10_400;

/// The numbers up to there as a table, and a new id.
fn many(backend: Backend) -> (String, &'static str) {
    match backend {
        Backend::Sqlite => (
            format!(
                "(WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < {MANY}) SELECT n FROM c) AS more"
            ),
            "unhex('ff' || hex(randomblob(15)))",
        ),
        Backend::Postgres => (
            format!("generate_series(1, {MANY}) AS more (n)"),
            "CAST('ff' || substr(CAST(gen_random_uuid() AS TEXT), 3) AS UUID)",
        ),
    }
}

/// Copies of a task, one for each number, of this type.
fn copies(id: &str, slug: &str, task_type: &str, numbers: &str, of: &str) -> String {
    format!(
        "INSERT INTO tasks (id, workspace_id, goal_id, slug, title, description, task_type, status, waiting, error, \
         priority, agent_id, action, result, labels, parallel, attempt, max_attempts, open_dependencies, revision, \
         created_at, updated_at) SELECT {id}, workspace_id, NULL, {slug}, title, description, \
         '{task_type}', status, waiting, error, priority, agent_id, action, result, labels, parallel, attempt, \
         max_attempts, open_dependencies, revision, created_at, updated_at FROM tasks, {numbers} WHERE {of}"
    )
}

/// Thousands of tasks around one that is done.
async fn tasks(app: &TestApp, backend: Backend) -> GoalId {
    let goal =
        app.import("# P\n\n- [ ] T001 Rare\n  use: time.now\n- [ ] T002 [P] Other\n  use: time.now\n").await;
    app.step(1).await;
    let (numbers, id) = many(backend);
    // Thousands that are newer than the one that is done: of its type and open, and done and of another type.
    for (task_type, state) in [("tool", "key = 'T002'"), ("other", "key = 'T001'")] {
        let slug = format!("'{task_type}-' || n");
        app.db.execute(&copies(id, &slug, task_type, &numbers, state)).await.expect("inserts");
    }
    goal
}

/// What arrives while a list is read makes none of its pages pass over what was there before.
pub(crate) async fn stays_whole_while_others_write(app: &TestApp, backend: Backend) {
    let (queries, workspace) = (&app.services.queries, app.ada.workspace());
    tasks(app, backend).await;
    let (numbers, id) = many(backend);
    // One of eleven of its type is done, wherever in the list.
    let done = copies(id, "'done-' || n", "tool", &numbers, "key = 'T001' AND n % 10 = 0");
    app.db.execute(&done).await.expect("inserts");
    let filter = TaskFilter {
        status: Some(TaskStatus::Completed),
        task_type: Some("tool".to_owned()),
        ..TaskFilter::default()
    };
    let wanted = usize::try_from(1 + MANY / 10).expect("a number");
    let (written, read) = (Cell::new(0), Cell::new(false));
    let writing = async {
        while !read.get() {
            // Each is let through by one of the filters.
            for (task_type, of) in [("tool", "key = 'T002'"), ("other", "key = 'T001'")] {
                let slug = format!("'late-{}'", written.replace(written.get() + 1));
                let late = copies(id, &slug, task_type, "(SELECT 1 AS n) AS one", of);
                app.db.execute(&late).await.expect("inserts");
            }
            tokio::task::yield_now().await;
        }
    };
    let reading = async {
        for _ in 0..20 {
            // A page is never full, and ends where enough was looked at.
            let (mut page, mut seen) = (PageRequest::first(2_000), 0);
            loop {
                let found = queries.tasks(workspace, &filter, &page).await.expect("lists");
                seen += found.items.len();
                match found.next {
                    Some(next) => page.after = Some(next),
                    None => break,
                }
            }
            assert_eq!(seen, wanted, "after {} more were written", written.get());
        }
        read.set(true);
    };
    tokio::join!(reading, writing);
    assert!(written.get() > 20, "{} were written meanwhile", written.get());
}

/// However few rows match, each page looks at a bounded number, and all of them are found in the end.
pub(crate) async fn matches_all_filters(app: &TestApp, backend: Backend) {
    let (queries, workspace) = (&app.services.queries, app.ada.workspace());
    let goal = tasks(app, backend).await;
    let (numbers, id) = many(backend);
    let rare = app.task(goal, "T001").await.state;
    let filter = TaskFilter {
        status: Some(rare.status),
        task_type: Some(rare.task_type.clone()),
        ..TaskFilter::default()
    };
    let ended = "the first page ended before it had looked at everything";
    let (seen, pages) = pages!(page => queries.tasks(workspace, &filter, &page));
    assert_eq!(
        (seen.iter().map(|task| task.state.id).collect::<Vec<_>>(), pages),
        (vec![rare.id], 2),
        "{ended}"
    );
    let filter = TaskFilter { goal_id: Some(goal), ..filter };
    let found = queries.tasks(workspace, &filter, &PageRequest::first(10)).await.expect("lists");
    assert_eq!((found.items.len(), found.next), (1, None), "the goal says more, and all of it is looked at");

    app.sequence().await;
    // Thousands that are newer than the one that tells of its end: of tasks, and of ends.
    for told in ["entity_type, 'other', 'task.noted'", "'goal', 'other', event_type"] {
        let more = format!(
            "INSERT INTO events (id, workspace_id, position, entity_type, entity_id, event_type, actor_type, actor_id, \
             changes, metadata, digest, created_at) SELECT {id}, workspace_id, \
             (SELECT MAX(position) FROM events) + n, {told}, actor_type, actor_id, changes, metadata, digest, created_at \
             FROM events, {numbers} WHERE entity_type = 'task' AND event_type = 'task.completed'"
        );
        app.db.execute(&more).await.expect("inserts");
    }
    let (entity_type, event_type) = (Some("task".to_owned()), Some("task.completed".to_owned()));
    let filter = EventFilter { entity_type, event_type, ..EventFilter::default() };
    let (seen, pages) = pages!(page => queries.events(workspace, &filter, &page));
    assert_eq!((seen.len(), pages), (1, 2), "{ended}");
    let filter = EventFilter { entity_id: Some(rare.id.to_string()), ..filter };
    let (seen, pages) = pages!(page => queries.events(workspace, &filter, &page));
    assert_eq!((seen.len(), pages), (1, 1), "the task says more, and all of it is looked at");

    app.services.experiences.read_all().await.expect("reads");
    let words = match backend {
        Backend::Sqlite => ("", ""),
        Backend::Postgres => (", words", ", words"),
    };
    // Thousands that are newer than it: of the same task and failed, and of another one and successful.
    for (name, told) in
        [("same", "x.task_slug, x.task_type, 'failed'"), ("other", "'other', x.task_type, x.status")]
    {
        let (column, value) = words;
        for more in [
            format!(
                "INSERT INTO experience_documents (workspace_id, experience_id{column}) \
                 SELECT workspace_id, '{name}-' || n{value} FROM experience_documents, {numbers} \
                 WHERE document = (SELECT MIN(document) FROM experience_documents)"
            ),
            format!(
                "INSERT INTO task_executions (document, workspace_id, experience_id, task_id, task_slug, task_type, status, \
                 agent_id, tool, attempt, duration_ms, queued_at, started_at) SELECT d.document, x.workspace_id, \
                 d.experience_id, x.task_id, {told}, x.agent_id, x.tool, x.attempt, x.duration_ms, x.queued_at, \
                 x.started_at FROM experience_documents d, task_executions x WHERE d.experience_id LIKE '{name}-%' \
                 AND x.document = (SELECT MIN(document) FROM task_executions)"
            ),
        ] {
            app.db.execute(&more).await.expect("inserts");
        }
    }
    let filter = ExecutionFilter {
        task_slug: Some(rare.slug.clone()),
        status: Some(ExecutionStatus::Success),
        ..ExecutionFilter::default()
    };
    let (seen, pages) = pages!(page => queries.executions(workspace, &filter, &page));
    assert_eq!((seen.len(), pages), (1, 2), "{ended}");
    assert_eq!(seen[0].experience.content["structured"]["task_id"], rare.id.to_string());
    let to = Some(seen[0].experience.created_at);
    let (seen, pages) =
        pages!(page => queries.executions(workspace, &ExecutionFilter { to, ..filter.clone() }, &page));
    assert_eq!((seen.len(), pages), (0, 1), "nothing was before");
}

/// Neither does a search with filters look at all that matches its words.
pub(crate) async fn matches_words_and_filters(app: &TestApp, backend: Backend) {
    let (queries, workspace) = (&app.services.queries, app.ada.workspace());
    let goal = tasks(app, backend).await;
    let ended = "the first page ended before it had looked at every match";
    let search = Search::parse("rare").expect("words");
    let filter = TaskFilter {
        task_type: Some("tool".to_owned()),
        search: Some(search.clone()),
        ..TaskFilter::default()
    };
    let (seen, pages) = pages!(page => queries.tasks(workspace, &filter, &page));
    let rare = app.task(goal, "T001").await.state;
    assert_eq!(
        (seen.iter().map(|task| task.state.id).collect::<Vec<_>>(), pages),
        (vec![rare.id], 2),
        "{ended}"
    );
    let goals = TaskFilter { goal_id: Some(goal), ..filter };
    let (seen, pages) = pages!(page => queries.tasks(workspace, &goals, &page));
    assert_eq!((seen.len(), pages), (1, 2), "{ended}");

    app.services.experiences.read_all().await.expect("reads");
    let (numbers, _) = many(backend);
    let more = format!(
        "INSERT INTO experiences (id, workspace_id, type, content, provenance, parents, causes, session_id, created_at, ts, meta) \
         SELECT 'seen-' || n, workspace_id, 'OBSERVATION', '{{\"text\": \"as rare as gold\"}}', provenance, parents, causes, \
         session_id, created_at, ts + n, meta FROM experiences, {numbers}"
    );
    app.db.execute(&more).await.expect("inserts");
    app.services.experiences.read_all().await.expect("reads");
    let filter = ExperienceFilter {
        kind: Some(ExperienceType::TaskExecution),
        search: Some(search),
        ..ExperienceFilter::default()
    };
    let (seen, pages) = pages!(page => queries.experiences(workspace, &filter, &page));
    assert_eq!((seen.len(), pages), (1, 2), "{ended}");
    let filter = ExperienceFilter { kind: None, ..filter };
    let page = PageRequest::first(200);
    let found = queries.experiences(workspace, &filter, &page).await.expect("lists");
    assert!(
        found.items.len() == 200 && found.next.is_some(),
        "all that match are shown where nothing else is asked"
    );
}
