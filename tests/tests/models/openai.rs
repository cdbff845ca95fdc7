//! Chat Completions.

use goalwright_application::ports::Stop;
use goalwright_domain::model::{Message, ToolChoice, ToolResult};
use serde_json::{Value, json};
use wiremock::ResponseTemplate;

use crate::stage::*;

const MODEL: &str = "openai/gpt-test";

/// Two calls, with the fields in which Gemini signs its thoughts.
fn calls() -> Value {
    json!({"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-test-1",
        "choices": [{"index": 0, "finish_reason": "tool_calls", "message": {"role": "assistant", "content": null,
            "tool_calls": [
                {"id": "call_a", "type": "function", "extra_content": {"google": {"thought_signature": "c2ln"}},
                 "function": {"name": "weather", "arguments": "{\"city\":\"Ulm\"}", "strictly": true}},
                {"id": "call_b", "type": "function", "function": {"name": "weather", "arguments": "{\"city\":\"Bonn\"}"}}]}}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 30, "total_tokens": 130}})
}

#[tokio::test]
async fn what_is_sent_has_its_shape_and_the_same_bytes_each_time() {
    let server = endpoint(vec![ok(&openai_words("done"))]).await;
    let stage = Stage::at(&format!("{}/v1", server.uri()));
    let mut request = request(MODEL);
    request.tools = vec![tool("weather")];
    request.choice = ToolChoice::Any;
    let answer = stage.once(&request).await.expect("an answer");
    assert_eq!((answer.reply.text().as_str(), answer.usage.cache_read_tokens), ("done", 90));
    stage.once(&request).await.expect("an answer");
    let sent = server.received_requests().await.expect("recorded");
    assert_eq!(sent[0].body, sent[1].body, "the same bytes");
    assert_eq!(sent[0].url.path(), "/v1/chat/completions");
    assert_eq!(sent[0].headers["authorization"], format!("Bearer {KEY}"));
    let body: Value = serde_json::from_slice(&sent[0].body).expect("JSON");
    assert_eq!(
        body,
        json!({"model": "gpt-test", "max_tokens": 1000, "tool_choice": "required",
            "tools": [{"type": "function", "function": {"name": "weather", "description": "Tells the weather.",
                       "parameters": tool("weather").parameters}}],
            "messages": [{"role": "system", "content": "You break goals down."},
                         {"role": "user", "content": "Bake a cake."}]})
    );
}

#[tokio::test]
async fn fields_of_calls_that_nobody_knows_are_sent_back() {
    let server = endpoint(vec![ok(&calls()), ok(&openai_words("rain"))]).await;
    let stage = Stage::at(&server.uri());
    let mut asked = request(MODEL);
    let reply = stage.once(&asked).await.expect("calls").reply;
    assert_eq!(reply.stop, Stop::Tools);
    asked.messages.push(Message::assistant(reply.content));
    let wet = |id: &str| ToolResult { id: id.to_owned(), text: "wet".to_owned(), is_error: id == "call_b" };
    asked.messages.push(Message::results(vec![wet("call_a"), wet("call_b")]));
    stage.once(&asked).await.expect("an answer");
    let body = bodies(&server).await.pop().expect("the second");
    assert_eq!(body["messages"][2]["tool_calls"], calls()["choices"][0]["message"]["tool_calls"]);
    assert_eq!(body["messages"][2]["content"], Value::Null);
    assert_eq!(body["messages"][3], json!({"role": "tool", "tool_call_id": "call_a", "content": "wet"}));
    assert_eq!(body["messages"][4]["content"], "Error: wet");
}

