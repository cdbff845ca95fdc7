//! `goalwright serve`.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use goalwright_api::{ApiSettings, Figures, FiguresFor};
use goalwright_domain::goal::DEFAULT_QUEUE;
use goalwright_infrastructure::FollowerLoop;
use goalwright_infrastructure::hooks::HooksLoop;
use goalwright_infrastructure::results::ResultFilesLoop;
use goalwright_infrastructure::retention::RetentionLoop;
use goalwright_infrastructure::scheduler::SchedulerLoop;
use goalwright_infrastructure::selection::SelectionLoop;
use goalwright_infrastructure::telemetry::{Observer, UpkeepLoop};
use goalwright_infrastructure::worker::{SequencerLoop, Workers};
use poem::Server;
use poem::listener::TcpAcceptor;
use tokio_util::sync::CancellationToken;

use super::remark;
use crate::compose::{self, App};
use crate::config::{Config, LogFormat, Metrics};
use crate::failure::{Exit, Failure};
use crate::lifecycle::{GRACE, Interrupts};
use crate::logging;

/// Serve the HTTP API, and work on what is asked for through it.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  goalwright serve --bind 127.0.0.1:8080 --roles api,worker,scheduler")]
pub(super) struct Serve {
    /// Where to listen, such as 127.0.0.1:8080; port 0 takes any free one
    #[arg(long, value_name = "HOST:PORT")]
    bind: Option<String>,
    /// What this process does
    #[arg(
        long,
        value_name = "ROLES",
        value_enum,
        value_delimiter = ',',
        default_value = "api,worker,scheduler"
    )]
    roles: Vec<Role>,
}

/// What is logged unless the settings say: poem tells of its start as well, in other words.
const LOGGED: &str = "info,poem::server=warn";

/// A part of the work; several processes over one database may share it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Role {
    /// Answers HTTP requests
    Api,
    /// Claims and performs tasks
    Worker,
    /// Runs what is due by its schedule, and keeps the ledger in order
    Scheduler,
}

impl Serve {
    /// Whether there is anybody to show figures to.
    pub(super) fn has_figures(&self, config: &Config) -> bool {
        self.roles.contains(&Role::Api) && config.metrics != Metrics::Off
    }

    pub(super) async fn execute(self, config: &Config, observer: Arc<Observer>) -> Result<Exit, Failure> {
        logging::start(config, LOGGED, indicatif::MultiProgress::new(), observer.layer())?;
        let has = |role| self.roles.contains(&role);
        // The port first: whether it is free does not depend on the database.
        let listener = match has(Role::Api) {
            true => Some(listen(self.bind.as_deref().unwrap_or(&config.bind))?),
            false => None,
        };
        let name = if has(Role::Worker) { "worker" } else { "api" };
        let app = App::open_watched(config, name, observer.clone()).await?;
        let mut interrupts = Interrupts::listen()?;
        if has(Role::Scheduler) {
            app.equip().await;
        }
        announce(config, listener.as_ref(), &self.roles);

        let loops = Loops::start(&app, config, &self.roles);
        let upkeep = self.has_figures(config).then(|| UpkeepLoop::start(observer.clone()));
        let stopping = CancellationToken::new();
        let api = answer(&app, config, listener, observer, stopping.clone());
        tokio::pin!(api);
        let (exit, failed) = tokio::select! {
            exit = interrupts.next() => (exit, None),
            ended = &mut api => (Exit::Failed, Some(ended)),
        };
        tracing::info!("ending: finishing what is under way; a second signal ends at once");
        stopping.cancel();
        let ended = interrupts
            .unless_insisted(async {
                let answered = async {
                    match failed {
                        Some(ended) => ended,
                        None => api.await,
                    }
                };
                let (last, ended) = tokio::join!(loops.release(), answered);
                last.end().await;
                if let Some(upkeep) = upkeep {
                    upkeep.stop().await;
                }
                ended
            })
            .await;
        match ended {
            // Asked to end, and ended in order: that is what success is for a server.
            Ok(Ok(())) if exit != Exit::Failed => {
                app.close().await;
                Ok(Exit::Success)
            }
            Ok(Ok(())) => Ok(exit),
            Ok(Err(error)) => Err(Failure::new(Exit::Failed, format!("the server broke down: {error}"))),
            Err(insisted) => Ok(insisted),
        }
    }
}

/// Answers requests until `stopping`; without a listener, only waits for that.
async fn answer(
    app: &App,
    config: &Config,
    listener: Option<TcpListener>,
    observer: Arc<Observer>,
    stopping: CancellationToken,
) -> io::Result<()> {
    let Some(listener) = listener else {
        stopping.cancelled().await;
        return Ok(());
    };
    let settings = ApiSettings {
        rate_limit: config.rate_limit,
        cors_origins: config.cors_origins.clone(),
        telemetry: observer.clone(),
        figures: figures(app, config, &listener, observer)?,
        ..ApiSettings::new(app.ports.ids.clone())
    };
    let endpoint = goalwright_api::app(app.services.clone(), settings);
    let acceptor = TcpAcceptor::from_std(listener)?;
    Server::new_with_acceptor(acceptor)
        .run_with_graceful_shutdown(endpoint, async move { stopping.cancelled().await }, Some(GRACE))
        .await
}

