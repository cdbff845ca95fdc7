//! The room as a whole.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn scope() -> Scope {
    let mut scope = Scope::new();
    scope.bind_task(
        "T001",
        json!({"files": ["a.md", "b.md"], "missing": [], "n": 4, "text": "x\ny", "none": null}),
    );
    scope.bind_task("1.2", json!({"words": 7}));
    scope.bind("rows", json!([{"path": "a|b", "words": 3}, {"path": "c", "words": 4}]));
    scope
}

fn fill(template: &str) -> Result<Value, TemplateError> {
    resolve(&json!(template), &scope(), &Limits::default())
}

/// As a hole where it can be one, else as a bare expression: holes start with a name.
fn compute(expression: &str, scope: &Scope) -> Result<Value, TemplateError> {
    if expression.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return resolve(&json!(format!("{{{expression}}}")), scope, &Limits::default());
    }
    evaluate("parameters", expression, scope, &Limits::default())
}

#[test]
fn holes_and_text() {
    for (template, expected) in [
        ("{T001.files}", json!(["a.md", "b.md"])),
        ("{ T001.files[0] }", json!("a.md")),
        ("{T001.files[-1]}", json!("b.md")),
        ("{T001['n']}", json!(4)),
        ("{T001.none}", json!(null)),
        ("{tasks['1.2'].words}", json!(7)),
        ("{tasks.T001.n}", json!(4)),
        ("files: {T001.files}", json!("files: [\"a.md\",\"b.md\"]")),
        ("{T001.n}{T001.n}", json!("44")),
        (" {T001.n}", json!(" 4")),
        ("{T001.n / 2}", json!(2.0)),
        ("{T001.n // 2}", json!(2)),
        ("{T001.n * 2 + 1}", json!(9)),
        ("{T001.n * tasks['1.2'].words * -1}", json!(-28)),
        ("{T001.n > 3 and 'a.md' in T001.files}", json!(true)),
        ("{T001.files|length} files", json!("2 files")),
        ("{rows|sum(attribute='words')}", json!(7)),
        ("{rows|map(attribute='words')|join(', ')}", json!("3, 4")),
        ("{rows|selectattr('words', '>', 3)|map(attribute='path')|list}", json!(["c"])),
        ("{rows|join('; ', attribute='path')}", json!("a|b; c")),
        ("{T001.files|join}", json!("a.mdb.md")),
        ("{T001.nope|default('x')}", json!("x")),
        ("{T001.nope.deeper[3]|default('x')}", json!("x")),
        ("{T001.nope is defined}", json!(false)),
        ("{T001.text|upper|lines}", json!(["X", "Y"])),
        ("{T001.text|split('\n')|length}", json!(2)),
        ("{T001|tojson|length > 5}", json!(true)),
        (
            "{rows|table(columns=['path', 'words'], headers=['File', 'Words'])}",
            json!("| File | Words |\n| --- | ---: |\n| a\\|b | 3 |\n| c | 4 |"),
        ),
        ("{T001.files|bullets}", json!("- a.md\n- b.md")),
        ("{{T001}} }} {1} {} { } {\"a\":{\"b\":{T001.n}}}", json!("{T001} } {1} {} { } {\"a\":{\"b\":4}}")),
        ("a { color: red; } {T001.n}", json!("a { color: red; } 4")),
        (r"\d{3} {n", json!(r"\d{3} {n")),
    ] {
        assert_eq!(fill(template), Ok(expected), "{template}");
    }
}

#[test]
fn expressions() {
    for (expression, expected) in [
        ("'yes' if T001.missing else 'no'", json!("no")),
        ("(T001.n / 3)|round(2)", json!(1.33)),
        ("'%.1f'|format(T001.n)", json!("4.0")),
        ("T001.files|join(', ') if T001.files else 'none'", json!("a.md, b.md")),
        ("[1, 2.0, 'a', none, {'b': true}]", json!([1, 2.0, "a", null, {"b": true}])),
        ("T001.files + ['c']", json!(["a.md", "b.md", "c"])),
        ("true", json!(true)),
    ] {
        assert_eq!(compute(expression, &scope()), Ok(expected), "{expression}");
    }
}

#[test]
fn values_are_walked_but_keys_are_not() {
    let value = json!({"{T001.n}": ["{T001.n}", {"a": "{T001.n}!"}, 1, null, true]});
    let resolved = resolve(&value, &scope(), &Limits::default());
    assert_eq!(resolved, Ok(json!({"{T001.n}": [4, {"a": "4!"}, 1, null, true]})));
}

