//! Work that is counted, given to somebody and claimed in vain, and what runs after executions.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use goalwright_application::execution::Settings;
use goalwright_application::hooks::{Hook, HookFailure, Hooks};
use goalwright_application::planning::ImportRequest;
use goalwright_application::ports::Interest;
use goalwright_application::tasks::Wanted;
use goalwright_domain::agent::{AgentKind, DraftAgent};
use goalwright_domain::experience::{Experience, ExperienceType, Note};
use goalwright_domain::goal::Origin;
use goalwright_testkit::{TestApp, draft_agent};

use crate::work::Log;

/// The queue of the work that is looked at.
const QUEUE: &str = "hooked";

struct Broken;

#[async_trait]
impl Hook for Broken {
    fn name(&self) -> &'static str {
        "broken"
    }

    fn interest(&self) -> Interest {
        Interest::Troubled
    }

    async fn after(&self, _: &Experience) -> Result<Vec<Experience>, HookFailure> {
        Err(HookFailure { message: "broken".to_owned(), retryable: false })
    }
}

pub(crate) async fn all(app: &TestApp, log: &mut Log) {
    let services = &app.services;
    log.record.take();
    services.selection.place().await.expect("places");
    log.note("find somebody for what nobody has");
    services.selection.count().await.expect("counts");
    log.note("count open work");
    let draft = DraftAgent { capabilities: vec!["idle".into()], ..draft_agent("idle", AgentKind::Llm) };
    let agent = services.agents.create(&app.ada, draft).await.expect("made").id();
    log.record.take();
    let wanted =
        Wanted { agent, task_types: vec!["idle".into()], limit: 1, lease: None, wait: Duration::ZERO };
    let claimed = services.tasks.claim(&app.ada, &wanted).await.expect("claims");
    assert!(claimed.tasks.is_empty());
    log.note("claim in vain");
    computed(app, log).await;
    hooks(app, log).await;
    set_aside(app, log).await;
}

async fn computed(app: &TestApp, log: &mut Log) {
    let plan = "# P\n\n- [ ] T001 Tell the time\n  use: time.now\n\
                - [ ] T002 Say it (depends on T001)\n  use: text.render {\"template\": \"{T001.date}\"}\n";
    let origin = Origin { queue: "computed".to_owned(), ..Origin::default() };
    let request = ImportRequest { content: plan.to_owned(), origin, ..ImportRequest::default() };
    app.services.planning.import(&app.ada, request).await.expect("imports");
    let kernel = app.kernel_with(Settings { queue: "computed".to_owned(), ..Settings::default() });
    log.record.take();
    for _ in 0..2 {
        assert_eq!(kernel.claim_or_compute(1, 9).await.expect("claims").computed, 1);
    }
    log.note("compute, with earlier results");
}

async fn hooks(app: &TestApp, log: &mut Log) {
    let hooks = Hooks::new(&app.ports, vec![Arc::new(Broken)]);
    hooks.tick().await.expect("ticks");
    log.note("a hook is there for the first time");
    app.clock.advance(Duration::from_secs(1));
    let broken =
        "- [ ] T001 Break\n  use: probe.none {\"name\": \"broken\", \"fail\": 9999, \"retryable\": false}\n";
    let origin = Origin { queue: QUEUE.to_owned(), ..Origin::default() };
    let request = ImportRequest { content: format!("# P\n\n{broken}"), origin, ..ImportRequest::default() };
    app.services.planning.import(&app.ada, request).await.expect("imports");
    let kernel = app.kernel_with(Settings { queue: QUEUE.to_owned(), ..Settings::default() });
    let claimed = kernel.claim(1).await.expect("claims");
    let performed = app.perform(&claimed[0]).await;
    kernel.settle(&[performed]).await.expect("settles");
    app.services.experiences.catch_up().await;
    log.record.take();
    hooks.tick().await.expect("ticks");
    log.note("a hook runs");
    let failed = app.services.queries.failed_hooks(9).await.expect("lists");
    log.note("hooks that failed");
    assert!(!failed.is_empty());
    let ids = [failed[0].experience_id.clone()];
    app.services.queries.hooks_after(app.ada.workspace(), &ids).await.expect("lists");
    log.note("what ran after an execution");
    assert_eq!(hooks.retry_failed().await.expect("asks"), failed.len());
    log.note("have hooks run again");
}

async fn set_aside(app: &TestApp, log: &mut Log) {
    let note = Note { text: "Read me".to_owned(), ..Note::default() };
    app.services.experiences.add(&app.ada, ExperienceType::Observation, note).await.expect("added");
    log.record.take();
    let next = app.services.queries.next_unread().await.expect("reads").expect("one");
    let unit = app.ports.transactions.begin().await.expect("begins");
    let aside = unit.experiences().set_aside(&next, "unreadable", app.ports.clock.now()).await;
    assert_eq!(aside.expect("set aside"), Some(app.ada.workspace()));
    log.note("set an experience aside");
}
