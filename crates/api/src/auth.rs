//! Who calls: a bearer token becomes a principal, and the operation's context. Here, and nowhere else, it is decided
//! whether an API key is good for an operation.

use std::marker::PhantomData;
use std::sync::Arc;

use goalwright_application::access::Access;
use goalwright_application::idempotency::Idempotency;
use goalwright_application::{Context, Error};
use goalwright_domain::api_key::Scope;
use poem::http::header::AUTHORIZATION;
use poem::{Request, RequestBody};
use poem_openapi::registry::{MetaSecurityScheme, Registry};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};

use crate::problem::Problem;
use crate::rate::Rate;
use crate::{replay, trace};

/// The header that picks another workspace than the caller's own.
pub(crate) const WORKSPACE: &str = "X-Workspace-Id";
/// The scheme's name in the document.
pub(crate) const SCHEME: &str = "bearer";

/// The caller of an operation; an operation that takes one needs credentials, and an API key needs this scope.
pub(crate) struct Caller<S>(pub(crate) Context, PhantomData<S>);

/// What an API key needs for an operation.
pub(crate) trait Needs: Send + Sync + 'static {
    /// The scope.
    const SCOPE: Scope;
    /// The scheme that the operation has until the document is written, which tells the scope there.
    const SCHEME: &'static str;
}

/// A scope as a type, to be named where an operation is declared.
macro_rules! needs {
    ($($name:ident: $word:literal),+) => {$(
        #[doc = concat!("Operations that need the scope `", $word, "`.")]
        pub(crate) enum $name {}

        impl Needs for $name {
            const SCOPE: Scope = Scope::$name;
            const SCHEME: &'static str = concat!("bearer:", $word);
        }
    )+};
}
needs!(Read: "read", Write: "write", Work: "work", Admin: "admin");

impl<'a, S: Needs> ApiExtractor<'a> for Caller<S> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        registry.create_security_scheme(
            SCHEME,
            MetaSecurityScheme {
                ty: "http",
                description: Some(
                    "A JSON Web Token, whose `sub` is the user, or an API key. `goalwright token` mints tokens, \
                     `POST /v1/api-keys` makes keys. A token may do everything; a key needs the scope that the \
                     operation names as `x-scope`, and is good for one workspace.",
                ),
                name: None,
                key_in: None,
                scheme: Some("bearer"),
                bearer_format: Some("JWT"),
                flows: None,
                openid_connect_url: None,
            },
        );
    }

    fn security_schemes() -> Vec<&'static str> {
        vec![S::SCHEME]
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let context = admit(request, S::SCOPE).await?;
        let Some(idempotency) = request.data::<Arc<Idempotency>>() else {
            return Err(Problem::internal("the api has no idempotency service").into());
        };
        Ok(Self(replay::recognise(request, body, context, idempotency).await?, PhantomData))
    }
}

/// Whoever calls, if this scope is theirs and they do not call too often.
pub(crate) async fn admit(request: &Request, scope: Scope) -> Result<Context, Problem> {
    let context = authenticate(request).await?;
    let rate = request.data::<Rate>().ok_or_else(|| Problem::internal("the api has no rate"))?;
    rate.admit(&context.principal)?;
    if !context.principal.has(scope) {
        return Err(lacks(scope).into());
    }
    Ok(context)
}

fn lacks(scope: Scope) -> Error {
    let message = format!(
        "this API key lacks the scope `{}`, which is needed here; use one that has it",
        scope.as_str()
    );
    Error::Forbidden { message }
}

async fn authenticate(request: &Request) -> Result<Context, Problem> {
    let access =
        request.data::<Arc<Access>>().ok_or_else(|| Problem::internal("the api has no access service"))?;
    let mut given = request.headers().get_all(AUTHORIZATION).iter();
    let token = match (given.next(), given.next()) {
        (Some(header), None) => header.to_str().ok().and_then(bearer),
        _ => None,
    };
    let token = token.ok_or_else(|| Error::Unauthenticated {
        message: "send one header `Authorization: Bearer <token>`".to_owned(),
    })?;
    // A header that is there but no text is no id of a workspace; it must not fall back to the caller's own.
    let workspace = request
        .headers()
        .get(WORKSPACE)
        .map(|header| String::from_utf8_lossy(header.as_bytes()).into_owned());
    let principal = access.authenticate(token, workspace.as_deref()).await.map_err(|error| match error {
        Error::Invalid { message, .. } => Error::Unauthenticated { message },
        other => other,
    })?;
    let trace = trace::current();
    let (trace_id, span_id) = (trace.map(|trace| trace.id), trace.map(|trace| trace.span));
    Ok(Context { trace_id, span_id, ..Context::of(principal) })
}

/// The token of `Bearer <token>`; the scheme's case does not matter (RFC 9110, 11.1).
fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() && !token.contains(' ')).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::bearer;

    #[test]
    fn only_a_bearer_token_is_taken() {
        assert_eq!(bearer("Bearer a.b.c"), Some("a.b.c"));
        assert_eq!(bearer("bearer  a.b.c "), Some("a.b.c"));
        for other in ["", "Bearer", "Bearer ", "Basic YTpi", "Bearer a b", "Bearera.b.c"] {
            assert_eq!(bearer(other), None, "{other}");
        }
    }
}
