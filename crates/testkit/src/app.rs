//! The product over a fresh database, driven step by step.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use goalwright_application::execution::{Assignment, Kernel, KernelPorts, Report, Settings, Settlement};
use goalwright_application::experiences::Experiences;
use goalwright_application::models::{ModelCalls, ModelPorts, Patience};
use goalwright_application::planning::ImportRequest;
use goalwright_application::ports::{Clock, Tokens, Unwatched};
use goalwright_application::read::{
    EventFilter, EventView, ExperienceFilter, PageRequest, TaskFilter, TaskView,
};
use goalwright_application::tasks::NewTask;
use goalwright_application::{Context, Services};
use goalwright_domain::execution::Outcome;
use goalwright_domain::experience::{Experience, Runner};
use goalwright_domain::goal::{GoalId, Origin};
use goalwright_domain::model::BreakerRule;
use goalwright_domain::progress::Progress;
use goalwright_domain::task::DraftTask;
use goalwright_infrastructure::auth::Hs256Tokens;
use goalwright_infrastructure::outbound::{AllowList, Outbound};
use goalwright_infrastructure::tools::BuiltinTools;
use goalwright_infrastructure::{ArtifactFiles, Folders, LocalSignals};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::{Backend, FakeClock, ProbeTools, ScriptedModel, SequentialIds, TestDatabase};

/// The secret that test tokens are signed with.
const SECRET: &[u8] = b"a secret that is only used by tests, 32+";

/// The product, wired as `goalwright` wires it, with time and ids in the test's hands.
pub struct TestApp {
    /// The database.
    pub db: TestDatabase,
    /// Moves when told to.
    pub clock: Arc<FakeClock>,
    /// Counts calls.
    pub tools: Arc<ProbeTools>,
    /// Answers what it is told to, where a model is asked.
    pub models: Arc<ScriptedModel>,
    /// For more kernels.
    pub ports: KernelPorts,
    /// The use cases.
    pub services: Services,
    /// A kernel on the default queue.
    pub kernel: Arc<Kernel>,
    /// Mints tokens.
    pub tokens: Arc<dyn Tokens>,
    /// The user `ada`.
    pub ada: Context,
}

/// The runner of tests.
fn runner() -> Runner {
    Runner { name: "test".to_owned(), version: "0".to_owned(), pid: 1, host: "test".to_owned() }
}

impl TestApp {
    /// A product with the user `ada`; `None` if there is no server for this backend.
    ///
    /// # Panics
    /// If it cannot be made.
    pub async fn start(backend: Backend) -> Option<Self> {
        let clock = Arc::new(FakeClock::default());
        let db = TestDatabase::create(backend, clock.clone()).await?;
        Some(Self::wire(db, clock).await)
    }

    /// The same over another database, which goes away with the test, too.
    ///
    /// # Panics
    /// If it cannot be opened.
    pub async fn over(self, url: &str) -> Self {
        let db = self.db.reopened(url, self.clock.clone()).await;
        Self::wire(db, self.clock).await
    }

    async fn wire(db: TestDatabase, clock: Arc<FakeClock>) -> Self {
        let ids = Arc::new(SequentialIds::default());
        let (transactions, queries) = (db.database.transactions(), db.database.queries());
        let experiences = Experiences::new(transactions.clone(), queries.clone(), clock.clone(), ids.clone());
        let outbound = Outbound::new(AllowList::default());
        let tools =
            Arc::new(ProbeTools::beside(BuiltinTools::over(outbound, Arc::new(experiences)).with_shell()));
        let models = Arc::new(ScriptedModel::default());
        let model_ports = ModelPorts {
            models: models.clone(),
            clock: clock.clone(),
            timer: clock.clone(),
            ids: ids.clone(),
            telemetry: Arc::new(Unwatched),
        };
        let ports = KernelPorts {
            transactions,
            queries,
            tools: tools.clone(),
            sandboxes: Arc::new(Folders::new(db.folder().join("data"))),
            clock: clock.clone(),
            ids,
            signals: LocalSignals::new(),
            ledger: db.database.ledger(),
            artifacts: Arc::new(ArtifactFiles::new(db.folder().join("data"))),
            models: Arc::new(ModelCalls::new(model_ports, Patience::default(), BreakerRule::default())),
            standings: Arc::default(),
            telemetry: Arc::new(Unwatched),
        };
        let tokens: Arc<dyn Tokens> = Arc::new(Hs256Tokens::new(SECRET, None, None).expect("a good secret"));
        let services = Services::new(&ports, tokens.clone(), &runner());
        let kernel = Arc::new(Kernel::new(ports.clone(), runner(), Settings::default()));
        let principal = services.access.enter("ada", None).await.expect("ada gets in");
        let ada = Context::of(principal);
        Self { db, clock, tools, models, ports, services, kernel, tokens, ada }
    }

    /// Another user's context.
    ///
    /// # Panics
    /// If the user cannot get in.
    pub async fn user(&self, name: &str) -> Context {
        let principal = self.services.access.enter(name, None).await.expect("gets in");
        Context::of(principal)
    }

    /// Another kernel with other settings.
    pub fn kernel_with(&self, settings: Settings) -> Kernel {
        Kernel::new(self.ports.clone(), runner(), settings)
    }

