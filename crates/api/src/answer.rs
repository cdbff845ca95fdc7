//! The shapes of good answers.

use poem::http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, LOCATION,
    X_CONTENT_TYPE_OPTIONS,
};
use poem::http::{HeaderName, StatusCode};
use poem::{IntoResponse, Response};
use poem_openapi::ApiResponse;
use poem_openapi::registry::{
    MetaHeader, MetaMediaType, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef, Registry,
};
use poem_openapi::types::{ToJSON, Type};

use crate::tag::Tag;

/// The media type of every good answer.
pub(crate) const JSON: &str = "application/json";
/// The media type of Markdown (RFC 7763).
const MARKDOWN: &str = "text/markdown; charset=utf-8";

/// The media type of bytes that nothing is said about.
const BYTES: &str = "application/octet-stream";

/// 200: a list, or something that is computed.
#[derive(Debug)]
pub(crate) struct Shown<T>(pub(crate) T);

/// 200: one thing, with its `ETag`.
#[derive(Debug)]
pub(crate) struct Found<T> {
    pub(crate) body: T,
    pub(crate) tag: Tag,
}

/// 201: one new thing, with its `ETag` and where it can be read as `Location`.
#[derive(Debug)]
pub(crate) struct Created<T> {
    pub(crate) body: T,
    pub(crate) tag: Tag,
    pub(crate) location: String,
}

/// 201, as [`Created`]: one new thing with a secret, which is not kept for whoever repeats the request.
#[derive(Debug)]
pub(crate) struct Issued<T>(pub(crate) Created<T>);

/// Beside an answer that nobody keeps.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ShownOnce;

/// 200: a text for people.
#[derive(Debug)]
pub(crate) struct Markdown(pub(crate) String);

/// 200: bytes to be saved. Nothing that stands in them is shown or run by a browser.
#[derive(Debug)]
pub(crate) struct Download {
    /// Under which name; letters, digits, `-` and `.` only.
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
}

/// 204: it is gone.
#[derive(Debug)]
pub(crate) struct Deleted;

/// 201: written; or 200: only shown, for a dry run.
#[derive(Debug)]
pub(crate) enum Planned<T> {
    Written { body: T, location: String },
    Shown(T),
}

impl<T: ToJSON> IntoResponse for Shown<T> {
    fn into_response(self) -> Response {
        respond(StatusCode::OK, &self.0, [])
    }
}

impl<T: ToJSON> IntoResponse for Found<T> {
    fn into_response(self) -> Response {
        respond(StatusCode::OK, &self.body, [(ETAG, self.tag.to_string())])
    }
}

impl<T: ToJSON> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        let headers = [(ETAG, self.tag.to_string()), (LOCATION, self.location)];
        respond(StatusCode::CREATED, &self.body, headers)
    }
}

impl<T: ToJSON> IntoResponse for Issued<T> {
    fn into_response(self) -> Response {
        let mut response = self.0.into_response();
        response.extensions_mut().insert(ShownOnce);
        response
    }
}

impl<T: ToJSON> IntoResponse for Planned<T> {
    fn into_response(self) -> Response {
        match self {
            Self::Written { body, location } => respond(StatusCode::CREATED, &body, [(LOCATION, location)]),
            Self::Shown(body) => respond(StatusCode::OK, &body, []),
        }
    }
}

impl IntoResponse for Markdown {
    fn into_response(self) -> Response {
        Response::builder().header(CONTENT_TYPE, MARKDOWN).body(self.0)
    }
}

impl ApiResponse for Markdown {
    fn meta() -> MetaResponses {
        let shown = MetaResponse {
            description: "As asked for.",
            status: Some(200),
            status_range: None,
            content: vec![MetaMediaType { content_type: MARKDOWN, schema: String::schema_ref() }],
            headers: Vec::new(),
        };
        MetaResponses { responses: vec![shown] }
    }

    fn register(_registry: &mut Registry) {}
}

impl IntoResponse for Download {
    fn into_response(self) -> Response {
        Response::builder()
            .header(CONTENT_TYPE, BYTES)
            .header(CONTENT_DISPOSITION, format!("attachment; filename=\"{}\"", self.name))
            .header(X_CONTENT_TYPE_OPTIONS, "nosniff")
            .header(CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox")
            .header(CACHE_CONTROL, "private, no-store")
            .body(self.bytes)
    }
}

impl ApiResponse for Download {
    fn meta() -> MetaResponses {
        let schema = MetaSchemaRef::Inline(Box::new(MetaSchema::new_with_format("string", "binary")));
        let saved = MetaResponse {
            description: "Its bytes.",
            status: Some(200),
            status_range: None,
            content: vec![MetaMediaType { content_type: BYTES, schema }],
            headers: Vec::new(),
        };
        MetaResponses { responses: vec![saved] }
    }

    fn register(_registry: &mut Registry) {}
}

impl IntoResponse for Deleted {
    fn into_response(self) -> Response {
        Response::builder().status(StatusCode::NO_CONTENT).finish()
    }
}

fn respond<const N: usize>(
    status: StatusCode,
    body: &impl ToJSON,
    headers: [(HeaderName, String); N],
) -> Response {
    let mut response = Response::builder().status(status).header(CONTENT_TYPE, JSON);
    for (name, value) in headers {
        response = response.header(name, value);
    }
    response.body(body.to_json().unwrap_or_default().to_string())
}

/// Implements the description of an answer from its responses.
macro_rules! described {
    ($type:ident, $($response:expr),+) => {
        impl<T: Type + ToJSON> ApiResponse for $type<T> {
            fn meta() -> MetaResponses {
                MetaResponses { responses: vec![$($response),+] }
            }

            fn register(registry: &mut Registry) {
                T::register(registry);
            }
        }
    };
}

impl ApiResponse for Deleted {
    fn meta() -> MetaResponses {
        let gone = MetaResponse {
            description: "It is gone.",
            status: Some(204),
            status_range: None,
            content: Vec::new(),
            headers: Vec::new(),
        };
        MetaResponses { responses: vec![gone] }
    }

    fn register(_registry: &mut Registry) {}
}

const REVISION: (&str, &str) = ("ETag", "What it is and its revision; give it back as `If-Match`.");
const WHERE: (&str, &str) = ("Location", "Where it can be read.");

described!(Shown, response::<T>(200, "As asked for.", &[]));
described!(Found, response::<T>(200, "As asked for.", &[REVISION]));
described!(Created, response::<T>(201, "Created.", &[REVISION, WHERE]));
described!(Issued, response::<T>(201, "Created.", &[REVISION, WHERE]));
described!(
    Planned,
    response::<T>(200, "Shown only, as asked for by `dry_run`.", &[]),
    response::<T>(201, "Written.", &[WHERE])
);

fn response<T: Type>(status: u16, description: &'static str, headers: &[(&str, &str)]) -> MetaResponse {
    MetaResponse {
        description,
        status: Some(status),
        status_range: None,
        content: vec![MetaMediaType { content_type: JSON, schema: T::schema_ref() }],
        headers: headers
            .iter()
            .map(|(name, description)| MetaHeader {
                name: (*name).to_owned(),
                description: Some((*description).to_owned()),
                required: true,
                deprecated: false,
                schema: String::schema_ref(),
            })
            .collect(),
    }
}
