//! A task that is broken further down.

use std::collections::HashSet;

use rstest::rstest;
use serde_json::json;
use uuid::Uuid;

use crate::execution::WaitKind;
use crate::plan::{
    Changes, Format, Limits, Origin, Plan, PlannedAction, PlannedTask, PresentGoal, PresentTask, Severity,
    TaskRef, basis_of_expansion, expand, inherit, name_parts, read_plan, refuse_expansion,
};
use crate::schedule::Schedule;
use crate::task::{Dependency, TaskId, TaskStatus};
use crate::{Id, Timestamp};

fn id(number: u128) -> TaskId {
    Id::new(Uuid::from_u128(number))
}

fn task(number: u128, status: TaskStatus, waits_for: &[u128]) -> PresentTask {
    let wait = |&number: &u128| Dependency { task_id: id(number), origin: Origin::Explicit };
    let key = Some(format!("T{number:03}"));
    let fields = PlannedTask { key, title: format!("Task {number}"), ..PlannedTask::default() };
    PresentTask { id: id(number), status, fields, depends_on: waits_for.iter().map(wait).collect() }
}

fn plan(text: &str) -> Plan {
    read_plan(text, Format::Auto, &Limits::IMPORT).expect("a plan").plan
}

/// What a task waits for afterwards: `+1` is the second part.
fn waits(changes: &Changes, task: TaskRef) -> Vec<String> {
    let found = changes.dependencies.iter().find(|one| one.task == task).expect("it stays");
    let name = |to: &TaskRef| match to {
        TaskRef::Added(index) => format!("+{index}"),
        TaskRef::Present(id) => id.uuid().as_u128().to_string(),
    };
    found.depends_on.iter().map(|(to, _)| name(to)).collect()
}

#[test]
fn parts_wait_for_what_the_whole_waits_for_and_the_whole_for_its_parts() {
    let tasks = [
        task(1, TaskStatus::Completed, &[]),
        task(2, TaskStatus::Ready, &[]),
        task(3, TaskStatus::Pending, &[1, 2]),
    ];
    let plan = plan("- [ ] A\n- [ ] B\n- [ ] [P] C\n");
    let changes = expand(&tasks, &tasks[2], &HashSet::new(), &plan);
    assert_eq!(changes.add, [0, 1, 2]);
    assert_eq!(waits(&changes, TaskRef::Added(0)), ["1", "2"]);
    assert_eq!(waits(&changes, TaskRef::Added(1)), ["1", "2", "+0"]);
    assert_eq!(waits(&changes, TaskRef::Present(id(3))), ["1", "2", "+0", "+1", "+2"]);
    let [changed] = changes.change.as_slice() else { panic!("one task changes: {changes:?}") };
    assert_eq!((changed.index, changed.task_id, changed.fields.len()), (None, id(3), 1));
    assert_eq!((changed.fields[0].field, &changed.fields[0].from), ("depends_on", &json!(["T001", "T002"])));
    assert_eq!(changes.dependencies.len(), 4, "nothing is said of other tasks");
    assert!(changes.remove.is_empty() && changes.goal.is_empty() && changes.findings.is_empty());
}

#[test]
fn new_parts_do_not_wait_for_earlier_ones() {
    let mut tasks = vec![task(1, TaskStatus::Ready, &[]), task(2, TaskStatus::Pending, &[1])];
    tasks.push(task(3, TaskStatus::Pending, &[1, 2]));
    let changes = expand(&tasks, &tasks[2], &HashSet::from([id(2)]), &plan("- [ ] D\n"));
    assert_eq!(waits(&changes, TaskRef::Added(0)), ["1"]);
    assert_eq!(waits(&changes, TaskRef::Present(id(3))), ["1", "2", "+0"]);
}