    /// A token for this user, for an hour.
    ///
    /// # Panics
    /// If it cannot be signed.
    pub fn token(&self, user: &str) -> String {
        let claims = goalwright_application::ports::Claims { subject: user.to_owned(), workspace: None };
        self.tokens.mint(&claims, Duration::from_secs(3600), self.clock.now()).expect("signed")
    }

    /// Where ada's file tools work.
    pub fn sandbox(&self) -> PathBuf {
        self.ports.sandboxes.folder(self.ada.workspace(), None).expect("a folder")
    }

    /// Imports a plan for ada.
    ///
    /// # Panics
    /// If it is refused.
    pub async fn import(&self, plan: &str) -> GoalId {
        let request =
            ImportRequest { content: plan.to_owned(), origin: Origin::default(), ..ImportRequest::default() };
        let imported = self.services.planning.import(&self.ada, request).await.expect("the plan is good");
        imported.goal_id.expect("a goal was made")
    }

    /// Makes a task for ada that waits for no other.
    ///
    /// # Panics
    /// If it is refused.
    pub async fn create_task(&self, draft: DraftTask) -> TaskView {
        let new = NewTask { draft, depends_on: vec![] };
        self.services.tasks.create(&self.ada, new).await.expect("the task is good")
    }

    /// Claims, performs and settles until nothing can be claimed, one batch after the other.
    ///
    /// # Panics
    /// If storage fails.
    pub async fn drain(&self) {
        while self.step(16).await > 0 {}
    }

    /// One batch; gives how many attempts it had. The clock moves a millisecond, so that no two runs of a task
    /// begin at the same instant.
    ///
    /// # Panics
    /// If storage fails.
    pub async fn step(&self, limit: usize) -> usize {
        self.clock.advance(Duration::from_millis(1));
        self.db.until_rolled_back().await;
        let assignments = self.kernel.claim(limit).await.expect("claims");
        let mut batch = Vec::new();
        for assignment in &assignments {
            batch.push(self.perform(assignment).await);
        }
        for answer in self.kernel.settle(&batch).await.expect("settles") {
            answer.expect("the lease holds");
        }
        assignments.len()
    }

    /// Performs one assignment.
    ///
    /// # Panics
    /// If storage fails.
    pub async fn perform(&self, assignment: &Assignment) -> Settlement {
        let report = self.kernel.perform(assignment, &CancellationToken::new()).await.expect("performs");
        Settlement { lease: assignment.lease, report, expired: false }
    }

    /// A settlement with this result, as if it had been performed.
    pub fn done(&self, assignment: &Assignment, result: Value) -> Settlement {
        let outcome = Outcome::Done { result, summary: None, partial: false };
        let report = Report::of(outcome);
        Settlement { lease: assignment.lease, report, expired: false }
    }

    /// Has this done without anybody waiting for the pauses between two attempts at a model.
    pub fn impatiently<T>(&self, work: impl Future<Output = T>) -> impl Future<Output = T> {
        let mut work = Box::pin(work);
        async move {
            loop {
                tokio::select! {
                    done = &mut work => return done,
                    _ = self.clock.skip_pause(Patience::default().attempt_timeout) => {}
                }
            }
        }
    }

    /// How far ada's goal is.
    ///
    /// # Panics
    /// If there is no such goal.
    pub async fn progress(&self, goal: GoalId) -> Progress {
        self.services.goals.progress(&self.ada, goal).await.expect("a goal")
    }

    /// Ada's tasks, oldest first.
    ///
    /// # Panics
    /// If storage fails.
    pub async fn tasks(&self, goal: GoalId) -> Vec<TaskView> {
        let filter = TaskFilter { goal_id: Some(goal), ..TaskFilter::default() };
        let page =
            self.services.tasks.list(&self.ada, &filter, &PageRequest::first(200)).await.expect("lists");
        page.items.into_iter().rev().collect()
    }

    /// Ada's task with this key.
    ///
    /// # Panics
    /// If there is none.
    pub async fn task(&self, goal: GoalId, key: &str) -> TaskView {
        let tasks = self.tasks(goal).await;
        tasks.into_iter().find(|task| task.state.key.as_deref() == Some(key)).expect("a task with this key")
    }

    /// Ada's experiences, oldest first.
    ///
    /// # Panics
    /// If storage fails.
    pub async fn experiences(&self) -> Vec<Experience> {
        let filter = ExperienceFilter::default();
        let workspace = self.ada.workspace();
        let page = self
            .services
            .queries
            .experiences(workspace, &filter, &PageRequest::first(200))
            .await
            .expect("lists");
        page.items.into_iter().rev().collect()
    }

    /// What the ledger tells ada by this filter, newest first, up to 200 events; all that was committed has its position.
    ///
    /// # Panics
    /// If storage fails.
    pub async fn events(&self, filter: &EventFilter) -> Vec<EventView> {
        self.sequence().await;
        let page = PageRequest::first(200);
        self.services.queries.events(self.ada.workspace(), filter, &page).await.expect("lists").items
    }

    /// The same of one type, such as `task.completed`.
    ///
    /// # Panics
    /// If storage fails.
    pub async fn events_of(&self, event_type: &str) -> Vec<EventView> {
        let filter = EventFilter { event_type: Some(event_type.to_owned()), ..EventFilter::default() };
        self.events(&filter).await
    }

    /// Gives every committed event its position.
    ///
    /// # Panics
    /// If storage fails.
    pub async fn sequence(&self) {
        while self.db.database.sequencer().sequence().await.expect("places") > 0 {}
    }
}
