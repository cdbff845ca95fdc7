//! Log lines, on stderr, scrubbed of personal data and of credentials. Whatever is logged while a request is answered or
//! an attempt is performed has its `trace_id` and `span_id`.

use std::fmt;
use std::io::{self, Write};

use goalwright_domain::scrub::scrub;
use goalwright_infrastructure::telemetry::SpanLayer;
use indicatif::MultiProgress;
use serde_json::{Map, Value};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::format::{JsonFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormattedFields, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::{LookupSpan, SpanRef};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use crate::config::{Config, LogFormat};
use crate::failure::Failure;

/// Starts logging, and `spans` for a collector. `default` is the filter where the settings name none; `bars` are taken away
/// while a line is written, so that neither garbles the other.
///
/// # Errors
/// If the filter cannot be used.
pub fn start(
    config: &Config,
    default: &str,
    bars: MultiProgress,
    spans: Option<SpanLayer>,
) -> Result<(), Failure> {
    let filter = config.log_filter.as_deref().unwrap_or(default);
    let filter = EnvFilter::builder()
        .parse(filter)
        .map_err(|error| Failure::usage(format!("RUST_LOG: {error}"), "give a level such as `info`"))?;
    let lines = tracing_subscriber::fmt::layer().with_writer(Stderr(bars));
    let lines = match config.log_format {
        LogFormat::Text => lines.with_ansi(io::IsTerminal::is_terminal(&io::stderr())).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).map_event_format(WithIds).boxed(),
    };
    let spans = spans.map(|layer| layer.with_filter(filter_fn(is_ours).with_max_level_hint(Level::INFO)));
    // Fails where logging has started already, as in tests: then it goes on as it is.
    let _ = tracing_subscriber::registry().with(spans).with(lines.with_filter(filter)).try_init();
    Ok(())
}

/// Whether a span may be sent to a collector. It is no matter of the filter of log lines.
fn is_ours(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && *metadata.level() <= Level::INFO && metadata.target().starts_with("goalwright")
}

/// JSON lines with the ids of the innermost span that has any, beside the other fields.
struct WithIds<F>(F);

impl<S, F> FormatEvent<S, JsonFields> for WithIds<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    F: FormatEvent<S, JsonFields>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, JsonFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = String::new();
        self.0.format_event(context, Writer::new(&mut line), event)?;
        let ids = context.event_scope().and_then(|mut scope| scope.find_map(|span| ids_of(&span)));
        match (ids, line.trim_end().strip_suffix('}')) {
            (Some((trace, span)), Some(open)) => {
                writeln!(writer, "{open},\"trace_id\":{trace},\"span_id\":{span}}}")
            }
            _ => writer.write_str(&line),
        }
    }
}

fn ids_of<S: for<'a> LookupSpan<'a>>(span: &SpanRef<'_, S>) -> Option<(Value, Value)> {
    let extensions = span.extensions();
    let fields = extensions.get::<FormattedFields<JsonFields>>()?;
    let mut fields: Map<String, Value> = serde_json::from_str(&fields.fields).ok()?;
    Some((fields.remove("trace_id")?, fields.remove("span_id")?))
}

struct Stderr(MultiProgress);

impl Write for &Stderr {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let scrubbed = scrubbed(&String::from_utf8_lossy(line));
        self.0.suspend(|| io::stderr().write_all(scrubbed.as_bytes())).map(|()| line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// A line as it may be kept. Colours stand between a name and its value, so each part of a coloured line is read alone.
fn scrubbed(line: &str) -> String {
    let mut parts = line.split('\u{1b}');
    let mut kept = scrub(parts.next().unwrap_or_default()).into_owned();
    for part in parts {
        let (colour, text) = part.split_at(part.find('m').map_or(0, |end| end + 1));
        kept.push('\u{1b}');
        kept.push_str(colour);
        kept.push_str(&scrub(text));
    }
    kept
}

impl<'a> MakeWriter<'a> for Stderr {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[test]
    fn lines_are_scrubbed_with_and_without_colours() {
        let plain = "2026-11-21T08:00:00.000001Z  INFO login user=ada@example.org ip=203.0.113.9 took=12ms\n";
        assert_eq!(
            scrubbed(plain),
            "2026-11-21T08:00:00.000001Z  INFO login user=[email] ip=[ip] took=12ms\n"
        );
        let coloured =
            "\u{1b}[2m2026-11-21T08:00:00Z\u{1b}[0m \u{1b}[3mip\u{1b}[0m\u{1b}[2m=\u{1b}[0m203.0.113.9\n";
        assert_eq!(scrubbed(coloured), coloured.replace("203.0.113.9", "[ip]"));
    }

    /// Where a subscriber of a test writes.
    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("whole").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(json: bool) -> String {
        let kept = Kept::default();
        let sink = kept.clone();
        let lines = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(move || sink.clone());
        let lines = match json {
            true => lines.json().flatten_event(true).map_event_format(WithIds).boxed(),
            false => lines.boxed(),
        };
        let filter = EnvFilter::new("error");
        tracing::subscriber::with_default(
            tracing_subscriber::registry().with(lines.with_filter(filter)),
            || {
                tracing::error!("outside");
                let request = tracing::error_span!("http.request", trace_id = "a1", span_id = "b2");
                let _request = request.entered();
                let _hidden = tracing::info_span!("goal.create").entered();
                tracing::error!(error = "gone", "inside");
                let _attempt =
                    tracing::error_span!("execution.perform", trace_id = "c3", span_id = "d4").entered();
                tracing::error!("at work");
            },
        );
        let bytes = kept.0.lock().expect("whole").clone();
        String::from_utf8(bytes).expect("text")
    }

    #[test]
    fn lines_have_the_ids_of_what_is_being_done_however_little_is_logged() {
        let json = logged(true);
        let lines: Vec<Value> =
            json.lines().map(|line| serde_json::from_str(line).expect("one object a line")).collect();
        let ids: Vec<(&Value, &Value)> =
            lines.iter().map(|line| (&line["trace_id"], &line["span_id"])).collect();
        assert_eq!(ids[0], (&Value::Null, &Value::Null));
        assert_eq!(ids[1], (&Value::from("a1"), &Value::from("b2")));
        assert_eq!(ids[2], (&Value::from("c3"), &Value::from("d4")));
        assert_eq!(
            (&lines[1]["error"], &lines[1]["message"]),
            (&Value::from("gone"), &Value::from("inside"))
        );
        let text = logged(false);
        let inside = text.lines().nth(1).expect("three lines");
        assert!(inside.contains("trace_id=\"a1\" span_id=\"b2\"") && inside.contains("inside"), "{inside}");
    }

    #[test]
    fn ids_are_no_personal_data() {
        // Digits as in numbers of telephones, cards and accounts, which ids have by chance.
        let mut id: u128 = 0x4929_1234_5678_9012_8447_9112_3456_7890;
        for _ in 0..2_000 {
            let line = format!("ERROR http.request{{trace_id={id:032x} span_id={:016x}}}: gone\n", id as u64);
            assert_eq!(scrubbed(&line), line);
            let json = format!(
                "{{\"level\":\"ERROR\",\"trace_id\":\"{id:032x}\",\"span_id\":\"{:016x}\"}}\n",
                id as u64
            );
            assert_eq!(scrubbed(&json), json);
            id = id
                .wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
                .wrapping_add(0x1234_5678_9012_3456);
        }
    }
}
