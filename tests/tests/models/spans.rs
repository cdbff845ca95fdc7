//! The span of a call, in the trace of whoever asks.

use std::sync::Arc;
use std::time::Duration;

use goalwright_application::models::{ModelCalls, ModelPorts, Patience};
use goalwright_application::ports::telemetry::TraceContext;
use goalwright_domain::model::{BreakerRule, Cause};
use goalwright_infrastructure::telemetry::{Collector, Observer, Sampling};
use goalwright_testkit::{FakeClock, ScriptedModel, SequentialIds};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Told;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use tracing_subscriber::layer::SubscriberExt;
use uuid::Uuid;
use wiremock::ResponseTemplate;

use crate::stage::{endpoint, request};

fn attribute(span: &Span, key: &str) -> Option<String> {
    let value = span.attributes.iter().find(|one| one.key == key)?.value.as_ref()?.value.as_ref()?;
    Some(match value {
        Told::StringValue(text) => text.clone(),
        Told::IntValue(number) => number.to_string(),
        Told::BoolValue(yes) => yes.to_string(),
        other => format!("{other:?}"),
    })
}

#[tokio::test]
async fn a_call_is_a_span_in_the_trace_of_whoever_asks_with_the_names_of_the_conventions() {
    let collector = endpoint(vec![ResponseTemplate::new(200)]).await;
    let clock = Arc::new(FakeClock::default());
    let settings = Collector { endpoint: collector.uri(), sampling: Sampling::default() };
    let observer = Observer::start(true, Some(&settings), clock.clone()).expect("an observer");
    let subscriber = tracing_subscriber::registry().with(observer.layer().expect("a layer"));
    let guard = tracing::subscriber::set_default(subscriber);
    let models = Arc::new(ScriptedModel::default());
    let ports = ModelPorts {
        models: models.clone(),
        clock: clock.clone(),
        timer: clock.clone(),
        ids: Arc::new(SequentialIds::default()),
        telemetry: observer.clone(),
    };
    let calls =
        ModelCalls::new(ports, Patience { attempts: 2, ..Patience::default() }, BreakerRule::default());
    let mut asked = request("anthropic/claude-test");
    let trace_id = Uuid::from_u128(0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736);
    asked.trace = Some(TraceContext { trace_id, span_id: 0xa1, sampled: true });
    models.fail(Cause::CutOff);
    models.say("yes");
    let pause = clock.skip_pause(Duration::from_secs(60));
    let (answer, _) = tokio::join!(calls.ask(&asked, calls.patience(), None), pause);
    answer.expect("an answer");
    models.fail(Cause::Quota { message: "spent".to_owned() });
    calls.ask(&asked, calls.patience(), None).await.expect_err("spent");
    asked.trace = Some(TraceContext { trace_id, span_id: 0xa1, sampled: false });
    models.say("not recorded");
    calls.ask(&asked, calls.patience(), None).await.expect("an answer");
    drop(guard);
    tokio::task::spawn_blocking(move || observer.finish()).await.expect("it ends");

    let sent = collector.received_requests().await.expect("recorded");
    let spans: Vec<Span> = sent
        .iter()
        .flat_map(|one| {
            ExportTraceServiceRequest::decode(one.body.as_ref()).expect("protobuf").resource_spans
        })
        .flat_map(|resource| resource.scope_spans)
        .flat_map(|scope| scope.spans)
        .collect();
    let [answered, failed] = spans.as_slice() else { panic!("{spans:?}") };
    for span in [answered, failed] {
        assert_eq!((span.name.as_str(), span.kind), ("chat claude-test", 3), "a client");
        assert_eq!(span.trace_id, trace_id.as_bytes());
        assert_eq!(span.parent_span_id, 0xa1u64.to_be_bytes());
    }
    for (key, value) in [
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.provider.name", "anthropic"),
        ("gen_ai.request.model", "claude-test"),
        ("gen_ai.request.max_tokens", "1000"),
        ("gen_ai.response.model", "scripted-1"),
        ("gen_ai.usage.input_tokens", "100"),
        ("gen_ai.usage.output_tokens", "20"),
        ("goalwright.model.attempts", "2"),
        ("server.address", "scripted.test"),
        ("server.port", "443"),
    ] {
        assert_eq!(attribute(answered, key).as_deref(), Some(value), "{key}");
    }
    let reasons = attribute(answered, "gen_ai.response.finish_reasons").expect("a reason");
    assert!(reasons.contains("\"stop\""), "{reasons}");
    assert_eq!(attribute(failed, "error.type").as_deref(), Some("quota"));
    assert!(attribute(answered, "model.name").is_none(), "our own names stay inside");
}
