//! Every order in which workers claim, keep, lose and report one task, against a model that says who holds it.

use std::time::Duration;

use goalwright_application::execution::{LeaseKey, LeaseLost, Report, Settlement};
use goalwright_application::tasks::{Completion, Wanted};
use goalwright_domain::agent::{AgentId, AgentKind, DraftAgent};
use goalwright_domain::execution::{Action, Lease, Outcome, STRIKE_LIMIT};
use goalwright_domain::task::{DraftTask, TaskId, TaskStatus};
use goalwright_testkit::{Backend, TestApp, draft_agent};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use rstest::rstest;
use serde_json::json;

/// How long a lease holds, and a moment longer.
const LEASE: Duration = Duration::from_secs(30);
const LONGER: Duration = Duration::from_secs(31);

/// Of those who ever held the task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    First,
    Latest,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// A worker takes the task, if it can be taken.
    Claim,
    /// Somebody says that they are still at it.
    Beat(Who),
    /// More time passes than a lease holds.
    Expire,
    /// What has expired is taken from whoever held it.
    Reclaim,
    /// A worker of ours reports.
    Settle(Who),
    /// A worker outside reports.
    Complete(Who),
    /// A worker outside gives the task back.
    Release(Who),
}

/// What the task is for whoever looks from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Queued,
    /// By the holder with this place, until so long after the beginning.
    Held(usize, Duration),
    /// A person is asked.
    Asked,
    Done,
}

/// What must be true after the steps so far.
struct Model {
    standing: Standing,
    leases: Vec<Lease>,
    now: Duration,
    strikes: u32,
    ended: i64,
    refused: i64,
}

/// What the tables say, all at once.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Rows {
    attempts: i64,
    running: i64,
    ended: i64,
    experiences: i64,
    refused: i64,
    other_events: i64,
    fences: i64,
    revisions: i64,
    /// Runs with two attempts that run.
    shared: i64,
    /// Attempts that ended without an experience of their own.
    unrecorded: i64,
}

impl Rows {
    async fn read(app: &TestApp) -> Self {
        let counts = [
            "SELECT COUNT(*) FROM attempts",
            "SELECT COUNT(*) FROM attempts WHERE status = 'running'",
            "SELECT COUNT(*) FROM attempts WHERE ended_at IS NOT NULL",
            "SELECT COUNT(*) FROM experiences",
            "SELECT COUNT(*) FROM events WHERE event_type = 'run.report_refused'",
            "SELECT COUNT(*) FROM events WHERE event_type <> 'run.report_refused'",
            "SELECT COALESCE(SUM(fence), 0) FROM runs",
            "SELECT COALESCE(SUM(revision), 0) FROM tasks",
            "SELECT COUNT(*) FROM (SELECT run_id FROM attempts WHERE status = 'running' \
             GROUP BY run_id HAVING COUNT(*) > 1) shared",
            "SELECT COUNT(*) FROM attempts a LEFT JOIN experiences e ON e.id = a.experience_id \
             AND e.idempotency_key = a.idempotency_key WHERE a.ended_at IS NOT NULL AND e.id IS NULL",
        ];
        let sql = counts.map(|count| format!("CAST(({count}) AS TEXT)")).join(" || ' ' || ");
        let row = app.db.texts(&format!("SELECT {sql}")).await.remove(0);
        let numbers: Vec<i64> = row.split(' ').map(|number| number.parse().expect("a number")).collect();
        let [
            attempts,
            running,
            ended,
            experiences,
            refused,
            other_events,
            fences,
            revisions,
            shared,
            unrecorded,
        ] = numbers[..]
        else {
            panic!("{row}");
        };
        Self {
            attempts,
            running,
            ended,
            experiences,
            refused,
            other_events,
            fences,
            revisions,
            shared,
            unrecorded,
        }
    }
}

async fn printer(app: &TestApp) -> AgentId {
    let draft =
        DraftAgent { capabilities: vec!["print".into()], ..draft_agent("printer", AgentKind::External) };
    app.services.agents.create(&app.ada, draft).await.expect("made").id()
}

