//! A caller with a token.

use goalwright_api::{ApiSettings, app};
use goalwright_testkit::{Backend, TestApp};
use poem::Response;
use poem::endpoint::BoxEndpoint;
use poem::http::Method;
use poem::test::TestClient;
use serde_json::Value;

pub(crate) struct Client {
    pub(crate) app: TestApp,
    http: TestClient<BoxEndpoint<'static, Response>>,
}

/// An answer, taken apart.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
    pub(crate) text: String,
    pub(crate) headers: poem::http::HeaderMap,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// A problem document with this status and code.
    pub(crate) fn is_problem(&self, status: u16, code: &str) {
        assert_eq!((self.status, self.body["code"].as_str()), (status, Some(code)), "{}", self.text);
        assert_eq!(self.header("content-type"), "application/problem+json");
        for field in ["type", "title", "status", "detail", "code", "trace_id"] {
            assert!(!self.body[field].is_null(), "{field} is missing in {}", self.text);
        }
    }
}

impl Client {
    pub(crate) async fn start(backend: Backend) -> Option<Self> {
        Self::start_with(backend, |_| {}).await
    }

    pub(crate) async fn start_with(backend: Backend, set: impl FnOnce(&mut ApiSettings)) -> Option<Self> {
        let app_under_test = TestApp::start(backend).await?;
        let mut settings = ApiSettings::new(app_under_test.ports.ids.clone());
        set(&mut settings);
        let http = TestClient::new(app(app_under_test.services.clone(), settings));
        Some(Self { app: app_under_test, http })
    }

    pub(crate) async fn send(
        &self,
        user: Option<&str>,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Answer {
        let token = user.map(|user| format!("Bearer {}", self.app.token(user)));
        let body = body.map(|body| ("application/json".to_owned(), body.to_string().into_bytes()));
        self.send_raw(token.as_deref(), method, path, body, &[]).await
    }

    pub(crate) async fn send_raw(
        &self,
        authorization: Option<&str>,
        method: &str,
        path: &str,
        body: Option<(String, Vec<u8>)>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let method: Method = method.parse().expect("a method");
        let mut request = self.http.request(method, path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(authorization) = authorization {
            request = request.header("authorization", authorization);
        }
        if let Some((kind, body)) = body {
            request = request.content_type(kind).body(body);
        }
        let response = request.send().await.0;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.into_body().into_string().await.unwrap_or_default();
        Answer { status, body: serde_json::from_str(&text).unwrap_or(Value::Null), text, headers }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Some("ada"), "GET", path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Some("ada"), "POST", path, Some(&body)).await
    }
    /// The tasks of a goal, oldest first.
    pub(crate) async fn tasks(&self, goal: &str) -> Vec<Value> {
        let list = self.get(&format!("/v1/tasks?goal_id={goal}&limit=200")).await.body;
        let mut items = list["items"].as_array().expect("a list").clone();
        items.reverse();
        items
    }

    /// The one with this key.
    pub(crate) async fn task(&self, goal: &str, key: &str) -> Value {
        let found = self.tasks(goal).await.into_iter().find(|task| task["key"] == key);
        found.unwrap_or_else(|| panic!("there is no task {key}"))
    }
}
