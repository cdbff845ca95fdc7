//! All wiring, on one screen: from settings to what the commands drive.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;

use goalwright_application::access::LOCAL_USER;
use goalwright_application::audit::{Pruner, Redactor};
use goalwright_application::execution::{Kernel, KernelPorts, Settings};
use goalwright_application::experiences::{Backfill, Experiences};
use goalwright_application::hooks::{self, Hooks};
use goalwright_application::models::{ModelCalls, ModelPorts};
use goalwright_application::ports::{FiguresPage, Results, Sequencer, Telemetry, Tokens, Unwatched};
use goalwright_application::retention::Retention;
use goalwright_application::{Error, Services};
use goalwright_domain::execution::RunId;
use goalwright_domain::experience::Runner;
use goalwright_domain::ledger::{KeyRing, SealKey};
use goalwright_domain::workspace::WorkspaceId;
use goalwright_infrastructure::auth::{Hs256Tokens, SECRET_FILE};
use goalwright_infrastructure::hooks::HooksLoop;
use goalwright_infrastructure::keys::{self, AUDIT_ANCHORS_FILE, AUDIT_KEY_FILE, AUDIT_KEYS_FOLDER};
use goalwright_infrastructure::llm::ModelEndpoints;
use goalwright_infrastructure::outbound::Outbound;
use goalwright_infrastructure::persistence::{Database, DatabaseSettings, OpenError};
use goalwright_infrastructure::results::{ResultFiles, ResultFilesLoop, ResultFolders};
use goalwright_infrastructure::retention::RetentionLoop;
use goalwright_infrastructure::scheduler::SchedulerLoop;
use goalwright_infrastructure::selection::SelectionLoop;
use goalwright_infrastructure::telemetry::{Observer, Page};
use goalwright_infrastructure::tools::BuiltinTools;
use goalwright_infrastructure::worker::{SequencerLoop, Workers};
use goalwright_infrastructure::{
    ArtifactFiles, Folders, FollowerLoop, LocalSignals, SystemClock, SystemIds, runner,
};

use crate::config::{Config, Secret};
use crate::failure::{Exit, Failure};

/// The file in the data directory that holds the secret for tokens, where the settings give none.
pub const KEY_FILE: &str = goalwright_infrastructure::auth::SECRET_FILE;

/// The product over one database, wired.
pub struct App {
    /// What the api and the command line drive.
    pub services: Services,
    /// What services and kernel stand on.
    pub ports: KernelPorts,
    /// How this process names itself in the record.
    pub runner: Runner,
    sequencer: Arc<dyn Sequencer>,
    database: Arc<Database>,
}

impl App {
    /// Opens the database, brings it up to date unless that is switched off, and wires everything over it. `name`
    /// says in which role this process appears in the record: `run`, `worker`, `api`,
    /// `cli`.
    ///
    /// # Errors
    /// What keeps it from opening, with what to do.
    pub async fn open(config: &Config, name: &str) -> Result<Self, Failure> {
        Self::open_watched(config, name, Arc::new(Unwatched)).await
    }

