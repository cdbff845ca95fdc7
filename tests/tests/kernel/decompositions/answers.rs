//! What a model answers: used, sent back, or asked for in parts and with more room.

use std::time::Duration;

use goalwright_application::Error;
use goalwright_application::planning::{DecomposeRequest, DecompositionStatus};
use goalwright_application::ports::Stop;
use goalwright_application::read::PageRequest;
use goalwright_application::usage::UsageBy;
use goalwright_domain::model::{Cause, Content, Role};
use goalwright_testkit::{Backend, TestApp};
use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::planners::{by_model, goal, task};

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_model_s_plan_is_written_with_tasks_edges_event_and_cost(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    app.models.offer("anthropic/claude-sonnet-4-5");
    app.models.form(&bread());
    let id = goal(&app).await;
    let made = decompose(&app, id, &by_model()).await.expect("made");

    assert_eq!(
        (made.status, made.plan.tasks.len(), made.task_ids.len()),
        (DecompositionStatus::Applied, 3, 3)
    );
    let tasks = app.tasks(id).await;
    assert_eq!(tasks.len(), 3);
    assert!(tasks.iter().all(|task| task.state.goal_id == Some(id)));
    let bake = app.task(id, "T002").await;
    assert_eq!(
        (bake.state.title.as_str(), bake.state.complexity, bake.depends_on.len()),
        ("Bake", Some(3), 1)
    );
    assert_eq!(bake.state.complexity_reason.as_deref(), Some("nothing special"));
    let asked = app.models.asked();
    assert_eq!(asked.len(), 1);
    assert!(asked[0].system.contains("file.read"), "the tools are told");
    let Content::Text { text } = &asked[0].messages[0].content[0] else { panic!("words") };
    assert!(text.contains("Two loaves"), "{text}");

    let told = app.events_of("goal.decomposed").await;
    assert_eq!(told[0].changes, json!({"tasks_created": 3, "dependencies_created": 2}));
    let metadata = &told[0].metadata;
    for (field, value) in [
        ("planner", json!("llm")),
        ("model", json!("anthropic/claude-sonnet-4-5")),
        ("prompt_version", json!("goalwright-1")),
        ("cost_tokens", json!(120)),
        ("input_tokens", json!(100)),
        ("output_tokens", json!(20)),
        ("attempts", json!(1)),
        ("repairs", json!(0)),
        ("dry_run", json!(false)),
        // 100 tokens at 3 dollars and 20 at 15 for a million.
        ("cost_usd", json!(0.0006)),
    ] {
        assert_eq!(metadata[field], value, "{field}");
    }
    assert_eq!(spent(&app).await, (1, 120));
    let by_goal = app.services.usage.usage(&app.ada, UsageBy::Goal, None, None).await.expect("sums");
    assert_eq!((by_goal.rows[0].goal_id, by_goal.rows[0].cost.nanos()), (Some(id), 600_000));
    let budget = app.services.usage.budget(&app.ada).await.expect("a budget");
    assert_eq!((budget.spent.tokens, budget.reserved.tokens), (120, 0));
    let kept = app.services.planning.get(&app.ada, made.id).await.expect("kept");
    assert_eq!(kept, made);
    let history = app.services.planning.history(&app.ada, id, &PageRequest::first(5)).await.expect("lists");
    assert_eq!((history.items[0].tasks, history.items[0].dependencies), (3, 2));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_cannot_be_used_goes_back_with_all_its_problems_and_is_kept(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    app.models.form_text("Sure! {\"tasks\": [", Stop::Finished);
    let circle = json!({"tasks": [
        task("T001", "Knead", &["T002"]), task("T002", "Bake", &["T001"]), task("T002", " ", &["T009"]),
    ]});
    app.models.form(&circle);
    app.models.form_text(&format!("```json\n{}\n```", bread()), Stop::Finished);
    let id = goal(&app).await;
    let made = decompose(&app, id, &by_model()).await.expect("made");
    assert_eq!((made.making.repairs, made.making.attempts, made.plan.tasks.len()), (2, 3, 3));
    assert_eq!(made.making.usage.cost_tokens(), 360);
    let codes = |at: usize| -> Vec<&str> {
        made.making.rejected[at].problems.iter().map(|problem| problem.code.as_str()).collect()
    };
    assert_eq!(codes(0), ["not_json"]);
    let all = ["unknown_dependency", "empty_title", "duplicate_key", "dependency_cycle"];
    assert_eq!(codes(1), all, "all at once");
    let asked = app.models.asked();
    let last = &asked[2].messages;
    assert_eq!(last.len(), 5, "the conversation goes on");
    assert_eq!(last[3].role, Role::Assistant);
    let Content::Text { text } = &last[4].content[0] else { panic!("words") };
    assert!(text.contains("T001 → T002 → T001") && text.contains("duplicate_key"), "{text}");
    assert_eq!(app.services.planning.get(&app.ada, made.id).await.expect("kept").making, made.making);
    assert_eq!(spent(&app).await, (1, 360));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_plan_that_stays_wrong_is_never_written(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    for _ in 0..3 {
        app.models.form(&json!({"tasks": [task("T001", "Knead", &["T404"])]}));
    }
    let id = goal(&app).await;
    let refused = decompose(&app, id, &by_model()).await.expect_err("refused");
    let Error::Invalid { code: "invalid_plan", violations, .. } = refused else { panic!("{refused:?}") };
    assert_eq!(
        (violations[0].path.as_str(), violations[0].code.as_str()),
        ("tasks[0].depends_on[0]", "unknown_dependency")
    );
    assert_eq!(app.tasks(id).await.len(), 0);
    let history = app.services.planning.history(&app.ada, id, &PageRequest::first(5)).await.expect("lists");
    let failed = app.services.planning.get(&app.ada, history.items[0].id).await.expect("kept");
    assert_eq!((failed.status, failed.making.rejected.len()), (DecompositionStatus::Failed, 3));
    let told = app.events_of("goal.decomposition_failed").await;
    assert_eq!(
        (&told[0].metadata["code"], &told[0].metadata["cost_tokens"]),
        (&json!("invalid_plan"), &json!(360))
    );
    assert_eq!(spent(&app).await, (1, 360), "what it cost is not forgotten");
    for wrong in [
        json!({"tasks": []}),
        json!({"tasks": (0..4).map(|n| task(&format!("T{n}"), "x", &[])).collect::<Vec<_>>()}),
    ] {
        (0..3).for_each(|_| app.models.form(&wrong));
        let request = DecomposeRequest { max_tasks: Some(3), ..by_model() };
        assert_eq!(decompose(&app, id, &request).await.expect_err("refused").code(), "invalid_plan");
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn an_answer_that_is_cut_off_goes_on_in_parts(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let whole = bread().to_string();
    app.models.form_text(&whole[..whole.find("Eat").expect("there")], Stop::Length);
    app.models.form(&json!({"tasks": [task("T003", "Eat", &["T002"])]}));
    let id = goal(&app).await;
    let made = decompose(&app, id, &by_model()).await.expect("made");
    assert_eq!((made.plan.tasks.len(), made.plan.dependencies.len(), made.making.repairs), (3, 2, 0));
    let asked = app.models.asked();
    let Content::Text { text } = &asked[1].messages[2].content[0] else { panic!("words") };
    assert!(text.contains("`T002`"), "{text}");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_model_that_thinks_until_its_limit_is_given_more_room_once(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    app.models.offer("openai/gpt-4o-mini");
    let id = goal(&app).await;
    app.models.form_text("", Stop::Length);
    app.models.form(&bread());
    let made = decompose(&app, id, &by_model()).await.expect("made");
    assert_eq!((made.making.repairs, made.making.attempts, made.making.rejected.len()), (0, 2, 0));
    assert_eq!(made.making.usage.cost_tokens(), 240, "the thoughts are paid, too");
    let asked = app.models.asked();
    assert!(asked[0].max_output_tokens < asked[1].max_output_tokens);
    assert_eq!(asked[0].messages, asked[1].messages, "the same is asked again");

    // It is remembered, and with all the room there is, it is a problem like others.
    app.models.form_text("{\"tasks\": [{\"key\": \"T0", Stop::Length);
    app.models.form(&json!({"tasks": [task("T010", "Sleep", &[])]}));
    let more = decompose(&app, id, &by_model()).await.expect("made");
    assert_eq!(app.models.asked()[2].max_output_tokens, asked[1].max_output_tokens);
    assert_eq!((more.making.repairs, more.making.rejected[0].problems[0].code.as_str()), (1, "cut_off"));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn more_room_is_kept_where_it_led_to_an_answer_and_taken_back_where_it_took_too_long(
    #[case] backend: Backend,
) {
    let Some(app) = TestApp::start(backend).await else { return };
    app.models.offer("openai/gpt-4o-mini");
    let id = goal(&app).await;
    let limits = || app.models.asked().iter().map(|asked| asked.max_output_tokens).collect::<Vec<_>>();
    let after = Duration::from_secs(60);
    let time_out = || (0..3).for_each(|_| app.models.fail(Cause::TimedOut { after }));
    let ask = async || app.impatiently(decompose(&app, id, &by_model())).await;
    // It thinks until its limit, and then for longer than anybody waits: what follows is asked as before.
    app.models.form_text("", Stop::Length);
    time_out();
    ask().await.expect_err("it took too long");
    app.models.form_text("", Stop::Length);
    app.models.form(&bread());
    ask().await.expect("made");
    let tokens = limits();
    let (usual, generous) = (tokens[0], tokens[1]);
    assert!(usual < generous);
    assert_eq!(tokens, [usual, generous, generous, generous, usual, generous]);
    // That led to an answer, and is kept until it takes too long. What another workspace pays for is its own.
    time_out();
    ask().await.expect_err("it took too long");
    app.models.form(&json!({"tasks": [task("T010", "Sleep", &[])]}));
    ask().await.expect("made");
    assert_eq!(limits()[6..], [generous, generous, generous, usual]);

    // An endpoint that allows less is asked for no more, and nothing more is promised to it.
    app.models.allow_output(4_096);
    app.models.form_text("", Stop::Length);
    app.models.form(&json!({"tasks": [task("T011", "Wake", &[])]}));
    let made = ask().await.expect("made");
    assert_eq!((made.making.repairs, made.making.rejected[0].problems[0].code.as_str()), (1, "cut_off"));
    assert_eq!(limits()[10..], [4_096, 4_096]);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_model_that_gives_no_answer_leaves_an_event_and_nothing_else(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let id = goal(&app).await;
    let missing = decompose(&app, id, &by_model()).await.expect_err("no model");
    assert_eq!(missing.code(), "model_not_configured");
    let causes = [
        (Cause::Credentials { setting: "ANTHROPIC_API_KEY", status: 401 }, "model_credentials"),
        (Cause::TooLong { asked: Some(300_000), limit: Some(200_000) }, "model_context_too_long"),
        (Cause::Quota { message: "spent".to_owned() }, "model_unavailable"),
    ];
    for (cause, code) in causes {
        app.models.fail(cause);
        assert_eq!(decompose(&app, id, &by_model()).await.expect_err("no answer").code(), code);
    }
    app.models.form_text("", Stop::Refused { category: Some("violence".to_owned()) });
    let refused = decompose(&app, id, &by_model()).await.expect_err("refused");
    assert_eq!(refused.code(), "model_refused");
    assert!(refused.to_string().contains("violence"), "{refused}");
    let told = app.events_of("goal.decomposition_failed").await;
    let codes: Vec<&str> = told.iter().filter_map(|event| event.metadata["code"].as_str()).collect();
    assert_eq!(
        codes,
        [
            "model_refused",
            "model_unavailable",
            "model_context_too_long",
            "model_credentials",
            "model_not_configured"
        ]
    );
    assert_eq!(app.tasks(id).await.len(), 0);
    let before = app.events_of("goal.decomposition_failed").await.len();
    for wrong in [
        DecomposeRequest { model: Some("claude".into()), ..by_model() },
        DecomposeRequest { max_tasks: Some(0), ..by_model() },
        DecomposeRequest { prompt_version: Some("none".into()), ..by_model() },
        DecomposeRequest { outline: "- [ ] a".into(), ..by_model() },
        DecomposeRequest { instructions: Some("x".repeat(20_001)), ..by_model() },
    ] {
        assert_eq!(decompose(&app, id, &wrong).await.expect_err("wrong").code(), "invalid_input");
    }
    assert_eq!(app.events_of("goal.decomposition_failed").await.len(), before);
}

/// Whatever a model answers: either everything is written, or nothing but the record of the failure; and what it cost is
/// counted in both cases.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn any_answer_is_written_whole_or_not_at_all(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let mut chance: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut draw = move |below: usize| {
        chance ^= chance << 13;
        chance ^= chance >> 7;
        chance ^= chance << 17;
        usize::try_from(chance % u64::try_from(below).expect("small")).expect("small")
    };
    let scraps =
        ["", "\u{0}", "\"", "}", "null", "T001", "[]", "7", "\\u0000", "é", "depends_on", ",", "-1", "1e99"];
    let (mut tokens, mut calls, mut written, mut refused) = (0, 0, 0, 0);
    for round in 0..60 {
        let id = goal(&app).await;
        let count = 1 + draw(4);
        let tasks: Vec<Value> = (0..count)
            .map(|index| {
                let waits: Vec<String> = (0..draw(2) * index.min(1))
                    .map(|_| format!("T{}", if draw(6) == 0 { draw(count + 1) } else { draw(index) }))
                    .collect();
                let waits: Vec<&str> = waits.iter().map(String::as_str).collect();
                let mut one = task(
                    &format!("T{index}"),
                    ["Knead", "Bake", "", "Eat\u{0}"][draw(4).min(round % 4)],
                    &waits,
                );
                if draw(3) == 0 {
                    let tool = ["file.read", "file.nothing", "shell.run"][draw(3)];
                    let parameters = ["{\"path\": \"a\"}", "{}", "[1", "{\"path\": \"{T0}\"}"][draw(4)];
                    one["use"] = json!({"tool": tool, "parameters": parameters});
                }
                one
            })
            .collect();
        let mut answer = json!({"tasks": tasks}).to_string();
        if draw(3) == 0 {
            let mut at = draw(answer.len());
            while !answer.is_char_boundary(at) {
                at -= 1;
            }
            let end = (at + draw(6)..answer.len())
                .find(|end| answer.is_char_boundary(*end))
                .unwrap_or(answer.len());
            answer.replace_range(at..end, scraps[draw(scraps.len())]);
        }
        let before = app.models.asked().len();
        for _ in 0..3 {
            app.models.form_text(&answer, Stop::Finished);
        }
        let outcome = decompose(&app, id, &by_model()).await;
        let asked = app.models.asked().len() - before;
        for _ in asked..3 {
            // What was not needed is not for the next goal.
            let _ =
                decompose(&app, goal(&app).await, &DecomposeRequest { dry_run: true, ..by_model() }).await;
        }
        calls = app.models.asked().len();
        tokens = 120 * u64::try_from(calls).expect("small");
        let present = app.tasks(id).await;
        let history =
            app.services.planning.history(&app.ada, id, &PageRequest::first(5)).await.expect("lists");
        assert_eq!(history.items.len(), 1, "{answer}");
        match outcome {
            Ok(made) => {
                written += 1;
                assert_eq!((made.making.repairs, asked), (0, 1));
                assert_eq!(present.len(), made.plan.tasks.len(), "{answer}");
                let edges: usize = present.iter().map(|task| task.depends_on.len()).sum();
                assert_eq!(edges, made.plan.dependencies.len(), "{answer}");
                assert_eq!(history.items[0].status, DecompositionStatus::Applied);
            }
            Err(error) => {
                refused += 1;
                assert_eq!(error.code(), "invalid_plan", "{answer}: {error}");
                assert_eq!((present.len(), asked), (0, 3), "{answer}");
                assert_eq!(history.items[0].status, DecompositionStatus::Failed);
            }
        }
        assert_eq!(spent(&app).await.1, tokens, "{answer}");
    }
    assert!(
        written > 5 && refused > 5,
        "{written} were written and {refused} refused, {calls} calls, {tokens} tokens"
    );
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn types_of_work_that_nobody_is_meant_for_are_told(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let id = goal(&app).await;
    let mut odd = task("T001", "Knead", &[]);
    odd["task_type"] = json!("kneading");
    app.models.form(&json!({"tasks": [odd, task("T002", "Bake", &["T001"])]}));
    let by_model = decompose(&app, id, &by_model()).await.expect("a warning is no error");
    let outline = "- [ ] T003 Eat\n  - type: eating\n- [ ] T004 Eat more\n  - type: eating\n- [ ] T005 Look\n  - type: looking\n  \
                   use: time.now\n";
    let written = DecomposeRequest { outline: outline.to_owned(), ..DecomposeRequest::default() };
    let written = decompose(&app, id, &written).await.expect("a warning is no error");
    for (made, wanted) in [(by_model, "`kneading`"), (written, "`eating`")] {
        let told: Vec<_> = made.findings.iter().filter(|one| one.code == "unknown_task_type").collect();
        let [told] = told.as_slice() else { panic!("{:?}", made.findings) };
        assert!(told.message.contains(wanted) && told.message.contains("`general`"), "{}", told.message);
    }
}
