//! Keyset pages.

use goalwright_domain::Violation;

use crate::Error;

/// Items of a page unless asked otherwise.
pub const DEFAULT_LIMIT: u64 = 50;
/// The most items of a page.
pub const MAX_LIMIT: u64 = 200;

/// Where a page starts and how long it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest {
    /// 1 to [`MAX_LIMIT`].
    pub limit: u64,
    /// Behind this item.
    pub after: Option<Cursor>,
}

/// The key of the last item that was shown; on the wire with the name of its list, so that a cursor of another list
/// is refused instead of misread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(pub String);

/// A page of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// Newest first. May be fewer than asked for, also where there is a next page.
    pub items: Vec<T>,
    /// The cursor of the next page, if there is one.
    pub next: Option<Cursor>,
}

impl PageRequest {
    /// Checks what a caller asked for; `list` names the list that the cursor must belong to.
    ///
    /// # Errors
    /// `Invalid` naming `limit` or `cursor`.
    pub fn parse(list: &str, limit: Option<u64>, cursor: Option<&str>) -> Result<Self, Error> {
        let mut violations = Vec::new();
        let limit = limit.unwrap_or(DEFAULT_LIMIT);
        if !(1..=MAX_LIMIT).contains(&limit) {
            violations.push(Violation::new("limit", "out_of_range", format!("between 1 and {MAX_LIMIT}")));
        }
        let after = cursor.map(|text| Cursor::parse(list, text)).transpose().unwrap_or_else(|violation| {
            violations.push(violation);
            None
        });
        if violations.is_empty() { Ok(Self { limit, after }) } else { Err(Error::invalid(violations)) }
    }

    /// The first `limit` items.
    pub const fn first(limit: u64) -> Self {
        Self { limit, after: None }
    }
}

impl Cursor {
    fn parse(list: &str, text: &str) -> Result<Self, Violation> {
        match text.split_once(':') {
            Some((name, key)) if name == list && !key.is_empty() && key.len() <= 300 => {
                Ok(Self(key.to_owned()))
            }
            _ => Err(Violation::new(
                "cursor",
                "invalid_cursor",
                "not a cursor of this list; take `next_cursor` of its previous page, or leave it out to start at the top",
            )),
        }
    }

    /// As callers see it.
    pub fn show(&self, list: &str) -> String {
        format!("{list}:{}", self.0)
    }
}

impl<T> Page<T> {
    /// A page from up to `limit + 1` items: one more than asked for means that there is a next page.
    pub fn cut(mut items: Vec<T>, limit: u64, key: impl Fn(&T) -> String) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = items.len() > limit;
        items.truncate(limit);
        let next = if more { items.last().map(|item| Cursor(key(item))) } else { None };
        Self { items, next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_belongs_to_its_list() {
        let shown = Cursor("42".into()).show("goals");
        assert_eq!(
            PageRequest::parse("goals", Some(3), Some(&shown)).expect("own").after,
            Some(Cursor("42".into()))
        );
        for (limit, cursor) in
            [(Some(0), None), (Some(201), None), (None, Some("tasks:42")), (None, Some("x"))]
        {
            assert!(matches!(PageRequest::parse("goals", limit, cursor), Err(Error::Invalid { .. })));
        }
    }

    #[test]
    fn one_item_too_many_means_there_is_a_next_page() {
        let page = Page::cut(vec![3, 2, 1], 2, ToString::to_string);
        assert_eq!((page.items, page.next), (vec![3, 2], Some(Cursor("2".into()))));
        assert_eq!(Page::cut(vec![3, 2], 2, ToString::to_string).next, None);
    }
}