/// The page of figures, and who may read it without credentials.
fn figures(
    app: &App,
    config: &Config,
    listener: &TcpListener,
    observer: Arc<Observer>,
) -> io::Result<Option<Figures>> {
    let local = listener.local_addr()?.ip().to_canonical().is_loopback();
    let open_for = match config.metrics {
        Metrics::Off => return Ok(None),
        Metrics::Open => FiguresFor::Everybody,
        Metrics::Auto if local => FiguresFor::ThisMachine,
        Metrics::Auto | Metrics::Protected => FiguresFor::Nobody,
    };
    Ok(Some(Figures { page: app.figures(observer), open_for }))
}

fn listen(address: &str) -> Result<TcpListener, Failure> {
    let bound =
        TcpListener::bind(address).and_then(|listener| listener.set_nonblocking(true).map(|()| listener));
    bound.map_err(|error| {
        let (reason, help) = match error.kind() {
            io::ErrorKind::AddrInUse => {
                ("already in use".to_owned(), "name another address with --bind, or port 0 for any free one")
            }
            io::ErrorKind::PermissionDenied => {
                ("not allowed for this user".to_owned(), "name a port above 1023 with --bind")
            }
            io::ErrorKind::AddrNotAvailable => (
                "this machine has no such address".to_owned(),
                "name an address of this machine with --bind, such as 127.0.0.1:8080",
            ),
            _ => (error.to_string(), "name host and port with --bind, such as 127.0.0.1:8080"),
        };
        let exit = if error.kind() == io::ErrorKind::InvalidInput { Exit::Usage } else { Exit::Failed };
        Failure::new(exit, format!("cannot listen on {address}: {reason}")).with_help(help)
    })
}

/// What was started, for whoever watches the terminal; said whatever the log filter is.
fn announce(config: &Config, listener: Option<&TcpListener>, roles: &[Role]) {
    let place = listener.and_then(|listener| listener.local_addr().ok());
    let place =
        place.map_or_else(|| "working".to_owned(), |address| format!("listening on http://{address}"));
    let names: Vec<&str> = roles.iter().map(|role| role.name()).collect();
    let (names, data) = (names.join(", "), config.data_dir.display());
    let mut lines =
        vec![format!("{place} (roles {names}; database {}; data in {data})", config.database_url)];
    if listener.is_some() && config.jwt_secret.is_none() {
        let key = config.data_dir.join(compose::KEY_FILE);
        lines.push(format!(
            "tokens are signed with the key in {}; `goalwright token` mints one",
            key.display()
        ));
    }
    for line in lines {
        match config.log_format {
            LogFormat::Text => remark(&line),
            LogFormat::Json => tracing::info!("{line}"),
        }
    }
}

/// What this process drives, as its roles want it.
struct Loops {
    scheduler: Option<SchedulerLoop>,
    selection: Option<SelectionLoop>,
    retention: Option<RetentionLoop>,
    workers: Option<Workers>,
    last: Last,
}

/// What reads and writes after everything else: the events of what just finished have their positions, too.
struct Last {
    sequencer: Option<SequencerLoop>,
    follower: Option<FollowerLoop>,
    hooks: Option<HooksLoop>,
    result_files: Option<ResultFilesLoop>,
}

impl Loops {
    fn start(app: &App, config: &Config, roles: &[Role]) -> Self {
        let (schedules, works) = (roles.contains(&Role::Scheduler), roles.contains(&Role::Worker));
        let last = Last {
            sequencer: schedules.then(|| app.start_sequencer()),
            follower: schedules.then(|| app.start_follower()),
            hooks: schedules.then(|| app.start_hooks(config)),
            result_files: if schedules { app.start_result_files(config) } else { None },
        };
        Self {
            scheduler: schedules.then(|| app.start_scheduler()),
            selection: (schedules || works).then(|| app.start_selection(schedules)),
            retention: schedules.then(|| app.start_retention(config)),
            workers: works.then(|| app.start_workers(config, DEFAULT_QUEUE)),
            last,
        }
    }

    /// Begins nothing any more, and gives back what is held.
    async fn release(self) -> Last {
        if let Some(scheduler) = self.scheduler {
            scheduler.stop().await;
        }
        if let Some(selection) = self.selection {
            selection.stop().await;
        }
        if let Some(retention) = self.retention {
            retention.stop().await;
        }
        if let Some(workers) = self.workers {
            workers.stop(GRACE).await;
        }
        self.last
    }
}

impl Last {
    async fn end(self) {
        if let Some(sequencer) = self.sequencer {
            sequencer.stop().await;
        }
        if let Some(follower) = self.follower {
            follower.stop().await;
        }
        if let Some(hooks) = self.hooks {
            hooks.stop().await;
        }
        if let Some(result_files) = self.result_files {
            result_files.stop().await;
        }
    }
}

impl Role {
    const fn name(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Worker => "worker",
            Self::Scheduler => "scheduler",
        }
    }
}