#[test]
fn undefined_is_an_error_that_names_the_path() {
    for (template, path) in [
        ("{T001.nope}", "T001.nope"),
        ("x {T001.nope}", "T001.nope"),
        ("{T001.a.b}", "T001.a"),
        ("{T001.files[7]}", "T001.files[7]"),
        ("{T001.files.length}", "T001.files.length"),
        ("{T001.nope|upper}", "T001.nope"),
        ("{T001.nope|join(',')}", "T001.nope"),
        ("{T001.nope|tojson}", "T001.nope"),
        ("{T001.nope|length}", "T001.nope"),
        ("{T001.nope == 1}", "T001.nope"),
        ("{not T001.nope}", "T001.nope"),
        ("{T001.n + T001.nope}", "T001.nope"),
        ("{T001.n * T001.nope}", "T001.nope"),
        ("{T001.a.b|default(1) ~ T001.c.d}", "T001.c"),
        ("{tasks['9'].x}", "tasks['9']"),
        ("{rows|map(attribute='nope')|join}", "rows|map(attribute='nope')|join"),
        ("{rows|sum(attribute='nope')}", "rows|sum(attribute='nope')"),
        ("{rows|table(columns=['nope'])}", "rows|table(columns=['nope'])"),
    ] {
        match fill(template) {
            Err(TemplateError::Undefined { path: found, at, .. }) => {
                assert_eq!((found.as_str(), at.as_str()), (path, "parameters"), "{template}");
            }
            other => panic!("{template}: {other:?}"),
        }
    }
    let value = json!({"items": [{"text": "{T001.nope}"}]});
    let error = resolve(&value, &scope(), &Limits::default()).expect_err("undefined");
    assert_eq!(
        error.to_string(),
        "parameters.items[0].text: `T001.nope` in `{T001.nope}` is undefined; `T001` has: files, missing, n, none, \
         text; add `|default(…)` if that is all right"
    );
    assert_eq!(error.code(), "template_undefined");
}

#[test]
fn only_bound_names_are_roots() {
    for template in
        ["{T009}", "{T009|default(1)}", "{range(9)}", "{dict(a=1)}", "{debug()}", "{loop.index}", "{self}"]
    {
        match fill(template) {
            Err(TemplateError::UnknownRoot { known, .. }) => {
                assert_eq!(known, ["T001", "rows", "tasks"])
            }
            other => panic!("{template}: {other:?}"),
        }
    }
}

#[test]
fn what_cannot_be_computed_says_why() {
    for (template, part) in [
        ("T001.n|nofilter", "nofilter"),
        ("'ab' * 3", "`*` multiplies numbers, not string"),
        ("3 * 'ab'", "`*` multiplies numbers, not string"),
        ("3 * [1]", "`*` multiplies numbers, not sequence"),
        ("T001.n / 0", "4 / 0"),
        ("T001.text + 1", "unsupported types"),
        ("2 ** 127", "**"),
        ("'%999999999d'|format(1)", "up to 200"),
        ("'%*d'|format(1, 2)", "written out"),
        ("T001.text|indent(1000000)", "up to 200"),
        ("T001.n()", ""),
        ("T001.text.upper()", ""),
    ] {
        match compute(template, &scope()) {
            Err(TemplateError::Evaluation { message, .. }) => {
                assert!(message.contains(part), "{template}: {message}");
            }
            Err(TemplateError::Undefined { .. }) if part.is_empty() => {}
            other => panic!("{template}: {other:?}"),
        }
    }
}

