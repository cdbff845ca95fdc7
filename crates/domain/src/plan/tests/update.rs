//! A plan against what its goal has.

use rstest::rstest;
use serde_json::json;
use uuid::Uuid;

use crate::Id;
use crate::plan::{
    Changes, Format, Limits, Origin, PlannedTask, PresentGoal, PresentTask, Severity, TaskRef, compare,
    plan_of, read_plan, write_plan,
};
use crate::task::{Dependency, TaskId, TaskStatus};

fn id(number: u128) -> TaskId {
    Id::new(Uuid::from_u128(number))
}

fn goal() -> PresentGoal {
    PresentGoal {
        id: Id::new(Uuid::from_u128(99)),
        title: "Garden".to_owned(),
        description: "Grow things.".to_owned(),
        success_criteria: vec!["Something is green".to_owned()],
        due_at: None,
    }
}

fn task(number: u128, status: TaskStatus, waits_for: &[u128]) -> PresentTask {
    let wait = |&number: &u128| Dependency { task_id: id(number), origin: Origin::Explicit };
    PresentTask {
        id: id(number),
        status,
        fields: PlannedTask {
            key: Some(format!("T{number:03}")),
            title: format!("Task {number}"),
            task_type: Some("general".to_owned()),
            max_attempts: Some(3),
            slug: Some(format!("task-{number}")),
            ..PlannedTask::default()
        },
        depends_on: waits_for.iter().map(wait).collect(),
    }
}

/// T001 is completed, T002 ready, T003 pending and waits for both, T004 running, T005 failed, T006 cancelled.
fn tasks() -> Vec<PresentTask> {
    use TaskStatus as S;
    vec![
        task(1, S::Completed, &[]),
        task(2, S::Ready, &[1]),
        task(3, S::Pending, &[1, 2]),
        task(4, S::Running, &[1]),
        task(5, S::Failed, &[1]),
        task(6, S::Cancelled, &[]),
    ]
}

fn export() -> String {
    write_plan(&plan_of(&goal(), &tasks()))
}

fn compared(text: &str) -> Changes {
    let plan = read_plan(text, Format::Auto, &Limits::IMPORT).expect("a plan").plan;
    compare(&goal(), &tasks(), &plan)
}

fn number(id: TaskId) -> u128 {
    id.uuid().as_u128()
}

/// The changes in one line, without what is kept.
fn shown(changes: &Changes) -> String {
    let mut words = Vec::new();
    words.extend(changes.goal.iter().map(|change| format!("goal.{}", change.field)));
    words.extend(changes.add.iter().map(|index| format!("add@{index}")));
    for changed in &changes.change {
        let fields: Vec<&str> = changed.fields.iter().map(|change| change.field).collect();
        words.push(format!("change:{}({})", number(changed.task_id), fields.join(",")));
    }
    words.extend(changes.remove.iter().map(|&id| format!("remove:{}", number(id))));
    words.extend(changes.complete.iter().map(|&(_, id)| format!("complete:{}", number(id))));
    words.extend(changes.drop.iter().map(|&(_, id)| format!("drop:{}", number(id))));
    words.extend(changes.findings.iter().map(|finding| finding.code.to_string()));
    words.join(" ")
}

/// What a task waits for after the update, as numbers; `+4` is the fifth task of the plan, to be made.
fn waits(changes: &Changes, task: TaskRef) -> String {
    let of = changes.dependencies.iter().find(|of| of.task == task).expect("it stays");
    let name = |&(to, _): &(TaskRef, Origin)| match to {
        TaskRef::Present(id) => number(id).to_string(),
        TaskRef::Added(index) => format!("+{index}"),
    };
    of.depends_on.iter().map(name).collect::<Vec<_>>().join(" ")
}

