//! HTTP as a translation: requests become calls of use cases, read models become documents, errors become problems.
//! Nothing is decided here.
//!
//! # How to add an operation
//!
//! 1. Write its bodies in `<noun>/bodies.rs`: one derived `Object` per document, own types, converted by hand.
//!    Values that may be null are `Nullable`, enumerated ones `Word`, times
//!    `Moment`. A body that is read denies unknown fields.
//! 2. Write a method in an `#[OpenApi]` block of `<noun>/`: the first argument is the `Caller`, which
//!    makes the operation need credentials and names the scope that an API key needs, as in `Caller<Read>`; a body is a `Body`, which is checked against its own schema,
//!    so that every violation is reported at once. The first line of its doc comment is the summary, the rest the
//!    description. It gives one of the answers of `answer`, or a `Problem` by `?`.
//! 3. Add a new block to `Operations` and to `operations` below. Which problems the operation documents follows from
//!    its shape (`document`).
//! 4. A new code gets a row in `problem` and a page `docs/problems/<code>.md`; then run `cargo xtask openapi`.
//!
//! Every answer passes through `entrance`: there a request gets its trace, and whatever went wrong its problem.

mod agents;
mod analytics;
mod answer;
mod api_keys;
mod artifacts;
mod auth;
mod body;
mod changes;
mod docs_page;
mod document;
mod entrance;
mod events;
mod executions;
mod experiences;
mod figures;
mod goals;
mod health;
mod models;
mod nullable;
mod page;
mod problem;
mod rate;
mod replay;
mod routes;
mod schema;
mod tag;
mod tasks;
mod trace;
mod values;
mod workspaces;

use std::num::NonZeroU32;
use std::sync::Arc;

use goalwright_application::Services;
use goalwright_application::ports::{Ids, Telemetry, Unwatched};
use poem::endpoint::BoxEndpoint;
use poem::{EndpointExt, Response, Route, get};
use poem_openapi::OpenApiService;

pub use figures::{Figures, FiguresFor};

/// What the interface needs besides the services.
#[derive(Clone)]
pub struct ApiSettings {
    /// Draws the trace of a request that brings none.
    pub ids: Arc<dyn Ids>,
    /// Requests per second that one caller may send; none for any number.
    pub rate_limit: Option<NonZeroU32>,
    /// The origins whose pages may call, such as `https://app.example`; `*` stands for every one.
    pub cors_origins: Vec<String>,
    /// Is told of every answer, and decides which traces are recorded.
    pub telemetry: Arc<dyn Telemetry>,
    /// What `GET /metrics` shows; none where there is no such page.
    pub figures: Option<Figures>,
}

impl ApiSettings {
    /// Without a limit of requests, for no pages of other origins, and watched by nobody.
    pub fn new(ids: Arc<dyn Ids>) -> Self {
        let telemetry = Arc::new(Unwatched);
        Self { ids, rate_limit: None, cors_origins: Vec::new(), telemetry, figures: None }
    }
}

/// Every operation of the interface, by noun.
type Operations = (
    health::Health,
    (
        goals::Goals,
        goals::Edit,
        goals::Import,
        goals::Export,
        goals::Decompose,
        goals::Decompositions,
        goals::Progress,
    ),
    (
        tasks::Tasks,
        tasks::Edit,
        tasks::Expand,
        tasks::Decide,
        tasks::Run,
        tasks::Claim,
        tasks::Complete,
        tasks::Fail,
        tasks::Recover,
        tasks::Schedule,
    ),
    (agents::Agents, agents::Edit, api_keys::ApiKeys),
    (experiences::Experiences, experiences::Add, experiences::Lineages),
    (artifacts::Artifacts, executions::Executions, executions::Traces, analytics::Analytics),
    (events::Events, workspaces::Settings, models::Models),
);

fn operations(services: &Services) -> Operations {
    let own = || services.clone();
    (
        health::Health(own()),
        (
            goals::Goals(own()),
            goals::Edit(own()),
            goals::Import(own()),
            goals::Export(own()),
            goals::Decompose(own()),
            goals::Decompositions(own()),
            goals::Progress(own()),
        ),
        (
            tasks::Tasks(own()),
            tasks::Edit(own()),
            tasks::Expand(own()),
            tasks::Decide(own()),
            tasks::Run(own()),
            tasks::Claim(own()),
            tasks::Complete(own()),
            tasks::Fail(own()),
            tasks::Recover(own()),
            tasks::Schedule(own()),
        ),
        (agents::Agents(own()), agents::Edit(own()), api_keys::ApiKeys(own())),
        (experiences::Experiences(own()), experiences::Add(own()), experiences::Lineages(own())),
        (
            artifacts::Artifacts(own()),
            executions::Executions(own()),
            executions::Traces(own()),
            analytics::Analytics(own()),
        ),
        (events::Events(own()), workspaces::Settings(own()), models::Models(own())),
    )
}

/// The whole interface, to be served or to be driven in process. It answers every request, also with a problem.
pub fn app(services: Services, settings: ApiSettings) -> BoxEndpoint<'static, Response> {
    let service = OpenApiService::new(operations(&services), document::TITLE, document::VERSION);
    let mut routes =
        routes::Routes::of::<Operations>().and("/openapi.json").and("/docs").and("/docs/{asset}");
    let mut route = Route::new();
    if let Some(figures) = settings.figures {
        routes = routes.and(figures::PATH);
        route = route.at(figures::PATH, get(figures));
    }
    let route = route
        .at("/openapi.json", document::endpoint())
        .at("/docs", docs_page::page())
        .at("/docs/:asset", docs_page::assets())
        .nest_no_strip("/", service)
        .data(services.access)
        .data(services.idempotency.clone())
        .data(rate::Rate::new(settings.rate_limit));
    let entrance = entrance::Entrance::new(route, settings.ids, routes, settings.telemetry);
    entrance.with(entrance::Cors::new(settings.cors_origins), services.idempotency).boxed()
}

/// The OpenAPI document of [`app`] as JSON, with sorted keys and a newline at its end: the same text each time.
pub fn openapi_document() -> String {
    document::text()
}
