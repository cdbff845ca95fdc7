//! Finding what was experienced before.

use std::time::Duration;

use goalwright_application::Error;
use goalwright_application::experiences::Wanted;
use goalwright_application::read::{ExperienceFilter, PageRequest, Search};
use goalwright_domain::experience::{ExperienceType, Note};
use goalwright_testkit::{Backend, TestApp};
use rstest::rstest;
use serde_json::json;

async fn note(app: &TestApp, kind: ExperienceType, text: &str) {
    let note = Note { text: text.into(), ..Note::default() };
    app.services.experiences.add(&app.ada, kind, note).await.expect("added");
    app.clock.advance(Duration::from_millis(5));
}

async fn found(app: &TestApp, query: &str, kind: Option<ExperienceType>, limit: u64) -> Vec<String> {
    let wanted = Wanted { query: query.to_owned(), kind, limit };
    let retrieved = app.services.experiences.retrieve(app.ada.workspace(), &wanted).await.expect("looks");
    assert_eq!(
        retrieved.provenance.memories,
        retrieved.hits.iter().map(|hit| hit.id.clone()).collect::<Vec<_>>()
    );
    retrieved.hits.iter().map(|hit| hit.content["text"].as_str().expect("text").to_owned()).collect()
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn the_most_relevant_experiences_come_first(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let (seen, held) = (ExperienceType::Observation, ExperienceType::Belief);
    note(&app, seen, "The lantern needs oil, and oil is short").await;
    note(&app, seen, "The lantern is clean").await;
    note(&app, held, "Oil is expensive").await;
    note(&app, seen, "Ölstand geprüft").await;
    note(&app, seen, "灯台 の レンズ").await;
    let eve = app.user("eve").await;
    let hers = Note { text: "The lantern needs oil".into(), ..Note::default() };
    app.services.experiences.add(&eve, seen, hers).await.expect("added");

    assert_eq!(
        found(&app, "Which lantern needs oil?", None, 10).await,
        ["The lantern needs oil, and oil is short", "Oil is expensive", "The lantern is clean"]
    );
    assert_eq!(found(&app, "oil", Some(held), 10).await, ["Oil is expensive"]);
    assert_eq!(found(&app, "lantern oil", None, 1).await, ["The lantern needs oil, and oil is short"]);
    assert_eq!(found(&app, "ÖLSTAND", None, 10).await, ["Ölstand geprüft"]);
    assert_eq!(found(&app, "灯台", None, 10).await, ["灯台 の レンズ"]);
    assert_eq!(found(&app, "zeppelin \"' OR 1=1", None, 10).await, [""; 0]);
    let wanted = Wanted { query: " ?! ".into(), kind: None, limit: 10 };
    let refused = app.services.experiences.retrieve(app.ada.workspace(), &wanted).await;
    assert!(matches!(refused, Err(Error::Invalid { .. })));
    app.db.discard().await;
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_search_is_paged_and_survives_being_rebuilt(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    for number in 0..7 {
        note(&app, ExperienceType::Observation, &format!("Number {number} of them")).await;
    }
    assert_eq!(app.db.number("SELECT COUNT(*) FROM experience_unread").await, 7, "only noted with the unit");
    for _ in 0..2 {
        app.services.experiences.catch_up().await;
        assert_eq!(app.db.number("SELECT COUNT(*) FROM experience_unread").await, 0);
        let filter = ExperienceFilter {
            search: Some(Search::parse("them numb").expect("words")),
            ..Default::default()
        };
        let (mut page, mut seen) = (PageRequest::first(3), Vec::new());
        loop {
            let found = app.services.queries.experiences(app.ada.workspace(), &filter, &page).await;
            let found = found.expect("lists");
            seen.extend(found.items.iter().map(|one| one.content["text"].as_str().expect("text").to_owned()));
            match found.next {
                Some(next) => page = PageRequest { after: Some(next), ..page },
                None => break,
            }
        }
        let expected: Vec<String> = (0..7).rev().map(|number| format!("Number {number} of them")).collect();
        assert_eq!(seen, expected);
        assert_eq!(app.services.experiences.rebuild().await.expect("rebuilds"), 7);
    }
    app.db.discard().await;
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_tool_adds_an_experience_once(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let goal = app
        .import(
            "# P\n\n- [ ] T001 Remember\n  use: experience.add {\"text\": \"Tuesdays are good\", \"type\": \"BELIEF\", \"structured\": {\"day\": 2}}\n\
             - [ ] T002 Recall (depends on T001)\n  use: experience.search {\"query\": \"good Tuesdays\"}\n\
             - [ ] T003 Add to it (depends on T002)\n  use: experience.add {\"text\": \"So it is\", \"parents\": [\"nobody's\"]}\n",
        )
        .await;
    let assignment = app.kernel.claim(1).await.expect("claims").remove(0);
    // The worker dies after the call, and the next one makes it again.
    app.perform(&assignment).await;
    let settled = app.perform(&assignment).await;
    app.kernel.settle(&[settled]).await.expect("settles").pop().expect("one").expect("held");
    app.drain().await;
    let all = app.experiences().await;
    let beliefs: Vec<_> = all.iter().filter(|one| one.kind == ExperienceType::Belief).collect();
    assert_eq!(beliefs.len(), 1);
    assert_eq!(beliefs[0].provenance, json!({"actor": "AGENT", "method": "TOOL", "sources": []}));
    assert_eq!(beliefs[0].causes, [app.task(goal, "T001").await.state.id.to_string()]);
    let recall = all.iter().find(|one| one.content["structured"]["task_slug"] == "recall").expect("recorded");
    assert!(recall.parents.contains(&beliefs[0].id));
    let refused = app.task(goal, "T003").await.state.error.expect("failed");
    assert!(refused.message.contains("nobody's"), "{}", refused.message);
    app.db.discard().await;
}