#[test]
fn an_unchanged_export_keeps_everything() {
    let changes = compared(&export());
    assert_eq!(shown(&changes), "");
    assert!(changes.is_empty());
    assert_eq!(changes.keep.len(), 6);
    assert_eq!(waits(&changes, TaskRef::Present(id(3))), "1 2");
    assert_eq!(changes.dependencies.len(), 6);
}

#[test]
fn an_export_leaves_out_what_goes_without_saying() {
    let text = export();
    assert!(!text.contains("slug") && !text.contains("attempts") && !text.contains("type"), "{text}");
}

/// One edit of the text, and all that follows from it.
#[rstest]
#[case::retitled("Task 2 ", "Task two ", "change:2(title)")]
#[case::ticked("[ ] T002", "[x] T002", "complete:2")]
#[case::dropped("[ ] T002", "[-] T002", "drop:2")]
#[case::ticked_too_early("[ ] T003", "[x] T003", "done_before_dependencies")]
#[case::ticked_running("[ ] T004", "[x] T004", "finished_task_changed")]
#[case::ticked_failed("[ ] T005", "[x] T005", "failed_task_ticked")]
#[case::unticked("[x] T001", "[ ] T001", "unchecked_finished")]
#[case::revived("[-] T006", "[ ] T006", "finished_task_changed")]
#[case::finished_retitled("Task 1 ", "Task one ", "finished_task_changed")]
#[case::running_waits("T004 Task 4", "T004 Task 4 (depends on T002)", "finished_task_changed")]
#[case::waits_less("depends on: T001, T002", "depends on: T002", "change:3(depends_on)")]
#[case::waits_more("T005 Task 5", "T005 Task 5 (depends on T002)", "change:5(depends_on)")]
#[case::other_origin("depends on: T001, T002", "follows: T001, T002", "")]
#[case::other_key("[ ] T005", "[ ] T055", "change:5(key)")]
#[case::labelled("[ ] T005", "[ ] T005 [P] [US1]", "change:5(labels,parallel)")]
#[case::estimated("05 -->", "05 -->\n  - estimate: 2h", "change:5(estimate_minutes)")]
#[case::typed("05 -->", "05 -->\n  - type: build", "change:5(task_type)")]
#[case::said_as_it_is("05 -->", "05 -->\n  - type: general\n  - attempts: 3\n  - slug: task-5", "")]
#[case::tried_more("05 -->", "05 -->\n  - attempts: 4", "change:5(max_attempts)")]
#[case::acting("05 -->", "05 -->\n  - use: file.list", "change:5(task_type,action)")]
#[case::for_a_person("05 -->", "05 -->\n  - by: person {\"instructions\": \"x\"}", "change:5(action)")]
#[case::scheduled("02 -->", "02 -->\n  - at: 2026-05-01T00:00:00Z", "change:2(scheduled_at)")]
#[case::retried("02 -->", "02 -->\n  - retry: {\"initial_delay\": 5}", "change:2(retry)")]
#[case::pausing("02 -->", "02 -->\n  - on exhausted: pause", "change:2(on_exhausted)")]
#[case::failing_as_usual("02 -->", "02 -->\n  - on exhausted: fail", "")]
#[case::recurring("02 -->", "02 -->\n  - schedule: {\"frequency\": \"hourly\"}", "change:2(schedule)")]
#[case::title_of_the_goal("# Garden", "# Park", "goal.title")]
#[case::aims_of_the_goal("- Something", "- Everything", "goal.success_criteria")]
#[case::time_of_the_goal("---\n\n#", "due: 2026-05-01T00:00:00Z\n---\n\n#", "goal.due_at")]
#[case::text_of_the_goal("Grow things.", "Grow all.", "goal.description")]
#[case::closing_a_cycle(
    "T002 Task 2",
    "T002 Task 2 (depends on T003)",
    "change:2(depends_on) dependency_cycle"
)]
#[case::foreign_id("02 -->", "ff -->", "add@1 change:3(depends_on) remove:2 unknown_id")]
#[case::line_gone(
    "- [ ] T002 Task 2 <!-- id: 00000000-0000-0000-0000-000000000002 -->\n  - depends on: T001\n",
    "",
    "remove:2"
)]
#[case::finished_line_gone(
    "- [x] T001 Task 1 <!-- id: 00000000-0000-0000-0000-000000000001 -->\n",
    "",
    "finished_task_missing"
)]
#[case::key_taken("06 -->", "ee -->", "add@5 finished_task_missing unknown_id duplicate_key")]
fn edits(#[case] from: &str, #[case] to: &str, #[case] expected: &str) {
    let text = export();
    assert!(text.contains(from), "{text}");
    assert_eq!(shown(&compared(&text.replacen(from, to, 1))), expected);
}