    /// As [`App::open`]; who watches is told of what happens.
    ///
    /// # Errors
    /// As [`App::open`].
    pub async fn open_watched(
        config: &Config,
        name: &str,
        telemetry: Arc<dyn Telemetry>,
    ) -> Result<Self, Failure> {
        let tokens = tokens(config)?;
        let clock = Arc::new(SystemClock);
        let database = Database::open_watched(&database_settings(config)?, clock.clone(), telemetry.clone())
            .await
            .map_err(not_opened)?;
        let (transactions, queries, ids) = (database.transactions(), database.queries(), Arc::new(SystemIds));
        let experiences = Experiences::new(transactions.clone(), queries.clone(), clock.clone(), ids.clone());
        let outbound = Outbound::new(config.outbound_allow.clone());
        let tools = BuiltinTools::over(outbound, Arc::new(experiences));
        let model_ports = ModelPorts {
            models: Arc::new(ModelEndpoints::new(config.models.endpoints.clone(), clock.clone())),
            clock: clock.clone(),
            timer: clock.clone(),
            ids: ids.clone(),
            telemetry: telemetry.clone(),
        };
        let ports = KernelPorts {
            transactions,
            queries,
            tools: Arc::new(if config.shell { tools.with_shell() } else { tools }),
            sandboxes: Arc::new(Folders::new(config.data_dir.clone())),
            clock,
            ids,
            signals: LocalSignals::new(),
            ledger: database.ledger(),
            artifacts: Arc::new(ArtifactFiles::new(config.data_dir.clone())),
            models: Arc::new(model_calls(config, model_ports)),
            standings: Arc::default(),
            telemetry,
        };
        let runner = runner(name);
        let services = Services::new(&ports, tokens, &runner);
        Ok(Self { services, ports, sequencer: database.sequencer(), runner, database })
    }

    /// Where a model is configured, workspaces that have no agent for it get one. Where that fails, people go on doing what a
    /// model would.
    pub async fn equip(&self) {
        if let Err(error) = self.services.agents.equip().await {
            tracing::warn!(error = %error, cause = ?std::error::Error::source(&error), "workspaces could not be given an agent that is a model");
        }
    }

    /// Workers that claim from `queue`, until they are stopped.
    pub fn start_workers(&self, config: &Config, queue: &str) -> Workers {
        let settings = Settings { queue: queue.to_owned(), lease: config.lease, ..Settings::default() };
        let kernel = Arc::new(Kernel::new(self.ports.clone(), self.runner.clone(), settings));
        Workers::start(kernel, self.ports.signals.clone(), config.worker_concurrency)
    }

    /// A worker that claims this run and no other, whatever its queue, until it is stopped.
    pub fn start_worker_for(&self, config: &Config, run: RunId) -> Workers {
        let settings = Settings { only: Some(run), lease: config.lease, ..Settings::default() };
        let kernel = Arc::new(Kernel::new(self.ports.clone(), self.runner.clone(), settings));
        Workers::start(kernel, self.ports.signals.clone(), 1)
    }

    /// The loop that gives events their positions, until it is stopped.
    pub fn start_sequencer(&self) -> SequencerLoop {
        SequencerLoop::start(self.sequencer.clone(), self.ports.ledger.clone(), self.ports.signals.clone())
    }

    /// The loop that reads what was experienced, until it is stopped.
    pub fn start_follower(&self) -> FollowerLoop {
        FollowerLoop::start(self.services.experiences.clone(), self.ports.signals.clone())
    }

    /// The loop that fires what is due by its schedule, until it is stopped.
    pub fn start_scheduler(&self) -> SchedulerLoop {
        SchedulerLoop::start(self.services.schedules.clone())
    }

    /// The loop that runs what follows executions, until it is stopped.
    pub fn start_hooks(&self, config: &Config) -> HooksLoop {
        HooksLoop::start(self.hooks(&config.hooks), self.ports.signals.clone())
    }

    /// What follows executions, by these names.
    pub fn hooks(&self, names: &[String]) -> Hooks {
        Hooks::new(&self.ports, hooks::registered(names, &self.ports))
    }

    /// The loop that counts open work and, if it is to, finds somebody for what nobody has, until it is stopped.
    pub fn start_selection(&self, placing: bool) -> SelectionLoop {
        SelectionLoop::start(self.services.selection.clone(), placing)
    }

    /// The loop that writes result files, until it is stopped; none where the settings switch it off.
    pub fn start_result_files(&self, config: &Config) -> Option<ResultFilesLoop> {
        let files = || ResultFiles::new(self.database.clone(), config.data_dir.clone());
        config.result_files.then(|| ResultFilesLoop::start(Arc::new(files())))
    }