async fn task(app: &TestApp) -> TaskId {
    let draft = DraftTask {
        title: "Print it".into(),
        task_type: "print".into(),
        action: Some(Action::External),
        ..DraftTask::default()
    };
    app.create_task(draft).await.state.id
}

async fn claim(app: &TestApp, agent: AgentId) -> Option<Lease> {
    let wanted = Wanted { agent, task_types: vec![], limit: 1, lease: Some(LEASE), wait: Duration::ZERO };
    app.services
        .tasks
        .claim(&app.ada, &wanted)
        .await
        .expect("claims")
        .tasks
        .pop()
        .map(|claimed| claimed.lease)
}

fn report(lease: Lease) -> Settlement {
    let outcome = Outcome::Done { result: json!("printed"), summary: None, partial: false };
    Settlement { lease, report: Report::of(outcome), expired: false }
}

impl Model {
    const fn new() -> Self {
        let leases = Vec::new();
        Self { standing: Standing::Queued, leases, now: Duration::ZERO, strikes: 0, ended: 0, refused: 0 }
    }

    fn place(&self, who: Who) -> Option<usize> {
        let last = self.leases.len().checked_sub(1)?;
        Some(if who == Who::First { 0 } else { last })
    }

    fn holds(&self, place: usize) -> bool {
        matches!(self.standing, Standing::Held(holder, _) if holder == place)
    }

    fn end(&mut self, standing: Standing) {
        self.ended += 1;
        self.standing = standing;
    }

    /// Does it, and compares the answer with what must be answered.
    async fn step(&mut self, app: &TestApp, agent: AgentId, id: TaskId, step: Step) {
        match step {
            Step::Claim => {
                let lease = claim(app, agent).await;
                assert_eq!(lease.is_some(), self.standing == Standing::Queued, "claimed");
                if let Some(lease) = lease {
                    if let Some(before) = self.leases.last() {
                        assert!(lease.fence > before.fence, "a fence only grows");
                        assert_eq!(lease.run_id, before.run_id, "it is the same run");
                    }
                    self.leases.push(lease);
                    self.standing = Standing::Held(self.leases.len() - 1, self.now + LEASE);
                }
            }
            Step::Beat(who) => {
                let Some(place) = self.place(who) else { return };
                let lease = self.leases[place];
                let kept = app.kernel.heartbeat(&[lease]).await.expect("beats");
                assert_eq!(kept == [lease.span_id], self.holds(place), "kept");
                if self.holds(place) {
                    self.standing = Standing::Held(place, self.now + LEASE);
                }
            }
            Step::Expire => {
                app.clock.advance(LONGER);
                self.now += LONGER;
            }
            Step::Reclaim => {
                let lost = matches!(self.standing, Standing::Held(_, until) if until < self.now);
                assert_eq!(app.kernel.reclaim().await.expect("reclaims"), usize::from(lost), "reclaimed");
                if lost {
                    self.strikes += 1;
                    self.end(if self.strikes < STRIKE_LIMIT { Standing::Queued } else { Standing::Asked });
                }
            }
            Step::Settle(who) => {
                let Some(place) = self.place(who) else { return };
                let answer = app.kernel.settle(&[report(self.leases[place])]).await.expect("answers");
                let expected = if self.holds(place) { Ok(()) } else { Err(LeaseLost) };
                assert_eq!(answer, [expected]);
                self.reported(place, Standing::Done);
            }
            Step::Complete(who) | Step::Release(who) => {
                let Some(place) = self.place(who) else { return };
                let token = LeaseKey::from(&self.leases[place]).to_string();
                let (answer, then) = if step == Step::Complete(who) {
                    let done = Completion { result: json!("printed"), ..Completion::default() };
                    let answer = app.services.tasks.complete_leased(&app.ada, id, &token, &done).await;
                    (answer, Standing::Done)
                } else {
                    (app.services.tasks.release(&app.ada, id, &token).await, Standing::Queued)
                };
                match answer {
                    Ok(_) => assert!(self.holds(place), "a stale fence was accepted"),
                    Err(error) => {
                        assert_eq!((error.code(), self.holds(place)), ("lease_lost", false));
                    }
                }
                self.reported(place, then);
            }
        }
    }

    fn reported(&mut self, place: usize, then: Standing) {
        if self.holds(place) {
            self.end(then);
        } else {
            self.refused += 1;
        }
    }

