//! The tools through their port.

use std::path::Path;

use chrono::{DateTime, Utc};
use goalwright_application::ports::telemetry::TraceContext;
use proptest::prelude::*;
use serde_json::json;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::*;

fn invocation(sandbox: &Path, name: &str, parameters: Value) -> Invocation {
    let (tool, operation) = name.split_once('.').expect("tool.operation");
    Invocation {
        tool: tool.to_owned(),
        operation: operation.to_owned(),
        parameters,
        sandbox: sandbox.to_owned(),
        workspace: goalwright_domain::workspace::WorkspaceId::new(uuid::Uuid::nil()),
        task: None,
        idempotency_key: "key".to_owned(),
        trace: TraceContext { trace_id: uuid::Uuid::from_u128(0xa1), span_id: 0xb2, sampled: true },
        now: DateTime::<Utc>::from_timestamp(1_762_280_952, 0).expect("a time"),
        cancel: CancellationToken::new(),
    }
}

fn call(sandbox: &Path, name: &str, parameters: Value) -> Result<Reply, ToolFailure> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(BuiltinTools::new().call(invocation(sandbox, name, parameters)))
}

#[track_caller]
fn result(sandbox: &Path, name: &str, parameters: Value) -> Value {
    match call(sandbox, name, parameters) {
        Ok(Reply::Done { result, .. }) => result,
        other => panic!("{name}: {other:?}"),
    }
}

#[track_caller]
fn kind(sandbox: &Path, name: &str, parameters: Value) -> String {
    call(sandbox, name, parameters).expect_err("a failure").kind
}

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().expect("a folder");
    for (path, text) in files {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
        std::fs::write(path, text).expect("a file");
    }
    folder
}

#[test]
fn lists_files() {
    let folder = folder(&[
        ("README.md", ""),
        ("docs/a.md", ""),
        ("docs/deep/b.md", ""),
        ("docs/deep/c.txt", ""),
        (".git/config", ""),
        ("target/x.md", ""),
        ("docs/node_modules/y.md", ""),
        (".github/z.md", ""),
        (".goalwright-1-1.tmp", ""),
    ]);
    for (parameters, files) in [
        (json!({}), json!(["README.md", "docs/a.md", "docs/deep/b.md", "docs/deep/c.txt"])),
        (json!({"glob": "*.md"}), json!(["README.md"])),
        (json!({"glob": "**/*.md"}), json!(["README.md", "docs/a.md", "docs/deep/b.md"])),
        (json!({"path": "docs", "glob": "*"}), json!(["docs/a.md"])),
        (json!({"path": "./docs/", "glob": "**/*.txt"}), json!(["docs/deep/c.txt"])),
        (json!({"path": "docs/../docs/deep"}), json!(["docs/deep/b.md", "docs/deep/c.txt"])),
        (json!({"glob": ["*.md", "docs/*.md"]}), json!(["README.md", "docs/a.md"])),
        (json!({"glob": "target/*"}), json!(["target/x.md"])),
        (json!({"glob": ".github/**"}), json!([".github/z.md"])),
        (json!({"path": "target"}), json!(["target/x.md"])),
        (json!({"glob": "nothing"}), json!([])),
    ] {
        assert_eq!(
            result(folder.path(), "file.list", parameters.clone()),
            json!({"files": files}),
            "{parameters}"
        );
    }
    assert_eq!(kind(folder.path(), "file.list", json!({"path": "nope"})), "FileNotFound");
    assert_eq!(kind(folder.path(), "file.list", json!({"path": "README.md"})), "NotAFolder");
    assert_eq!(kind(folder.path(), "file.list", json!({"path": ".."})), "InvalidParameters");
    assert_eq!(kind(folder.path(), "file.list", json!({"glob": "[a"})), "InvalidParameters");
    assert_eq!(kind(Path::new("/nope"), "file.list", json!({})), "SandboxUnavailable");
}

