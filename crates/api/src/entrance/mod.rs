//! Where every request comes in and every answer goes out: its trace, its span in the log, the problem for whatever
//! went wrong, and the headers that every answer has.

mod conditional;
mod cors;
mod limits;
mod told;

use std::sync::Arc;
use std::time::Instant;

use goalwright_application::idempotency::Idempotency;
use goalwright_application::ports::{Happening, Ids, Telemetry};
use poem::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use poem::http::{HeaderMap, HeaderName, HeaderValue};
use poem::middleware::{CatchPanic, CatchPanicEndpoint};
use poem::{Endpoint, EndpointExt, IntoResponse, Request, Response};
use tracing::Instrument;

use crate::problem::Problem;
use crate::replay::FirstTime;
use crate::routes::{Entry, Routes};
use crate::trace::{TRACEPARENT, Trace};

pub(crate) use cors::Cors;

/// Set unless the answer has its own.
const HEADERS: [(HeaderName, &str); 5] = [
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    (REFERRER_POLICY, "no-referrer"),
    (CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (CACHE_CONTROL, "no-store"),
];

/// By which callers and logs name one request.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

type OnPanic = fn(Box<dyn std::any::Any + Send>) -> Problem;

/// Answers every request.
pub(crate) struct Entrance<E> {
    inner: CatchPanicEndpoint<E, OnPanic>,
    ids: Arc<dyn Ids>,
    routes: Routes,
    telemetry: Arc<dyn Telemetry>,
    cors: Cors,
    idempotency: Option<Arc<Idempotency>>,
}

impl<E: Endpoint> Entrance<E> {
    pub(crate) fn new(inner: E, ids: Arc<dyn Ids>, routes: Routes, telemetry: Arc<dyn Telemetry>) -> Self {
        let inner = inner.with(CatchPanic::new().with_handler(panicked as OnPanic));
        Self { inner, ids, routes, telemetry, cors: Cors::default(), idempotency: None }
    }

    /// For pages of these origins, and with a memory for requests that are repeated.
    pub(crate) fn with(self, cors: Cors, idempotency: Arc<Idempotency>) -> Self {
        Self { cors, idempotency: Some(idempotency), ..self }
    }

    async fn answer(&self, mut request: Request, route: Option<&Entry>) -> Response {
        if let Err(problem) = limits::check(&request, route) {
            return problem.into_response();
        }
        let allowed = route.map(Entry::allowed);
        let known = conditional::known(&request);
        let first = FirstTime::default();
        request.set_data(first.clone());
        let response = match self.inner.call(request).await {
            Ok(response) => response,
            Err(error) => Problem::of(error, allowed.as_deref()),
        };
        let response = match &self.idempotency {
            Some(idempotency) => first.conclude(response, idempotency).await,
            None => response,
        };
        conditional::spare(response, &known)
    }

    /// The answer with the headers that let a page of another origin have it.
    async fn answer_page(&self, request: Request, route: Option<&Entry>) -> Response {
        let origin = self.cors.admitted(request.headers());
        let asked =
            origin.as_ref().zip(route).and_then(|(origin, route)| Cors::preflight(&request, origin, route));
        if let Some(answer) = asked {
            return answer;
        }
        let mut response = self.answer(request, route).await;
        match origin {
            Some(origin) => Cors::allow(response.headers_mut(), origin),
            None if self.cors.is_open() => {
                response.headers_mut().append(VARY, HeaderValue::from_static("origin"));
            }
            None => {}
        }
        response
    }
}

impl<E: Endpoint> Endpoint for Entrance<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let begun = Instant::now();
        let trace = Trace::of(request.headers(), &*self.ids, &*self.telemetry);
        let route = self.routes.find(request.uri().path());
        let method = told::method(request.method());
        let span = told::span(&request, method, route, &trace, self.telemetry.follows_traces());
        let request_id = request_id(request.headers(), &trace);
        let mut response = trace.scope(self.answer_page(request, route)).instrument(span.clone()).await;
        let status = response.status().as_u16();
        span.record("http.response.status_code", status);
        let route = route.map(|route| route.path.as_str());
        self.telemetry.tell(Happening::Answered { method, route, status, took: begun.elapsed() });
        let headers = response.headers_mut();
        for (name, value) in HEADERS {
            headers.entry(name).or_insert(HeaderValue::from_static(value));
        }
        if let Ok(value) = HeaderValue::from_str(&trace.header()) {
            headers.insert(TRACEPARENT, value);
        }
        span.record("request.id", request_id.to_str().unwrap_or_default());
        headers.insert(REQUEST_ID, request_id);
        Ok(response)
    }
}

