//! Server-sent events, as far as endpoints of models send them (WHATWG HTML, 9.2.6).

/// An event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Event {
    /// Its type; empty if none is told.
    pub(super) name: String,
    pub(super) data: String,
}

/// A stream is no UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoText;

/// Reads events from bytes, however these are cut into pieces.
#[derive(Debug, Default)]
pub(super) struct Events {
    /// What has no end of line yet.
    line: Vec<u8>,
    /// The last byte was a carriage return: a line feed behind it belongs to it.
    returned: bool,
    name: String,
    data: Option<String>,
}

impl Events {
    /// The events that are whole with these bytes.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<Vec<Event>, NoText> {
        let mut whole = Vec::new();
        for &byte in bytes {
            let after_return = std::mem::replace(&mut self.returned, byte == b'\r');
            match byte {
                b'\n' if after_return => {}
                b'\n' | b'\r' => whole.extend(self.end_line()?),
                _ => self.line.push(byte),
            }
        }
        Ok(whole)
    }

    fn end_line(&mut self) -> Result<Option<Event>, NoText> {
        let line = String::from_utf8(std::mem::take(&mut self.line)).map_err(|_| NoText)?;
        let line = line.strip_prefix('\u{feff}').unwrap_or(&line);
        if line.is_empty() {
            let name = std::mem::take(&mut self.name);
            return Ok(self.data.take().map(|data| Event { name, data }));
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match (field, &mut self.data) {
            ("event", _) => value.clone_into(&mut self.name),
            ("data", Some(data)) => {
                data.push('\n');
                data.push_str(value);
            }
            ("data", data @ None) => *data = Some(value.to_owned()),
            // Comments, ids and times to reconnect say nothing here.
            _ => {}
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(name: &str, data: &str) -> Event {
        Event { name: name.to_owned(), data: data.to_owned() }
    }

    #[test]
    fn events_are_the_same_however_the_bytes_are_cut() {
        let stream = "\u{feff}event: ping\r\ndata: {\"a\":\r\ndata:1}\r\n\r\n: keep-alive\n\nid: 7\ndata: grüße\n\nevent: x\n\n\
                      data\rdata: \r\rdata: unfinished\n";
        let expected = vec![event("ping", "{\"a\":\n1}"), event("", "grüße"), event("", "\n")];
        for size in 1..stream.len() {
            let mut events = Events::default();
            let pieces = stream.as_bytes().chunks(size).map(|piece| events.push(piece).expect("text"));
            assert_eq!(pieces.flatten().collect::<Vec<_>>(), expected, "in pieces of {size}");
        }
        assert_eq!(Events::default().push(b"data: \xff\n"), Err(NoText));
    }
}