#[test]
fn checks_paths() {
    let folder = folder(&[("docs/a.md", ""), ("docs/b c.md", ""), ("docs/x#y.md", "")]);
    let parameters = json!({"paths": ["docs/a.md", "docs/nope.md", "docs/a.md"]});
    assert_eq!(
        result(folder.path(), "file.list", parameters),
        json!({"files": ["docs/a.md"], "missing": ["docs/nope.md"], "broken": []})
    );
    let paths =
        ["a.md#part", "b%20c.md", "x#y.md", "#part", "https://example.org", "../docs/a.md", "nope.md?q"];
    assert_eq!(
        result(folder.path(), "file.list", json!({"paths": paths, "base": "docs"})),
        json!({"files": ["a.md#part", "b%20c.md", "x#y.md", "../docs/a.md"], "missing": ["nope.md?q"], "broken": []})
    );
    assert_eq!(
        kind(folder.path(), "file.list", json!({"paths": ["../../etc/passwd"]})),
        "PathOutsideSandbox"
    );
    assert_eq!(kind(folder.path(), "file.list", json!({"paths": ["/etc/passwd"]})), "PathOutsideSandbox");
    assert_eq!(kind(folder.path(), "file.list", json!({"base": "docs"})), "InvalidParameters");
}

#[test]
fn finds_broken_links_relative_to_their_file() {
    let folder = folder(&[
        ("README.md", "[a](docs/a.md) [b](docs/nope.md) [c](https://example.org) [d](#part)"),
        ("docs/a.md", "[up](../README.md#x) [root](/README.md) [gone](b.md) [out](../../x.md) [f](./)"),
    ]);
    let texts = result(folder.path(), "file.read", json!({"paths": ["README.md", "docs/a.md"]}));
    let links = result(folder.path(), "text.match", json!({"texts": texts, "pattern": r"\]\(([^)\s]+)"}));
    assert_eq!(
        result(folder.path(), "file.list", json!({"paths": links})),
        json!({
            "files": ["docs/a.md", "README.md", "docs"],
            "missing": ["docs/nope.md", "docs/b.md", "../../x.md"],
            "broken": [
                {"file": "README.md", "link": "docs/nope.md"},
                {"file": "docs/a.md", "link": "../../x.md"},
                {"file": "docs/a.md", "link": "b.md"},
            ],
        })
    );
}

#[test]
fn reads_text_only() {
    let folder = folder(&[("a.md", "ä\n"), ("nul", "a\0b")]);
    std::fs::write(folder.path().join("binary"), [0xFF, 0xFE]).expect("a file");
    let large = std::fs::File::create(folder.path().join("large")).expect("a file");
    large.set_len(sandbox::MAX_FILE_BYTES + 1).expect("a hole");
    assert_eq!(
        result(folder.path(), "file.read", json!({"path": "a.md"})),
        json!({"path": "a.md", "text": "ä\n"})
    );
    assert_eq!(
        result(folder.path(), "file.read", json!({"paths": ["a.md"]})),
        json!([{"path": "a.md", "text": "ä\n"}])
    );
    for (path, expected) in [
        ("nope.md", "FileNotFound"),
        ("nul", "NotText"),
        ("binary", "NotText"),
        ("large", "FileTooLarge"),
        (".", "NotAFile"),
        ("", "NotAFile"),
        ("a.md/b", "NotAFolder"),
        ("../a.md", "InvalidParameters"),
        ("/etc/passwd", "InvalidParameters"),
        ("a\0b", "InvalidParameters"),
    ] {
        assert_eq!(kind(folder.path(), "file.read", json!({"path": path})), expected, "{path}");
    }
    let missing = call(folder.path(), "file.read", json!({"path": "nope.md"})).expect_err("missing");
    assert_eq!(missing.message, "`nope.md` does not exist; `file.list` shows what does");
    assert_eq!(missing.sources.len(), 1);
    assert_eq!(kind(folder.path(), "file.read", json!({})), "InvalidParameters");
    assert_eq!(kind(folder.path(), "file.read", json!({"path": "a.md", "paths": []})), "InvalidParameters");
}

