//! `goalwright serve`.

use std::io;
use std::net::TcpListener;

use clap::{Args, ValueEnum};
use goalwright_api::ApiSettings;
use goalwright_domain::goal::DEFAULT_QUEUE;
use poem::Server;
use poem::listener::TcpAcceptor;
use tokio_util::sync::CancellationToken;

use super::remark;
use crate::compose::{self, App};
use crate::config::{Config, LogFormat};
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
    pub(super) async fn execute(self, config: &Config) -> Result<Exit, Failure> {
        logging::start(config, LOGGED, indicatif::MultiProgress::new())?;
        let has = |role| self.roles.contains(&role);
        // The port first: whether it is free does not depend on the database.
        let listener = match has(Role::Api) {
            true => Some(listen(self.bind.as_deref().unwrap_or(&config.bind))?),
            false => None,
        };
        let app = App::open(config, if has(Role::Worker) { "worker" } else { "api" }).await?;
        let mut interrupts = Interrupts::listen()?;
        announce(config, listener.as_ref(), &self.roles);

        let sequencer = has(Role::Scheduler).then(|| app.start_sequencer());
        let follower = has(Role::Scheduler).then(|| app.start_follower());
        let scheduler = has(Role::Scheduler).then(|| app.start_scheduler());
        let workers = has(Role::Worker).then(|| app.start_workers(config, DEFAULT_QUEUE));
        let result_files = if has(Role::Scheduler) { app.start_result_files(config) } else { None };
        let stopping = CancellationToken::new();
        let api = answer(&app, config, listener, stopping.clone());
        tokio::pin!(api);
        let (exit, failed) = tokio::select! {
            exit = interrupts.next() => (exit, None),
            ended = &mut api => (Exit::Failed, Some(ended)),
        };
        tracing::info!("ending: finishing what is under way; a second signal ends at once");
        stopping.cancel();
        let ended = interrupts
            .unless_insisted(async {
                let released = async {
                    if let Some(scheduler) = scheduler {
                        scheduler.stop().await;
                    }
                    if let Some(workers) = workers {
                        workers.stop(GRACE).await;
                    }
                };
                let answered = async {
                    match failed {
                        Some(ended) => ended,
                        None => api.await,
                    }
                };
                let ((), ended) = tokio::join!(released, answered);
                // Last, so that the events of what just finished have their positions too.
                if let Some(sequencer) = sequencer {
                    sequencer.stop().await;
                }
                if let Some(follower) = follower {
                    follower.stop().await;
                }
                if let Some(result_files) = result_files {
                    result_files.stop().await;
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
    stopping: CancellationToken,
) -> io::Result<()> {
    let Some(listener) = listener else {
        stopping.cancelled().await;
        return Ok(());
    };
    let settings = ApiSettings {
        rate_limit: config.rate_limit,
        cors_origins: config.cors_origins.clone(),
        ..ApiSettings::new(app.ports.ids.clone())
    };
    let endpoint = goalwright_api::app(app.services.clone(), settings);
    let acceptor = TcpAcceptor::from_std(listener)?;
    Server::new_with_acceptor(acceptor)
        .run_with_graceful_shutdown(endpoint, async move { stopping.cancelled().await }, Some(GRACE))
        .await
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

impl Role {
    const fn name(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Worker => "worker",
            Self::Scheduler => "scheduler",
        }
    }
}