    /// Compares the tables with what must be there, since `begun`.
    async fn check(&self, app: &TestApp, id: TaskId, begun: &Rows, before: &Rows) -> Rows {
        let rows = Rows::read(app).await;
        let held = matches!(self.standing, Standing::Held(..));
        assert_eq!(
            rows.attempts - begun.attempts,
            i64::try_from(self.leases.len()).expect("few"),
            "attempts"
        );
        assert_eq!(rows.running, i64::from(held), "attempts that run");
        assert_eq!((rows.shared, rows.unrecorded), (0, 0), "one holder, one experience each");
        assert_eq!(rows.ended - begun.ended, self.ended, "attempts that have ended");
        assert_eq!(rows.experiences - begun.experiences, self.ended, "experiences");
        assert_eq!(rows.refused - begun.refused, self.refused, "refusals that are told of");
        assert!(rows.fences >= before.fences, "fences only grow");
        if rows.refused > before.refused {
            let told = Rows { refused: before.refused + 1, ..before.clone() };
            assert_eq!(rows, told, "a stale fence writes nothing but the event");
        }
        let status = app.services.tasks.get(&app.ada, id).await.expect("there").state.status;
        let expected = match self.standing {
            Standing::Queued => TaskStatus::Ready,
            Standing::Held(..) => TaskStatus::Running,
            Standing::Asked => TaskStatus::Waiting,
            Standing::Done => TaskStatus::Completed,
        };
        assert_eq!(status, expected);
        rows
    }
}

/// A task of its own lives through these steps, and is then over.
async fn play(app: &TestApp, agent: AgentId, script: &[Step]) {
    let id = task(app).await;
    let begun = Rows::read(app).await;
    let (mut model, mut rows) = (Model::new(), begun.clone());
    for &step in script {
        model.step(app, agent, id, step).await;
        rows = model.check(app, id, &begun, &rows).await;
    }
    if model.standing == Standing::Queued {
        model.step(app, agent, id, Step::Claim).await;
    }
    if let Standing::Held(..) = model.standing {
        model.step(app, agent, id, Step::Settle(Who::Latest)).await;
    }
    model.check(app, id, &begun, &rows).await;
}

/// Plays it, and says which it was if it fails.
async fn play_by_name(app: &TestApp, agent: AgentId, script: &[Step]) {
    struct Name<'a>(&'a [Step]);
    impl Drop for Name<'_> {
        fn drop(&mut self) {
            if std::thread::panicking() {
                eprintln!("the steps were {:?}", self.0);
            }
        }
    }
    let _name = Name(script);
    play(app, agent, script).await;
}

/// Every order of these.
fn orders(steps: &[Step]) -> Vec<Vec<Step>> {
    if steps.is_empty() {
        return vec![vec![]];
    }
    let mut all = Vec::new();
    for (place, first) in steps.iter().enumerate() {
        let others = [&steps[..place], &steps[place + 1..]].concat();
        all.extend(orders(&others).into_iter().map(|rest| [&[*first][..], &rest].concat()));
    }
    all
}