#[cfg(unix)]
#[test]
fn links_do_not_lead_out() {
    use std::os::unix::fs::symlink;

    let outside = folder(&[("secret.md", "secret")]);
    let inside = folder(&[("docs/a.md", "old")]);
    symlink(outside.path().join("secret.md"), inside.path().join("file.md")).expect("a link");
    symlink(outside.path(), inside.path().join("folder")).expect("a link");
    symlink("docs/a.md", inside.path().join("inner.md")).expect("a link");
    symlink(".", inside.path().join("docs/circle")).expect("a link");
    for (name, parameters) in [
        ("file.read", json!({"path": "file.md"})),
        ("file.read", json!({"path": "folder/secret.md"})),
        ("file.list", json!({"path": "folder"})),
        ("file.write", json!({"path": "file.md", "content": "x"})),
        ("file.write", json!({"path": "folder/new.md", "content": "x"})),
        ("file.append", json!({"path": "file.md", "content": "x"})),
        ("file.append", json!({"path": "folder/new/x.md", "content": "x"})),
    ] {
        let failure = call(inside.path(), name, parameters.clone()).expect_err("outside");
        assert_eq!(failure.kind, "PathOutsideSandbox", "{name} {parameters}: {failure:?}");
    }
    assert_eq!(std::fs::read_to_string(outside.path().join("secret.md")).expect("text"), "secret");
    assert_eq!(std::fs::read_dir(outside.path()).expect("entries").count(), 1);
    assert_eq!(result(inside.path(), "file.list", json!({})), json!({"files": ["docs/a.md", "inner.md"]}));
    result(inside.path(), "file.write", json!({"path": "inner.md", "content": "new"}));
    assert_eq!(std::fs::read_to_string(inside.path().join("docs/a.md")).expect("text"), "new");
    assert!(inside.path().join("inner.md").is_symlink());
}

#[test]
fn writes_and_appends() {
    let folder = folder(&[]);
    let written = call(folder.path(), "file.write", json!({"path": "./a/c.md", "content": "äb"}));
    let expected = json!({"path": "./a/c.md", "bytes": 3});
    assert_eq!(
        written,
        Ok(Reply::Done {
            result: expected,
            files_written: vec!["a/c.md".to_owned()],
            retrieval: None,
            script: None
        })
    );
    result(folder.path(), "file.write", json!({"path": "a/c.md", "content": "x\n"}));
    result(folder.path(), "file.append", json!({"path": "a/c.md", "content": "y\n"}));
    result(folder.path(), "file.append", json!({"path": "n/d.md", "content": {"k": 1}}));
    let text = |path: &str| std::fs::read_to_string(folder.path().join(path)).expect("text");
    assert_eq!(text("a/c.md"), "x\ny\n");
    assert_eq!(text("n/d.md"), "{\n  \"k\": 1\n}\n");
    let entries = std::fs::read_dir(folder.path().join("a")).expect("entries");
    let names: Vec<_> = entries.map(|entry| entry.expect("an entry").file_name()).collect();
    assert_eq!(names, ["c.md"], "no temporary file is left");
    for path in ["a", "a/", ".", "", "a/.."] {
        let failure =
            call(folder.path(), "file.write", json!({"path": path, "content": ""})).expect_err("a folder");
        assert_eq!(failure.kind, "NotAFile", "{path}");
    }
    assert_eq!(kind(folder.path(), "file.append", json!({"path": "a", "content": ""})), "NotAFile");
    let long = "x".repeat(300);
    assert!(call(folder.path(), "file.write", json!({"path": long, "content": ""})).is_err());
}

