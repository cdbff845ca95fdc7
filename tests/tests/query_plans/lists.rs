//! Every list with each of its filters, from the top and behind a cursor.

use std::collections::HashSet;

use goalwright_application::ports::Clock;
use goalwright_application::read::{
    AgentFilter, Cursor, EventFilter, ExecutionFilter, ExecutionStatus, ExperienceFilter, GoalFilter,
    PageRequest, Search, TaskFilter,
};
use goalwright_domain::agent::AgentStatus;
use goalwright_domain::experience::ExperienceType;
use goalwright_domain::goal::{GoalId, GoalStatus};
use goalwright_domain::task::TaskStatus;
use goalwright_testkit::TestApp;
use uuid::Uuid;

use crate::record::Sent;
use crate::work::Log;

/// A list that was sent.
pub(crate) struct Listed {
    pub(crate) table: &'static str,
    /// The columns that the index must be searched for: whatever is filtered otherwise is read first, and there may be
    /// any number of it.
    pub(crate) columns: Vec<&'static str>,
    pub(crate) sent: Sent,
}

/// Sends a list twice.
macro_rules! list {
    ($log:ident, $listed:ident, $table:literal by $order:literal from $cursor:expr, $columns:expr, $page:ident => $send:expr) => {
        for after in [None, Some(Cursor($cursor))] {
            let mut columns: Vec<&'static str> = $columns.to_vec();
            if after.is_some() {
                columns.push($order);
            }
            let $page = PageRequest { limit: 10, after };
            $send.await.expect("lists");
            let sent = $log.note(concat!("list ", $table)).swap_remove(0);
            $listed.push(Listed { table: $table, columns, sent });
        }
    };
}

pub(crate) async fn all(app: &TestApp, log: &mut Log, goal: GoalId) -> Vec<Listed> {
    let (queries, workspace) = (&app.services.queries, app.ada.workspace());
    let newest = app.tasks(goal).await.pop().expect("a task").state;
    let mut listed = Vec::new();
    log.record.take();

    let statuses = |status| GoalFilter { status };
    for (filter, columns) in [
        (statuses(None), vec!["workspace_id"]),
        (statuses(Some(GoalStatus::Active)), vec!["workspace_id", "status"]),
    ] {
        list!(log, listed, "goals" by "id" from goal.to_string(), columns, page => queries.goals(workspace, &filter, &page));
    }
    let tasks = TaskFilter::default;
    let agent_id = Some(app.tasks(goal).await.iter().find_map(|task| task.state.agent_id).expect("an agent"));
    log.record.take();
    for (filter, columns) in [
        (tasks(), vec!["workspace_id"]),
        (TaskFilter { goal_id: Some(goal), ..tasks() }, vec!["goal_id"]),
        (TaskFilter { status: Some(TaskStatus::Ready), ..tasks() }, vec!["workspace_id", "status"]),
        (TaskFilter { agent_id, ..tasks() }, vec!["workspace_id", "agent_id"]),
        (TaskFilter { task_type: Some("tool".into()), ..tasks() }, vec!["workspace_id", "task_type"]),
        (
            TaskFilter { goal_id: Some(goal), status: Some(TaskStatus::Failed), ..tasks() },
            vec!["goal_id", "status"],
        ),
    ] {
        list!(log, listed, "tasks" by "id" from newest.id.to_string(), columns, page => queries.tasks(workspace, &filter, &page));
    }
    let any = AgentFilter::default();
    list!(log, listed, "agents" by "id" from goal.to_string(), ["workspace_id"], page => queries.agents(workspace, &any, &page));
    list!(log, listed, "api_keys" by "id" from goal.to_string(), ["workspace_id"], page => queries.api_keys(workspace, &page));
    let experiences = ExperienceFilter::default;
    let kind = Some(ExperienceType::TaskExecution);
    for (filter, columns) in [
        (experiences(), vec!["workspace_id"]),
        (ExperienceFilter { kind, ..experiences() }, vec!["workspace_id", "type"]),
        (
            ExperienceFilter { task_id: Some(newest.id.to_string()), ..experiences() },
            vec!["workspace_id", "task_id"],
        ),
        (
            ExperienceFilter { task_slug: Some(newest.slug.clone()), ..experiences() },
            vec!["workspace_id", "task_slug"],
        ),
        (
            ExperienceFilter { trace_id: Some(goal.to_string()), ..experiences() },
            vec!["workspace_id", "trace_id"],
        ),
    ] {
        list!(log, listed, "experiences" by "ts" from "1767268800.5,task_exec".to_owned(), columns, page => {
            queries.experiences(workspace, &filter, &page)
        });
    }
    let executions = ExecutionFilter::default;
    let all =
        queries.executions(workspace, &executions(), &PageRequest::first(10)).await.expect("lists").items;
    let last = all.last().expect("there are some");
    log.record.take();
    for (filter, column) in [
        (executions(), "workspace_id"),
        (ExecutionFilter { status: Some(ExecutionStatus::Failed), ..executions() }, "status"),
        (ExecutionFilter { agent_id: last.agent_id, ..executions() }, "agent_id"),
        (ExecutionFilter { task_id: Some(newest.id.to_string()), ..executions() }, "task_id"),
        (ExecutionFilter { task_slug: Some(newest.slug.clone()), ..executions() }, "task_slug"),
        (ExecutionFilter { from: Some(last.experience.created_at), ..executions() }, "started_at"),
        (ExecutionFilter { to: Some(last.experience.created_at), ..executions() }, "started_at"),
    ] {
        for after in [None, Some(Cursor(last.experience.id.clone()))] {
            let mut columns = vec!["workspace_id", column];
            if after.is_some() {
                columns.push("started_at");
            }
            let page = PageRequest { limit: 10, after };
            queries.executions(workspace, &filter, &page).await.expect("lists");
            // Behind a cursor, its place in the list is looked up first.
            let sent = log.note("list task_executions").pop().expect("it was sent");
            listed.push(Listed { table: "task_executions", columns, sent });
        }
    }
    let events = EventFilter::default;
    for (filter, columns) in [
        (events(), vec!["workspace_id"]),
        (EventFilter { entity_type: Some("agent".into()), ..events() }, vec!["workspace_id", "entity_type"]),
        (EventFilter { entity_id: Some(goal.to_string()), ..events() }, vec!["workspace_id", "entity_id"]),
        (
            EventFilter { event_type: Some("goal.created".into()), ..events() },
            vec!["workspace_id", "event_type"],
        ),
        (EventFilter { trace_id: Some(Uuid::nil()), ..events() }, vec!["workspace_id", "trace_id"]),
    ] {
        list!(log, listed, "events" by "position" from "4000".to_owned(), columns, page => queries.events(workspace, &filter, &page));
    }
    listed
}

