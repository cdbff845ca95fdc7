//! The trace of a request: W3C Trace Context, <https://www.w3.org/TR/trace-context/>.

use goalwright_application::ports::telemetry::{TraceContext, span_id};
use goalwright_application::ports::{Ids, Telemetry};
use poem::http::HeaderMap;
use uuid::Uuid;

/// The header, in requests and in answers.
pub(crate) const TRACEPARENT: &str = "traceparent";
/// What others have to say of the trace.
const TRACESTATE: &str = "tracestate";
/// So many members a list of them may have, and so many characters; a longer one may be left behind (3.3.1.5).
const MEMBERS: usize = 32;
const CHARACTERS: usize = 2_048;

tokio::task_local! {
    static CURRENT: Trace;
}

/// In which trace a request is answered, and by which span of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Trace {
    /// Brought by the caller or new.
    pub(crate) id: Uuid,
    /// Ours.
    pub(crate) span: u64,
    /// The caller's.
    pub(crate) parent: Option<u64>,
    /// Whether we record it.
    pub(crate) sampled: bool,
}

impl Trace {
    /// The caller's trace, or a new one where none, a malformed or more than one is given.
    pub(crate) fn of(headers: &HeaderMap, ids: &dyn Ids, telemetry: &dyn Telemetry) -> Self {
        let mut given = headers.get_all(TRACEPARENT).iter();
        let parent = match (given.next().and_then(|value| value.to_str().ok()), given.next()) {
            (Some(one), None) => parse(one),
            _ => None,
        };
        let span = span_id(ids.random());
        let id = parent.map_or_else(|| ids.random(), |(id, _, _)| id);
        let sampled = telemetry.samples(id, parent.map(|(_, _, sampled)| sampled));
        Self { id, span, parent: parent.map(|(_, span, _)| span), sampled }
    }

    /// As it is answered.
    pub(crate) fn header(&self) -> String {
        TraceContext { trace_id: self.id, span_id: self.span, sampled: self.sampled }.header()
    }

    /// What the caller's list says, to be handed on as it is; none without a caller's trace, since it belongs to that.
    pub(crate) fn state(&self, headers: &HeaderMap) -> Option<String> {
        self.parent?;
        let lists: Vec<&str> =
            headers.get_all(TRACESTATE).iter().map(|list| list.to_str()).collect::<Result<_, _>>().ok()?;
        let members: Vec<&str> = lists
            .iter()
            .flat_map(|list| list.split(','))
            .map(str::trim)
            .filter(|one| !one.is_empty())
            .collect();
        let sound = members.iter().all(|one| one.contains('=')) && members.len() <= MEMBERS;
        let list = members.join(",");
        (sound && !list.is_empty() && list.len() <= CHARACTERS).then_some(list)
    }

    /// Does `work` in this trace.
    pub(crate) async fn scope<F: Future>(self, work: F) -> F::Output {
        CURRENT.scope(self, work).await
    }
}

/// The trace of the request that is being answered; none outside of one.
pub(crate) fn current() -> Option<Trace> {
    CURRENT.try_with(|trace| *trace).ok()
}

/// Trace id, span id and sampled flag of a `traceparent`. Of a later version only the known beginning is read, and of the
/// flags the only one that all versions have.
fn parse(header: &str) -> Option<(Uuid, u64, bool)> {
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
    let span = u64::from_str_radix(span, 16).ok().filter(|span| *span != 0);
    let flags = u8::from_str_radix(flags, 16).ok()?;
    (sound && rest).then_some((id, span?, flags & 1 == 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIVEN: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_sound_parent_is_honoured() {
        let id = Uuid::from_u128(0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736);
        let span = 0x00f0_67aa_0ba9_02b7;
        assert_eq!(parse(GIVEN), Some((id, span, true)));
        assert_eq!(parse(&GIVEN.replace("-01", "-00")), Some((id, span, false)));
        assert_eq!(parse(&GIVEN.replace("-01", "-03")), Some((id, span, true)), "a random id");
        assert_eq!(parse(&GIVEN.replace("-01", "-fe")), Some((id, span, false)), "flags that nobody knows");
        assert_eq!(parse(&format!("cc{}-what-comes", &GIVEN[2..])), Some((id, span, true)));
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

    #[test]
    fn a_list_is_handed_on_with_its_trace_and_only_with_it() {
        let trace = |parent| Trace { id: Uuid::from_u128(1), span: 2, parent, sampled: true };
        let state = |parent, lists: &[&str]| {
            let mut headers = HeaderMap::new();
            for list in lists {
                headers.append(TRACESTATE, list.parse().expect("a header"));
            }
            trace(parent).state(&headers)
        };
        assert_eq!(state(Some(3), &["a=1, b@c=2", ",d=3"]).as_deref(), Some("a=1,b@c=2,d=3"));
        assert_eq!(state(Some(3), &[]), None);
        assert_eq!(state(Some(3), &["a"]), None);
        assert_eq!(state(Some(3), &["a=1,".repeat(33).as_str()]), None);
        assert_eq!(state(None, &["a=1"]), None, "it belongs to a trace that is not this one");
    }
}
