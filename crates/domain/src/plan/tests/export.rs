//! What is written is what is read back.

use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::Timestamp;
use crate::execution::{Backoff, OnExhausted};
use crate::goal::GoalId;
use crate::plan::{
    Format, Limits, Origin, Outline, OutlineError, Plan, PlannedAction, PlannedDependency, PlannedGoal,
    PlannedTask, PlannedWork, read_plan, validate, write_plan,
};
use crate::schedule::Schedule;
use crate::task::TaskId;

fn read(text: &str) -> Outline {
    read_plan(text, Format::Auto, &Limits::IMPORT).expect("the text is a plan")
}

/// A plan without what an export does not keep.
fn kept(mut plan: Plan) -> Plan {
    for task in &mut plan.tasks {
        task.line = None;
        task.phase = None;
        if let Some(action) = &mut task.action {
            action.line = None;
        }
    }
    for edge in &mut plan.dependencies {
        edge.line = None;
    }
    plan.dependencies.sort_unstable_by_key(|edge| (edge.from_index, edge.to_index));
    plan
}

const SCRAPS: &[&str] = &[
    "T001",
    " ",
    "  ",
    "\n",
    "\r\n",
    "\r",
    "\t",
    "a",
    "Title",
    "[P]",
    "[US1]",
    "[x]",
    "- [ ] T002 b",
    "- ",
    "* ",
    "1. ",
    "\"",
    "\\",
    "'",
    "`",
    "```",
    "~~~",
    "<!--",
    "-->",
    "<!-- id: x -->",
    "(depends on T001)",
    "depends on: T001",
    "follows: 1.2",
    "uses: T001",
    "(",
    ")",
    "[",
    "]",
    "[#1]",
    "{",
    "}",
    "{T001.files}",
    "> ",
    ">",
    "#",
    "# ",
    "## Tasks",
    "## Success criteria",
    "---",
    "...",
    "goal: new",
    "**",
    "**T001**",
    "_",
    ":",
    ",",
    "type: x",
    "estimate: 5m",
    "priority: 2",
    "key: \"x\"",
    "description: \"x\"",
    "use: a.b {}",
    "by: external",
    "labels: []",
    "at: noon",
    "😀",
    "ä",
    "依赖 T003",
    "→ T002",
    "\u{a0}",
    "\u{85}",
    "\u{2028}",
    "\u{feff}",
    "\u{1}",
    "\u{b}",
    "✅",
    "~~",
    "T001:",
    "–",
    "|",
    "1.2",
    "tag:3",
    "ref 1",
    "ref: 1",
    "P",
];

fn nasty() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::collection::vec(prop::sample::select(SCRAPS), 0..6).prop_map(|scraps| scraps.concat()),
        2 => "[a-zA-Z0-9 ]{0,20}",
        1 => any::<String>(),
        1 => Just("long ".repeat(400)),
    ]
}

fn title() -> impl Strategy<Value = String> {
    let short = nasty().prop_map(|text| text.chars().take(500).collect::<String>());
    short.prop_filter("a title says something", |title| !title.trim().is_empty())
}

fn key() -> impl Strategy<Value = Option<String>> {
    let usual = prop_oneof!["T[0-9]{3}[a-z]?", "[0-9]\\.[0-9]{1,2}", "[a-z]{2}:[0-9]", "CKA\\.[0-9]"];
    prop_oneof![
        3 => usual.prop_map(Some),
        1 => nasty().prop_map(|key| Some(key).filter(|key| !key.is_empty())),
        1 => Just(None),
    ]
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1e300..1e300).prop_map(Value::from),
        nasty().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(nasty(), inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn moment() -> impl Strategy<Value = Timestamp> {
    (0_i64..4_000_000_000_000_000)
        .prop_map(|micros| Timestamp::new(chrono::DateTime::from_timestamp_micros(micros).expect("in range")))
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z_]{1,6}", nasty()]
}

/// What a task does: nothing, a call, or something else.
fn doing() -> impl Strategy<Value = (Option<PlannedAction>, Option<PlannedWork>)> {
    let call = (name(), name(), prop_oneof![json_value(), Just(json!({}))])
        .prop_map(|(tool, operation, parameters)| PlannedAction { tool, operation, parameters, line: None });
    let schema = prop::option::of(json_value().prop_filter("null is no schema", |value| !value.is_null()));
    let model = (nasty(), prop::collection::vec(nasty(), 0..3), schema).prop_map(
        |(instructions, tools, output_schema)| PlannedWork::Orchestrated {
            instructions,
            tools,
            output_schema,
        },
    );
    let person = nasty().prop_map(|instructions| PlannedWork::Human { instructions });
    let work = prop_oneof![model, person, Just(PlannedWork::External)];
    prop_oneof![
        Just((None, None)),
        call.prop_map(|call| (Some(call), None)),
        work.prop_map(|work| (None, Some(work))),
    ]
}