/// Before any time has passed, looking for what has expired finds nothing, as after any other step: those orders are the
/// others over again.
fn takes_its_time(order: &[Step]) -> bool {
    let place = |step| order.iter().position(|&one| one == step);
    place(Step::Expire) < place(Step::Reclaim)
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn in_every_order_only_the_right_fence_writes(
    #[case] backend: Backend,
    #[values(Step::Settle(Who::Latest), Step::Complete(Who::Latest), Step::Release(Who::Latest))]
    second: Step,
) {
    let Some(app) = TestApp::start(backend).await else { return };
    let agent = printer(&app).await;
    let steps = [Step::Expire, Step::Reclaim, Step::Claim, Step::Settle(Who::First), second];
    for order in orders(&steps).into_iter().filter(|order| takes_its_time(order)) {
        play_by_name(&app, agent, &[&[Step::Claim][..], &order].concat()).await;
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn in_every_order_a_heartbeat_keeps_the_right_lease_only(
    #[case] backend: Backend,
    #[values(Who::First, Who::Latest)] who: Who,
) {
    let Some(app) = TestApp::start(backend).await else { return };
    let agent = printer(&app).await;
    let steps = [Step::Expire, Step::Beat(who), Step::Reclaim, Step::Claim, Step::Complete(Who::First)];
    for order in orders(&steps).into_iter().filter(|order| takes_its_time(order)) {
        play_by_name(&app, agent, &[&[Step::Claim][..], &order].concat()).await;
    }
}

fn step() -> impl Strategy<Value = Step> {
    let who = || prop_oneof![Just(Who::First), Just(Who::Latest)];
    prop_oneof![
        4 => Just(Step::Claim),
        3 => Just(Step::Expire),
        3 => Just(Step::Reclaim),
        2 => who().prop_map(Step::Beat),
        1 => who().prop_map(Step::Settle),
        1 => who().prop_map(Step::Complete),
        1 => who().prop_map(Step::Release),
    ]
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
fn in_long_histories_only_the_right_fence_writes(#[case] backend: Backend) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let config = ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() };
    let shown = TestRunner::new(config).run(&prop::collection::vec(step(), 8..30), |script| {
        runtime.block_on(async {
            if let Some(app) = TestApp::start(backend).await {
                let agent = printer(&app).await;
                play(&app, agent, &script).await;
                app.db.discard().await;
            }
        });
        Ok(())
    });
    if let Err(error) = shown {
        panic!("{error}");
    }
}

/// What is reported in one batch.
#[derive(Debug, Clone, Copy)]
enum Line {
    /// By the first holder, whose lease was lost.
    Stale,
    /// By whoever holds it.
    Fresh,
    /// That the lease of whoever holds it ran out, as the kernel finds it.
    Expired,
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn of_several_reports_in_one_batch_the_first_with_the_right_fence_counts(#[case] backend: Backend) {
    use Line::{Expired, Fresh, Stale};
    let Some(app) = TestApp::start(backend).await else { return };
    let agent = printer(&app).await;
    for lines in [
        &[Fresh, Fresh][..],
        &[Stale, Fresh],
        &[Fresh, Stale],
        &[Stale, Stale, Fresh, Fresh, Stale],
        &[Fresh, Expired],
        &[Expired, Fresh],
        &[Expired, Stale, Expired, Fresh],
        &[Stale, Stale],
    ] {
        let id = task(&app).await;
        let mut model = Model::new();
        let begun = Rows::read(&app).await;
        for step in [Step::Claim, Step::Expire, Step::Reclaim, Step::Claim, Step::Expire] {
            model.step(&app, agent, id, step).await;
        }
        let before = model.check(&app, id, &begun, &begun).await;
        let batch: Vec<Settlement> = lines
            .iter()
            .map(|line| match line {
                Stale => report(model.leases[0]),
                Fresh => report(model.leases[1]),
                Expired => Settlement {
                    report: Report::of(Outcome::LeaseLost { unknown_effect: None }),
                    expired: true,
                    ..report(model.leases[1])
                },
            })
            .collect();
        let winner = lines.iter().position(|line| !matches!(line, Stale));
        let answers = app.kernel.settle(&batch).await.expect("answers");
        let expected: Vec<_> = (0..lines.len())
            .map(|place| if Some(place) == winner { Ok(()) } else { Err(LeaseLost) })
            .collect();
        assert_eq!(answers, expected, "{lines:?}");
        let late = |place: &usize| Some(*place) != winner && !matches!(lines[*place], Expired);
        model.refused += i64::try_from((0..lines.len()).filter(late).count()).expect("few");
        match winner.map(|place| lines[place]) {
            Some(Fresh) => model.end(Standing::Done),
            Some(Expired) => model.end(Standing::Queued),
            Some(Stale) | None => {}
        }
        // Several lines were refused at once, so it is compared with what was there at the beginning.
        let counted = Rows { refused: before.refused + model.refused, ..before };
        model.check(&app, id, &begun, &counted).await;
        if model.standing == Standing::Queued {
            model.step(&app, agent, id, Step::Claim).await;
        }
        if let Standing::Held(..) = model.standing {
            model.step(&app, agent, id, Step::Complete(Who::Latest)).await;
        }
    }
}
