//! Lists: a page of items and the cursor of the next one.

use std::borrow::Cow;

use goalwright_application::read::{DEFAULT_LIMIT, MAX_LIMIT, Page, PageRequest};
use poem_openapi::Object;
use poem_openapi::registry::{MetaSchema, MetaSchemaRef};
use poem_openapi::types::{ParseError, ParseFromJSON, ParseFromParameter, ParseResult, ToJSON, Type};

use crate::answer::Shown;
use crate::nullable::Nullable;
use crate::problem::Problem;
use crate::values::inline_type;

/// A page of a list, newest first.
#[derive(Debug, Object)]
pub(crate) struct List<T: ParseFromJSON + ToJSON> {
    /// The page.
    items: Vec<T>,
    /// Give it as `cursor` to get the next page; null on the last one. A page with fewer items than asked for need not be
    /// the last one.
    next_cursor: Nullable<String>,
}

/// The parameter `limit`; its bounds are checked with the cursor.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limit(u64);

inline_type!([] Limit, "limit", MetaSchema {
    minimum: Some(1.0),
    maximum: Some(MAX_LIMIT as f64),
    default: Some(DEFAULT_LIMIT.into()),
    ..MetaSchema::new("integer")
});

impl ParseFromParameter for Limit {
    fn parse_from_parameter(value: &str) -> ParseResult<Self> {
        let wanted = || ParseError::custom(format!("a whole number between 1 and {MAX_LIMIT}"));
        value.parse().map(Self).map_err(|_| wanted())
    }
}

/// The page that a caller asks for of the list that is called `list`.
pub(crate) fn page(list: &str, limit: Option<Limit>, cursor: Option<String>) -> Result<PageRequest, Problem> {
    Ok(PageRequest::parse(list, limit.map(|limit| limit.0), cursor.as_deref())?)
}

/// A page as it is answered.
pub(crate) fn list<V, T: From<V> + ParseFromJSON + ToJSON>(list: &str, page: Page<V>) -> Shown<List<T>> {
    Shown(List {
        next_cursor: page.next.map(|cursor| cursor.show(list)).into(),
        items: page.items.into_iter().map(T::from).collect(),
    })
}
