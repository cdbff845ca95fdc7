//! What is asked for, seen from the other side: an endpoint that answers anything, and remembers what it was asked.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::home::{Ended, Home};

const ID: &str = "01a1fca3-d642-76f1-acec-dffb169cef10";
const OTHER: &str = "01a1fca3-d64a-770a-a83d-a75e8cd5b695";

/// Method, target and body of a request.
type Asked = (String, String, Value);

struct Fake {
    url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Fake {
    /// Answers each request with this status and body.
    fn answering(status: u16, body: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let (noted, body) = (asked.clone(), body.to_owned());
        // Ends with the process of the test.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                answer(stream, status, &body, &noted);
            }
        });
        Self { url, asked }
    }

    /// Gives a command, and what it was asked by it.
    #[track_caller]
    fn sees(&self, home: &Home, arguments: &[&str]) -> (Ended, Vec<Asked>) {
        self.asked.lock().expect("no panic").clear();
        let mut command = home.command(arguments);
        let ended = Ended::of(command.args(["--server", &self.url, "--token", "secret"]));
        (ended, self.asked.lock().expect("no panic").clone())
    }
}

fn answer(mut stream: TcpStream, status: u16, body: &str, asked: &Mutex<Vec<Asked>>) {
    let mut reader = BufReader::new(stream.try_clone().expect("a stream"));
    let (mut line, mut length) = (String::new(), 0);
    let _ = reader.read_line(&mut line);
    let first: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    let mut authorized = false;
    loop {
        line.clear();
        let read = reader.read_line(&mut line).unwrap_or(0);
        let header = line.trim().to_lowercase();
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        authorized |= header == "authorization: bearer secret";
        if read == 0 || header.is_empty() {
            break;
        }
    }
    let mut sent = vec![0; length];
    let _ = reader.read_exact(&mut sent);
    let [method, target, ..] = first.as_slice() else { return };
    assert!(authorized, "every request has its token");
    let sent = serde_json::from_slice(&sent).unwrap_or(Value::Null);
    asked.lock().expect("no panic").push((method.clone(), target.clone(), sent));
    let length = body.len();
    let _ = write!(
        stream,
        "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    );
}

#[test]
fn each_change_is_one_request() {
    let home = Home::new();
    let thing = json!({"id": ID, "title": "Ship", "status": "active", "new_field": [1]}).to_string();
    let fake = Fake::answering(200, &thing);
    let goal = |rest: &str| format!("/v1/goals/{ID}{rest}");
    let task = |rest: &str| format!("/v1/tasks/{ID}{rest}");
    let agent = |rest: &str| format!("/v1/agents/{ID}{rest}");
    for (arguments, method, target, body, said) in [
        (
            vec!["goal", "update", ID, "--title", "Go", "--due", "none", "--status", "draft"],
            "PATCH",
            goal(""),
            json!({"title": "Go", "due_at": null, "status": "draft"}),
            "updated goal 169cef10 “Ship”",
        ),
        (
            vec!["task", "update", ID, "--priority", "-2", "--type", "review"],
            "PATCH",
            task(""),
            json!({"priority": -2, "task_type": "review"}),
            "updated task 169cef10",
        ),
        (
            vec!["task", "depend", ID, "--on", OTHER],
            "PUT",
            task("/dependencies"),
            json!({"depends_on": [OTHER]}),
            "ordered task 169cef10",
        ),
        (
            vec!["task", "depend", ID, "--none"],
            "PUT",
            task("/dependencies"),
            json!({"depends_on": []}),
            "ordered task",
        ),
        (
            vec!["task", "assign", ID, OTHER],
            "POST",
            task("/assign"),
            json!({"agent_id": OTHER}),
            "assigned task",
        ),
        (
            vec!["task", "cancel", ID, "--reason", "late"],
            "POST",
            task("/cancel"),
            json!({"reason": "late"}),
            "cancelled task",
        ),
        (vec!["task", "skip", ID], "POST", task("/skip"), json!({}), "skipped task"),
        (
            vec!["agent", "update", ID, "--limit", "4", "--capability", "a", "--capability", "b"],
            "PATCH",
            agent(""),
            json!({"max_concurrency": 4, "capabilities": ["a", "b"]}),
            "updated agent",
        ),
        (
            vec!["experience", "add", "Slow on Mondays", "--type", "belief"],
            "POST",
            "/v1/experiences".to_owned(),
            json!({"type": "BELIEF", "text": "Slow on Mondays"}),
            "added experience 169cef10",
        ),
    ] {
        let (ended, asked) = fake.sees(&home, &arguments);
        let ended = ended.has_code(0);
        assert_eq!(asked, [(method.to_owned(), target, body)], "{arguments:?}");
        assert!(ended.stdout.starts_with(said) && ended.stdout.lines().count() == 1, "{ended:?}");
        let quiet: Vec<&str> = arguments.iter().copied().chain(["--quiet"]).collect();
        assert_eq!(fake.sees(&home, &quiet).0.has_code(0).silent().stdout, format!("{ID}\n"));
        let json: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
        assert_eq!(fake.sees(&home, &json).0.has_code(0).silent().stdout, format!("{thing}\n"));
    }
}

#[test]
fn nothing_is_taken_away_without_a_yes() {
    let home = Home::new();
    let fake = Fake::answering(200, &json!({"id": ID, "title": "Ship", "name": "Ship"}).to_string());
    for (arguments, path, verb) in [
        (["goal", "delete", ID], "goals", "deleted goal 169cef10 “Ship”"),
        (["task", "delete", ID], "tasks", "deleted task 169cef10 “Ship”"),
        (["agent", "retire", ID], "agents", "retired agent 169cef10 “Ship”"),
    ] {
        let (ended, asked) = fake.sees(&home, &arguments);
        let ended = ended.has_code(2);
        assert!(ended.stderr.contains("“Ship”") && ended.stderr.contains("\nhelp: give --yes"), "{ended:?}");
        assert!(asked.iter().all(|(method, ..)| method == "GET"), "{asked:?}");
        let yes: Vec<&str> = arguments.iter().copied().chain(["--yes"]).collect();
        let (ended, asked) = fake.sees(&home, &yes);
        assert_eq!(ended.has_code(0).stdout, format!("{verb}\n"));
        let last = asked.last().map(|(method, target, _)| (method.as_str(), target.clone()));
        assert_eq!(last, Some(("DELETE", format!("/v1/{path}/{ID}"))));
    }
}

#[test]
fn what_to_work_on_next_is_told_with_its_reason() {
    let home = Home::new();
    let next = json!({
        "task": {"id": ID, "title": "Read it over", "status": "ready", "slug": "read-it-over", "agent_id": null},
        "reason": {"code": "longest_chain", "message": "most of the plan waits for it"}, "alternatives": [],
    });
    let fake = Fake::answering(200, &next.to_string());
    let (ended, asked) = fake.sees(&home, &["task", "next", "--goal", OTHER]);
    let ended = ended.has_code(0);
    assert_eq!(asked[0].1, format!("/v1/tasks/next?goal_id={OTHER}"));
    assert!(ended.stdout.starts_with("Read it over  ready\n"), "{ended:?}");
    assert!(ended.stdout.ends_with("why: most of the plan waits for it\n"), "{ended:?}");
    let nothing = json!({"task": null, "reason": {"code": "all_done", "message": "everything is done"}});
    let (ended, _) = Fake::answering(200, &nothing.to_string()).sees(&home, &["task", "next"]);
    let ended = ended.has_code(0);
    assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("", "everything is done\n"));
}

