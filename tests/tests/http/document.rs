//! The OpenAPI document that is checked in is the one that is served.

use std::path::Path;

use goalwright_testkit::Backend;
use serde_json::Value;

use crate::client::Client;

#[tokio::test]
async fn the_checked_in_document_is_the_one_that_is_served() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi.json");
    let current = goalwright_api::openapi_document();
    if std::env::var_os("GOALWRIGHT_WRITE_OPENAPI").is_some() {
        std::fs::write(&path, &current).expect("docs/openapi.json is writable");
    }
    let checked_in = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        checked_in == current,
        "docs/openapi.json is out of date; run `cargo xtask openapi` and look at the difference"
    );
    let Some(client) = Client::start(Backend::Sqlite).await else { return };
    let served = client.send(None, "GET", "/openapi.json", None).await;
    assert_eq!(served.status, 200);
    assert_eq!(served.body, serde_json::from_str::<Value>(&current).expect("json"));
}

#[tokio::test]
async fn the_interactive_docs_are_made_of_our_own_assets() {
    let Some(client) = Client::start(Backend::Sqlite).await else { return };
    let page = client.send(None, "GET", "/docs", None).await;
    assert_eq!(page.status, 200);
    assert!(!page.text.contains("http://") && !page.text.contains("https://"), "{}", page.text);
    for asset in ["/docs/swagger-ui.js", "/docs/swagger-ui.css", "/docs/start.js"] {
        assert!(page.text.contains(asset.trim_start_matches("/docs/")), "{asset} is not used");
        assert_eq!(client.send(None, "GET", asset, None).await.status, 200);
    }
}