#[test]
fn counts_and_matches() {
    let here = Path::new(".");
    assert_eq!(
        result(here, "text.stats", json!({"text": "ä b\n\nc\n"})),
        json!({"words": 3, "lines": 3, "characters": 7})
    );
    assert_eq!(
        result(here, "text.stats", json!({"texts": ["a", {"path": "p", "text": ""}]})),
        json!([{"words": 1, "lines": 1, "characters": 1}, {"path": "p", "words": 0, "lines": 0, "characters": 0}])
    );
    assert_eq!(
        result(here, "text.match", json!({"text": "a1 b22", "pattern": r"[a-z](\d+)"})),
        json!({"matches": ["1", "22"]})
    );
    assert_eq!(
        result(
            here,
            "text.match",
            json!({"texts": ["a1", {"text": "xa", "path": "p"}], "pattern": "a.?|(z)"})
        ),
        json!([{"matches": []}, {"path": "p", "matches": []}])
    );
    assert_eq!(
        result(here, "text.match", json!({"text": "aa", "pattern": r"a{2}"})),
        json!({"matches": ["aa"]})
    );
    assert_eq!(result(here, "text.match", json!({"texts": [], "pattern": "a"})), json!([]));
    for pattern in ["(", "(?=a)", r"\w{1000}{1000}", &"a".repeat(5_000)] {
        assert_eq!(kind(here, "text.match", json!({"text": "", "pattern": pattern})), "InvalidParameters");
    }
    let many = json!({"text": "a".repeat(200_001), "pattern": "a"});
    assert_eq!(kind(here, "text.match", many), "TooManyMatches");
    assert_eq!(result(here, "text.render", json!({"template": "a\0b {x}"})), json!("a\u{FFFD}b {x}"));
    assert_eq!(result(here, "text.render", json!({"template": [1, "a"]})), json!("[1,\"a\"]"));
}

#[test]
fn queries() {
    let here = Path::new(".");
    let value = json!({"a": [{"n": 2, "t": "x"}, {"n": 1, "t": "y"}], "b/c": 1.5});
    for (path, expected) in [
        ("", value.clone()),
        ("/a/0/t", json!("x")),
        ("/b~1c", json!(1.5)),
        ("a[*].n", json!([2, 1])),
        ("sort_by(a, &n)[].t", json!(["y", "x"])),
        ("a[?n > `1`].t | [0]", json!("x")),
        ("nope", json!(null)),
        ("length(a)", json!(2)),
    ] {
        assert_eq!(result(here, "json.query", json!({"value": value, "path": path})), expected, "{path}");
    }
    assert_eq!(result(here, "json.query", json!({"value": "{\"a\": [1]}", "path": "/a/0"})), json!(1));
    assert_eq!(kind(here, "json.query", json!({"value": "no", "path": "a"})), "NotJson");
    let missing = call(here, "json.query", json!({"value": value, "path": "/a/7/t"})).expect_err("missing");
    assert_eq!(missing.message, "nothing is at `/a/7/t`; `/a` is a list of 2 items");
    let doubled = vec!["[@,@]"; 30].join("|");
    let quoted = vec!["[@]|to_string(@)"; 20].join("|");
    for path in
        ["a[", "join(',', a)", "sort_by(a, &t.x, 1)", "abs('x')", &doubled, &quoted, &"!".repeat(2_000)]
    {
        let failure = call(here, "json.query", json!({"value": value, "path": path})).expect_err("invalid");
        assert!(["InvalidParameters", "QueryFailed"].contains(&failure.kind.as_str()), "{path}: {failure:?}");
    }
    for path in [
        "!".repeat(900),
        "[".repeat(900),
        "(".repeat(900),
        "a.".repeat(450) + "a",
        "@|".repeat(450) + "@",
        "!".repeat(99),
        "[".repeat(99),
        "(".repeat(99),
        "a[?".repeat(49) + "a",
        "a.".repeat(99) + "a",
        "@|".repeat(99) + "@",
        "[".repeat(99) + "@" + &"]".repeat(99),
    ] {
        let _ = call(here, "json.query", json!({"value": value, "path": path}));
    }
}

#[test]
fn time_is_an_argument() {
    let here = Path::new(".");
    assert_eq!(
        result(here, "time.now", json!({})),
        json!({"now": "2025-11-04T18:29:12.000000Z", "date": "2025-11-04", "time": "18:29:12",
               "weekday": "Tuesday", "unix": 1_762_280_952})
    );
    assert_eq!(
        call(here, "time.sleep", json!({"seconds": 1.5})),
        Ok(Reply::Sleep {
            seconds: 1.5,
            result: json!({"seconds": 1.5, "until": "2025-11-04T18:29:13.500000Z"})
        })
    );
    for seconds in [json!(-1), json!(31_536_001), json!("1"), json!(null), json!(1e300)] {
        assert_eq!(kind(here, "time.sleep", json!({"seconds": seconds})), "InvalidParameters");
    }
}