#[test]
fn memory_and_time_are_bounded() {
    let mut scope = Scope::new();
    scope.bind("big", json!("x".repeat(2_000_000)));
    scope.bind("list", json!(vec!["x".repeat(50); 20_000]));
    for template in [
        "{big}{big}{big}{big}{big}",
        "{big|replace('x', big)}",
        "{list|join(big)}",
        "{list|map('replace', 'x', big)|list|length}",
        "{list|select('in', list)|list|length}",
        "{list|batch(1000000000, 'x')|length}",
        "{big|list|length}",
        "{list|map(attribute='no', default=big)|map('upper')|list|length}",
        "{list|map('format', big, big)|join|length}",
    ] {
        let started = std::time::Instant::now();
        let result = resolve(&json!(template), &scope, &Limits::default());
        assert!(
            matches!(result, Err(TemplateError::TooLarge { .. })),
            "{template}: {:?}",
            result.map(|_| ())
        );
        assert!(started.elapsed().as_secs() < 10, "{template}");
    }
    for expression in [
        format!("({})|length", vec!["big"; 150].join("~")),
        "[[list, list, list, list], [list, list, list, list]]".to_owned(),
        "'%s%s%s%s%s%s'|format(big, big, big, big, big, big)".to_owned(),
        format!("[{}]|map('upper')|length", vec!["big"; 500].join(",")),
    ] {
        let result = compute(&expression, &scope);
        assert!(
            matches!(result, Err(TemplateError::TooLarge { .. })),
            "{expression}: {:?}",
            result.map(|_| ())
        );
    }
    let short = Limits { fuel: 3, ..Limits::default() };
    assert!(matches!(
        resolve(&json!("{big|upper|lower|upper|length}"), &scope, &short),
        Err(TemplateError::OutOfFuel { .. })
    ));
    let small = Limits { max_input_bytes: 10, ..Limits::default() };
    assert!(matches!(resolve(&json!("0123456789a"), &scope, &small), Err(TemplateError::TooLarge { .. })));
}

#[test]
fn nesting_is_bounded() {
    let nested = |depth: usize| (0..depth).fold(json!("{a}"), |inner, _| json!([inner]));
    let mut scope = Scope::new();
    scope.bind("a", nested(10));
    assert!(resolve(&nested(40), &scope, &Limits::default()).is_ok());
    assert!(matches!(resolve(&nested(64), &scope, &Limits::default()), Err(TemplateError::TooDeep { .. })));
    scope.bind("a", nested(70));
    assert!(matches!(resolve(&json!("{a}"), &scope, &Limits::default()), Err(TemplateError::TooDeep { .. })));
    scope.bind("a", nested(1_000));
    assert!(resolve(&json!("{a}"), &scope, &Limits::default()).is_err());
}

#[test]
fn conditions() {
    let limits = Limits::default();
    assert_eq!(evaluate("when", "T001.n > 3", &scope(), &limits), Ok(json!(true)));
    assert!(matches!(evaluate("when", "T001.n >", &scope(), &limits), Err(TemplateError::Syntax { .. })));
}

#[test]
fn inspection_needs_no_values() {
    let value = json!({"items": [1, "a {T001.files[0].name|upper} {x y}", {"text": "{tasks['1.2'].words}"}],
        "z": "{a.b ~ c|nope|default(d.e)}"});
    let inspection = inspect(&value);
    let found: Vec<_> = inspection
        .holes
        .iter()
        .map(|hole| (hole.path.as_str(), hole.whole, hole.roots.join(","), hole.attributes.clone()))
        .collect();
    assert_eq!(
        found,
        [
            ("parameters.items[1]", false, "T001".to_owned(), None),
            ("parameters.items[2].text", true, "1.2".to_owned(), Some(vec!["words".to_owned()])),
            ("parameters.z", true, "a,c,d".to_owned(), None),
        ]
    );
    assert_eq!(inspection.holes[0].references[0].attributes, ["files", "0", "name"]);
    assert!(inspection.holes[1].references[0].through_tasks);
    let codes: Vec<_> = inspection.warnings.iter().map(|warning| warning.code).collect();
    assert_eq!(codes, ["template_not_an_expression", "template_unknown_filter"]);
}

proptest! {
    #[test]
    fn text_without_braces_is_unchanged(text in "[^{}]*") {
        prop_assert_eq!(fill(&text), Ok(json!(text)));
    }

    #[test]
    fn escaped_text_resolves_to_itself(text in "[{}'\"a .\\\\]*|\\PC*") {
        prop_assert_eq!(fill(&escape(&text)), Ok(json!(text)));
    }

    #[test]
    fn nothing_panics(text in "([{}'\"|.*~+()\\[\\], -]|T001|files|join|not |is |if |else |rows|in |1|\\*\\*|\\\\|:|x|é)*") {
        let _ = fill(&text);
        let _ = inspect(&json!(text));
        let _ = evaluate("when", &text, &scope(), &Limits::default());
    }

    #[test]
    fn one_hole_keeps_its_type(number in any::<i64>(), float in any::<f64>(), text in "\\PC*", truth in any::<bool>()) {
        let float = if float.is_finite() { float } else { 0.5 };
        for value in [json!(number), json!(float), json!(text), json!(truth), json!([number, {"k": text}])] {
            let mut scope = Scope::new();
            scope.bind("v", value.clone());
            prop_assert_eq!(resolve(&json!("{v}"), &scope, &Limits::default()), Ok(value));
        }
    }
}
