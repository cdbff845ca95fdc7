//! Whole plans in the forms and languages that people use, counted by hand.

use rstest::rstest;

use super::{edges, findings, read};
use crate::plan::{Limits, Origin, validate};

const ORCHARD: &str = include_str!("../../../fixtures/orchard.md");
const FERRY: &str = include_str!("../../../fixtures/ferry.md");
const BAKERY: &str = include_str!("../../../fixtures/bakery.md");
const MUEHLE: &str = include_str!("../../../fixtures/muehle.md");
const VIGNOBLE: &str = include_str!("../../../fixtures/vignoble.md");
const OBSERVATORY: &str = include_str!("../../../fixtures/observatory.md");
const QUARRY: &str = include_str!("../../../fixtures/quarry.md");

/// Tasks, done, dropped and parallel ones, explicit edges, inferred edges, findings.
#[rstest]
#[case::chinese(
    ORCHARD,
    [9, 2, 0, 2],
    "T003<T001 T004<T002 T004<T003 T005<T004 T006<T005 T007<T005 T008<T005 T009<T007 T009<T008",
    "",
    ""
)]
#[case::japanese(
    FERRY,
    [9, 3, 0, 4],
    "T004<T002 T005<T004 T007<T003 T007<T006 T008<T005 T009<T007 T009<T008",
    "",
    ""
)]
#[case::headings(
    BAKERY,
    [9, 3, 1, 2],
    "T003<T001 T003<T002 T003<T009 T006<T001 T006<T002 T006<T004 T007<T001 T007<T002 T009<T008",
    "",
    "heading_over_tasks@40 structural_edge_dropped@42"
)]
#[case::german(
    MUEHLE,
    [10, 2, 0, 2],
    "T003<T001 T004<T002 T004<T003 T005<T004 T007<T002 T007<T005 T008<T004 T008<T005 T008<T006 \
     T010<T008 T010<T009",
    "",
    ""
)]
#[case::romance(
    VIGNOBLE,
    [14, 1, 0, 1],
    "T002<T001 T003<T002 T004<T001 T005<T003 T005<T004 T006<T005 T007<T004 T007<T006 T008<T001 T009<T002 \
     T009<T008 T010<T009 T011<T008 T012<T008 T012<T014 T013<T009 T013<T010 T013<T012 T013<T014",
    "",
    "structural_edge_dropped@35"
)]
#[case::marks(
    OBSERVATORY,
    [13, 4, 1, 4],
    "T003<T002 T004<T001a T004<T001c T004<T001b T009.5<T004 T010<T003 T010<T009.5 T011<T003 T011<T010 \
     T012<T001c T012<T011 T013<T012 T013<T014 T014<T011 T014<T012 T014<T013",
    "",
    "mark_in_between@8 unusual_checkbox@10 unusual_checkbox@11 unknown_dependency@11 repeated_task@19 \
     contradicting_order@25 unknown_dependency@31 contradicting_state@35 checkbox_ignored@36"
)]
#[case::files(QUARRY, [10, 0, 0, 5], "", "T007<T005 T009<T007 T010<T005", "parallel_same_file@11")]
fn counted(
    #[case] text: &str,
    #[case] counts: [usize; 4],
    #[case] explicit: &str,
    #[case] inferred: &str,
    #[case] noticed: &str,
) {
    let outline = read(text);
    let tasks = &outline.plan.tasks;
    let found = [
        tasks.len(),
        tasks.iter().filter(|task| task.done).count(),
        tasks.iter().filter(|task| task.dropped).count(),
        tasks.iter().filter(|task| task.parallel).count(),
    ];
    assert_eq!(found, counts);
    assert_eq!(edges(&outline.plan, Origin::Explicit), explicit);
    assert_eq!(edges(&outline.plan, Origin::Inferred), inferred);
    assert_eq!(findings(&outline), noticed);
    let windows = text.replace('\n', "\r\n");
    assert_eq!(read(&windows), outline);
}