/// Filters that no index answers together: each is counted, and one is looked through, by an index of its own and in order.
pub(crate) async fn combined(app: &TestApp, log: &mut Log, goal: GoalId) -> Vec<Listed> {
    let (queries, workspace) = (&app.services.queries, app.ada.workspace());
    let newest = app.tasks(goal).await.pop().expect("a task").state;
    let agent_id = app.tasks(goal).await.iter().find_map(|task| task.state.agent_id);
    let mut listed = Vec::new();
    log.record.take();
    let (status, task_type) = (Some(newest.status), Some(newest.task_type.clone()));
    for filter in [
        TaskFilter {
            goal_id: Some(goal),
            status,
            agent_id,
            task_type: task_type.clone(),
            ..TaskFilter::default()
        },
        TaskFilter { status, agent_id, task_type, ..TaskFilter::default() },
    ] {
        for after in [None, Some(Cursor(newest.id.to_string()))] {
            queries.tasks(workspace, &filter, &PageRequest { limit: 10, after }).await.expect("lists");
            let sent = log.note("list tasks by several filters");
            let looked = sent.into_iter().filter(|sent| sent.text.contains("FROM tasks"));
            listed.extend(looked.map(|sent| Listed { table: "tasks", columns: vec!["workspace_id"], sent }));
        }
    }
    let filter = EventFilter {
        entity_type: Some("task".into()),
        entity_id: Some(newest.id.to_string()),
        event_type: Some("task.created".into()),
        trace_id: Some(Uuid::nil()),
    };
    for after in [None, Some(Cursor("4000".to_owned()))] {
        queries.events(workspace, &filter, &PageRequest { limit: 10, after }).await.expect("lists");
        let columns = || vec!["workspace_id", "position"];
        let sent = log.note("list events by several filters").into_iter();
        listed.extend(sent.map(|sent| Listed { table: "events", columns: columns(), sent }));
    }
    let all = ExecutionFilter::default();
    let all = queries.executions(workspace, &all, &PageRequest::first(10)).await.expect("lists").items;
    let last = all.last().expect("there are some");
    let told = &last.experience.content["structured"];
    let filter = ExecutionFilter {
        task_id: told["task_id"].as_str().map(str::to_owned),
        task_slug: told["task_slug"].as_str().map(str::to_owned),
        status: told["status"].as_str().and_then(ExecutionStatus::parse),
        agent_id: last.agent_id,
        from: Some(last.experience.created_at),
        to: Some(app.clock.now() + std::time::Duration::from_secs(1)),
    };
    log.record.take();
    for after in [None, Some(Cursor(all[0].experience.id.clone()))] {
        queries.executions(workspace, &filter, &PageRequest { limit: 10, after }).await.expect("lists");
        let sent = log.note("list executions by several filters");
        let looked = sent.into_iter().filter(|sent| sent.text.contains("FROM task_executions"));
        let columns = || vec!["workspace_id", "started_at"];
        listed.extend(looked.map(|sent| Listed { table: "task_executions", columns: columns(), sent }));
    }
    let filter = ExperienceFilter {
        kind: Some(ExperienceType::TaskExecution),
        task_slug: Some(newest.slug.clone()),
        ..ExperienceFilter::default()
    };
    for after in [None, Some(Cursor("1767268800.5,task_exec".to_owned()))] {
        queries.experiences(workspace, &filter, &PageRequest { limit: 10, after }).await.expect("lists");
        let sent = log.note("list experiences by several filters");
        let columns = vec!["workspace_id"];
        listed.extend(sent.into_iter().map(|sent| Listed {
            table: "experiences",
            columns: columns.clone(),
            sent,
        }));
    }
    listed
}

