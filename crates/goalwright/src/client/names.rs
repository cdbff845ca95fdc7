//! Ids as people give them: whole, by their beginning or end, or by a name of their own.

use serde_json::Value;
use uuid::Uuid;

use super::{Client, pages::LARGEST_PAGE};
use crate::failure::{Exit, Failure};

/// Fewer characters are no id.
const LEAST: usize = 4;
/// So many candidates are named.
const NAMED: usize = 10;
/// So much of an id is shown in lists. Ids that were made one after the other begin alike, so it is the end.
const SHOWN: usize = 8;

/// What has an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Noun {
    /// A goal.
    Goal,
    /// A task; also known by its slug, and by its key in the plan.
    Task,
    /// An agent; also known by its name.
    Agent,
    /// An API key; also known by its name.
    ApiKey,
    /// An experience.
    Experience,
}

impl Noun {
    /// In the singular, as commands are called.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Goal => "goal",
            Self::Task => "task",
            Self::Agent => "agent",
            Self::ApiKey => "api-key",
            Self::Experience => "experience",
        }
    }

    /// In the plural, as paths have it.
    pub(crate) const fn path(self) -> &'static str {
        match self {
            Self::Goal => "goals",
            Self::Task => "tasks",
            Self::Agent => "agents",
            Self::ApiKey => "api-keys",
            Self::Experience => "experiences",
        }
    }

    /// The fields that name one, besides the id.
    const fn names(self) -> &'static [&'static str] {
        match self {
            Self::Goal | Self::Experience => &[],
            Self::Task => &["slug", "key"],
            Self::Agent | Self::ApiKey => &["name"],
        }
    }
}

/// An id as lists show it.
pub(crate) fn short(id: &str) -> &str {
    let start = id.char_indices().rev().nth(SHOWN - 1).map_or(0, |(start, _)| start);
    &id[start..]
}

impl Client {
    /// The whole id of what somebody names.
    ///
    /// # Errors
    /// If nothing fits, or more than one thing does; or as [`Client::send`].
    pub(crate) async fn id_of(&self, noun: Noun, given: &str) -> Result<String, Failure> {
        let given = given.trim();
        if let Ok(id) = given.parse::<Uuid>() {
            return Ok(id.to_string());
        }
        if noun == Noun::Task && is_slug(given) {
            let found = self.list(noun.path(), &[("slug", Some(given.to_owned()))], Some(1)).await?;
            if let Some(id) = found.items().first().and_then(|task| task["id"].as_str()) {
                return Ok(id.to_owned());
            }
        }
        let newest = self.list(noun.path(), &[], Some(LARGEST_PAGE)).await?;
        choose(noun, given, newest.items())
    }
}

fn is_slug(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '-')
}

fn choose(noun: Noun, given: &str, newest: &[Value]) -> Result<String, Failure> {
    let wanted = plain(given);
    let named = |item: &Value| noun.names().iter().any(|name| item[*name].as_str() == Some(given));
    let fits = |item: &Value| {
        let id = plain(item["id"].as_str().unwrap_or_default());
        wanted.len() >= LEAST && (id.starts_with(&wanted) || id.ends_with(&wanted))
    };
    // A name is meant as a name, even where it happens to look like a piece of an id.
    let mut found: Vec<&Value> = newest.iter().filter(|item| named(item)).collect();
    if found.is_empty() {
        found = newest.iter().filter(|item| fits(item)).collect();
    }
    match found.as_slice() {
        [one] => Ok(one["id"].as_str().unwrap_or_default().to_owned()),
        [] => Err(nothing(noun, given)),
        many => Err(ambiguous(noun, given, many)),
    }
}

/// Ids are compared without regard to case and dashes.
fn plain(id: &str) -> String {
    id.to_lowercase().replace('-', "")
}

