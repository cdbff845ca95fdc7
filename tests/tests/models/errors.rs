//! Everything that an endpoint can do wrong.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use goalwright_application::Error;
use goalwright_application::models::Patience;
use goalwright_application::ports::ModelRequest;
use goalwright_application::ports::telemetry::TraceContext;
use goalwright_testkit::until;
use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;
use uuid::Uuid;
use wiremock::ResponseTemplate;

use crate::raw::{Does, RawServer, http};
use crate::stage::*;

const MODEL: &str = "anthropic/claude-test";
const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn whatever_passes_is_waited_out_and_asked_again() {
    let overloaded = json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}});
    let limited = json!({"type": "error", "error": {"type": "rate_limit_error", "message": "slow down"}});
    let server = endpoint(vec![
        refused(429, &limited).insert_header("retry-after", "17"),
        refused(429, &limited).insert_header("retry-after-ms", "500"),
        refused(529, &overloaded),
        ResponseTemplate::new(500).set_body_string("oops"),
        ResponseTemplate::new(200).set_body_raw("<html>sign in</html>", "text/html"),
        ResponseTemplate::new(200).set_body_raw("{\"content\": [", "application/json"),
        ResponseTemplate::new(200).set_body_raw("{\"content\": }", "application/json"),
        ResponseTemplate::new(200).set_body_raw(b"{\"content\": \"\xff\"}".to_vec(), "application/json"),
        ok(&anthropic_words("at last")),
    ])
    .await;
    let stage = Stage::at(&server.uri());
    let patience = Patience { attempts: 9, ..stage.calls.patience() };
    let (answer, pauses) = stage.ask_with(&request(MODEL), patience, None).await;
    let answer = answer.expect("the ninth");
    assert_eq!((answer.attempts, answer.reply.text().as_str()), (9, "at last"));
    // What is asked for is a floor: 17 s is more than the pause would be, half a second is less.
    let seconds: Vec<f64> = pauses.iter().map(Duration::as_secs_f64).collect();
    assert_eq!(seconds, [17.0, 6.0, 9.0, 10.0, 10.0, 10.0, 10.0, 10.0]);
    assert_eq!(answer.took, Duration::from_secs(82), "by the clock of the test");
    let expected = [
        "rate_limited",
        "rate_limited",
        "overloaded",
        "server",
        "unintelligible",
        "cut_off",
        "unintelligible",
        "unintelligible",
    ]
    .map(|class| format!("anthropic again after {class}"));
    let told = stage.told.take();
    assert_eq!((&told[..8], told[8].as_str()), (&expected[..], "anthropic answered"));
}

#[tokio::test]
async fn what_a_useless_answer_consumed_is_known_if_it_says_so() {
    let telling = json!({"kind": "other", "usage": {"input_tokens": 7, "output_tokens": 2}});
    let useless = [
        (ok(&telling), 9, false),
        (ok(&json!({"kind": "other"})), 0, true),
        (ResponseTemplate::new(504).set_body_string("the model takes too long"), 0, true),
        (ResponseTemplate::new(500).set_body_string("oops"), 0, false),
    ];
    let answer = anthropic_words("at last");
    for (first, tokens, untold) in useless {
        let server = endpoint(vec![ok(&answer)]).await;
        let stage = Stage::at(&server.uri());
        let usual = stage.ask(&request(MODEL)).await.0.expect("an answer").usage.cost_tokens();
        let server = endpoint(vec![first, ok(&answer)]).await;
        let stage = Stage::at(&server.uri());
        let answered = stage.ask(&request(MODEL)).await.0.expect("the second");
        assert_eq!((answered.usage.cost_tokens(), answered.untold), (usual + tokens, untold));
    }
}

/// Until so many connections were taken; an attempt that ends earlier would leave no trace of itself.
async fn until_connected(server: &RawServer, count: usize) {
    until("connections are taken", async || server.connections() >= count).await;
}

#[tokio::test]
async fn connections_that_break_hang_or_flood_end_as_they_must() {
    let whole = anthropic_words("at last").to_string();
    let stream_head =
        anthropic_events(&[json!({"type": "message_start", "message": {"usage": {"input_tokens": 7}}})]);
    let server = RawServer::start(vec![
        Does::Closes,
        Does::Sends(http("application/json", whole.len() + 10, whole.as_bytes())),
        Does::SendsAndHangs(Vec::new()),
        Does::SendsAndHangs(http("application/json", whole.len() + 10, whole.as_bytes())),
        Does::Floods,
        Does::Sends(http("application/json", whole.len(), whole.as_bytes())),
    ]);
    let stage = Stage::at(&server.base);
    let patience = Patience { attempts: 6, ..stage.calls.patience() };
    let asked = request(MODEL);
    let (call, hangs) = (stage.calls.ask(&asked, patience, None), async {
        // A sleep of a whole attempt is what ends it; the clock passes it for the two that hang.
        let mut attempts = 0;
        loop {
            let span = stage.clock.next_sleep().await;
            if span == LIMIT {
                attempts += 1;
                if [3, 4].contains(&attempts) {
                    until_connected(&server, attempts).await;
                    stage.clock.advance(span);
                }
            } else {
                stage.clock.advance(span);
            }
        }
    });
    let answer = tokio::select! {
        biased;
        answer = call => answer.expect("the sixth"),
        () = hangs => unreachable!("it goes on for ever"),
    };
    assert_eq!((answer.attempts, server.connections()), (6, 6));
    let told = stage.told.take();
    let classes: Vec<&str> =
        told.iter().filter_map(|one| one.strip_prefix("anthropic again after ")).collect();
    assert_eq!(classes, ["unreachable", "cut_off", "timed_out", "timed_out", "unintelligible"]);
    assert!(server.flooded() < 40_000_000, "{} bytes were read", server.flooded());

    // A stream that breaks in its middle, and one that says nothing more.
    let broken = RawServer::start(vec![
        Does::Sends(http("text/event-stream", 10_000, stream_head.as_bytes())),
        Does::SendsAndHangs(http("text/event-stream", 10_000, stream_head.as_bytes())),
    ]);
    let stage = Stage::at(&broken.base);
    let ear = Ear::default();
    let patience = Patience { attempts: 2, ..stage.calls.patience() };
    let (call, time) = (stage.calls.ask(&asked, patience, Some(&ear)), async {
        assert_eq!(stage.clock.next_sleep().await, LIMIT, "the first attempt, which breaks by itself");
        assert_eq!(stage.clock.skip_pause(LIMIT).await, 3 * SECOND);
        assert_eq!(stage.clock.next_sleep().await, LIMIT);
        until_connected(&broken, 2).await;
        stage.clock.advance(LIMIT);
        std::future::pending::<()>().await;
    });
    let failed = tokio::select! {
        biased;
        failed = call => failed.expect_err("no answer"),
        () = time => unreachable!("it waits for ever"),
    };
    assert_eq!((failed.why.class(), failed.attempts, failed.usage.input_tokens), ("timed_out", 2, 7));
    assert!(failed.untold, "what was written until then is not told");
}

