//! A model at an endpoint of Chat Completions performs tasks for the binary, also when the binary is killed in between.

use std::io::Write;
use std::net::TcpStream;
use std::sync::{Arc, Condvar, Mutex};

use goalwright_testkit::Backend;
use rstest::rstest;
use serde_json::{Value, json};

use crate::collector::{listen, read};
use crate::home::Home;
use crate::process::until;

/// So many files the model writes, one in each turn.
const FILES: usize = 5;

/// An endpoint whose model writes `1.txt` to `5.txt` and then finishes: what it does next follows from what it is told that it has
/// done, as with a real one. It counts its questions, and answers as many of them as it may.
struct Model {
    address: String,
    desk: Arc<Desk>,
}

/// What all conversations share.
struct Desk {
    questions: Mutex<Questions>,
    changed: Condvar,
}

struct Questions {
    asked: usize,
    /// Those beyond are kept waiting.
    answered: usize,
}

impl Model {
    fn start() -> Self {
        let questions = Mutex::new(Questions { asked: 0, answered: usize::MAX });
        let desk = Arc::new(Desk { questions, changed: Condvar::new() });
        let shared = desk.clone();
        let address = listen(move |stream| converse(stream, &shared));
        Self { address, desk }
    }

    /// How many questions it was asked.
    fn asked(&self) -> usize {
        self.desk.questions.lock().expect("whole").asked
    }

    /// It answers so many questions, counted from the first it was asked, and keeps whoever asks more waiting.
    fn answers(&self, count: usize) {
        self.desk.questions.lock().expect("whole").answered = count;
        self.desk.changed.notify_all();
    }

    fn serves(&self, home: Home) -> Home {
        let url = format!("http://{}/v1", self.address);
        home.with("GOALWRIGHT_MODEL", "openai/scribe").with("OPENAI_BASE_URL", &url)
    }
}

impl Desk {
    /// Takes a question, and comes back when it may be answered.
    fn take(&self) {
        let mut questions = self.questions.lock().expect("whole");
        questions.asked += 1;
        let number = questions.asked;
        let may = self.changed.wait_while(questions, |questions| questions.answered < number);
        drop(may.expect("whole"));
    }
}

fn converse(mut stream: TcpStream, desk: &Desk) {
    while let Some(request) = read(&mut stream) {
        desk.take();
        let body = answer(&serde_json::from_slice(&request.body).expect("JSON")).to_string();
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        if stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes())).is_err() {
            return;
        }
    }
}

fn answer(request: &Value) -> Value {
    let messages = request["messages"].as_array().expect("messages");
    let done = messages.iter().filter(|message| message["role"] == "tool").count();
    let (name, arguments) = if done < FILES {
        let path = format!("{}.txt", done + 1);
        ("file_write", json!({"path": path, "content": format!("file {}", done + 1)}))
    } else {
        ("finish", json!({"result": format!("{FILES} files"), "summary": "All files are written."}))
    };
    json!({
        "id": "c", "object": "chat.completion", "model": "scribe-1",
        "choices": [{"index": 0, "finish_reason": "tool_calls", "message": {"role": "assistant", "content": null, "tool_calls": [
            {"id": format!("call_{done}"), "type": "function", "function": {"name": name, "arguments": arguments.to_string()}},
        ]}}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110},
    })
}

#[test]
fn a_plan_of_words_is_carried_out_by_the_model() {
    let model = Model::start();
    let home = model.serves(Home::new());
    home.write("plan.md", "# Files\n\n- [ ] T001 Write the files\n- [ ] T002 Count them (depends on T001)\n  use: file.list {\"glob\": \"*.txt\"}\n");
    let summary = home.start(&["run", "--json", "--no-input", "plan.md"]).end().has_code(0).json();
    assert_eq!(summary["status"], "achieved", "{summary}");
    for n in 1..=FILES {
        assert_eq!(home.lines(&format!("{n}.txt")), [format!("file {n}")]);
    }
    assert_eq!(model.asked(), FILES + 1);
    assert_eq!(home.database.number("SELECT COUNT(*) FROM model_calls WHERE purpose = 'task'"), 6);
    home.database.shows_a_ledger_without_gaps();
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
fn killed_in_the_middle_of_a_dialogue_it_goes_on_with_the_next_turn(#[case] backend: Backend) {
    let Some(home) = Home::on(backend) else { return };
    let model = Model::start();
    let home = model.serves(home).with("GOALWRIGHT_LEASE_MS", "700");
    home.write("plan.md", "# Files\n\n- [ ] T001 Write the files\n");
    // A third lost lease would be a person's question.
    for asked in [2, 4] {
        model.answers(asked - 1);
        let run = home.start(&["run", "--json", "--no-input", "plan.md"]);
        until("the model is asked", || (model.asked() >= asked).then_some(()));
        run.kill();
    }
    model.answers(usize::MAX);
    let summary = home.start(&["run", "--json", "--no-input", "plan.md"]).end().has_code(0).json();
    assert_eq!((&summary["status"], &summary["resumed"]), (&json!("achieved"), &json!(true)));
    for n in 1..=FILES {
        assert_eq!(home.lines(&format!("{n}.txt")), [format!("file {n}")]);
    }
    // What was answered and written is never asked again: each kill loses at most the one answer that was on its way.
    let asked = model.asked();
    assert!(asked <= FILES + 1 + 2, "asked {asked} times");
    let calls = "SELECT COUNT(*) FROM (SELECT idempotency_key FROM tool_calls WHERE status = 'succeeded' \
                 GROUP BY idempotency_key HAVING COUNT(*) > 1) twice";
    assert_eq!(home.database.number(calls), 0, "no call was made twice");
    assert_eq!(home.database.number("SELECT COUNT(*) FROM dialogue_entries"), 0);
    home.database.shows_each_task_done_once(1);
    home.database.shows_a_ledger_without_gaps();
}
