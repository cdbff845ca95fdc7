//! Statements as they stand in the source of the persistence.

use std::fs;
use std::path::Path;

const FOLDER: &str = "../crates/infrastructure/src/persistence";

/// Every string literal that begins like a statement, with the file it is in. Migrations and their book are left out.
pub(crate) fn statements() -> Vec<(String, String)> {
    let manifest =
        std::env::var("CARGO_MANIFEST_DIR").unwrap_or_else(|_| env!("CARGO_MANIFEST_DIR").to_owned());
    let mut statements = Vec::new();
    let mut open = vec![Path::new(&manifest).join(FOLDER)];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).expect("the folder of the persistence is read") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else if !path.ends_with("migrate.rs") {
                let text = fs::read_to_string(&path).expect("a source");
                let name = path.display().to_string();
                statements.extend(literals(&text).into_iter().map(|literal| (name.clone(), literal)));
            }
        }
    }
    statements
}

fn literals(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    for start in ["\"SELECT ", "\"UPDATE ", "\"INSERT INTO ", "\"DELETE "] {
        for (at, _) in source.match_indices(start) {
            let (mut literal, mut rest) = (String::new(), source[at + 1..].chars());
            while let Some(c) = rest.next() {
                match c {
                    '"' => break,
                    // Only line ends are escaped in statements.
                    '\\' => rest = rest.as_str().trim_start().chars(),
                    _ => literal.push(c),
                }
            }
            found.push(literal);
        }
    }
    found
}

/// Whether the parts of a literal, between the braces that are filled in, are in the text in this order.
pub(crate) fn is_made_of(text: &str, literal: &str) -> bool {
    let mut rest = text;
    literal.split('{').enumerate().all(|(index, part)| {
        let part = if index == 0 { part } else { part.split_once('}').map_or(part, |(_, behind)| behind) };
        match rest.find(part) {
            Some(at) => {
                rest = &rest[at + part.len()..];
                true
            }
            None => false,
        }
    })
}
