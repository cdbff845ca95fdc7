//! Where every request comes in and every answer goes out: its trace, its span in the log, the problem for whatever
//! went wrong, and the headers that every answer has.

use std::sync::Arc;

use goalwright_application::Error;
use goalwright_application::ports::Ids;
use goalwright_domain::Violation;
use poem::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use poem::http::{HeaderName, HeaderValue, Uri};
use poem::middleware::{CatchPanic, CatchPanicEndpoint};
use poem::{Endpoint, EndpointExt, IntoResponse, Request, Response};
use tracing::Instrument;
use tracing::field::Empty;

use crate::problem::Problem;
use crate::routes::{Entry, Routes};
use crate::trace::{TRACEPARENT, Trace};

/// Set unless the answer has its own.
const HEADERS: [(HeaderName, &str); 5] = [
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    (REFERRER_POLICY, "no-referrer"),
    (CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (CACHE_CONTROL, "no-store"),
];

type OnPanic = fn(Box<dyn std::any::Any + Send>) -> Problem;

/// Answers every request.
pub(crate) struct Entrance<E> {
    inner: CatchPanicEndpoint<E, OnPanic>,
    ids: Arc<dyn Ids>,
    routes: Routes,
}

impl<E: Endpoint> Entrance<E> {
    pub(crate) fn new(inner: E, ids: Arc<dyn Ids>, routes: Routes) -> Self {
        Self { inner: inner.with(CatchPanic::new().with_handler(panicked as OnPanic)), ids, routes }
    }

    async fn answer(&self, request: Request, route: Option<&Entry>) -> Response {
        if let Err(problem) = storable(request.uri()) {
            return problem.into_response();
        }
        let allowed = route.map(Entry::allowed);
        match self.inner.call(request).await {
            Ok(response) => response,
            Err(error) => Problem::of(error, allowed.as_deref()),
        }
    }
}

impl<E: Endpoint> Endpoint for Entrance<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let trace = Trace::of(request.headers(), &*self.ids);
        let route = self.routes.find(request.uri().path());
        let span = tracing::info_span!(
            "http.request",
            http.method = %request.method(),
            http.route = route.map(|route| route.path.as_str()),
            http.status = Empty,
            trace.id = %trace.id.simple(),
        );
        let mut response = trace.scope(self.answer(request, route)).instrument(span.clone()).await;
        span.record("http.status", response.status().as_u16());
        let headers = response.headers_mut();
        for (name, value) in HEADERS {
            headers.entry(name).or_insert(HeaderValue::from_static(value));
        }
        if let Ok(value) = HeaderValue::from_str(&trace.header()) {
            headers.insert(TRACEPARENT, value);
        }
        Ok(response)
    }
}

fn panicked(payload: Box<dyn std::any::Any + Send>) -> Problem {
    let said = payload.downcast_ref::<String>().map(String::as_str);
    let said = said.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("without a text");
    Problem::internal(&format!("panicked: {said}"))
}

/// No text with U+0000 can be stored, so none can be looked for.
fn storable(uri: &Uri) -> Result<(), Problem> {
    if uri.path().contains("%00") {
        return Err(Problem::no_such_path());
    }
    let bad = uri.query().unwrap_or_default().split('&').filter(|pair| pair.contains("%00"));
    let violations: Vec<Violation> = bad
        .map(|pair| {
            let name = pair.split('=').next().unwrap_or_default();
            Violation::new(name, "control_character", "contains the character U+0000; remove it")
        })
        .collect();
    if violations.is_empty() { Ok(()) } else { Err(Error::invalid(violations).into()) }
}

#[cfg(test)]
mod tests {
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
        TestClient::new(Entrance::new(route, Arc::new(Fixed), Routes::default().and("/livez")))
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