#[test]
fn a_change_tells_both_values() {
    let changes = compared(&export().replace("T003 Task 3", "T003 Task three").replace("T001, T002", "T002"));
    let fields = &changes.change[0].fields;
    assert_eq!((&fields[0].from, &fields[0].to), (&json!("Task 3"), &json!("Task three")));
    assert_eq!((&fields[1].from, &fields[1].to), (&json!(["T001", "T002"]), &json!(["T002"])));
    assert_eq!(waits(&changes, TaskRef::Present(id(3))), "2");
}

#[test]
fn a_new_task_is_connected_to_old_ones() {
    let changes = compared(&(export() + "- [ ] T007 Task 7 (depends on T003, T004)\n"));
    assert_eq!(shown(&changes), "add@6");
    assert_eq!(waits(&changes, TaskRef::Added(6)), "3 4");
}

#[test]
fn tasks_ticked_together_complete_each_other() {
    let text = export().replace("[ ] T002", "[x] T002").replace("[ ] T003", "[x] T003");
    let changes = compared(&text);
    assert_eq!(shown(&changes), "complete:2 complete:3");
}

#[test]
fn the_edge_to_a_running_task_without_a_line_stays() {
    let mut tasks = tasks();
    tasks.push(task(7, TaskStatus::Pending, &[4, 55]));
    let mut plan = plan_of(&goal(), &tasks);
    plan.tasks.remove(3);
    plan.dependencies.clear();
    let changes = compare(&goal(), &tasks, &plan);
    assert_eq!(waits(&changes, TaskRef::Present(id(7))), "4 55");
    assert_eq!(waits(&changes, TaskRef::Present(id(4))), "1");
    assert!(shown(&changes).ends_with("finished_task_missing"), "{}", shown(&changes));
}

#[test]
fn a_file_of_another_goal_is_all_new() {
    let other = PresentGoal { id: Id::new(Uuid::from_u128(98)), ..goal() };
    let text = export();
    let plan = read_plan(&text, Format::Auto, &Limits::IMPORT).expect("a plan").plan;
    let strangers = [task(21, TaskStatus::Ready, &[])];
    let changes = compare(&other, &strangers, &plan);
    assert_eq!(shown(&changes), "add@0 add@1 add@2 add@3 add@4 add@5 remove:21 other_goal");
}

/// A plain plan: no ids, no goal. The boxes do not follow what happened since.
#[rstest]
#[case("- [ ] T001 Task 1\n- [ ] T002 Task 2\n", "unchecked_finished")]
#[case("- [ ] T001 Task 1\n- [x] T002 Task 2\n", "complete:2 unchecked_finished")]
#[case("- [x] T001 Task 1\n- [ ] T002 Task two\n", "change:2(title)")]
#[case("- [x] T001 Task 1\n", "remove:2")]
#[case("- [x] T001 Task 1\n- [ ] T002 Task 2\n- [ ] T003 Task 3\n", "add@2")]
#[case("- [x] T001 Task one\n- [ ] T002 Task 2\n", "finished_task_changed")]
fn plain_plans_are_compared_by_key(#[case] text: &str, #[case] expected: &str) {
    let plan = read_plan(text, Format::Auto, &Limits::IMPORT).expect("a plan").plan;
    let mut tasks = tasks();
    tasks.truncate(2);
    tasks[0].fields.complexity = Some(3);
    tasks[1].depends_on[0].origin = Origin::Structural;
    let changes = compare(&goal(), &tasks, &plan);
    assert_eq!(shown(&changes), expected);
}

