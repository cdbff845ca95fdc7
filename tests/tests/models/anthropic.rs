//! The Messages API.

use goalwright_application::ports::Stop;
use goalwright_domain::model::{Content, Message, ToolResult, Usage};
use serde_json::{Value, json};

use crate::stage::*;

const MODEL: &str = "anthropic/claude-test";

fn thinking() -> Value {
    json!({"type": "thinking", "thinking": "rain, I suppose", "signature": "c2lnbmVk"})
}

/// Thoughts, words, and two calls, one of them with a field that we do not know.
fn calls() -> Value {
    json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-test-1",
        "content": [thinking(), {"type": "text", "text": "Let me look."},
            {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Ulm", "unit": "C"},
             "caller": {"type": "direct"}},
            {"type": "tool_use", "id": "toolu_2", "name": "weather", "input": {"city": "Bonn"}}],
        "stop_reason": "tool_use", "stop_sequence": null,
        "usage": {"input_tokens": 21, "cache_creation_input_tokens": 300, "cache_read_input_tokens": 0,
                  "output_tokens": 60}})
}

#[tokio::test]
async fn what_is_sent_has_its_shape_its_cache_mark_and_the_same_bytes_each_time() {
    let server = endpoint(vec![ok(&anthropic_words("done"))]).await;
    let stage = Stage::at(&server.uri());
    let mut request = request(MODEL);
    request.tools = vec![tool("weather"), tool("climate")];
    let answer = stage.once(&request).await.expect("an answer");
    assert_eq!((answer.reply.text().as_str(), &answer.reply.stop), ("done", &Stop::Finished));
    assert_eq!(answer.reply.model, "claude-test-1");
    let expected =
        Usage { input_tokens: 100, output_tokens: 5, cache_creation_tokens: 0, cache_read_tokens: 90 };
    assert_eq!(answer.usage, expected);
    assert!(answer.usage.cache_hit() && answer.reply.raw_usage["input_tokens"] == 10);
    stage.once(&request).await.expect("an answer");

    let sent = server.received_requests().await.expect("recorded");
    assert_eq!(sent[0].body, sent[1].body, "the same bytes");
    assert_eq!(sent[0].url.path(), "/v1/messages");
    assert_eq!(sent[0].headers["x-api-key"], KEY);
    assert_eq!(sent[0].headers["anthropic-version"], "2023-06-01");
    let schema = tool("weather").parameters;
    let body: Value = serde_json::from_slice(&sent[0].body).expect("JSON");
    assert_eq!(
        body,
        json!({"model": "claude-test", "max_tokens": 1000,
            "tools": [{"name": "weather", "description": "Tells the weather.", "input_schema": schema},
                      {"name": "climate", "description": "Tells the weather.", "input_schema": schema}],
            "system": [{"type": "text", "text": "You break goals down.", "cache_control": {"type": "ephemeral"}}],
            "messages": [{"role": "user", "content": [{"type": "text", "text": "Bake a cake."}]}]})
    );
    // Without a system text the last tool is what stays the same.
    request.system.clear();
    stage.once(&request).await.expect("an answer");
    let body = bodies(&server).await.pop().expect("one more");
    assert!(body.get("system").is_none() && body["tools"][0].get("cache_control").is_none(), "{body}");
    assert_eq!(body["tools"][1]["cache_control"], json!({"type": "ephemeral"}));
}

