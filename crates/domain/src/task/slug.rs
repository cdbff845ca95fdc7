//! Readable names of tasks, unique in their workspace.

use std::collections::HashSet;

use super::{NAME_LIMIT, TaskId};

/// A slug from a title: letters and digits in lower case, runs of anything else as one hyphen, at most 60
/// characters. A title without a letter or digit gives `task`.
pub fn slugify(title: &str) -> String {
    let mut slug = String::new();
    for c in title.chars() {
        if c.is_alphanumeric() {
            // `İ` becomes an `i` and a dot of its own, which is no letter.
            slug.extend(c.to_lowercase().filter(|c| c.is_alphanumeric()));
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
        if slug.chars().count() >= 60 {
            break;
        }
    }
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() { "task".to_owned() } else { slug.to_owned() }
}

/// The slug of task `id`: `base` if nobody has it, else `base` and the last eight digits of the id. The answer is
/// added to `taken`.
pub fn unique_slug(base: &str, id: TaskId, taken: &mut HashSet<String>) -> String {
    let base: String = base.chars().take(NAME_LIMIT - 9).collect();
    let slug = if taken.contains(&base) {
        format!("{base}-{}", &id.uuid().simple().to_string()[24..])
    } else {
        base
    };
    taken.insert(slug.clone());
    slug
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_readable_and_never_empty() {
        assert_eq!(slugify("  List the *Markdown* files! "), "list-the-markdown-files");
        assert_eq!(slugify("依存を確認"), "依存を確認");
        assert_eq!(slugify("!!!"), "task");
        assert_eq!(slugify("İş 1"), "iş-1");
        assert!(slugify(&"ab ".repeat(100)).chars().count() <= 60);
    }

    #[test]
    fn a_taken_slug_gets_the_end_of_the_id() {
        let mut taken = HashSet::new();
        let slugs: Vec<String> = (1..=2u128)
            .map(|n| unique_slug("a", TaskId::new(uuid::Uuid::from_u128(n)), &mut taken))
            .collect();
        assert_eq!(slugs, ["a", "a-00000002"]);
    }
}
