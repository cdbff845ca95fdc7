//! JSON that remembers its lines, the order of its members, and members that are given twice.

use std::cell::Cell;
use std::fmt;
use std::io;

use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};

/// A value and the line it begins in.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    /// From 1.
    pub(super) line: u32,
    pub(super) value: Json,
}

/// A JSON value; objects keep all their members in the order written.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Json {
    Null,
    Bool(bool),
    /// As `serde_json` prints it.
    Number(String),
    Text(String),
    List(Vec<Node>),
    Object(Vec<(String, Node)>),
}

impl Node {
    /// The members of an object; none if it is something else.
    pub(super) fn members(&self) -> &[(String, Self)] {
        match &self.value {
            Json::Object(members) => members,
            _ => &[],
        }
    }

    /// The items of a list; `None` if it is something else.
    pub(super) fn items(&self) -> Option<&[Self]> {
        match &self.value {
            Json::List(items) => Some(items),
            _ => None,
        }
    }

    /// The member with that name, the last one if there are several, as JSON readers have it.
    pub(super) fn member(&self, name: &str) -> Option<&Self> {
        self.members().iter().rev().find(|(other, _)| other == name).map(|(_, node)| node)
    }

    /// The text of a string.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Json::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A string or a number, as people write it; `None` for anything else and for blank strings.
    pub(super) fn word(&self) -> Option<String> {
        match &self.value {
            Json::Text(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
            Json::Number(number) => Some(number.clone()),
            _ => None,
        }
    }

    /// What kind of value it is, with its article.
    pub(super) fn kind(&self) -> &'static str {
        match &self.value {
            Json::Null => "null",
            Json::Bool(_) => "a truth value",
            Json::Number(_) => "a number",
            Json::Text(_) => "a string",
            Json::List(_) => "a list",
            Json::Object(_) => "an object",
        }
    }
}

/// Reads a text. Nesting beyond 128 levels is an error, so no text overflows the stack.
pub(super) fn parse(text: &str) -> Result<Node, serde_json::Error> {
    let place = Cell::new(Place { line: 1, is_behind_break: false });
    let source = Source { rest: text.as_bytes(), place: &place };
    let mut deserializer = serde_json::Deserializer::from_reader(source);
    let node = NodeSeed { place: &place }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(node)
}

/// The line of the byte handed out last.
#[derive(Clone, Copy)]
struct Place {
    line: u32,
    /// Whether that byte was a line break: the next one stands in the next line.
    is_behind_break: bool,
}

/// Hands out one byte at a time, so that the place is never ahead of the parser by more than the one
/// byte it looks at.
struct Source<'a> {
    rest: &'a [u8],
    place: &'a Cell<Place>,
}

impl io::Read for Source<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let (Some((&byte, rest)), Some(slot)) = (self.rest.split_first(), buffer.first_mut()) else {
            return Ok(0);
        };
        let mut place = self.place.get();
        place.line += u32::from(place.is_behind_break);
        place.is_behind_break = byte == b'\n';
        self.place.set(place);
        *slot = byte;
        self.rest = rest;
        Ok(1)
    }
}

#[derive(Clone, Copy)]
struct NodeSeed<'a> {
    place: &'a Cell<Place>,
}

impl NodeSeed<'_> {
    fn node(self, value: Json) -> Node {
        Node { line: self.place.get().line, value }
    }
}

impl<'de> DeserializeSeed<'de> for NodeSeed<'_> {
    type Value = Node;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for NodeSeed<'_> {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(self.node(Json::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(self.node(Json::Bool(value)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(self.node(Json::Number(value.to_string())))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(self.node(Json::Number(value.to_string())))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(self.node(Json::Number(value.to_string())))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(self.node(Json::Text(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut node = self.node(Json::Null);
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            list.push(item);
        }
        node.value = Json::List(list);
        Ok(node)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Node, A::Error> {
        let mut node = self.node(Json::Null);
        let mut object = Vec::new();
        while let Some(name) = members.next_key::<String>()? {
            object.push((name, members.next_value_seed(self)?));
        }
        node.value = Json::Object(object);
        Ok(node)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_knows_its_line() {
        let node = parse("\n{\n \"a\": [\n1,\n2\n],\r\n\"b\": {\n}, \"c\":\n \"x\"\n}\n").expect("JSON");
        assert_eq!(node.line, 2);
        let list = node.member("a").expect("there");
        let lines: Vec<u32> = list.items().expect("a list").iter().map(|item| item.line).collect();
        assert_eq!((list.line, lines), (3, vec![4, 5]));
        assert_eq!(node.member("b").map(|node| node.line), Some(7));
        assert_eq!(node.member("c").map(|node| node.line), Some(9));
    }

    #[test]
    fn deep_nesting_is_an_error_and_no_crash() {
        let error = parse(&"[".repeat(1_000_000)).expect_err("too deep");
        assert!(error.to_string().starts_with("recursion limit exceeded"), "{error}");
    }
}