    /// The page of figures.
    pub fn figures(&self, observer: Arc<Observer>) -> Arc<dyn FiguresPage> {
        Arc::new(Page::new(observer, self.database.clone()))
    }

    /// Whether the database has this workspace.
    ///
    /// # Errors
    /// What storage says.
    pub async fn has_workspace(&self, workspace: WorkspaceId) -> Result<bool, Error> {
        self.database.has_workspace(workspace).await
    }

    /// What takes over results that were recorded elsewhere.
    pub fn backfill(&self) -> Backfill {
        Backfill::new(self.ports.transactions.clone(), self.ports.queries.clone())
    }

    /// What takes personal data out of the record.
    pub fn redactor(&self, config: &Config) -> Redactor {
        Redactor::new(&self.ports, Arc::new(ResultFolders::new(config.data_dir.clone())))
    }

    /// What lets go of what was kept long enough.
    pub fn pruner(&self, config: &Config) -> Pruner {
        Pruner::new(&self.ports, Arc::new(self.result_folders(config)), config.hooks.clone())
    }

    fn result_folders(&self, config: &Config) -> ResultFolders {
        ResultFolders::new(config.data_dir.clone()).written(config.result_files)
    }

    /// The loop that prunes workspaces that do not keep everything, until it is stopped.
    pub fn start_retention(&self, config: &Config) -> RetentionLoop {
        let (queries, clock) = (self.ports.queries.clone(), self.ports.clock.clone());
        RetentionLoop::start(Arc::new(Retention::new(queries, self.pruner(config), clock)))
    }

    /// Writes the result files of a workspace that has any, up to the end of its ledger.
    ///
    /// # Errors
    /// If they cannot be written.
    pub async fn write_result_files(&self, config: &Config, workspace: WorkspaceId) -> Result<(), Failure> {
        let unwritten = |error: String| {
            Failure::new(Exit::Failed, error)
                .with_help("make the data directory writable, or set GOALWRIGHT_RESULT_FILES=off")
        };
        let reached = self.result_folders(config).reached(workspace).await;
        if reached.map_err(|error| unwritten(error.to_string()))?.is_some() {
            let files = ResultFiles::new(self.database.clone(), config.data_dir.clone());
            files.write().await.map_err(|error| unwritten(error.to_string()))?;
        }
        Ok(())
    }

    /// The workspace that was named, if the database has it; else that of the local user.
    ///
    /// # Errors
    /// If there is no such workspace; what storage says.
    pub async fn workspace_or_local(&self, named: Option<WorkspaceId>) -> Result<WorkspaceId, Failure> {
        match named {
            Some(workspace) if self.has_workspace(workspace).await? => Ok(workspace),
            Some(workspace) => {
                let help =
                    "name one that the database has, or leave --workspace out for that of the local user";
                Err(Failure::usage(format!("there is no workspace {workspace}"), help))
            }
            None => Ok(self.services.access.enter(LOCAL_USER, None).await?.workspace_id),
        }
    }

    /// Gives every event that is committed by now its position.
    ///
    /// # Errors
    /// What storage says.
    pub async fn sequence(&self) -> Result<(), Error> {
        while self.sequencer.sequence().await? > 0 {}
        Ok(())
    }

    /// Closes the database.
    pub async fn close(&self) {
        self.database.close().await;
    }
}

/// Calls of models, as the settings want them.
fn model_calls(config: &Config, ports: ModelPorts) -> ModelCalls {
    let settings = &config.models;
    ModelCalls::new(ports, settings.patience, settings.breaker).with_prices(settings.prices.clone())
}

/// Who watches a process: figures if they are wanted, spans if the settings name a collector.
///
/// # Errors
/// If the collector is none.
pub fn observer(config: &Config, figures: bool) -> Result<Arc<Observer>, Failure> {
    Observer::start(figures, config.collector.as_ref(), Arc::new(SystemClock)).map_err(|error| {
        let help = "set OTEL_EXPORTER_OTLP_ENDPOINT to the URL of a collector, such as http://localhost:4318, or unset it";
        Failure::usage(error.to_string(), help)
    })
}