#[rstest]
#[case::made_up("- [ ] A\n- [ ] B\n", Some("T001"), &["T001_2", "T001_3"])]
#[case::given("- [ ] T050 A\n- [ ] T051 B\n", Some("T001"), &["T050", "T051"])]
#[case::whole_without_key("- [ ] A\n- [ ] B\n", None, &["", ""])]
fn parts_without_a_key_are_named_after_the_whole(
    #[case] text: &str,
    #[case] key: Option<&str>,
    #[case] expected: &[&str],
) {
    let mut tasks = vec![task(1, TaskStatus::Ready, &[]), task(2, TaskStatus::Ready, &[])];
    tasks[0].fields.key = key.map(str::to_owned);
    tasks[1].fields.key = Some("T001_1".to_owned());
    let mut plan = plan(text);
    name_parts(&tasks, &tasks[0], &mut plan);
    let keys: Vec<&str> = plan.tasks.iter().map(|task| task.key.as_deref().unwrap_or_default()).collect();
    assert_eq!(keys, expected);
    // Once named, they keep their names.
    let named = plan.clone();
    name_parts(&tasks, &tasks[0], &mut plan);
    assert_eq!(plan, named);
}

#[test]
fn names_that_would_be_too_long_are_left_out() {
    let mut whole = task(1, TaskStatus::Ready, &[]);
    whole.fields.key = Some("k".repeat(99));
    let mut plan = plan("- [ ] A\n");
    name_parts(std::slice::from_ref(&whole), &whole, &mut plan);
    assert_eq!(plan.tasks[0].key, None);
}

#[test]
fn edges_are_counted_before_they_are_made() {
    let waited_for: Vec<u128> = (2..=10_000).collect();
    let whole = task(1, TaskStatus::Pending, &waited_for);
    let tasks = [whole];
    // Ten parts and the whole that waits for them: 99,990 edges, 9 of their order, and 10.
    let ten = plan(&"- [ ] A\n".repeat(10));
    let changes = expand(&tasks, &tasks[0], &HashSet::new(), &ten);
    let [finding] = changes.findings.as_slice() else { panic!("{:?}", changes.findings) };
    assert_eq!((finding.severity, &*finding.code), (Severity::Error, "too_many_dependencies"));
    for words in ["100009", "100000", "10 parts", "9999 tasks", "T001"] {
        assert!(finding.message.contains(words), "{words}: {}", finding.message);
    }
    assert!(changes.is_empty() && changes.dependencies.is_empty(), "nothing is made");
    // Ten thousand parts, which would not fit into memory.
    let many = plan(&"- [ ] [P] A\n".repeat(10_000));
    assert_eq!(expand(&tasks, &tasks[0], &HashSet::new(), &many).findings.len(), 1);
    // Of one part less, and of parts that do not wait for what the whole was broken into before, there are few enough.
    let nine = plan(&"- [ ] A\n".repeat(9));
    assert!(expand(&tasks, &tasks[0], &HashSet::new(), &nine).findings.is_empty());
    let earlier: HashSet<TaskId> = waited_for.iter().map(|&number| id(number)).collect();
    assert!(expand(&tasks, &tasks[0], &earlier, &many).findings.is_empty());
}

#[test]
fn what_has_failed_is_said_to_stay_so() {
    let tasks = [task(1, TaskStatus::Failed, &[])];
    let changes = expand(&tasks, &tasks[0], &HashSet::new(), &plan("- [ ] A\n"));
    let [finding] = changes.findings.as_slice() else { panic!("{:?}", changes.findings) };
    assert_eq!((finding.severity, &*finding.code), (Severity::Warning, "failed_whole"));
    assert!(finding.message.contains("retry it when its parts are done"), "{}", finding.message);
    assert_eq!(changes.add, [0]);
}

#[test]
fn parts_have_the_priority_and_the_moment_of_their_whole_unless_they_have_their_own() {
    let at = |text: &str| -> Timestamp { text.parse().expect("a moment") };
    let (now, monday, friday) =
        (at("2026-01-01T00:00:00Z"), at("2026-01-05T08:00:00Z"), at("2026-01-09T08:00:00Z"));
    let mut whole = task(1, TaskStatus::Pending, &[]);
    (whole.fields.priority, whole.fields.scheduled_at) = (7, Some(monday));
    let mut parts = plan("- [ ] [P] A\n- [ ] [P] B\n- [ ] [P] C\n- [x] [P] D\n");
    (parts.tasks[1].priority, parts.tasks[1].scheduled_at) = (-2, Some(friday));
    parts.tasks[2].schedule =
        Some(Schedule::read(&json!({"frequency": "hourly"}), "schedule").expect("a schedule"));
    inherit(&whole, &mut parts, now);
    let have: Vec<_> = parts.tasks.iter().map(|task| (task.priority, task.scheduled_at)).collect();
    assert_eq!(have, [(7, Some(monday)), (-2, Some(friday)), (7, None), (7, None)]);
    let once = parts.clone();
    inherit(&whole, &mut parts, now);
    assert_eq!(parts, once);
    // A moment that is over, such as that of a run which began, says nothing about parts.
    let mut late = plan("- [ ] A\n");
    inherit(&whole, &mut late, monday);
    assert_eq!(late.tasks[0].scheduled_at, None);
}

