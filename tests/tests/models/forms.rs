//! Answers of a given form, from endpoints that can and from those that cannot.

use goalwright_application::ports::{AnswerForm, ModelRequest, Stop};
use goalwright_domain::model::Message;
use serde_json::{Value, json};

use crate::stage::*;

const CLAUDE: &str = "anthropic/claude-test";
const GPT: &str = "openai/gpt-test";

fn form() -> AnswerForm {
    let schema = json!({"type": "object", "properties": {"tasks": {"type": "array", "items": {"type": "string"}}},
                        "required": ["tasks"], "additionalProperties": false});
    AnswerForm { name: "plan".to_owned(), description: "A plan.".to_owned(), schema }
}

fn formed(model: &str) -> ModelRequest {
    ModelRequest { form: Some(form()), ..request(model) }
}

fn unknown(words: &str) -> wiremock::ResponseTemplate {
    refused(400, &json!({"type": "error", "error": {"type": "invalid_request_error", "message": words}}))
}

const PLAN: &str = r#"{"tasks": ["bake"]}"#;

fn by_tool(model: &str) -> Value {
    if model == CLAUDE {
        let mut answer = anthropic_words("Here you are.");
        let call = json!({"type": "tool_use", "id": "toolu_1", "name": "plan", "input": {"tasks": ["bake"]}});
        answer["content"].as_array_mut().expect("parts").push(call);
        answer["stop_reason"] = json!("tool_use");
        return answer;
    }
    let mut answer = openai_words("Here you are.");
    let call = json!({"id": "c", "type": "function", "function": {"name": "plan", "arguments": PLAN}});
    answer["choices"][0]["message"]["tool_calls"] = json!([call]);
    answer
}

fn in_words(model: &str, text: &str) -> Value {
    if model == CLAUDE { anthropic_words(text) } else { openai_words(text) }
}

fn plan(text: Option<&String>) -> Value {
    serde_json::from_str(text.expect("formed")).expect("JSON")
}

#[tokio::test]
async fn an_endpoint_that_knows_schemas_is_sent_one() {
    for model in [CLAUDE, GPT] {
        let server = endpoint(vec![ok(&in_words(model, PLAN))]).await;
        let stage = Stage::at(&server.uri());
        let reply = stage.once(&formed(model)).await.expect("an answer").reply;
        assert_eq!(
            (reply.formed.as_deref(), reply.content.len(), &reply.stop),
            (Some(PLAN), 0, &Stop::Finished)
        );
        let body = &bodies(&server).await[0];
        if model == CLAUDE {
            assert_eq!(
                body["output_config"]["format"],
                json!({"type": "json_schema", "schema": form().schema})
            );
        } else {
            let schema = &body["response_format"]["json_schema"];
            assert_eq!((&schema["strict"], &schema["schema"]), (&json!(true), &form().schema));
        }
        assert!(body.get("tools").is_none(), "{body}");
    }
}

#[tokio::test]
async fn an_endpoint_that_refuses_a_schema_is_asked_by_a_tool_from_then_on() {
    for (model, words) in [
        (CLAUDE, "output_config: Extra inputs are not permitted"),
        (GPT, "Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model."),
    ] {
        let server = endpoint(vec![unknown(words), ok(&by_tool(model))]).await;
        let stage = Stage::at(&server.uri());
        for _ in 0..2 {
            let answer = stage.once(&formed(model)).await.expect("an answer");
            assert_eq!(
                (plan(answer.reply.formed.as_ref()), answer.attempts),
                (json!({"tasks": ["bake"]}), 1)
            );
            assert_eq!(
                (answer.reply.text().as_str(), &answer.reply.stop),
                ("Here you are.", &Stop::Finished)
            );
            assert_eq!(Message::assistant(answer.reply.content).calls().count(), 0);
        }
        let sent = bodies(&server).await;
        assert_eq!(sent.len(), 3, "probed once");
        let named = if model == CLAUDE { "/tool_choice/name" } else { "/tool_choice/function/name" };
        for body in &sent[1..] {
            assert_eq!(body.pointer(named), Some(&json!("plan")), "{body}");
        }
    }
}

#[tokio::test]
async fn an_endpoint_that_passes_over_every_form_is_asked_in_words() {
    for (model, ways) in [(CLAUDE, 3), (GPT, 4)] {
        let mut answers = vec![ok(&in_words(model, "I would bake.")); ways - 1];
        answers.push(ok(&in_words(model, "```json\n{\"tasks\": [\"bake\"]}\n```")));
        let server = endpoint(answers).await;
        let stage = Stage::at(&server.uri());
        let answer = stage.once(&formed(model)).await.expect("an answer");
        assert_eq!(
            answer.reply.formed.as_deref(),
            Some("```json\n{\"tasks\": [\"bake\"]}\n```"),
            "as it was written"
        );
        assert_eq!(answer.usage.input_tokens, 100 * ways as u64, "every way is paid for");
        assert_eq!((answer.attempts, answer.usage), (1, answer.reply.usage));
        let sent = bodies(&server).await;
        let last = sent.last().expect("words").to_string();
        assert!(last.contains("JSON Schema") && last.contains("additionalProperties"), "{last}");
        stage.once(&formed(model)).await.expect("an answer");
        assert_eq!(bodies(&server).await.len(), ways + 1, "remembered");
    }
}