/// What mints and verifies tokens: with the secret of the settings, else with the one in the data directory, which is
/// made if there is none.
///
/// # Errors
/// If the secret can be neither read nor made.
pub fn tokens(config: &Config) -> Result<Arc<dyn Tokens>, Failure> {
    let folder = data_dir(config)?;
    let secret = secret(config, config.jwt_secret.as_ref(), SECRET_FILE, "GOALWRIGHT_JWT_SECRET")?;
    let tokens = Hs256Tokens::new(&secret, config.jwt_issuer.clone(), config.jwt_audience.clone());
    let tokens = tokens.map_err(|error| {
        let help = format!(
            "remove the key in {} so that a new one is made, or set GOALWRIGHT_JWT_SECRET",
            folder.display()
        );
        Failure::usage(error.to_string(), help)
    })?;
    Ok(Arc::new(tokens))
}

/// What the settings give, else what the file of this name in the data directory holds, which is made if there is none.
fn secret(
    config: &Config,
    given: Option<&Secret>,
    file: &str,
    variable: &'static str,
) -> Result<Vec<u8>, Failure> {
    if let Some(secret) = given {
        return Ok(secret.expose().as_bytes().to_vec());
    }
    let folder = data_dir(config)?;
    keys::load_or_create(folder, file).map_err(|error| {
        Failure::usage(
            format!("the file `{file}` in {} can be neither read nor made: {error}", folder.display()),
            format!("make the folder's files readable for this user, or set {variable}"),
        )
    })
}

/// The data directory, made for this user alone if there is none.
fn data_dir(config: &Config) -> Result<&Path, Failure> {
    let folder = config.data_dir.as_path();
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|error| {
        Failure::usage(
            format!("the data directory {} cannot be made: {error}", folder.display()),
            "set GOALWRIGHT_DATA_DIR to a folder that may be written",
        )
    })?;
    Ok(folder)
}

/// Where the database is and how to open it, with the key of its ledger.
///
/// # Errors
/// If the key can be neither read nor made.
pub fn database_settings(config: &Config) -> Result<DatabaseSettings, Failure> {
    let key = audit_secret(config)?;
    Ok(DatabaseSettings {
        url: config.database_url.expose().to_owned(),
        pool: config.db_pool,
        pool_overflow: config.db_pool_overflow,
        migrate: config.migrate,
        audit_keys: KeyRing::new(SealKey::from_secret(&key), retired_keys(config)?),
        audit_anchors: Some(config.data_dir.join(AUDIT_ANCHORS_FILE)),
    })
}

/// The secret that the ledger's key is made of, where the settings or the data directory have one; else a new one.
///
/// # Errors
/// If it can be neither read nor made.
pub(crate) fn audit_secret(config: &Config) -> Result<Vec<u8>, Failure> {
    secret(config, config.audit_key.as_ref(), AUDIT_KEY_FILE, "GOALWRIGHT_AUDIT_KEY")
}

/// The keys that the ledger was sealed with before.
fn retired_keys(config: &Config) -> Result<Vec<SealKey>, Failure> {
    let folder = config.data_dir.join(AUDIT_KEYS_FOLDER);
    let secrets = keys::all_in(&folder).map_err(|error| {
        Failure::usage(
            format!("the keys in {} cannot be read: {error}", folder.display()),
            "make the folder and its files readable for this user",
        )
    })?;
    Ok(secrets.iter().map(|secret| SealKey::from_secret(secret)).collect())
}

/// A database that does not open, in words and with what to do.
pub(crate) fn not_opened(error: OpenError) -> Failure {
    Failure::new(Exit::Failed, error.to_string()).with_help(error.help())
}