#[test]
fn readiness_is_told_with_what_is_missing() {
    let home = Home::new();
    let missing = json!({"ready": false, "failures": [
        {"code": "no_agent", "message": "nobody can do it", "related": []},
        {"code": "dependencies_open", "message": "1 task is open", "related": [OTHER]},
    ]});
    let (ended, asked) = Fake::answering(200, &missing.to_string()).sees(&home, &["task", "ready", ID]);
    assert_eq!(asked[0].1, format!("/v1/tasks/{ID}/readiness"));
    let stdout = ended.has_code(0).stdout;
    assert!(stdout.starts_with("waiting: 2 things are missing\n") && stdout.contains(OTHER), "{stdout}");
}

#[test]
fn a_plan_is_written_as_it_comes() {
    let home = Home::new();
    let plan = "---\ngoal: x\n---\n\n# Ship\n\n- [ ] T001 Go\n";
    let fake = Fake::answering(200, plan);
    let (ended, asked) = fake.sees(&home, &["goal", "export", ID]);
    assert_eq!(ended.has_code(0).silent().stdout, plan);
    assert_eq!(asked[0].1, format!("/v1/goals/{ID}/export"));
    fake.sees(&home, &["goal", "export", ID, "--output", "plan.md"]).0.has_code(0);
    assert_eq!(std::fs::read_to_string(home.path("plan.md")).expect("written"), plan);
    let (ended, asked) = fake.sees(&home, &["goal", "import", "plan.md", "--goal", ID, "--update"]);
    ended.has_code(0);
    assert_eq!(asked[0].2, json!({"content": plan, "dry_run": false, "goal_id": ID, "name": "plan"}));
}

#[test]
fn a_problem_is_told_in_its_own_words() {
    let home = Home::new();
    let problem = json!({
        "type": "urn:goalwright:problem:dependency_cycle", "title": "x", "status": 422, "code": "dependency_cycle",
        "detail": "the tasks would wait for each other", "trace_id": "1",
        "errors": [{"path": "depends_on[0]", "code": "dependency_cycle", "message": "A waits for B, B waits for A"}],
    });
    let (ended, _) =
        Fake::answering(422, &problem.to_string()).sees(&home, &["task", "depend", ID, "--on", OTHER]);
    assert_eq!(
        ended.has_code(2).stderr,
        "error: the tasks would wait for each other\n  depends_on[0]: A waits for B, B waits for A\n\
         help: leave one of these dependencies out\n"
    );
    let (ended, _) = Fake::answering(502, "<html>bad gateway</html>").sees(&home, &["goal", "list"]);
    assert!(ended.has_code(1).stderr.starts_with("error: the server answered 502"));
    let (ended, _) = Fake::answering(200, "<html>hello</html>").sees(&home, &["goal", "list"]);
    assert!(ended.has_code(1).stderr.contains("is not understood"));
}

#[test]
fn searches_and_filters_are_passed_on() {
    let home = Home::new();
    let fake = Fake::answering(200, "{\"items\": [], \"next_cursor\": null}");
    let (_, asked) = fake.sees(&home, &["task", "list", "--search", "a & b", "--type", "x", "--goal", ID]);
    assert_eq!(asked[0].1, format!("/v1/tasks?goal_id={ID}&task_type=x&q=a+%26+b&limit=50"));
    let (_, asked) = fake.sees(&home, &["event", "list", "--entity", &format!("goal/{ID}"), "--limit", "7"]);
    assert_eq!(asked[0].1, format!("/v1/events?entity_type=goal&entity_id={ID}&limit=7"));
}