/// What is in an order of its own or found at once, and filters combined: these need an index, if not for all of it.
pub(crate) async fn others(app: &TestApp, log: &mut Log, goal: GoalId) {
    let (queries, workspace) = (&app.services.queries, app.ada.workspace());
    let page = PageRequest::first(10);
    let task = app.tasks(goal).await.pop().expect("a task").state;
    log.record.take();
    let slug = TaskFilter { slug: Some(task.slug.clone()), ..TaskFilter::default() };
    let everything = TaskFilter {
        goal_id: Some(goal),
        status: Some(task.status),
        agent_id: Some(goalwright_domain::agent::AgentId::new(Uuid::nil())),
        task_type: Some(task.task_type.clone()),
        slug: Some(task.slug.clone()),
        search: None,
    };
    let search = Some(Search::parse("task nothing").expect("words"));
    let words = TaskFilter { search: search.clone(), ..TaskFilter::default() };
    let words_and_more = TaskFilter { search, ..everything.clone() };
    for filter in [slug, everything, words, words_and_more] {
        queries.tasks(workspace, &filter, &page).await.expect("lists");
    }
    let followed =
        app.db.database.executions_behind(workspace, 0, 20).await.expect("follows").expect("events");
    let keys: Vec<String> =
        followed.executions.iter().map(|one| one.id.clone()).chain(["no key".into()]).collect();
    queries.known_executions(&keys).await.expect("compares");
    assert!(app.db.database.has_workspace(workspace).await.expect("looks"));
    app.db.database.vitals(app.clock.now()).await.expect("is watched");
    let active = AgentFilter { status: Some(AgentStatus::Active) };
    queries.agents(workspace, &active, &page).await.expect("lists");
    let everything = ExperienceFilter {
        kind: Some(ExperienceType::TaskExecution),
        task_id: Some(task.id.to_string()),
        task_slug: Some(task.slug.clone()),
        trace_id: Some(goal.to_string()),
        search: None,
    };
    queries.experiences(workspace, &everything, &page).await.expect("lists");
    let search = Some(Search::parse("task nothing").expect("words"));
    let read: HashSet<String> =
        app.db.texts("SELECT experience_id FROM experience_documents").await.into_iter().collect();
    let all = queries.experiences(workspace, &ExperienceFilter::default(), &page).await.expect("lists");
    let known = all.items.into_iter().map(|one| one.id).find(|id| read.contains(id)).expect("one is read");
    let behind = |id: &str| PageRequest { after: Some(Cursor(id.to_owned())), ..page.clone() };
    for filter in [
        ExperienceFilter { search: search.clone(), ..ExperienceFilter::default() },
        ExperienceFilter { search, ..everything },
    ] {
        queries.experiences(workspace, &filter, &page).await.expect("lists");
        queries.experiences(workspace, &filter, &behind(&known)).await.expect("lists");
        let gone = queries.experiences(workspace, &filter, &behind("task_exec")).await;
        assert_eq!(gone.expect_err("nobody knows what comes behind it").code(), "invalid_input");
    }
    let everything = EventFilter {
        entity_type: Some("task".into()),
        entity_id: Some(task.id.to_string()),
        event_type: Some("task.created".into()),
        trace_id: Some(Uuid::nil()),
    };
    queries.events(workspace, &everything, &page).await.expect("lists");
    log.note("filters combined");
}