#[test]
fn a_cancelled_call_ends() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let invocation = invocation(Path::new("."), "file.list", json!({}));
    invocation.cancel.cancel();
    let failure = runtime.block_on(BuiltinTools::new().call(invocation)).expect_err("cancelled");
    assert_eq!(failure.kind, "Cancelled");
    assert_eq!(kind(Path::new("."), "file.shred", json!({})), "ToolUnavailable");
}

#[test]
fn parameters_are_checked_before_running() {
    let tools = BuiltinTools::new();
    let problems = |name: &str, parameters: Value| -> Vec<String> {
        let (tool, operation) = name.split_once('.').expect("tool.operation");
        let problems = tools.check(tool, operation, &parameters);
        problems.into_iter().map(|problem| format!("{} {}", problem.path, problem.code)).collect()
    };
    let none: [&str; 0] = [];
    for (name, parameters) in [
        ("file.list", json!({})),
        ("file.list", json!({"paths": "{T001.matches}"})),
        ("file.list", json!({"paths": [{"path": "a", "matches": "{T001}"}], "base": "{T002}"})),
        ("file.list", json!({"path": "docs", "glob": "{T001.glob}"})),
        ("file.read", json!({"paths": "{T001.files}"})),
        ("file.write", json!({"path": "../{T001.name}", "content": "{T002}"})),
        ("text.stats", json!({"texts": ["{a}", {"text": "{b}"}]})),
        ("text.match", json!({"text": "x", "pattern": r"\d{3}[{]"})),
        ("text.match", json!({"text": "{T001}", "pattern": "({x}"})),
        ("json.query", json!({"value": 1, "path": "a[{x}"})),
        ("time.sleep", json!({"seconds": "{T001}"})),
        ("time.now", json!({})),
    ] {
        assert_eq!(problems(name, parameters.clone()), none, "{name} {parameters}");
    }
    for (name, parameters, expected) in [
        ("file.shred", json!({}), "tool parameter"),
        ("file.read", json!({}), "parameters.path parameter_missing"),
        ("file.read", json!({"path": "a", "paths": []}), "parameters.paths parameter_invalid"),
        ("file.read", json!({"file": "{x}", "path": "a"}), "parameters.file parameter_unknown"),
        ("file.read", json!({"paths": ["a", 1]}), "parameters.paths[1] parameter_invalid"),
        ("file.read", json!({"paths": ["a", "/b"]}), "parameters.paths[1] parameter_invalid"),
        ("file.read", json!([]), "parameters parameter_invalid"),
        ("file.write", json!({"path": "a"}), "parameters.content parameter_missing"),
        ("file.write", json!({"path": "../a", "content": ""}), "parameters.path parameter_invalid"),
        ("file.list", json!({"path": "a", "paths": []}), "parameters.paths parameter_invalid"),
        ("file.list", json!({"glob": "[a"}), "parameters.glob parameter_invalid"),
        ("file.list", json!({"base": "a"}), "parameters.base parameter_invalid"),
        ("text.match", json!({"text": "", "pattern": "("}), "parameters.pattern parameter_invalid"),
        ("text.stats", json!({"texts": [{"path": "a"}]}), "parameters.texts[0] parameter_invalid"),
        ("json.query", json!({"value": 1, "path": "a["}), "parameters.path parameter_invalid"),
        ("time.sleep", json!({"seconds": -1}), "parameters.seconds parameter_invalid"),
        ("time.now", json!({"zone": "UTC"}), "parameters.zone parameter_unknown"),
    ] {
        let expected = if name == "file.shred" { "tool tool_unavailable" } else { expected };
        assert_eq!(problems(name, parameters.clone()), [expected], "{name} {parameters}");
    }
}