/// Under which a caller finds its request again: the id it brought, if that is a short word, else the trace.
fn request_id(headers: &HeaderMap, trace: &Trace) -> HeaderValue {
    let sound = |id: &&HeaderValue| {
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:/+=".contains(byte);
        (1..=128).contains(&id.len()) && id.as_bytes().iter().all(plain)
    };
    let own = || HeaderValue::from_str(&trace.id.simple().to_string());
    match headers.get(REQUEST_ID).filter(sound) {
        Some(given) => given.clone(),
        None => own().unwrap_or_else(|_| HeaderValue::from_static("")),
    }
}

fn panicked(payload: Box<dyn std::any::Any + Send>) -> Problem {
    let said = payload.downcast_ref::<String>().map(String::as_str);
    let said = said.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("without a text");
    Problem::internal(&format!("panicked: {said}"))
}

#[cfg(test)]
mod tests {
    use goalwright_application::ports::Unwatched;
    use poem::endpoint::make_sync;
    use poem::test::TestClient;
    use poem::{Route, get, post};
    use serde_json::Value;
    use uuid::Uuid;

    use super::*;

    struct Fixed;
    impl Ids for Fixed {
        fn ordered(&self) -> Uuid {
            Uuid::from_u128(1)
        }
        fn random(&self) -> Uuid {
            Uuid::from_u128(0x1234_5678_9abc_4def_8123_4567_89ab_cdef)
        }
        fn chance(&self) -> f64 {
            0.5
        }
    }

    fn client() -> TestClient<impl Endpoint> {
        let boom = make_sync(|_| -> Response { panic!("a secret") });
        let route = Route::new().at("/livez", get(make_sync(|_| "fine"))).at("/boom", post(boom));
        TestClient::new(Entrance::new(
            route,
            Arc::new(Fixed),
            Routes::default().and("/livez"),
            Arc::new(Unwatched),
        ))
    }

    async fn problem(response: poem::test::TestResponse) -> (u16, Value) {
        let status = response.0.status().as_u16();
        let text = response.0.into_body().into_string().await.expect("text");
        (status, serde_json::from_str(&text).expect("JSON"))
    }

    #[tokio::test]
    async fn every_answer_has_its_trace_and_its_headers() {
        let response = client().get("/livez").send().await;
        response.assert_header("traceparent", "00-123456789abc4def8123456789abcdef-8123456789abcdef-01");
        response.assert_header("x-content-type-options", "nosniff");
        response.assert_header("cache-control", "no-store");
        let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
        let response = client().get("/nowhere").header("traceparent", parent).send().await;
        response.assert_header("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-8123456789abcdef-00");
        let (status, body) = problem(response).await;
        assert_eq!((status, body["code"].as_str()), (404, Some("not_found")));
        assert_eq!(body["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
    }

    #[tokio::test]
    async fn what_the_framework_refuses_is_a_problem_too() {
        let response = client().delete("/livez").send().await;
        response.assert_header("allow", "GET, HEAD");
        assert_eq!(problem(response).await.1["code"], "method_not_allowed");
        let (status, body) = problem(client().post("/boom").send().await).await;
        assert_eq!((status, body["code"].as_str()), (500, Some("internal")));
        assert!(!body.to_string().contains("secret"));
        let (status, body) = problem(client().get("/livez?task_slug=a%00").send().await).await;
        assert_eq!((status, body["errors"][0]["path"].as_str()), (422, Some("task_slug")));
        assert_eq!(problem(client().get("/livez/%00").send().await).await.0, 404);
    }
}