/// When it is tried again, what becomes of it then, and when it recurs.
fn rules() -> impl Strategy<Value = (Option<Backoff>, Option<OnExhausted>, Option<Schedule>)> {
    // No type is tried again and never tried again: they are told apart by how they end.
    let errors = |names: &'static str| prop::collection::vec(names, 0..3);
    let seconds = || (0_u32..4_000).prop_map(|eighths| f64::from(eighths) / 8.0);
    let retry = (seconds(), 8_u32..80, seconds(), any::<bool>());
    let retry = (retry, errors("[A-Z][A-Za-z]{1,12}Passing"), errors("[A-Z][A-Za-z]{1,12}Lasting")).prop_map(
        |((initial_delay, factor, max_delay, jitter), retryable_errors, fatal_errors)| Backoff {
            initial_delay,
            backoff_factor: f64::from(factor) / 8.0,
            max_delay,
            jitter,
            retryable_errors,
            fatal_errors,
        },
    );
    let then = prop::sample::select(&[OnExhausted::Fail, OnExhausted::Pause]);
    let when = prop_oneof![
        (0_u8..60).prop_map(|minute| json!({"frequency": "hourly", "minute": minute})),
        (0_u8..24, 0_u8..60)
            .prop_map(|(h, m)| json!({"frequency": "daily", "time": format!("{h:02}:{m:02}")})),
        (1_u8..29).prop_map(|day| json!({"frequency": "monthly", "day": day, "time": "05:00"})),
        Just(json!({"cron": "*/7 9-17 * * mon-fri", "jitter": 30, "misfire": "all", "misfire_window": 60})),
        Just(json!({"frequency": "weekly", "weekdays": ["sun", "tue"], "time": "23:59:59", "fold": "both"})),
        Just(json!({"frequency": "once", "at": "2099-03-01T09:00:00", "gap": "skip", "overlap": "queue"})),
    ];
    let zone = prop::sample::select(&["UTC", "America/New_York", "Europe/Berlin", "Asia/Kathmandu"]);
    let schedule = (when, zone).prop_map(|(mut when, zone)| {
        when["timezone"] = json!(zone);
        Schedule::read(&when, "schedule").expect("a schedule")
    });
    (prop::option::of(retry), prop::option::of(then), prop::option::of(schedule))
}

#[test]
fn rules_are_read_with_all_that_is_wrong_with_them_by_line() {
    let text = "---\ngoalwright: 1\n---\n\n## Tasks\n\n- [ ] T001 Water\n  - retry: {\"initial_delay\": 5}\n  \
                - on exhausted: pause\n  - schedule: {\"frequency\": \"daily\", \"time\": \"05:00\", \"timezone\": \"Europe/Berlin\"}\n";
    let read_well = read(text);
    let task = &read_well.plan.tasks[0];
    let retry = task.retry.as_ref().expect("read");
    assert_eq!((retry.initial_delay, retry.backoff_factor, retry.jitter), (5.0, 2.0, true));
    assert_eq!(task.on_exhausted, Some(OnExhausted::Pause));
    assert_eq!(task.schedule.as_ref().map(|one| one.to_json()["time"].clone()), Some(json!("05:00:00")));
    assert_eq!(read_well.findings, []);

    let wrong = text
        .replace("\"initial_delay\": 5", "\"initial_delay\": -5, \"delay\": 1")
        .replace("05:00", "25:00")
        .replace("Europe/Berlin", "Europe/Bern");
    let refused = read_plan(&wrong, Format::Auto, &Limits::IMPORT).expect_err("it is wrong");
    let OutlineError::Invalid(findings) = refused else { panic!("{refused}") };
    let said: Vec<(Option<u32>, &str)> = findings.iter().map(|one| (one.line, one.code.as_ref())).collect();
    let expected = [
        (Some(8), "invalid_field"),
        (Some(8), "invalid_field"),
        (Some(10), "invalid_field"),
        (Some(10), "invalid_field"),
    ];
    assert_eq!(said, expected, "{findings:?}");
    assert!(findings.iter().any(|one| one.message.contains("schedule.timezone")), "{findings:?}");
}

