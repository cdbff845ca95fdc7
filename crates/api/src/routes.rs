//! Which paths there are, and with which methods: for `Allow`, and to name the route in the log.

use poem_openapi::OpenApi;

/// Every path, as the document writes it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Routes(Vec<Entry>);

/// A path with its methods.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// Such as `/v1/goals/{id}`.
    pub(crate) path: String,
    /// In the order of the document.
    methods: Vec<String>,
}

impl Routes {
    /// The paths of these operations.
    pub(crate) fn of<T: OpenApi>() -> Self {
        let paths = T::meta().into_iter().flat_map(|api| api.paths);
        Self(
            paths
                .map(|path| Entry {
                    path: path.path,
                    methods: path.operations.iter().map(|operation| operation.method.to_string()).collect(),
                })
                .collect(),
        )
    }

    /// And a path that can be read.
    #[must_use]
    pub(crate) fn and(mut self, path: &str) -> Self {
        self.0.push(Entry { path: path.to_owned(), methods: vec!["GET".to_owned()] });
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

impl Entry {
    /// As `Allow` lists them. What can be read can be asked for without its body.
    pub(crate) fn allowed(&self) -> String {
        let mut methods: Vec<&str> = self.methods.iter().map(String::as_str).collect();
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
        assert_eq!(allowed("/v1/goals/x").as_deref(), Some("GET, HEAD"));
        assert_eq!(allowed("/v1/goals/"), None);
        assert_eq!(allowed("/v1/nothing"), None);
    }
}
