//! What is sent, judged by the types of the official SDKs. `tests/contract/models.py` plays the endpoints, and runs this.

use goalwright_application::ports::{AnswerForm, ModelRequest};
use goalwright_domain::model::{Content, Message, ToolCall, ToolChoice, ToolResult};
use serde_json::{Map, Value, json};

use crate::stage::*;

/// Where the endpoints are; none unless the script runs this.
const ADDRESS: &str = "GOALWRIGHT_TEST_SDKS";

/// A conversation with everything that there can be in one.
fn conversation(model: &str) -> ModelRequest {
    let call = |id: &str| {
        let (name, arguments) = ("weather".to_owned(), json!({"city": "Ulm"}));
        Content::ToolCall(ToolCall { id: id.to_owned(), name, arguments, extra: Map::new() })
    };
    let block = json!({"type": "thinking", "thinking": "rain", "signature": "c2ln"});
    let thought = Content::Opaque { value: json!({"provider": "anthropic", "block": block}) };
    let words = Content::Text { text: "Let me look.".to_owned() };
    let result = |id: &str, is_error| ToolResult { id: id.to_owned(), text: "wet".to_owned(), is_error };
    let mut request = request(model);
    request.messages = vec![
        Message::user("What is the weather?"),
        Message::assistant(vec![thought, words, call("a"), call("b"), call("lost")]),
        Message::results(vec![result("b", true), result("a", false)]),
        Message::user("And tomorrow?"),
    ];
    request.tools = vec![tool("weather"), tool("climate")];
    request
}

#[tokio::test]
async fn requests_hold_to_the_types_of_the_official_sdks() {
    let Ok(address) = std::env::var(ADDRESS) else {
        eprintln!("requests were not shown to the SDKs: run tests/contract/models.py");
        return;
    };
    let schema = json!({"type": "object", "properties": {"tasks": {"type": "array", "items": {"type": "string"}}},
                        "required": ["tasks"], "additionalProperties": false});
    let form = AnswerForm { name: "plan".to_owned(), description: "A plan.".to_owned(), schema };
    for (model, base) in
        [("anthropic/claude-sonnet-4-5", address.clone()), ("openai/gpt-5-mini", format!("{address}/v1"))]
    {
        let stage = Stage::at(&base);
        let ask = async |request: &ModelRequest| {
            let whole = stage.once(request).await.expect("the types take it").reply;
            let ear = Ear::default();
            let (streamed, _) = stage.ask_with(request, stage.calls.patience(), Some(&ear)).await;
            let streamed = streamed.expect("the types take it").reply;
            assert_eq!(
                (&whole.content, &whole.stop, &whole.formed),
                (&streamed.content, &streamed.stop, &streamed.formed)
            );
            assert_eq!((whole.usage, whole.usage.input_tokens), (streamed.usage, 100));
            whole
        };
        let words = ask(&request(model)).await;
        assert_eq!(words.text(), "Noted.");
        for choice in
            [ToolChoice::Auto, ToolChoice::Any, ToolChoice::Named("climate".to_owned()), ToolChoice::Never]
        {
            let called = ask(&ModelRequest { choice: choice.clone(), ..conversation(model) }).await;
            let message = Message::assistant(called.content.clone());
            let names: Vec<&str> = message.calls().map(|call| call.name.as_str()).collect();
            let expected: &[&str] = match &choice {
                ToolChoice::Any => &["weather"],
                ToolChoice::Named(_) => &["climate"],
                ToolChoice::Auto | ToolChoice::Never => &[],
            };
            assert_eq!(names, expected, "{choice:?}");
            // What came back can be sent again.
            let mut again = conversation(model);
            again.messages.push(message);
            ask(&again).await;
        }
        let formed = ask(&ModelRequest { form: Some(form.clone()), ..request(model) }).await;
        let formed: Value = serde_json::from_str(&formed.formed.expect("a form")).expect("JSON");
        assert_eq!(formed, json!({"tasks": ["bake"]}));
    }
}
