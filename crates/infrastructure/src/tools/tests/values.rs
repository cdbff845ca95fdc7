//! Tools for texts, JSON and time.

use std::path::Path;

use serde_json::json;

use super::*;

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