fn chunk(delta: Value, reason: Value) -> Value {
    json!({"id": "c", "object": "chat.completion.chunk", "model": "gpt-test-1",
           "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]})
}

fn piece(piece: Value) -> Value {
    chunk(json!({"tool_calls": [piece]}), Value::Null)
}

fn usage() -> Value {
    json!({"id": "c", "object": "chat.completion.chunk", "model": "gpt-test-1", "choices": [],
           "usage": {"prompt_tokens": 100, "completion_tokens": 30, "total_tokens": 130}})
}

/// The stream of [`calls`]; the pieces of the two come mixed.
fn calls_in_pieces() -> Vec<Value> {
    vec![
        chunk(json!({"role": "assistant", "content": null}), Value::Null),
        piece(json!({"index": 0, "id": "call_a", "type": "function",
                     "extra_content": {"google": {"thought_signature": "c2ln"}},
                     "function": {"name": "weather", "arguments": "", "strictly": true}})),
        piece(
            json!({"index": 1, "id": "call_b", "type": "function", "function": {"name": "weather", "arguments": ""}}),
        ),
        piece(json!({"index": 0, "function": {"arguments": "{\"city\":"}})),
        piece(json!({"index": 1, "function": {"arguments": "{\"city\":\"Bo"}})),
        piece(json!({"index": 0, "function": {"arguments": "\"Ulm\"}"}})),
        piece(json!({"index": 1, "function": {"arguments": "nn\"}"}})),
        chunk(json!({}), json!("tool_calls")),
        usage(),
    ]
}

#[tokio::test]
async fn a_stream_gives_the_same_answer_as_a_whole_one() {
    let done = format!("{}data: [DONE]\n\n", chunks(&calls_in_pieces()));
    let server = endpoint(vec![ok(&calls()), stream(&done)]).await;
    let stage = Stage::at(&server.uri());
    let whole = stage.once(&request(MODEL)).await.expect("an answer").reply;
    let ear = Ear::default();
    let (streamed, _) = stage.ask_with(&request(MODEL), stage.calls.patience(), Some(&ear)).await;
    let streamed = streamed.expect("an answer").reply;
    assert_eq!(
        (&streamed.content, &streamed.stop, streamed.usage),
        (&whole.content, &whole.stop, whole.usage)
    );
    assert_eq!(ear.heard().concat(), "");
    let body = bodies(&server).await.pop().expect("the second");
    assert_eq!((&body["stream"], &body["stream_options"]), (&json!(true), &json!({"include_usage": true})));
}

#[tokio::test]
async fn calls_without_an_index_or_with_the_same_one_are_told_apart_by_their_ids() {
    let function = |city: &str| json!({"name": "weather", "arguments": format!("{{\"city\":\"{city}\"}}")});
    let same = [
        piece(json!({"index": 0, "id": "a", "type": "function", "function": function("Ulm")})),
        piece(json!({"index": 0, "id": "b", "type": "function", "function": function("Bonn")})),
        chunk(json!({}), json!("stop")),
    ];
    let none = [
        piece(json!({"id": "a", "type": "function", "function": function("Ulm")})),
        piece(json!({"id": "b", "type": "function", "function": function("Bonn")})),
        chunk(json!({}), json!("tool_calls")),
    ];
    let done = |pieces: &[Value]| stream(&format!("{}data: [DONE]\n\n", chunks(pieces)));
    let server = endpoint(vec![done(&same), done(&none)]).await;
    let stage = Stage::at(&server.uri());
    for _ in 0..2 {
        let ear = Ear::default();
        let (answer, _) = stage.ask_with(&request(MODEL), stage.calls.patience(), Some(&ear)).await;
        let reply = answer.expect("an answer").reply;
        assert_eq!(reply.stop, Stop::Tools);
        let message = Message::assistant(reply.content);
        let cities: Vec<&Value> = message.calls().map(|call| &call.arguments["city"]).collect();
        assert_eq!(cities, ["Ulm", "Bonn"]);
    }
}

#[tokio::test]
async fn a_stream_ends_with_its_reason_and_with_done() {
    let said = chunk(json!({"content": "Hel"}), Value::Null);
    let rest = chunk(json!({"content": "lo"}), json!("stop"));
    let whole = chunks(&[said.clone(), rest.clone(), usage()]);
    for (text, class) in [
        (format!("{whole}data: [DONE]\n\n"), "answered"),
        (whole, "cut_off"),
        (format!("{}data: [DONE]\n\n", chunks(&[said.clone(), usage()])), "cut_off"),
        (chunks(std::slice::from_ref(&said)), "cut_off"),
        (
            format!("{}data: {{\"error\": {{\"message\": \"gone\", \"code\": 503}}}}\n\n", chunks(&[said])),
            "server",
        ),
        ("data: not json\n\n".to_owned(), "unintelligible"),
        (String::new(), "cut_off"),
    ] {
        let server = endpoint(vec![stream(&text)]).await;
        let stage = Stage::at(&server.uri());
        let ear = Ear::default();
        let (answer, pauses) = stage.ask_with(&request(MODEL), stage.calls.patience(), Some(&ear)).await;
        let outcome = answer.as_ref().map_or_else(|failed| failed.why.class(), |_| "answered");
        assert_eq!(outcome, class, "{text}");
        let begun = text.contains("Hel");
        assert_eq!(pauses.len(), if begun { 0 } else { 2 }, "what was heard is not said again: {text}");
    }
}

#[tokio::test]
async fn an_endpoint_that_does_not_stream_is_understood() {
    let server = endpoint(vec![ok(&openai_words("all at once"))]).await;
    let stage = Stage::at(&server.uri());
    let ear = Ear::default();
    let (answer, _) = stage.ask_with(&request(MODEL), stage.calls.patience(), Some(&ear)).await;
    assert_eq!(answer.expect("an answer").reply.text(), "all at once");
    assert_eq!(ear.heard(), ["all at once"]);
}

#[tokio::test]
async fn refusals_are_told_with_their_category() {
    let mut refusal = openai_words("");
    refusal["choices"][0]["message"]["refusal"] = json!("I cannot help with that.");
    let mut filtered = openai_words("");
    filtered["choices"][0]["finish_reason"] = json!("content_filter");
    let mut long = openai_words("and so");
    long["choices"][0]["finish_reason"] = json!("length");
    let server = endpoint(vec![ok(&refusal), ok(&filtered), ok(&long)]).await;
    let stage = Stage::at(&server.uri());
    let refused = |words: &str| Stop::Refused { category: Some(words.to_owned()) };
    for expected in [refused("I cannot help with that."), refused("content_filter"), Stop::Length] {
        assert_eq!(stage.once(&request(MODEL)).await.expect("an answer").reply.stop, expected);
    }
}

#[tokio::test]
async fn a_server_that_silently_reads_a_part_is_found_out() {
    let read = |tokens: u64| {
        let mut answer = openai_words("a plan");
        answer["usage"] =
            json!({"prompt_tokens": tokens, "completion_tokens": 9, "total_tokens": tokens + 9});
        ok(&answer)
    };
    let server = endpoint(vec![read(2_048), read(25_000), read(0)]).await;
    let stage = Stage::at(&server.uri());
    let mut long = request(MODEL);
    long.messages = vec![Message::user("word ".repeat(25_000))];
    let failed = stage.once(&long).await.expect_err("too little was read");
    let said = failed.to_string();
    assert!(said.contains("2048") && said.contains("OLLAMA_CONTEXT_LENGTH"), "{said}");
    assert_eq!((failed.why.class(), failed.usage.input_tokens), ("refused", 2_048));
    stage.once(&long).await.expect("everything was read");
    stage.once(&long).await.expect("a server that does not count says nothing");
}

#[tokio::test]
async fn what_an_endpoint_does_not_know_is_said_otherwise_and_remembered() {
    let unknown =
        |words: &str| refused(400, &json!({"error": {"message": words, "type": "invalid_request_error"}}));
    let server = endpoint(vec![
        unknown("Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."),
        unknown("Unrecognized request argument supplied: stream_options"),
        ResponseTemplate::new(200).set_body_raw(
            format!("{}data: [DONE]\n\n", chunks(&[chunk(json!({"content": "hi"}), json!("stop"))])),
            "text/event-stream",
        ),
    ])
    .await;
    let stage = Stage::at(&server.uri());
    for _ in 0..2 {
        let ear = Ear::default();
        let (answer, pauses) = stage.ask_with(&request(MODEL), stage.calls.patience(), Some(&ear)).await;
        assert_eq!((answer.expect("an answer").attempts, pauses.len()), (1, 0));
    }
    let sent = bodies(&server).await;
    assert_eq!(sent.len(), 4, "three to learn it, one that knows");
    assert!(
        sent[3].get("stream_options").is_none() && sent[3]["max_completion_tokens"] == 1000,
        "{}",
        sent[3]
    );
}