#[rstest]
#[case(TaskStatus::Pending, true)]
#[case(TaskStatus::Ready, true)]
#[case(TaskStatus::Failed, true)]
#[case(TaskStatus::Running, false)]
#[case(TaskStatus::Waiting, false)]
#[case(TaskStatus::Completed, false)]
#[case(TaskStatus::Cancelled, false)]
#[case(TaskStatus::Skipped, false)]
fn only_what_is_still_to_be_done_is_broken_down(#[case] status: TaskStatus, #[case] allowed: bool) {
    let mut task = task(1, status, &[]);
    assert_eq!(refuse_expansion(&task, None).is_none(), allowed);
    task.fields.schedule =
        Some(Schedule::read(&json!({"frequency": "hourly"}), "schedule").expect("a schedule"));
    assert!(refuse_expansion(&task, None).is_some_and(|why| why.contains("T001")), "what recurs never is");
}

#[rstest]
#[case(WaitKind::Person, true)]
#[case(WaitKind::Decision, false)]
#[case(WaitKind::Time, false)]
#[case(WaitKind::Model, false)]
#[case(WaitKind::Budget, false)]
fn what_a_person_is_to_do_is_still_to_be_done(#[case] kind: WaitKind, #[case] allowed: bool) {
    let mut task = task(1, TaskStatus::Waiting, &[]);
    assert_eq!(refuse_expansion(&task, Some(kind)).is_none(), allowed);
    let parameters = json!({});
    task.fields.action =
        Some(PlannedAction { tool: "time".into(), operation: "sleep".into(), parameters, line: None });
    assert!(refuse_expansion(&task, Some(kind)).is_some(), "a tool that asks has begun");
}

#[rstest]
#[case(WaitKind::Model, "waits for a model")]
#[case(WaitKind::Budget, "raise the budget")]
#[case(WaitKind::Decision, "decide, or wait")]
fn what_has_begun_says_what_it_waits_for(#[case] kind: WaitKind, #[case] words: &str) {
    let refused = refuse_expansion(&task(1, TaskStatus::Waiting, &[]), Some(kind)).expect("refused");
    assert!(refused.contains(words), "{refused}");
}

#[test]
fn a_breakdown_depends_on_its_task_and_the_goal_s_words_alone() {
    let goal = PresentGoal {
        id: Id::new(Uuid::from_u128(99)),
        title: "Garden".to_owned(),
        description: String::new(),
        success_criteria: Vec::new(),
        due_at: None,
    };
    let whole = task(1, TaskStatus::Pending, &[2]);
    let before = basis_of_expansion(&goal, &whole);
    let freed_now = PresentTask { status: TaskStatus::Ready, ..whole.clone() };
    assert_eq!(basis_of_expansion(&goal, &freed_now), before, "nothing of it is done");
    let mut asked_for = PresentTask { status: TaskStatus::Waiting, ..whole.clone() };
    asked_for.fields.scheduled_at = "2026-01-01T00:00:00Z".parse().ok();
    assert_eq!(basis_of_expansion(&goal, &asked_for), before, "a person was asked, and has done nothing");
    let mut later = whole.clone();
    later.fields.scheduled_at = asked_for.fields.scheduled_at;
    let mut retitled = whole.clone();
    retitled.fields.title = "Other".to_owned();
    let running = PresentTask { status: TaskStatus::Running, ..whole.clone() };
    let freed = PresentTask { depends_on: Vec::new(), ..whole.clone() };
    for other in [retitled, running, freed, later] {
        assert_ne!(basis_of_expansion(&goal, &other), before, "{other:?}");
    }
    let other_goal = PresentGoal { title: "Park".to_owned(), ..goal };
    assert_ne!(basis_of_expansion(&other_goal, &whole), before);
}
