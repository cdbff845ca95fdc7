//! Where experiences come from and what came of them.

use goalwright_application::Error;
use goalwright_application::experiences::{Direction, Lineage, NodeKind, Reach};
use goalwright_application::read::LinkKind;
use goalwright_domain::experience::{ExperienceType, Note};
use goalwright_testkit::{Backend, TestApp};
use rstest::rstest;

async fn note(app: &TestApp, text: &str, parents: &[&str], causes: &[&str]) -> String {
    let owned = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect();
    let note = Note { text: text.into(), parents: owned(parents), causes: owned(causes), ..Note::default() };
    app.services.experiences.add(&app.ada, ExperienceType::Reflection, note).await.expect("added").id
}

async fn lineage(app: &TestApp, id: &str, direction: Direction, depth: u32, limit: usize) -> Lineage {
    let reach = Reach { direction, depth, limit };
    app.services.experiences.lineage(&app.ada, id, reach).await.expect("a lineage")
}

/// Titles by depth, in order.
fn titles(lineage: &Lineage) -> Vec<(u32, &str)> {
    let mut titles: Vec<_> =
        lineage.nodes.iter().map(|node| (node.depth, node.title.as_deref().unwrap_or("?"))).collect();
    titles.sort_unstable();
    titles
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_lineage_goes_up_to_goals_and_down_to_what_came_of_it(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let goal = app.import("# Aim\n\n- [ ] T001 First\n  use: time.now\n- [ ] T002 Second (depends on T001)\n  use: time.now\n").await;
    app.drain().await;
    let records = app.experiences().await;
    let (first, second) = (records[0].id.as_str(), records[1].id.as_str());
    let task = app.task(goal, "T002").await.state.id.to_string();
    let thought =
        note(&app, "A thought", &[second], &[&task, "019a4f3c-7d1e-7b42-9c55-3f2a8e6d1b70", "a step"]).await;

    let up = lineage(&app, &thought, Direction::Up, 5, 100).await;
    assert_eq!(
        titles(&up),
        [(0, "A thought"), (1, "?"), (1, "?"), (1, "Second"), (1, "Second"), (2, "Aim"), (2, "First")]
    );
    let kind = |id: &str| up.nodes.iter().find(|node| node.id == id).expect("a node").kind;
    assert_eq!(
        [kind(&thought), kind(&goal.to_string()), kind(&task), kind("a step")],
        [NodeKind::Experience, NodeKind::Goal, NodeKind::Task, NodeKind::Unknown]
    );
    let edge = |from: &str, to: &str| {
        up.edges.iter().find(|edge| edge.from == from && edge.to == to).map(|edge| edge.kind)
    };
    assert_eq!(edge(&thought, second), Some(LinkKind::Parent));
    assert_eq!(edge(second, first), Some(LinkKind::Cause));
    assert_eq!(edge(first, &goal.to_string()), Some(LinkKind::Cause));
    assert_eq!((up.edges.len(), up.truncated), (7, false));

    let down = lineage(&app, first, Direction::Down, 5, 100).await;
    assert_eq!(titles(&down), [(0, "First"), (1, "Second"), (2, "A thought")]);
    let both = lineage(&app, second, Direction::Both, 5, 100).await;
    assert_eq!(titles(&both), [(0, "Second"), (1, "A thought"), (1, "Aim"), (1, "First")]);
    assert_eq!(both.nodes[0].id, both.root);

    // Less than there is, and it says so.
    let near = lineage(&app, first, Direction::Down, 1, 100).await;
    assert_eq!((titles(&near), near.truncated), (vec![(0, "First"), (1, "Second")], true));
    let near = lineage(&app, &thought, Direction::Up, 1, 100).await;
    assert_eq!((near.nodes.len(), near.truncated), (5, true));
    let few = lineage(&app, &thought, Direction::Up, 5, 3).await;
    assert_eq!((few.nodes.len(), few.truncated), (3, true));
    assert!(few.edges.iter().all(|edge| few.nodes.iter().any(|node| node.id == edge.to)));

    for (depth, limit) in [(0, 1), (21, 1), (1, 0), (1, 1_001)] {
        let reach = Reach { depth, limit, direction: Direction::Both };
        let refused = app.services.experiences.lineage(&app.ada, first, reach).await;
        assert!(matches!(refused, Err(Error::Invalid { .. })));
    }
    let eve = app.user("eve").await;
    let refused = app.services.experiences.lineage(&eve, first, Reach::default()).await;
    assert!(matches!(refused, Err(Error::NotFound { .. })));
    app.db.discard().await;
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_circle_ends_where_it_closes(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    // A cause is any id, so two can name each other.
    let first = note(&app, "A", &[], &["later"]).await;
    let second = note(&app, "B", &[&first], &[]).await;
    let insert = format!(
        "INSERT INTO experiences (id, workspace_id, type, content, provenance, parents, causes, session_id, created_at, ts, meta) \
         SELECT 'later', workspace_id, type, content, provenance, '[\"{second}\", \"later\"]', causes, session_id, created_at, ts, meta \
         FROM experiences WHERE id = '{second}'"
    );
    app.db.execute(&insert).await.expect("plain SQL");
    for direction in [Direction::Up, Direction::Down, Direction::Both] {
        let circle = lineage(&app, &first, direction, 20, 100).await;
        assert_eq!(
            (circle.nodes.len(), circle.edges.len(), circle.truncated),
            (3, 3, false),
            "{direction:?}"
        );
    }
    app.db.discard().await;
}
