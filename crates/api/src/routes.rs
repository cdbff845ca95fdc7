//! Which paths there are, and with which methods: for `Allow`, and to name the route in the log.

use poem_openapi::OpenApi;
use poem_openapi::registry::{MetaOperation, MetaParamIn};

/// A method with the names of its query parameters.
#[derive(Debug, Clone)]
struct Operation {
    method: String,
    parameters: Vec<String>,
}

/// Every path, as the document writes it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Routes(Vec<Entry>);

/// A path with its methods.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// Such as `/v1/goals/{id}`.
    pub(crate) path: String,
    /// In the order of the document.
    operations: Vec<Operation>,
}

impl Routes {
    /// The paths of these operations.
    pub(crate) fn of<T: OpenApi>() -> Self {
        let mut routes = Self::default();
        for path in T::meta().into_iter().flat_map(|api| api.paths) {
            let operations = path.operations.iter().map(Operation::of);
            // Several blocks of operations may share a path.
            match routes.0.iter_mut().find(|entry| entry.path == path.path) {
                Some(entry) => entry.operations.extend(operations),
                None => routes.0.push(Entry { path: path.path, operations: operations.collect() }),
            }
        }
        routes
    }

    /// And a path that can be read.
    #[must_use]
    pub(crate) fn and(mut self, path: &str) -> Self {
        let read = Operation { method: "GET".to_owned(), parameters: Vec::new() };
        self.0.push(Entry { path: path.to_owned(), operations: vec![read] });
        self
    }

    /// The entry that a request's path belongs to: of several the one with the most literal segments.
    pub(crate) fn find(&self, path: &str) -> Option<&Entry> {
        self.0
            .iter()
            .filter(|entry| fits(&entry.path, path))
            .min_by_key(|entry| entry.path.matches('{').count())
    }
}

impl Operation {
    fn of(operation: &MetaOperation) -> Self {
        let in_query = operation.params.iter().filter(|param| param.in_type == MetaParamIn::Query);
        Self {
            method: operation.method.to_string(),
            parameters: in_query.map(|param| param.name.clone()).collect(),
        }
    }
}

impl Entry {
    /// The query parameters that a method takes; none if the path does not have it.
    pub(crate) fn parameters(&self, method: &str) -> Option<&[String]> {
        let method = if method == "HEAD" { "GET" } else { method };
        let operation = self.operations.iter().find(|operation| operation.method == method)?;
        Some(&operation.parameters)
    }

    /// As `Allow` lists them. What can be read can be asked for without its body.
    pub(crate) fn allowed(&self) -> String {
        let mut methods: Vec<&str> =
            self.operations.iter().map(|operation| operation.method.as_str()).collect();
        if methods.contains(&"GET") {
            methods.push("HEAD");
        }
        methods.sort_unstable();
        methods.join(", ")
    }
}

fn fits(template: &str, path: &str) -> bool {
    let (mut wanted, mut given) = (template.split('/'), path.split('/'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            (Some(wanted), Some(given))
                if wanted == given || (wanted.starts_with('{') && !given.is_empty()) => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_literal_path_wins_over_a_template() {
        let routes = Routes::of::<crate::Operations>();
        let allowed = |path: &str| routes.find(path).map(Entry::allowed);
        assert_eq!(allowed("/v1/goals").as_deref(), Some("GET, HEAD, POST"));
        assert_eq!(allowed("/v1/goals/import").as_deref(), Some("POST"));
        assert_eq!(allowed("/v1/goals/x").as_deref(), Some("DELETE, GET, HEAD, PATCH"));
        assert_eq!(allowed("/v1/goals/"), None);
        assert_eq!(allowed("/v1/nothing"), None);
    }
}