#[test]
fn result_paths_are_checked() {
    let tools = BuiltinTools::new();
    let check = |name: &str, path: &[&str]| {
        let (tool, operation) = name.split_once('.').expect("tool.operation");
        let path: Vec<String> = path.iter().map(|step| (*step).to_owned()).collect();
        tools.check_result_path(tool, operation, &path)
    };
    for (name, path) in [
        ("file.list", &["files"][..]),
        ("file.list", &["files", "0"]),
        ("file.list", &["broken", "0", "link"]),
        ("file.list", &[]),
        ("file.read", &["text"]),
        ("file.read", &["0", "text"]),
        ("json.query", &["anything", "3"]),
        ("shell.run", &["x"]),
    ] {
        assert_eq!(check(name, path), None, "{name} {path:?}");
    }
    for (name, path) in [
        ("file.list", &["filez"][..]),
        ("file.list", &["files", "name"]),
        ("file.list", &["files", "0", "name"]),
        ("file.read", &["texts"]),
        ("text.render", &["x"]),
        ("time.now", &["now", "x"]),
    ] {
        assert!(check(name, path).is_some(), "{name} {path:?}");
    }
    assert_eq!(
        check("file.list", &["filez"]).as_deref(),
        Some("`file.list`: the result has no `filez`; there is: broken, files, missing")
    );
}

#[test]
fn declarations_are_sound() {
    let tools = BuiltinTools::new();
    let names: Vec<String> =
        tools.all().iter().map(|declared| format!("{}.{}", declared.tool, declared.operation)).collect();
    assert!(names.is_sorted());
    assert_eq!(names.len(), 13);
    for registered in tools.operations.values() {
        let declared = &registered.operation;
        assert!(registered.validator.is_some(), "{}", declared.operation);
        assert!(jsonschema::validator_for(&declared.result).is_ok(), "{}", declared.operation);
        assert_eq!(declared.parameters["type"], "object");
    }
    assert_eq!(tools.find("file", "append").map(|declared| declared.effect), Some(Effect::Irreversible));
    assert!(tools.find("file", "shred").is_none());
}

#[test]
fn results_have_the_declared_form() {
    let folder = folder(&[("a.md", "[x](b.md)")]);
    let tools = BuiltinTools::new();
    for (name, parameters) in [
        ("file.list", json!({})),
        ("file.list", json!({"paths": [{"path": "a.md", "matches": ["b.md"]}, "a.md"]})),
        ("file.read", json!({"path": "a.md"})),
        ("file.read", json!({"paths": ["a.md"]})),
        ("file.write", json!({"path": "w", "content": "x"})),
        ("text.stats", json!({"texts": ["x", {"path": "p", "text": "y"}]})),
        ("text.match", json!({"text": "x", "pattern": "."})),
        ("text.render", json!({"template": "x"})),
        ("time.now", json!({})),
    ] {
        let (tool, operation) = name.split_once('.').expect("tool.operation");
        let schema = &tools.find(tool, operation).expect("registered").result;
        let answer = result(folder.path(), name, parameters);
        assert!(jsonschema::is_valid(schema, &answer), "{name}: {answer}");
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        Just(json!("GET")),
        Just(json!("http://127.1/")),
        "\\PC{0,8}|[./a*\\[{(\\\\\\x00]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(parameter_name(), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn parameter_name() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "path", "paths", "glob", "base", "content", "text", "texts", "pattern", "template", "value",
        "seconds", "matches", "method", "url", "headers", "json", "timeout", "other",
    ])
    .prop_map(str::to_owned)
}

proptest! {
    #[test]
    fn nothing_panics(which in 0_usize..11, parameters in any_json()) {
        let folder = TempDir::new().expect("a folder");
        let tools = BuiltinTools::new();
        let declared = tools.all()[which];
        let name = format!("{}.{}", declared.tool, declared.operation);
        let problems = tools.check(&declared.tool, &declared.operation, &parameters);
        let outcome = call(folder.path(), &name, parameters.clone());
        if let Err(failure) = &outcome {
            prop_assert!(failure.kind != "ToolCrashed", "{name} {parameters}: {failure:?}");
        } else {
            prop_assert!(problems.is_empty(), "{name} {parameters}: {problems:?}");
        }
    }
}