#[tokio::test]
async fn nobody_listens_there() {
    let place = std::net::TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port");
    let stage = Stage::at(&format!("http://{place}"));
    let (failed, pauses) = stage.ask(&request(MODEL)).await;
    let failed = failed.expect_err("nobody");
    assert_eq!((failed.why.class(), failed.attempts), ("unreachable", 3));
    assert!(!failed.untold, "nobody worked on what nobody heard");
    assert_eq!(pauses, [3 * SECOND, 6 * SECOND]);
    let told = Error::from(failed);
    assert_eq!(told.code(), "model_unavailable");
    assert!(
        told.to_string().contains("(asked 3 times)") && told.to_string().contains(&place.to_string()),
        "{told}"
    );
}

#[tokio::test]
async fn what_does_not_pass_is_asked_once_and_told_with_what_to_do() {
    let error =
        |kind: &str, message: &str| json!({"type": "error", "error": {"type": kind, "message": message}});
    let long = "prompt is too long: 210000 tokens > 200000 maximum";
    for (answer, code, said) in [
        (
            refused(401, &error("authentication_error", "invalid x-api-key")),
            "model_credentials",
            "ANTHROPIC_API_KEY",
        ),
        (refused(403, &error("permission_error", "no")), "model_credentials", "(403)"),
        (refused(404, &error("not_found_error", "model: x")), "model_unavailable", "no model `claude-test`"),
        (ResponseTemplate::new(404).set_body_string("<html>"), "model_unavailable", "ANTHROPIC_BASE_URL"),
        (
            refused(400, &error("invalid_request_error", long)),
            "model_context_too_long",
            "210000 tokens, and the model reads 200000",
        ),
        (
            refused(400, &error("invalid_request_error", "messages: wrong")),
            "model_unavailable",
            "messages: wrong",
        ),
        (
            refused(429, &error("enforced_spend_limit_reached", "the limit of your workspace")),
            "model_unavailable",
            "the limit of your workspace",
        ),
        (
            ResponseTemplate::new(307).insert_header("location", "http://elsewhere.test/"),
            "model_unavailable",
            "redirect",
        ),
    ] {
        let server = endpoint(vec![answer]).await;
        let stage = Stage::at(&server.uri());
        let (failed, pauses) = stage.ask(&request(MODEL)).await;
        let failed = failed.expect_err(said);
        assert_eq!((failed.attempts, pauses.len(), bodies(&server).await.len()), (1, 0, 1), "{said}");
        let error = Error::from(failed);
        assert_eq!(error.code(), code, "{said}");
        assert!(error.to_string().contains(said), "{error}");
    }
}

/// Keeps log lines.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("whole").write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn the_key_is_in_no_message_and_in_no_log_line() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(log.clone())
        .with_max_level(tracing::Level::TRACE);
    let guard = tracing::subscriber::set_default(subscriber.finish());
    let echo = format!("you sent {KEY}");
    let trace_id = Uuid::from_u128(0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736);
    let trace = TraceContext { trace_id, span_id: 0xa1, sampled: true };
    let mut shown = String::new();
    for status in [400, 401, 404, 429, 500] {
        for model in [MODEL, "openai/gpt-test"] {
            let body = json!({"error": {"message": echo, "type": "some_error"}});
            let server = endpoint(vec![refused(status, &body)]).await;
            let stage = Stage::at(&server.uri());
            let traced = ModelRequest { trace: Some(trace), ..request(model) };
            let failed = stage.ask(&traced).await.0.expect_err("refused");
            shown.push_str(&format!("{failed} {failed:?} {:?} {}", failed.why, Error::from(failed.clone())));
        }
    }
    drop(guard);
    let lines = String::from_utf8(log.0.lock().expect("whole").clone()).expect("text");
    assert!(!shown.contains(KEY) && shown.contains("you sent [key]"), "{shown}");
    assert!(!lines.contains(KEY), "{}", lines.lines().find(|line| line.contains(KEY)).unwrap_or_default());
    let retry = |class: &str| {
        let class = format!("error.class=\"{class}\"");
        lines
            .lines()
            .find(|line| line.contains("it is asked again") && line.contains(&class))
            .expect("it is logged")
    };
    for line in [retry("server"), retry("rate_limited")] {
        for part in ["attempt=1", "delay_ms=3000", "trace_id=\"4bf92f3577b34da6a3ce929d0e0e4736\""] {
            assert!(line.contains(part), "{part}: {line}");
        }
    }
}