#[test]
fn tasks_without_key_and_id_are_found_by_their_title() {
    let mut tasks = [task(1, TaskStatus::Ready, &[]), task(2, TaskStatus::Ready, &[])];
    for task in &mut tasks {
        task.fields.key = None;
        task.fields.title = "Same".to_owned();
    }
    let text = "---\ngoalwright: 1\n---\n## Tasks\n- [ ] Same\n- [x] Same\n- [ ] Same\n";
    let plan = read_plan(text, Format::Auto, &Limits::IMPORT).expect("a plan").plan;
    let changes = compare(&goal(), &tasks, &plan);
    assert_eq!(shown(&changes), "add@2 complete:2");
}

/// A list without ids counts anew each time; the tasks are told apart by their titles.
#[rstest]
#[case::as_it_was("- [x] A\n- [ ] B\n- [ ] C\n", "", "")]
#[case::line_above("- [ ] X\n- [x] A\n- [ ] B\n- [ ] C\n", "add@0", "T004")]
#[case::line_between("- [x] A\n- [ ] X\n- [ ] B\n- [ ] C\n", "add@1 change:2(depends_on)", "T004")]
#[case::line_below("- [x] A\n- [ ] B\n- [ ] C\n- [ ] X\n", "add@3", "")]
#[case::retitled("- [x] A\n- [ ] B and more\n- [ ] C\n", "change:2(title)", "")]
#[case::finished_one_gone(
    "- [ ] X\n- [ ] B\n- [ ] C\n",
    "add@0 change:2(depends_on) finished_task_missing",
    "T004"
)]
fn a_list_without_ids(#[case] text: &str, #[case] expected: &str, #[case] keys: &str) {
    let mut tasks = [
        task(1, TaskStatus::Completed, &[]),
        task(2, TaskStatus::Ready, &[1]),
        task(3, TaskStatus::Pending, &[2]),
    ];
    for (task, title) in tasks.iter_mut().zip(["A", "B", "C"]) {
        task.fields.title = title.to_owned();
    }
    let plan = read_plan(text, Format::Auto, &Limits::IMPORT).expect("a plan").plan;
    let changes = compare(&goal(), &tasks, &plan);
    assert_eq!(shown(&changes), expected);
    let fresh: Vec<&str> = changes.keys.iter().map(|(_, key)| key.as_str()).collect();
    assert_eq!(fresh.join(" "), keys);
}

#[test]
fn a_made_up_key_that_gets_another_is_not_read() {
    // T001 is completed and has no line; the reader calls the first new task T001 as well.
    let written =
        "- [ ] Weigh\n  use: time.now\n- [ ] Say it\n  use: text.render {\"template\": \"{T001}\"}\n";
    let read = |text: &str| read_plan(text, Format::Auto, &Limits::IMPORT).expect("a plan").plan;
    let changes = compare(&goal(), &tasks(), &read(written));
    let errors: Vec<_> = changes.findings.iter().filter(|one| one.severity == Severity::Error).collect();
    let [error] = errors.as_slice() else { panic!("{errors:?}") };
    assert_eq!((&*error.code, error.line), ("ambiguous_reference", Some(4)));
    assert!(error.message.contains("line 1") && error.message.contains("T001"), "{}", error.message);
    // With a key of its own it is no question.
    let named = written.replace("Weigh", "T008 Weigh").replace("Say", "T009 Say").replace("{T001}", "{T008}");
    let changes = compare(&goal(), &tasks(), &read(&named));
    assert!(changes.findings.iter().all(|one| one.severity != Severity::Error), "{:?}", changes.findings);
}
