//! What a request may look like before anybody reads it.

use goalwright_application::Error;
use goalwright_domain::Violation;
use poem::Request;
use poem::http::HeaderMap;

use crate::problem::Problem;
use crate::routes::Entry;

/// The most bytes of a path with its query.
pub(super) const URI_LIMIT: usize = 8 * 1024;
/// The most bytes of all headers together. Servers and proxies in front of this one seldom let more through.
pub(super) const HEADERS_LIMIT: usize = 32 * 1024;

/// Refuses what is too large, what no path can mean, and query parameters that the operation does not have: whoever
/// misspells a filter should not get everything.
pub(super) fn check(request: &Request, route: Option<&Entry>) -> Result<(), Problem> {
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    if target > URI_LIMIT {
        return Err(Problem::uri_too_long(URI_LIMIT));
    }
    if size(request.headers()) > HEADERS_LIMIT {
        return Err(Problem::headers_too_large(HEADERS_LIMIT));
    }
    // No text with U+0000 can be stored, so none can be looked for.
    if request.uri().path().contains("%00") {
        return Err(Problem::no_such_path());
    }
    let known = route.and_then(|route| route.parameters(request.method().as_str()));
    let violations = query(request.uri().query().unwrap_or_default(), known);
    if violations.is_empty() { Ok(()) } else { Err(Error::invalid(violations).into()) }
}

fn size(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum()
}

/// What is wrong with a query; `known` are the parameters of the operation, if it is known.
fn query(query: &str, known: Option<&[String]>) -> Vec<Violation> {
    let mut violations: Vec<Violation> = Vec::new();
    let mut seen: Vec<&str> = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let name = pair.split('=').next().unwrap_or_default();
        let shown: String = name.chars().take(100).collect();
        if pair.contains("%00") {
            let message = "contains the character U+0000; remove it";
            violations.push(Violation::new(shown, "control_character", message));
        } else if let Some(known) = known {
            if !known.iter().any(|one| one == name) {
                let message = match known {
                    [] => "there is no such parameter here; there are none".to_owned(),
                    names => format!("there is no such parameter here; there are: {}", names.join(", ")),
                };
                violations.push(Violation::new(shown, "unknown_parameter", message));
            } else if seen.contains(&name) {
                violations.push(Violation::new(shown, "repeated_parameter", "give it once"));
            }
            seen.push(name);
        }
    }
    violations.truncate(20);
    violations
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_is_misspelled_is_told() {
        let known = ["limit".to_owned(), "status".to_owned()];
        let codes = |text: &str| {
            query(text, Some(&known)).into_iter().map(|found| (found.path, found.code)).collect::<Vec<_>>()
        };
        assert!(codes("limit=1&status=active&").is_empty());
        assert_eq!(codes("staus=active"), [("staus".to_owned(), "unknown_parameter".into())]);
        assert_eq!(codes("limit=1&limit=2"), [("limit".to_owned(), "repeated_parameter".into())]);
        assert_eq!(codes("status=%00"), [("status".to_owned(), "control_character".into())]);
        assert!(query("anything=1", None).is_empty(), "of an unknown operation nothing is known");
        assert_eq!(codes(&"x=1&".repeat(1000)).len(), 20);
    }
}
