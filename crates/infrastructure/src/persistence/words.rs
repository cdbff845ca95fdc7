//! Searches as the full-text index of each database reads them: quoted words, of which the last may be a beginning.

use goalwright_application::read::Search;
use goalwright_domain::workspace::WorkspaceId;

/// For FTS5, over the columns `workspace` and `words`. Of any words none is a beginning.
pub(crate) fn sqlite(workspace: WorkspaceId, search: &Search, all: bool) -> String {
    let words: Vec<String> = search.words().iter().map(|word| format!("\"{word}\"")).collect();
    let words = if all { format!("{} *", words.join(" AND ")) } else { words.join(" OR ") };
    format!("workspace : \"{}\" AND words : ({words})", workspace.uuid().simple())
}

/// For `to_tsquery`.
pub(crate) fn postgres(search: &Search, all: bool) -> String {
    let words: Vec<String> = search.words().iter().map(|word| format!("'{word}'")).collect();
    if all { format!("{}:*", words.join(" & ")) } else { words.join(" | ") }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_search_is_quoted_for_each_database() {
        let (workspace, search) =
            (WorkspaceId::new(Uuid::nil()), Search::parse("near the \"End\"").expect("words"));
        let nil = "workspace : \"00000000000000000000000000000000\"";
        assert_eq!(
            sqlite(workspace, &search, true),
            format!("{nil} AND words : (\"near\" AND \"the\" AND \"end\" *)")
        );
        assert_eq!(
            sqlite(workspace, &search, false),
            format!("{nil} AND words : (\"near\" OR \"the\" OR \"end\")")
        );
        assert_eq!(postgres(&search, true), "'near' & 'the' & 'end':*");
        assert_eq!(postgres(&search, false), "'near' | 'the' | 'end'");
    }
}
