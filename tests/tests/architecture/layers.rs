//! Who may depend on whom, and who may name which library.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, MetadataCommand};

use crate::tree::{assert_none, backticked, cells, read, root};

/// Libraries that only crates named in the table may use, whether or not the table mentions them.
const GUARDED: &[&str] = &[
    "actix-web",
    "axum",
    "diesel",
    "hyper",
    "poem",
    "poem-openapi",
    "postgres",
    "reqwest",
    "rusqlite",
    "sea-orm",
    "sea-orm-migration",
    "sea-query",
    "sqlx",
    "tokio",
    "tokio-postgres",
    "ureq",
    "warp",
];

#[test]
fn crates_depend_as_the_table_of_layers_says() {
    assert_none(&layer_violations(&packages(), &layers(&read("docs/architecture.md"))));
}

#[test]
fn layers_do_not_reach_past_their_neighbours() {
    let packages = packages();
    let reach = |name: &str| reachable(&packages, name);
    assert_eq!(reach("goalwright-domain"), set(&[]));
    assert_eq!(reach("goalwright-application"), set(&["goalwright-domain"]));
    assert_eq!(reach("goalwright-api"), set(&["goalwright-application", "goalwright-domain"]));
    assert_eq!(
        reach("goalwright-infrastructure"),
        set(&["goalwright-application", "goalwright-domain", "goalwright-migrations"])
    );
}

/// A crate of the workspace: its name, and what it depends on.
struct Package {
    name: String,
    dependencies: Vec<(String, DependencyKind)>,
}

/// What the table allows a crate.
#[derive(Debug, Default, PartialEq, Eq)]
struct Layer {
    may_depend_on: BTreeSet<String>,
    may_name: BTreeSet<String>,
}

fn packages() -> Vec<Package> {
    let metadata = MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .no_deps()
        .other_options(vec!["--offline".to_owned()])
        .exec()
        .expect("cargo metadata describes the workspace");
    let package = |package: cargo_metadata::Package| Package {
        name: package.name.to_string(),
        dependencies: package.dependencies.into_iter().map(|one| (one.name, one.kind)).collect(),
    };
    metadata.packages.into_iter().map(package).collect()
}

/// The rows `crate | may depend on | may name` after the marker `<!-- layers -->`; names stand in backticks.
fn layers(document: &str) -> BTreeMap<String, Layer> {
    let marked = document
        .split("<!-- layers -->")
        .nth(1)
        .expect("docs/architecture.md has the marker <!-- layers -->");
    let table = marked.split("<!--").next().unwrap_or_default();
    let row = |line: &str| {
        let mut cells = cells(line).map(backticked);
        let name = cells.next()?.into_iter().next()?;
        let may_depend_on = cells.next()?.into_iter().collect();
        let may_name = cells.next()?.into_iter().collect();
        Some((name, Layer { may_depend_on, may_name }))
    };
    table.lines().filter_map(row).collect()
}

fn layer_violations(packages: &[Package], layers: &BTreeMap<String, Layer>) -> Vec<String> {
    let ours: BTreeSet<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    let listed = layers.values().flat_map(|layer| &layer.may_name).map(String::as_str);
    let guarded: BTreeSet<&str> = listed.chain(GUARDED.iter().copied()).collect();
    let mut violations = Vec::new();

    for name in layers.keys().filter(|name| !ours.contains(name.as_str())) {
        violations.push(format!("the table has a row for {name}, which is no crate of the workspace"));
    }
    for Package { name, dependencies } in packages {
        let Some(layer) = layers.get(name) else {
            violations.push(format!("{name} has no row in the table of layers"));
            continue;
        };
        for (dependency, kind) in dependencies {
            let dependency = dependency.as_str();
            // Tests may build on any crate of ours; what a library may name holds for its tests, too.
            if ours.contains(dependency)
                && *kind != DependencyKind::Development
                && !layer.may_depend_on.contains(dependency)
            {
                violations.push(format!("{name} must not depend on {dependency}"));
            }
            if guarded.contains(dependency) && !layer.may_name.contains(dependency) {
                violations.push(format!("{name} must not name {dependency}"));
            }
        }
    }
    violations
}

/// The crates of the workspace that a crate is built from, without itself.
fn reachable(packages: &[Package], from: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![from.to_owned()];
    while let Some(name) = open.pop() {
        let Some(package) = packages.iter().find(|package| package.name == name) else { continue };
        for (dependency, kind) in &package.dependencies {
            let ours = packages.iter().any(|package| package.name == *dependency);
            if ours && *kind != DependencyKind::Development && found.insert(dependency.clone()) {
                open.push(dependency.clone());
            }
        }
    }
    found
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

mod a_violation_is_noticed {
    use super::*;

    const TABLE: &str = "text\n<!-- layers -->\n| crate | may depend on | may name |\n|---|---|---|\n\
        | `domain` | nothing | nothing |\n| `store` | `domain` | `sea-orm`, `tokio` |\n\
        | `web` | `domain` | `poem` |\n<!-- /layers -->\n| `other` | `web` | |\n";

    fn package(name: &str, dependencies: &[&str]) -> Package {
        let normal = |&name: &&str| (name.to_owned(), DependencyKind::Normal);
        Package { name: name.to_owned(), dependencies: dependencies.iter().map(normal).collect() }
    }

    fn violations(domain: &[&str], store: &[&str], web: &[&str]) -> Vec<String> {
        layer_violations(
            &[package("domain", domain), package("store", store), package("web", web)],
            &layers(TABLE),
        )
    }

    #[test]
    fn in_the_layers() {
        assert_none(&violations(&["serde"], &["domain", "sea-orm"], &["domain", "poem"]));
        assert_eq!(violations(&["store"], &[], &[]), ["domain must not depend on store"]);
        assert_eq!(violations(&["tokio"], &[], &[]), ["domain must not name tokio"]);
        assert_eq!(
            violations(&[], &["web"], &["store"]),
            ["store must not depend on web", "web must not depend on store"]
        );
        assert_eq!(
            violations(&[], &["poem"], &["sea-orm"]),
            ["store must not name poem", "web must not name sea-orm"]
        );
        assert_eq!(violations(&[], &["diesel"], &[]), ["store must not name diesel"]);
    }

    #[test]
    fn in_the_development_dependencies() {
        let mut web = package("web", &[]);
        web.dependencies.push(("store".to_owned(), DependencyKind::Development));
        web.dependencies.push(("sea-orm".to_owned(), DependencyKind::Development));
        let packages = [package("domain", &[]), package("store", &[]), web];
        assert_eq!(layer_violations(&packages, &layers(TABLE)), ["web must not name sea-orm"]);
    }

    #[test]
    fn in_the_table_itself() {
        let found = layer_violations(&[package("domain", &[]), package("new", &[])], &layers(TABLE));
        assert_eq!(
            found,
            [
                "the table has a row for store, which is no crate of the workspace",
                "the table has a row for web, which is no crate of the workspace",
                "new has no row in the table of layers",
            ]
        );
    }

    #[test]
    fn behind_a_neighbour() {
        let packages =
            [package("web", &["middle"]), package("middle", &["store", "serde"]), package("store", &[])];
        assert_eq!(reachable(&packages, "web"), set(&["middle", "store"]));
    }
}
