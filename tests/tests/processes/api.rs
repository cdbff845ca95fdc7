//! A caller with a token.

use reqwest::blocking::{Client, RequestBuilder};
use serde_json::{Value, json};

pub(crate) struct Api {
    url: String,
    token: String,
    http: Client,
}

impl Api {
    pub(crate) fn new(url: &str, token: &str) -> Self {
        let http = Client::builder().no_proxy().build().expect("a client");
        Self { url: url.to_owned(), token: token.to_owned(), http }
    }

    /// The same server, called with another token.
    pub(crate) fn with_token(&self, token: &str) -> Self {
        Self::new(&self.url, token)
    }

    /// `127.0.0.1:port`.
    pub(crate) fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    /// Status and text, without credentials.
    pub(crate) fn plain(&self, path: &str) -> (u16, String) {
        let answer = self.http.get(format!("{}{path}", self.url)).send().expect("an answer");
        (answer.status().as_u16(), answer.text().unwrap_or_default())
    }

    /// As [`Api::plain`], with a header.
    pub(crate) fn plain_with(&self, path: &str, header: &str, value: &str) -> (u16, String) {
        let asked = self.http.get(format!("{}{path}", self.url)).header(header, value);
        let answer = asked.send().expect("an answer");
        (answer.status().as_u16(), answer.text().unwrap_or_default())
    }

    /// Status and text of what is no JSON.
    pub(crate) fn text(&self, path: &str) -> (u16, String) {
        let asked = self.http.get(format!("{}{path}", self.url)).bearer_auth(&self.token);
        let answer = asked.send().expect("an answer");
        (answer.status().as_u16(), answer.text().unwrap_or_default())
    }

    /// Posts with these headers: the `traceparent` of the answer, and its body.
    #[track_caller]
    pub(crate) fn ask(&self, path: &str, body: &Value, headers: &[(&str, &str)]) -> (String, Value) {
        let mut asked = self.http.post(format!("{}{path}", self.url)).bearer_auth(&self.token).json(body);
        for (name, value) in headers {
            asked = asked.header(*name, *value);
        }
        let answer = asked.send().expect("an answer");
        let trace = answer.headers().get("traceparent").and_then(|trace| trace.to_str().ok());
        let trace = trace.expect("every answer has a trace").to_owned();
        assert!(answer.status().is_success(), "{path}: {}", answer.text().unwrap_or_default());
        (trace, answer.json().unwrap_or(Value::Null))
    }

    /// Status and body.
    pub(crate) fn answer(&self, path: &str) -> (u16, Value) {
        self.send(self.http.get(format!("{}{path}", self.url)))
    }

    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Value {
        let (status, body) = self.answer(path);
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    #[track_caller]
    pub(crate) fn post(&self, path: &str, body: &Value) -> Value {
        let (status, answer) = self.send(self.http.post(format!("{}{path}", self.url)).json(body));
        assert!(status < 300, "{path}: {status} {answer}");
        answer
    }

    /// Makes a goal of a plan: its id.
    #[track_caller]
    pub(crate) fn import(&self, plan: &str) -> String {
        let imported = self.post("/v1/goals/import", &json!({"content": plan}));
        imported["goal"]["id"].as_str().expect("an id").to_owned()
    }

    /// Every item of a list, as it comes.
    #[track_caller]
    pub(crate) fn all(&self, path: &str) -> Vec<Value> {
        let (mut items, mut cursor) = (Vec::new(), String::new());
        let sign = if path.contains('?') { '&' } else { '?' };
        loop {
            let mut page = self.get(&format!("{path}{sign}limit=200{cursor}"));
            items.append(page["items"].as_array_mut().expect("a list"));
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return items,
            }
        }
    }

    fn send(&self, request: RequestBuilder) -> (u16, Value) {
        let answer = request.bearer_auth(&self.token).send().expect("an answer");
        (answer.status().as_u16(), answer.json().unwrap_or(Value::Null))
    }
}
