//! The product over a fresh database, wired as `goalwright serve` wires it, with the real clock and real ids.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use goalwright_api::{ApiSettings, app};
use goalwright_application::execution::{Kernel, KernelPorts, Settings};
use goalwright_application::models::{ModelCalls, ModelPorts, Patience};
use goalwright_application::planning::ImportRequest;
use goalwright_application::ports::{Claims, Tokens, Unwatched};
use goalwright_application::{Context, Services};
use goalwright_domain::goal::GoalId;
use goalwright_domain::ledger::SealKey;
use goalwright_domain::model::BreakerRule;
use goalwright_infrastructure::auth::Hs256Tokens;
use goalwright_infrastructure::persistence::{Database, DatabaseSettings};
use goalwright_infrastructure::tools::BuiltinTools;
use goalwright_infrastructure::{ArtifactFiles, Folders, LocalSignals, SystemClock, SystemIds, runner};
use poem::Response;
use poem::endpoint::BoxEndpoint;
use sea_orm::DatabaseConnection;

use crate::decompose::TwentyTasks;
use crate::place::Place;
use crate::plain;

/// The user of every database.
const USER: &str = "bench";
const SEALED_WITH: &[u8] = b"the audit key of a benchmark, 32 bytes or more";
const SECRET: &[u8] = b"the secret of a benchmark, 32 bytes or more";

pub(crate) struct Product {
    pub(crate) url: String,
    pub(crate) database: Arc<Database>,
    pub(crate) ports: KernelPorts,
    pub(crate) services: Services,
    pub(crate) kernel: Arc<Kernel>,
    pub(crate) context: Context,
    tokens: Arc<dyn Tokens>,
}

impl Product {
    /// On a database of its own, with one user.
    pub(crate) async fn open(place: &Place) -> anyhow::Result<Self> {
        let url = place.fresh().await?;
        Self::open_at(place, url).await
    }

    /// On a database that is there, with the same user.
    pub(crate) async fn open_at(place: &Place, url: String) -> anyhow::Result<Self> {
        let clock = Arc::new(SystemClock);
        // The pool that the settings give where nobody says otherwise.
        let settings = DatabaseSettings {
            url: url.clone(),
            pool: 10,
            pool_overflow: 20,
            migrate: true,
            audit_keys: SealKey::from_secret(SEALED_WITH).into(),
            audit_anchors: None,
        };
        let database = Database::open(&settings, clock.clone()).await?;
        let model_ports = ModelPorts {
            models: Arc::new(TwentyTasks::default()),
            clock: clock.clone(),
            timer: clock.clone(),
            ids: Arc::new(SystemIds),
            telemetry: Arc::new(Unwatched),
        };
        let ports = KernelPorts {
            transactions: database.transactions(),
            queries: database.queries(),
            tools: Arc::new(BuiltinTools::new()),
            sandboxes: Arc::new(Folders::new(place.folder().join("data"))),
            clock,
            ids: Arc::new(SystemIds),
            signals: LocalSignals::new(),
            ledger: database.ledger(),
            artifacts: Arc::new(ArtifactFiles::new(place.folder().join("data"))),
            models: Arc::new(ModelCalls::new(model_ports, Patience::default(), BreakerRule::default())),
            standings: Arc::default(),
            telemetry: Arc::new(Unwatched),
        };
        let runner = runner("bench");
        let tokens: Arc<dyn Tokens> = Arc::new(Hs256Tokens::new(SECRET, None, None)?);
        let services = Services::new(&ports, tokens.clone(), &runner);
        let kernel = Arc::new(Kernel::new(ports.clone(), runner, Settings::default()));
        let principal = services.access.enter(USER, None).await?;
        let context = Context::of(principal);
        Ok(Self { url, database, ports, services, kernel, context, tokens })
    }

    /// The whole interface, to be asked in process.
    pub(crate) fn http(&self) -> BoxEndpoint<'static, Response> {
        app(self.services.clone(), ApiSettings::new(self.ports.ids.clone()))
    }

    /// A token for an hour.
    pub(crate) fn token(&self) -> anyhow::Result<String> {
        let claims = Claims { subject: USER.to_owned(), workspace: None };
        Ok(self.tokens.mint(&claims, Duration::from_secs(3600), self.ports.clock.now())?)
    }

    pub(crate) async fn import(&self, plan: &str) -> anyhow::Result<GoalId> {
        let request = ImportRequest { content: plan.to_owned(), ..ImportRequest::default() };
        let imported = self.services.planning.import(&self.context, request).await?;
        imported.goal_id.context("an import makes a goal")
    }

    /// A database with the same schema and nothing in it, on one plain connection.
    pub(crate) async fn open_schema(place: &Place) -> anyhow::Result<DatabaseConnection> {
        let url = place.fresh().await?;
        let settings = DatabaseSettings {
            url: url.clone(),
            pool: 2,
            pool_overflow: 0,
            migrate: true,
            audit_keys: SealKey::from_secret(SEALED_WITH).into(),
            audit_anchors: None,
        };
        Database::open(&settings, Arc::new(SystemClock)).await?.close().await;
        plain::connect(&url, 1).await
    }

    pub(crate) async fn close(self) {
        self.database.close().await;
    }
}

/// A plan of so many phases, each of so many tasks that may be done at the same time.
pub(crate) fn plan(phases: u32, tasks: u32) -> String {
    plan_of("time.now", phases, tasks)
}

/// The same with another call in each task.
pub(crate) fn plan_of(call: &str, phases: u32, tasks: u32) -> String {
    let mut plan = String::from("# A plan to measure with\n");
    for phase in 1..=phases {
        let _ = write!(plan, "\n## Phase {phase}: Step {phase}\n\n");
        for task in 1..=tasks {
            let number = (phase - 1) * tasks + task;
            let _ = write!(plan, "- [ ] T{number:03} [P] Tell the time, call {number}\n  use: {call}\n");
        }
    }
    plan
}
