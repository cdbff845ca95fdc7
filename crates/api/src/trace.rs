//! The trace of a request: W3C Trace Context, <https://www.w3.org/TR/trace-context/>.

use goalwright_application::ports::Ids;
use poem::http::HeaderMap;
use uuid::Uuid;

/// The header, in requests and in answers.
pub(crate) const TRACEPARENT: &str = "traceparent";

tokio::task_local! {
    static CURRENT: Trace;
}

/// In which trace a request is answered, and by which span of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Trace {
    /// Brought by the caller or new.
    pub(crate) id: Uuid,
    span: u64,
    sampled: bool,
}

impl Trace {
    /// The caller's trace, or a new one where none, a malformed or more than one is given.
    pub(crate) fn of(headers: &HeaderMap, ids: &dyn Ids) -> Self {
        let mut given = headers.get_all(TRACEPARENT).iter();
        let parent = match (given.next().and_then(|value| value.to_str().ok()), given.next()) {
            (Some(one), None) => parse(one),
            _ => None,
        };
        // The second half of a version 4 UUID begins with its variant and is never zero, as a span id must not be.
        let span = ids.random().as_u64_pair().1;
        let (id, sampled) = parent.unwrap_or_else(|| (ids.random(), true));
        Self { id, span, sampled }
    }

    /// As it is answered.
    pub(crate) fn header(&self) -> String {
        format!("00-{}-{:016x}-{:02x}", self.id.simple(), self.span, u8::from(self.sampled))
    }

    /// Does `work` in this trace.
    pub(crate) async fn scope<F: Future>(self, work: F) -> F::Output {
        CURRENT.scope(self, work).await
    }
}

/// The trace of the request that is being answered; none outside of one.
pub(crate) fn current() -> Option<Uuid> {
    CURRENT.try_with(|trace| trace.id).ok()
}

/// Trace id and sampled flag of a `traceparent`. Of a later version only the known beginning is read.
fn parse(header: &str) -> Option<(Uuid, bool)> {
    let known = header.get(..55)?;
    let mut parts = known.split('-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let hex = |text: &str, length: usize| {
        text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let sound = hex(version, 2) && hex(trace, 32) && hex(span, 16) && hex(flags, 2) && parts.next().is_none();
    let rest = match version {
        "ff" => return None,
        "00" => header.len() == 55,
        _ => header.len() == 55 || header[55..].starts_with('-'),
    };
    let id = Uuid::try_parse(trace).ok().filter(|id| !id.is_nil())?;
    let zero_span = span.bytes().all(|byte| byte == b'0');
    let flags = u8::from_str_radix(flags, 16).ok()?;
    (sound && rest && !zero_span).then_some((id, flags & 1 == 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIVEN: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_sound_parent_is_honoured() {
        let id = Uuid::from_u128(0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736);
        assert_eq!(parse(GIVEN), Some((id, true)));
        assert_eq!(parse(&GIVEN.replace("-01", "-00")), Some((id, false)));
        assert_eq!(parse(&format!("cc{}-what-comes", &GIVEN[2..])), Some((id, true)));
    }

    #[test]
    fn a_malformed_parent_is_none() {
        for (right, wrong) in [
            ("00-4b", "ff-4b"),
            ("00-4b", "0-4b"),
            ("4bf92f", "4BF92F"),
            ("4bf92f", "4bf92g"),
            ("4bf92f3577b34da6a3ce929d0e0e4736", "00000000000000000000000000000000"),
            ("00f067aa0ba902b7", "0000000000000000"),
            ("00f067aa0ba902b7", "00f067aa0ba902b"),
            ("-01", "-1"),
            ("-01", "-01-more"),
            ("-01", "_01"),
            ("00-4bf9", "00-é4bf9"),
        ] {
            assert_eq!(parse(&GIVEN.replacen(right, wrong, 1)), None, "{wrong}");
        }
        assert_eq!(parse(""), None);
        assert_eq!(parse("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.x"), None);
    }
}