fn task() -> impl Strategy<Value = PlannedTask> {
    let words = (key(), title(), nasty(), prop::option::of(nasty()), prop::collection::vec(nasty(), 0..4));
    let numbers = (
        prop::option::of(any::<u32>()),
        any::<i32>(),
        (prop::option::of(1_u8..=10), prop::option::of(nasty())),
        prop::option::of(1_u32..200),
        prop::option::of(moment()),
        rules(),
    );
    let slug = prop::option::of(nasty()).prop_map(|slug| slug.filter(|slug| !slug.is_empty()));
    let flags = (any::<bool>(), 0_u8..3, any::<bool>());
    (words, numbers, slug, flags, doing()).prop_map(|(words, numbers, slug, flags, (action, work))| {
        let (key, title, description, task_type, labels) = words;
        let (estimate_minutes, priority, (complexity, reason), max_attempts, scheduled_at, rules) = numbers;
        let (retry, on_exhausted, schedule) = rules;
        PlannedTask {
            // Told apart below, when all ids are drawn.
            id: flags.2.then(|| TaskId::new(Uuid::nil())),
            key,
            title,
            description,
            task_type,
            estimate_minutes,
            priority,
            labels,
            parallel: flags.0,
            done: flags.1 == 1,
            dropped: flags.1 == 2,
            action,
            work,
            complexity,
            complexity_reason: reason,
            max_attempts,
            retry,
            on_exhausted,
            scheduled_at,
            schedule,
            slug,
            ..PlannedTask::default()
        }
    })
}

fn goal() -> impl Strategy<Value = Option<PlannedGoal>> {
    let goal =
        (any::<Option<u128>>(), nasty(), prop::collection::vec(nasty(), 0..3), prop::option::of(moment()));
    prop::option::of(goal.prop_map(|(id, description, success_criteria, due_at)| PlannedGoal {
        id: id.map(|id| GoalId::new(Uuid::from_u128(id))),
        description,
        success_criteria,
        due_at,
    }))
}

fn plan() -> impl Strategy<Value = Plan> {
    let edge = (any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..3_usize);
    let edges = prop::collection::vec(edge, 0..8);
    (prop::option::of(nasty()), goal(), prop::collection::vec(task(), 0..6), edges).prop_map(
        |(title, goal, mut tasks, drawn)| {
            let mut keys = std::collections::HashSet::new();
            for (index, task) in tasks.iter_mut().enumerate() {
                task.key = task.key.take().filter(|key| keys.insert(key.clone()));
                task.id = task.id.map(|_| TaskId::new(Uuid::from_u128(index as u128 + 7)));
            }
            let mut dependencies: Vec<PlannedDependency> = Vec::new();
            for (one, other, origin) in drawn.into_iter().filter(|_| tasks.len() > 1) {
                let (one, other) = (one.index(tasks.len()), other.index(tasks.len()));
                let (from_index, to_index) = (one.max(other), one.min(other));
                let known =
                    |edge: &PlannedDependency| (edge.from_index, edge.to_index) == (from_index, to_index);
                if from_index != to_index && !dependencies.iter().any(known) {
                    let origin = [Origin::Explicit, Origin::Structural, Origin::Inferred][origin];
                    dependencies.push(PlannedDependency { from_index, to_index, origin, line: None });
                }
            }
            Plan { title, goal, tasks, dependencies }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn nothing_is_lost(plan in plan()) {
        prop_assert_eq!(validate(&plan, &Limits::IMPORT), Ok(()));
        let text = write_plan(&plan);
        let again = read_plan(&text, Format::Auto, &Limits::IMPORT);
        prop_assert_eq!(again.map(|outline| kept(outline.plan)), Ok(kept(plan)), "{}", text);
    }

    #[test]
    fn windows_line_ends_change_nothing(plan in plan()) {
        let text = write_plan(&plan);
        let windows = text.replace('\n', "\r\n");
        prop_assert_eq!(read(&windows).plan, read(&text).plan);
    }

    #[test]
    fn no_scrap_in_an_export_panics(scraps in prop::collection::vec(prop::sample::select(SCRAPS), 0..60)) {
        let text = format!("---\ngoalwright: 1\n---\n## Tasks\n{}", scraps.concat());
        let _ = read_plan(&text, Format::Auto, &Limits::IMPORT);
    }
}