#[tokio::test]
async fn calls_of_tools_and_thoughts_are_sent_back_as_they_came() {
    let server = endpoint(vec![ok(&calls()), ok(&anthropic_words("rain")), ok(&openai_words("rain"))]).await;
    let stage = Stage::at(&server.uri());
    let mut asked = request(MODEL);
    asked.tools = vec![tool("weather")];
    let reply = stage.once(&asked).await.expect("calls").reply;
    assert_eq!(reply.stop, Stop::Tools);
    assert_eq!(reply.usage.input_tokens, 321);
    let message = Message::assistant(reply.content);
    let called: Vec<(&str, &Value)> =
        message.calls().map(|call| (call.id.as_str(), &call.arguments)).collect();
    assert_eq!(
        called,
        [("toolu_1", &json!({"city": "Ulm", "unit": "C"})), ("toolu_2", &json!({"city": "Bonn"}))]
    );
    let result = |id: &str, is_error| ToolResult { id: id.to_owned(), text: "wet".to_owned(), is_error };
    let results = Message::results(vec![result("toolu_2", true), result("toolu_1", false)]);
    asked.messages = vec![asked.messages[0].clone(), message.clone(), results];
    stage.once(&asked).await.expect("an answer");

    let body = bodies(&server).await.pop().expect("the second");
    assert_eq!(body["messages"][1]["content"], calls()["content"], "as it came");
    assert_eq!(
        body["messages"][2]["content"],
        json!([{"type": "tool_result", "tool_use_id": "toolu_1", "content": "wet"},
               {"type": "tool_result", "tool_use_id": "toolu_2", "content": "wet", "is_error": true,
                "cache_control": {"type": "ephemeral"}}]),
        "and what goes on is cached up to here"
    );

    // Thoughts of one provider are not shown to another one.
    asked.model = "openai/gpt-test".parse().expect("a model");
    stage.once(&asked).await.expect("an answer");
    let body = bodies(&server).await.pop().expect("the third").to_string();
    assert!(
        !body.contains("rain, I suppose") && !body.contains("c2lnbmVk") && !body.contains("caller"),
        "{body}"
    );
}

/// The stream of [`calls`].
fn calls_in_pieces() -> Vec<Value> {
    let delta =
        |index: u64, delta: Value| json!({"type": "content_block_delta", "index": index, "delta": delta});
    let start = |index: u64, block: Value| json!({"type": "content_block_start", "index": index, "content_block": block});
    let json = |index, text: &str| delta(index, json!({"type": "input_json_delta", "partial_json": text}));
    vec![
        json!({"type": "message_start", "message": {"id": "msg_1", "type": "message", "role": "assistant",
            "model": "claude-test-1", "content": [], "stop_reason": null,
            "usage": {"input_tokens": 21, "cache_creation_input_tokens": 300, "cache_read_input_tokens": 0,
                      "output_tokens": 1}}}),
        start(0, json!({"type": "thinking", "thinking": "", "signature": ""})),
        delta(0, json!({"type": "thinking_delta", "thinking": "rain, "})),
        delta(0, json!({"type": "thinking_delta", "thinking": "I suppose"})),
        delta(0, json!({"type": "signature_delta", "signature": "c2lnbmVk"})),
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "ping"}),
        start(1, json!({"type": "text", "text": ""})),
        delta(1, json!({"type": "text_delta", "text": "Let me "})),
        delta(1, json!({"type": "text_delta", "text": "look."})),
        start(
            2,
            json!({"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {},
                        "caller": {"type": "direct"}}),
        ),
        start(3, json!({"type": "tool_use", "id": "toolu_2", "name": "weather", "input": {}})),
        json(2, ""),
        json(3, "{\"city\": \"Bo"),
        json(2, "{\"city\": \"Ulm\","),
        json(3, "nn\"}"),
        json(2, " \"unit\": \"C\"}"),
        json!({"type": "message_delta", "delta": {"stop_reason": "tool_use", "stop_sequence": null},
               "usage": {"output_tokens": 60}}),
        json!({"type": "message_stop"}),
    ]
}

#[tokio::test]
async fn a_stream_gives_the_same_answer_as_a_whole_one() {
    let server = endpoint(vec![ok(&calls()), stream(&anthropic_events(&calls_in_pieces()))]).await;
    let stage = Stage::at(&server.uri());
    let whole = stage.once(&request(MODEL)).await.expect("an answer").reply;
    let ear = Ear::default();
    let (streamed, _) = stage.ask_with(&request(MODEL), stage.calls.patience(), Some(&ear)).await;
    let streamed = streamed.expect("an answer").reply;
    assert_eq!(ear.heard(), ["Let me ", "look."]);
    assert_eq!(
        (&streamed.content, &streamed.stop, streamed.usage),
        (&whole.content, &whole.stop, whole.usage)
    );
    assert_eq!(bodies(&server).await[1]["stream"], true);
}

