//! Interactive documentation: Swagger UI, from the binary alone. The page may load nothing from elsewhere, and its
//! policy says so to the browser.

use std::sync::LazyLock;

use poem::endpoint::make_sync;
use poem::error::NotFoundError;
use poem::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use poem::{Request, Response, RouteMethod, get};
use poem_openapi::OpenApiService;

const PAGE: &str = r#"<!DOCTYPE html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>Goalwright API</title>
  <link rel="icon" href="data:,">
  <link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
  <main id="ui"></main>
  <script src="/docs/swagger-ui.js"></script>
  <script src="/docs/start.js"></script>
</body>
</html>
"#;

/// Without `validatorUrl: null` the page would send the document to a validator on the web.
const START: &str =
    "SwaggerUIBundle({ dom_id: '#ui', url: '/openapi.json', deepLinking: true, validatorUrl: null });\n";

/// Swagger UI sets styles on its elements, hence `unsafe-inline` for styles alone.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
    font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The library, taken out of the page that the framework would make with it.
struct SwaggerUi {
    script: String,
    style: String,
}

static SWAGGER_UI: LazyLock<SwaggerUi> = LazyLock::new(|| {
    let page = OpenApiService::new((), "", "").swagger_ui_html();
    let between = |start: &str, end: &str| {
        let rest = page.split_once(start).map(|(_, rest)| rest);
        rest.and_then(|rest| rest.split_once(end)).map(|(inside, _)| inside.to_owned()).unwrap_or_default()
    };
    SwaggerUi {
        script: between("<script charset=\"UTF-8\">", "</script>\n</head>"),
        style: between("<style charset=\"UTF-8\">", "</style>\n"),
    }
});

/// The page.
pub(crate) fn page() -> RouteMethod {
    get(make_sync(|_| document("text/html; charset=utf-8", PAGE)))
}

/// What the page loads.
pub(crate) fn assets() -> RouteMethod {
    get(make_sync(|request: Request| {
        let ui: &'static SwaggerUi = &SWAGGER_UI;
        match request.raw_path_param("asset") {
            Some("swagger-ui.js") => Ok(document("text/javascript; charset=utf-8", &ui.script)),
            Some("swagger-ui.css") => Ok(document("text/css; charset=utf-8", &ui.style)),
            Some("start.js") => Ok(document("text/javascript; charset=utf-8", START)),
            _ => Err(poem::Error::from(NotFoundError)),
        }
    }))
}

fn document(content_type: &'static str, text: &'static str) -> Response {
    Response::builder()
        .header(CONTENT_TYPE, content_type)
        .header(CONTENT_SECURITY_POLICY, POLICY)
        .header(CACHE_CONTROL, "no-cache")
        .body(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_needs_nothing_from_elsewhere() {
        for text in [PAGE, START, POLICY] {
            assert!(!text.contains("//"), "{text}");
        }
        assert!(SWAGGER_UI.script.contains("SwaggerUIBundle"));
        assert!(SWAGGER_UI.script.len() > 1_000_000 && !SWAGGER_UI.script.contains("<script charset"));
        assert!(SWAGGER_UI.style.contains(".swagger-ui") && !SWAGGER_UI.style.contains("@import"));
    }
}
