//! No file names a path of somebody's machine.

use crate::source::{is_at, is_word};
use crate::tree::{assert_none, files, root};

/// Files that may name a path of somebody's machine, and why.
const MACHINE_PATHS: &[(&str, &str)] = &[];

#[test]
fn no_file_names_a_path_of_somebodys_machine() {
    let checkout = root().to_string_lossy().into_owned();
    let places = machine_places(&checkout, &std::env::var("HOME").unwrap_or_default());
    let files = files();
    let checked = files.iter().filter(|(path, _)| !MACHINE_PATHS.iter().any(|(place, _)| is_at(path, place)));
    let violations =
        checked.flat_map(|(path, text)| machine_path_violations(path, text, &places)).collect::<Vec<_>>();
    assert_none(&violations);
}

/// Where people keep their files; this checkout and home, unless they are too short to mean something.
fn machine_places(checkout: &str, home: &str) -> Vec<String> {
    let mut places: Vec<String> =
        ["home", "Users", "root"].iter().map(|folder| format!("/{folder}/")).collect();
    places.push(["C:", "Users", ""].join("\\"));
    places.extend(
        [checkout, home].into_iter().filter(|path| path.matches('/').count() >= 2).map(str::to_owned),
    );
    places
}

fn machine_path_violations(path: &str, text: &str, places: &[String]) -> Vec<String> {
    let mut violations = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        for place in places {
            let named = line.match_indices(place.as_str()).any(|(at, _)| {
                let before = line[..at].chars().next_back();
                let after = line[at + place.len()..].chars().next();
                let starts = !before.is_some_and(|c| is_word(c) || "./}-*".contains(c));
                // A folder of people is only a person's path with a name behind it.
                let goes_on = after.is_some_and(|c| is_word(c) || c == '.');
                starts && goes_on == place.ends_with(['/', '\\'])
            });
            if named {
                violations.push(format!("{path}:{number}: names a path under {place}"));
            }
        }
    }
    violations
}

mod a_violation_is_noticed {
    use super::*;

    #[test]
    fn in_a_path() {
        let home = ["", "home", "ann"].join("/");
        let places = machine_places("/srv/checkout", &home);
        let found = |text: &str| machine_path_violations("README.md", text, &places).len();
        assert_eq!(found("cd /srv/checkout/docs"), 1);
        assert_eq!(found("cd /srv/checkout2"), 0);
        assert_eq!(found(&format!("see {}/notes", ["", "home", "bob"].join("/"))), 1);
        assert_eq!(found(&format!("see `{}`", ["", "root", ".cargo"].join("/"))), 1);
        assert_eq!(found(&format!("see {}", ["C:", "Users", "bob"].join("\\"))), 1);
        assert_eq!(found("https://example.org/home/page, $HOME/.cargo"), 0);
    }
}