#[tokio::test]
async fn what_fails_on_the_way_tells_what_all_ways_cost() {
    let server =
        endpoint(vec![ok(&openai_words("no")), refused(401, &json!({"error": {"message": "no"}}))]).await;
    let stage = Stage::at(&server.uri());
    let failed = stage.once(&formed(GPT)).await.expect_err("refused");
    assert_eq!((failed.why.class(), failed.usage.input_tokens), ("credentials", 100));
}

#[tokio::test]
async fn an_answer_that_was_cut_off_or_refused_is_not_asked_for_in_another_way() {
    let ended = |text: &str, reason: &str| {
        let mut answer = openai_words(text);
        answer["choices"][0]["finish_reason"] = json!(reason);
        ok(&answer)
    };
    let server = endpoint(vec![ended("{\"tasks\": [\"ba", "length"), ended("", "content_filter")]).await;
    let stage = Stage::at(&server.uri());
    let cut = stage.once(&formed(GPT)).await.expect("an answer").reply;
    assert_eq!((cut.formed.as_deref(), &cut.stop), (Some("{\"tasks\": [\"ba"), &Stop::Length));
    let refused = stage.once(&formed(GPT)).await.expect("an answer").reply;
    assert!(refused.formed.is_none() && matches!(refused.stop, Stop::Refused { .. }), "{refused:?}");
    assert_eq!(bodies(&server).await.len(), 2);
}

#[tokio::test]
async fn tools_and_a_form_go_together() {
    let server = endpoint(vec![unknown("response_format is not supported"), ok(&by_tool(GPT))]).await;
    let stage = Stage::at(&server.uri());
    let mut asked = formed(GPT);
    asked.tools = vec![tool("weather")];
    let reply = stage.once(&asked).await.expect("an answer").reply;
    assert!(reply.formed.is_some());
    let body = bodies(&server).await.pop().expect("the second");
    assert_eq!((&body["tool_choice"], body["tools"].as_array().map(Vec::len)), (&json!("required"), Some(2)));
}

#[tokio::test]
async fn a_model_that_writes_less_than_is_asked_for_is_asked_for_less_from_then_on() {
    for (model, words) in [
        (
            CLAUDE,
            "max_tokens: 1000 > 600, which is the maximum allowed number of output tokens for claude-test",
        ),
        (
            GPT,
            "max_tokens is too large: 1000. This model supports at most 600 completion tokens, whereas you provided 1000.",
        ),
    ] {
        let server = endpoint(vec![unknown(words), ok(&in_words(model, "{\"tasks\": [\"bake\"]}"))]).await;
        let stage = Stage::at(&server.uri());
        for _ in 0..2 {
            let answer = stage.once(&formed(model)).await.expect("an answer");
            assert_eq!(
                (plan(answer.reply.formed.as_ref()), answer.attempts),
                (json!({"tasks": ["bake"]}), 1)
            );
        }
        let name = model.parse().expect("a name");
        assert_eq!(stage.calls.output_limit(&name), Some(600), "nobody promises more");
        // Whoever asks for still less gets that.
        let short = ModelRequest { max_output_tokens: 100, ..formed(model) };
        stage.once(&short).await.expect("an answer");
        let asked: Vec<u64> = bodies(&server)
            .await
            .iter()
            .filter_map(|body| body.get("max_tokens").or(body.get("max_completion_tokens"))?.as_u64())
            .collect();
        assert_eq!(asked, [1_000, 600, 600, 100], "probed once");
    }
}

#[tokio::test]
async fn an_answer_takes_the_room_that_its_request_leaves_and_the_next_one_its_own() {
    let full = "This model's maximum context length is 1600 tokens. However, you requested 1800 tokens (800 in the messages, \
                1000 in the completion).";
    let server = endpoint(vec![unknown(full), ok(&in_words(GPT, "{\"tasks\": [\"bake\"]}"))]).await;
    let stage = Stage::at(&server.uri());
    for _ in 0..2 {
        stage.once(&formed(GPT)).await.expect("an answer");
    }
    let asked: Vec<Value> = bodies(&server).await.iter().map(|body| body["max_tokens"].clone()).collect();
    assert_eq!(asked, [json!(1_000), json!(800), json!(1_000)], "another request leaves other room");
    // Where there is hardly any room, that is said.
    let fuller = "This model's maximum context length is 1600 tokens. However, you requested 2500 tokens (1500 in the messages, \
                  1000 in the completion).";
    let server = endpoint(vec![unknown(fuller)]).await;
    let refused = Stage::at(&server.uri()).once(&formed(GPT)).await.expect_err("no room");
    assert_eq!(refused.why.class(), "too_long");
    assert_eq!(bodies(&server).await.len(), 1);
}