#[tokio::test]
async fn a_stream_without_its_end_is_no_answer_and_what_was_heard_is_not_said_again() {
    let events = calls_in_pieces();
    let all = anthropic_events(&events);
    // Before the first words it is asked again, behind them it is not, however orderly the connection ended.
    let unheard = anthropic_events(&events[..6]);
    let almost = anthropic_events(&events[..events.len() - 1]);
    let server = endpoint(vec![stream(&unheard), stream(&all), stream(&almost)]).await;
    let stage = Stage::at(&server.uri());
    let ear = Ear::default();
    let patience = stage.calls.patience();
    let (answer, pauses) = stage.ask_with(&request(MODEL), patience, Some(&ear)).await;
    let answer = answer.expect("the second attempt");
    assert_eq!((answer.attempts, pauses.len()), (2, 1));
    // The first attempt told that it had read 321 tokens.
    assert_eq!((answer.usage.input_tokens, answer.usage.output_tokens), (642, 61));
    let ear = Ear::default();
    let (failed, pauses) = stage.ask_with(&request(MODEL), patience, Some(&ear)).await;
    let failed = failed.expect_err("cut off");
    assert_eq!((failed.why.class(), failed.attempts, pauses.len()), ("cut_off", 1, 0));
    assert_eq!((failed.usage.input_tokens, failed.usage.output_tokens), (321, 60));
    assert_eq!(ear.heard(), ["Let me ", "look."]);
}

#[tokio::test]
async fn an_error_inside_of_a_stream_is_what_it_says() {
    let error = |kind: &str| json!({"type": "error", "error": {"type": kind, "message": "Overloaded"}});
    let broken = |kind: &str, before: usize| {
        let events = [calls_in_pieces()[..before].to_vec(), vec![error(kind)]].concat();
        stream(&anthropic_events(&events))
    };
    let answers =
        vec![broken("overloaded_error", 1), broken("invalid_request_error", 2), broken("api_error", 9)];
    let server = endpoint(answers).await;
    let stage = Stage::at(&server.uri());
    let ear = Ear::default();
    let (failed, pauses) = stage.ask_with(&request(MODEL), stage.calls.patience(), Some(&ear)).await;
    let failed = failed.expect_err("refused");
    assert_eq!((failed.why.class(), failed.attempts, pauses.len()), ("refused", 2, 1));
    assert_eq!(stage.told.take()[0], "anthropic again after overloaded");
    let (failed, _) = stage.ask_with(&request(MODEL), stage.calls.patience(), Some(&ear)).await;
    let failed = failed.expect_err("failed");
    assert_eq!((failed.why.class(), failed.attempts), ("server", 1), "words were heard");
}

#[tokio::test]
async fn refusals_and_ends_are_told() {
    let ended = |reason: &str, details: Value| {
        let mut answer = anthropic_words("I");
        answer["stop_reason"] = json!(reason);
        answer["stop_details"] = details;
        ok(&answer)
    };
    let server = endpoint(vec![
        ended("refusal", json!({"type": "refusal", "category": "cyber", "explanation": "no"})),
        ended("refusal", Value::Null),
        ended("max_tokens", Value::Null),
        ended("model_context_window_exceeded", Value::Null),
        ended("stop_sequence", Value::Null),
    ])
    .await;
    let stage = Stage::at(&server.uri());
    for expected in [
        Stop::Refused { category: Some("cyber".to_owned()) },
        Stop::Refused { category: None },
        Stop::Length,
        Stop::Length,
        Stop::Finished,
    ] {
        assert_eq!(stage.once(&request(MODEL)).await.expect("an answer").reply.stop, expected);
    }
}

#[tokio::test]
async fn an_interrupted_conversation_is_repaired() {
    let server = endpoint(vec![ok(&calls()), ok(&anthropic_words("fine"))]).await;
    let stage = Stage::at(&server.uri());
    let mut asked = request(MODEL);
    let reply = stage.once(&asked).await.expect("calls").reply;
    asked.messages.push(Message::assistant(reply.content));
    asked.messages.push(Message::user("Never mind."));
    stage.once(&asked).await.expect("an answer");
    let body = bodies(&server).await.pop().expect("the second");
    let last = body["messages"][2]["content"].as_array().expect("parts");
    assert_eq!((&last[0]["tool_use_id"], &last[1]["tool_use_id"]), (&json!("toolu_1"), &json!("toolu_2")));
    assert!(
        last[0]["is_error"] == true
            && last[2]
                == json!({"type": "text", "text": "Never mind.", "cache_control": {"type": "ephemeral"}}),
        "{body}"
    );
    let opaque = asked.messages[1].content.iter().any(|part| matches!(part, Content::Opaque { .. }));
    assert!(opaque, "thoughts are kept");
}