fn nothing(noun: Noun, given: &str) -> Failure {
    let word = noun.word();
    let names = match noun {
        Noun::Task => ", and no slug or key is called so",
        Noun::Agent | Noun::ApiKey => ", and none is called so",
        Noun::Goal | Noun::Experience => "",
    };
    let message = if plain(given).len() < LEAST && noun.names().is_empty() {
        format!("`{given}` is too short for an id: at least {LEAST} characters are needed")
    } else {
        format!("no {word} has an id that begins or ends with `{given}`{names}")
    };
    Failure::usage(
        message,
        format!(
            "`goalwright {word} list` shows ids; those beyond the newest {LARGEST_PAGE} are found by their whole id only"
        ),
    )
}

fn ambiguous(noun: Noun, given: &str, many: &[&Value]) -> Failure {
    let mut details: Vec<String> = many
        .iter()
        .take(NAMED)
        .map(|item| {
            let name = ["title", "name", "type"].iter().find_map(|field| item[*field].as_str());
            format!("{}  {}", item["id"].as_str().unwrap_or_default(), name.unwrap_or_default())
        })
        .collect();
    if let more @ 1.. = many.len().saturating_sub(NAMED) {
        details.push(format!("and {more} more"));
    }
    let message = format!("`{given}` fits {} {}", many.len(), noun.path());
    Failure { details, ..Failure::new(Exit::Usage, message) }
        .with_help("give more of the id, or the whole id")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tasks() -> Vec<Value> {
        [
            ("01a1fca3-d64a-770a-a83d-a75e8cd5b695", "T001", "list-files", "List files"),
            ("01a1fca3-d64a-770a-a83d-a75f791b25b7", "T002", "beef", "Beef"),
            ("01a1fca4-0000-7000-8000-00000000beef", "T001", "again", "Again"),
        ]
        .map(|(id, key, slug, title)| json!({"id": id, "key": key, "slug": slug, "title": title}))
        .to_vec()
    }

    fn chosen(given: &str) -> Result<String, String> {
        choose(Noun::Task, given, &tasks()).map_err(|refused| refused.to_string())
    }

    #[test]
    fn a_piece_of_an_id_is_enough_if_it_is_the_only_one() {
        for given in ["8cd5b695", "b695", "B695", "a75e8cd5b695", "a83d-a75e8cd5b695"] {
            assert_eq!(chosen(given).as_deref(), Ok("01a1fca3-d64a-770a-a83d-a75e8cd5b695"), "{given}");
        }
        assert_eq!(chosen("01a1fca4").as_deref(), Ok("01a1fca4-0000-7000-8000-00000000beef"));
    }

    #[test]
    fn a_name_goes_before_a_piece_of_an_id() {
        assert_eq!(chosen("beef").as_deref(), Ok("01a1fca3-d64a-770a-a83d-a75f791b25b7"));
        assert_eq!(chosen("T002").as_deref(), Ok("01a1fca3-d64a-770a-a83d-a75f791b25b7"));
    }

    #[test]
    fn what_fits_several_lists_them() {
        let refused = chosen("01a1").expect_err("three fit");
        assert!(
            refused.starts_with(
                "error: `01a1` fits 3 tasks\n  01a1fca3-d64a-770a-a83d-a75e8cd5b695  List files"
            )
        );
        assert!(refused.ends_with("help: give more of the id, or the whole id"), "{refused}");
        assert!(chosen("T001").expect_err("two fit").contains("fits 2 tasks"));
    }

    #[test]
    fn what_fits_nothing_says_where_to_look() {
        for given in ["695", "ffff", "", "d64a"] {
            let refused = chosen(given).expect_err("nothing fits");
            assert!(refused.contains("`goalwright task list` shows ids"), "{refused}");
        }
    }

    #[test]
    fn lists_show_the_end_of_an_id() {
        assert_eq!(short("01a1fca3-d64a-770a-a83d-a75e8cd5b695"), "8cd5b695");
        assert_eq!(short("abc"), "abc");
    }
}
