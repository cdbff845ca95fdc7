//! Entity tags (RFC 9110, 8.8.3): which thing, at which revision. A tag names its thing, so that one of another
//! resource never fits by accident.

use std::fmt;

use goalwright_application::Precondition;
use goalwright_domain::Id;
use goalwright_domain::canonical::sha256_hex;
use poem::{FromRequest, Request, RequestBody};

use crate::problem::Problem;

/// The tag of one thing, as `ETag` has it: `"1f2e3d4c5b6a-7"`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tag {
    thing: String,
    revision: i64,
}

impl Tag {
    /// Of the thing with this id, at this revision.
    pub(crate) fn new<T>(id: Id<T>, revision: i64) -> Self {
        Self { thing: thing(id), revision }
    }

    /// Of a thing whose id is a text.
    pub(crate) fn of_text(id: &str, revision: i64) -> Self {
        Self { thing: sha256_hex(id.as_bytes())[..THING].to_owned(), revision }
    }
}

/// How many characters name the thing.
const THING: usize = 12;

/// The end of an id is its random part.
fn thing<T>(id: Id<T>) -> String {
    let id = id.uuid().simple().to_string();
    id[id.len() - THING..].to_owned()
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}-{}\"", self.thing, self.revision)
    }
}

/// The header `If-Match` of a request, if it has one.
pub(crate) struct IfMatch(Option<Vec<String>>);

/// The header that says what the caller has seen.
pub(crate) const IF_MATCH: &str = "If-Match";

impl IfMatch {
    /// Which revisions of the thing with this id the caller has seen.
    ///
    /// # Errors
    /// 412 if the tags are of other things, or no tags: then the caller has not seen this one.
    pub(crate) fn of<T>(self, id: Id<T>) -> Result<Precondition, Problem> {
        let Some(given) = self.0 else { return Ok(Precondition::Any) };
        if given.iter().any(|tag| tag == "*") {
            return Ok(Precondition::Any);
        }
        let thing = thing(id);
        let seen: Vec<i64> = given.iter().filter_map(|tag| revision_of(&thing, tag)).collect();
        if seen.is_empty() {
            let why =
                "`If-Match` has no tag of this resource; give the `ETag` that its answer had, in its quotes";
            return Err(Problem::precondition_failed(why));
        }
        Ok(Precondition::OneOf(seen))
    }
}

/// The revision in a strong tag of this thing. Weak tags never match (RFC 9110, 13.1.1).
fn revision_of(thing: &str, tag: &str) -> Option<i64> {
    let inner = tag.strip_prefix('"')?.strip_suffix('"')?;
    inner.strip_prefix(thing)?.strip_prefix('-')?.parse().ok()
}

/// The document shows the header at every operation with PUT, PATCH or DELETE.
impl<'a> FromRequest<'a> for IfMatch {
    async fn from_request(request: &'a Request, _body: &mut RequestBody) -> poem::Result<Self> {
        let mut given = None;
        for header in request.headers().get_all(IF_MATCH) {
            // What is no text is a tag of nothing.
            let text = header.to_str().unwrap_or_default();
            let tags = text.split(',').map(|tag| tag.trim().to_owned());
            given.get_or_insert_with(Vec::new).extend(tags);
        }
        Ok(Self(given))
    }
}

#[cfg(test)]
mod tests {
    use goalwright_domain::goal::GoalId;
    use uuid::Uuid;

    use super::*;

    fn seen(header: &str, id: u128) -> Option<Precondition> {
        let given = header.split(',').map(|tag| tag.trim().to_owned()).collect();
        IfMatch(Some(given)).of(GoalId::new(Uuid::from_u128(id))).ok()
    }

    #[test]
    fn a_tag_fits_its_own_thing_only() {
        let tag = Tag::new(GoalId::new(Uuid::from_u128(0xabc)), 7).to_string();
        assert_eq!(tag, "\"000000000abc-7\"");
        assert_eq!(seen(&tag, 0xabc), Some(Precondition::OneOf(vec![7])));
        assert_eq!(
            seen(&format!("\"x\", {tag}, \"000000000abc-9\""), 0xabc),
            Some(Precondition::OneOf(vec![7, 9]))
        );
        assert_eq!(seen("*", 0xabc), Some(Precondition::Any));
        assert_eq!(seen(&tag, 0xabd), None, "a tag of another resource");
        for other in [
            format!("W/{tag}"),
            "7".to_owned(),
            "\"7\"".to_owned(),
            String::new(),
            "\"000000000abc-\"".to_owned(),
        ] {
            assert_eq!(seen(&other, 0xabc), None, "{other}");
        }
        assert_eq!(IfMatch(None).of(GoalId::new(Uuid::from_u128(1))).ok(), Some(Precondition::Any));
    }
}