#[rstest]
#[case(ORCHARD)]
#[case(FERRY)]
#[case(BAKERY)]
#[case(MUEHLE)]
#[case(VIGNOBLE)]
#[case(QUARRY)]
fn no_cycle_arises(#[case] text: &str) {
    assert_eq!(validate(&read(text).plan, &Limits::IMPORT), Ok(()));
}

#[test]
fn a_plan_that_contradicts_itself_is_named_task_by_task() {
    let problems = validate(&read(OBSERVATORY).plan, &Limits::IMPORT).expect_err("T013 → T014 → T013");
    assert_eq!(problems.len(), 1);
    assert!(problems[0].message.contains("T013 → T014 → T013"), "{}", problems[0].message);
    assert_eq!(problems[0].line, Some(25));
}

#[test]
fn details_of_the_orchard() {
    let plan = read(ORCHARD).plan;
    assert_eq!(plan.title.as_deref(), Some("果园灌溉控制器"));
    let drawing = &plan.tasks[1];
    assert_eq!((drawing.title.as_str(), drawing.line), ("绘制管道图", Some(11)));
    let message =
        "- 提交信息：`docs: 绘制管道图\n\n- 主管道与支管道\n- [ ] 阀门编号待定\n\n完成 T002 - 准备`";
    assert_eq!(drawing.description, message);
    assert_eq!(plan.tasks[2].title, "安装主阀门");
    assert_eq!(plan.tasks[3].title, "编写定时器 `pump/timer.c`");
    assert_eq!(plan.tasks[7].labels, ["US2", "警报"]);
}

#[test]
fn details_of_the_ferry() {
    let plan = read(FERRY).plan;
    assert_eq!(plan.title.as_deref(), Some("渡し船の時刻表"));
    let titles: Vec<&str> = plan.tasks[..6].iter().map(|task| task.title.as_str()).collect();
    let expected = [
        "桟橋を測る（依存関係の調査を含む）",
        "潮を記録する（harbour/tide.csv）",
        "乗客の数を数える",
        "時刻表を作る",
        "時刻表を印刷する",
        "掲示板（T003に依存しない）",
    ];
    assert_eq!(titles, expected);
}

#[test]
fn details_of_the_bakery() {
    let plan = read(BAKERY).plan;
    let [flour, leaven, knead, ..] = plan.tasks.as_slice() else {
        panic!("{} tasks", plan.tasks.len());
    };
    assert_eq!((flour.title.as_str(), flour.line, flour.phase), ("Order the flour", Some(5), Some(0)));
    assert_eq!(flour.description, "**File**: N/A\n**Description**: Rye and wheat. T003 will use it.");
    assert!(leaven.description.contains("### T090: a heading in a fence"), "{}", leaven.description);
    assert!(leaven.description.ends_with("#### Hints\nWarm water."), "{}", leaven.description);
    assert_eq!(knead.labels, ["US1"]);
    assert_eq!(knead.description, "- [ ] a small step");
    assert!(knead.action.is_some());
    assert_eq!((plan.tasks[4].title.as_str(), plan.tasks[4].dropped), ("Buy coal", true));
    assert_eq!((plan.tasks[5].title.as_str(), plan.tasks[5].phase), ("Light the oven", Some(1)));
    assert_eq!(plan.tasks[7].description, "Shutters first, then the lamp.");
}

#[test]
fn details_of_the_observatory() {
    let plan = read(OBSERVATORY).plan;
    let keys: Vec<&str> = plan.tasks.iter().filter_map(|task| task.key.as_deref()).collect();
    let expected = [
        "T001", "T001a", "T001c", "T001b", "T002", "T003", "T004", "T009.5", "T010", "T011", "T012", "T013",
        "T014",
    ];
    assert_eq!(keys, expected);
    assert_eq!(plan.tasks[2].labels, ["FR-DOME-01"]);
    assert_eq!(plan.tasks[6].title, "Lift the ring");
    assert_eq!(plan.tasks[10].title, "Turn it once");
    assert_eq!(plan.tasks[12].title, "Check after the T010 change, no dependency on T001");
}
