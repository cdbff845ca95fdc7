//! The ways to write who waits for whom.

use rstest::rstest;

use super::{codes, edges, findings, read, refusal};
use crate::plan::{Origin, OutlineError};

/// Five tasks that nothing orders, and what is said about them.
fn five(with: &str) -> String {
    format!("- [ ] T1 [P] a\n- [ ] T2 [P] b\n- [ ] T3 [P] c\n- [ ] T4 [P] d\n- [ ] T5 [P] e{with}\n")
}

#[rstest]
#[case::arrows("T1 → T2 → T3", "T2<T1 T3<T2")]
#[case::ascii("T1 -> T2 => T3 --> T4", "T2<T1 T3<T2 T4<T3")]
#[case::backwards("T1 ← T2", "T1<T2")]
#[case::ascii_backwards("T1 <- T2", "T1<T2")]
#[case::fan("T1 → T2, T3 → T4", "T2<T1 T3<T1 T4<T2 T4<T3")]
#[case::group("T1 → (T2, T3) → T4", "T2<T1 T3<T1 T4<T2 T4<T3")]
#[case::slash("T1/T2 → T3 & T4", "T3<T1 T3<T2 T4<T1 T4<T2")]
#[case::ranges("T1-T2 → T3-T4", "T3<T1 T3<T2 T4<T1 T4<T2")]
#[case::remarks("**T1** (first) → T2 ✅ → T3（last）", "T2<T1 T3<T2")]
#[case::titles("US1: T1 dig → T2 lay → T3", "T2<T1 T3<T2")]
#[case::chains("T1 → T2; T3 → T4", "T2<T1 T4<T3")]
#[case::code("`T1` → `T2`", "T2<T1")]
#[case::phases("Setup (T1-T2) → Roof (T3) → T4", "")]
#[case::words("T1 → the roof → T3", "")]
#[case::requires("T3 requires T1 and T2", "T3<T1 T3<T2")]
#[case::needs("T3 needs T1 & T2", "T3<T1 T3<T2")]
#[case::blocked("T3, T4 are blocked by T1", "T3<T1 T4<T1")]
#[case::blocks("T1-T2 block T3–T4 (a before b)", "T3<T1 T3<T2 T4<T1 T4<T2")]
#[case::before("T1 must complete before T2", "T2<T1")]
#[case::after("T3 can start after T2 lands", "T3<T2")]
#[case::prerequisite("T1 is a prerequisite for T2", "T2<T1")]
#[case::needed("T1 is needed by T2 and T3", "T2<T1 T3<T1")]
#[case::colon("T3: depends on T1, T2", "T3<T1 T3<T2")]
#[case::label("T3 dependencies: T1", "T3<T1")]
#[case::words_between("T3 wiring of the lamp depends on T1", "T3<T1")]
#[case::two("T2 needs T1, T3 needs T2", "T2<T1 T3<T2")]
#[case::inside("T1 and T2 in a row (T2 needs T1)", "T2<T1")]
#[case::story("US2 depends on US1 (T1, T2)", "")]
#[case::phase("Phase 1 (T1-T2) must complete before Phase 2 (T3)", "")]
#[case::no_subject("depends on T1", "")]
#[case::not_before("T3 must not start before T1", "T3<T1")]
#[case::until("T3 cannot start until T1 is done", "T3<T1")]
#[case::starting("Complete T1 before starting T2", "T2<T1")]
#[case::tests_first("T1, T2 must be written and fail before T3", "T3<T1 T3<T2")]
#[case::parallel_after("T2 and T3 can run in parallel after T1", "T2<T1 T3<T1")]
#[case::chinese_parallel("T2 和 T3 在 T1 之后可并行", "T2<T1 T3<T1")]
#[case::not("T3 does not depend on T1", "")]
#[case::no_longer("T3 no longer requires T1", "")]
#[case::dont("T1 doesn't block T2", "")]
#[case::nouns("T3 has no dependency on T1", "")]
#[case::parallel("T1 may run before or parallel with T2", "")]
#[case::superseded("T1 superseded by T2", "")]
#[case::work("T2 was moved after T1 by hand", "")]
#[case::chinese("T3 依赖 T1 和 T2", "T3<T1 T3<T2")]
#[case::chinese_not("T3 不依赖 T1", "")]
#[case::chinese_after("T3 必须在 T1 之后", "T3<T1")]
#[case::chinese_before("T1 必须在 T3 之前完成", "T3<T1")]
#[case::chinese_blocks("T1 阻塞 T2、T3", "T2<T1 T3<T1")]
#[case::japanese("T3はT1とT2に依存する", "T3<T1 T3<T2")]
#[case::japanese_not("T3はT1に依存しない", "")]
#[case::japanese_after("T3はT1完了後に開始", "T3<T1")]
#[case::japanese_blocks("T1はT2をブロックする", "T2<T1")]
#[case::korean("T3는 T1에 의존", "T3<T1")]
#[case::german("T3 hängt von T1 ab", "T3<T1")]
#[case::french("T3 dépend de T1 et T2", "T3<T1 T3<T2")]
#[case::spanish("T3 depende de T1 y T2", "T3<T1 T3<T2")]
#[case::portuguese("T3 não depende de T1; T2 depende do T1", "T2<T1")]
#[case::italian("T3 dipende da T1", "T3<T1")]
#[case::russian("T3 зависит от T1 и T2; T4 не зависит от T1", "T3<T1 T3<T2")]
fn outside(#[case] statement: &str, #[case] expected: &str) {
    for section in ["## Dependencies\n\n- ", "## Dependencies\n\n", "## Order\n1. "] {
        let outline = read(&five(&format!("\n\n{section}{statement}")));
        assert_eq!(edges(&outline.plan, Origin::Explicit), expected, "{section}");
        assert_eq!(findings(&outline), "");
    }
    for section in ["## Notes\n- ", "## Implementation Strategy\n\n", "## Dependencies\n```\n", "> ", "| "] {
        let outline = read(&five(&format!("\n\n{section}{statement}\n```")));
        assert_eq!(edges(&outline.plan, Origin::Explicit), "", "{section}");
    }
}

#[rstest]
#[case::requires(" (requires T1, T2)", "T5<T1 T5<T2")]
#[case::blocked_by(" (blocked by T1)", "T5<T1")]
#[case::blocks(" (blocks T1)", "T1<T5")]
#[case::before(" (before T1 & T2)", "T1<T5 T2<T5")]
#[case::short(" (deps: T1)", "T5<T1")]
#[case::both(" (after T1; blocks T2)", "T2<T5 T5<T1")]
#[case::arrow(" (→ T1)", "T1<T5")]
#[case::back_arrow(" (← T1, T2)", "T5<T1 T5<T2")]
#[case::others(" (T2 depends on T1)", "T2<T1")]
#[case::running(", requires T1 and T2", "T5<T1 T5<T2")]
#[case::dash(" — depends on: T1", "T5<T1")]
#[case::after(", after T1.", "T5<T1")]
#[case::change(", after T1 changes", "")]
#[case::rename(" T1 → T2", "")]
#[case::merge(": merge T1 after T2", "")]
#[case::which(" (T1, which requires T2)", "")]
#[case::in_code(" `(depends on T1)`", "")]
#[case::id_in_code(" (depends on `T1`)", "T5<T1")]
#[case::full_width("（依赖：T1、T2）", "T5<T1 T5<T2")]
#[case::done(" (done in T1, see T2)", "")]
fn in_titles(#[case] words: &str, #[case] expected: &str) {
    let outline = read(&five(words));
    assert_eq!(edges(&outline.plan, Origin::Explicit), expected);
    assert_eq!(findings(&outline), "");
}

#[rstest]
#[case::blocks("- **Blocks**: T1, T2", "T1<T5 T2<T5", "")]
#[case::dependencies("**Dependencies**: T1", "T5<T1", "")]
#[case::prerequisites("Prerequisites: T1 / T2", "T5<T1 T5<T2", "")]
#[case::requires("- Requires T1", "T5<T1", "")]
#[case::after("- After T1", "T5<T1", "")]
#[case::with_words("- Requires T1 to be merged", "T5<T1", "- Requires T1 to be merged")]
#[case::must("- Must run after T1", "T5<T1", "")]
#[case::after_change("- After T1 merge, sweep", "", "- After T1 merge, sweep")]
#[case::none("- Dependencies: none (T1 is done)", "", "- Dependencies: none (T1 is done)")]
#[case::story("- Depends on: US1 (T1)", "", "- Depends on: US1 (T1)")]
#[case::others("- T2 depends on T1", "T2<T1", "- T2 depends on T1")]
#[case::talk("- needs the strength of T1? no", "T5<T1", "- needs the strength of T1? no")]
#[case::chinese("- 依赖：T1、T2", "T5<T1 T5<T2", "")]
#[case::japanese("- 依存関係：T1", "T5<T1", "")]
fn below(#[case] line: &str, #[case] expected: &str, #[case] description: &str) {
    let outline = read(&five(&format!("\n  {line}")));
    assert_eq!(edges(&outline.plan, Origin::Explicit), expected);
    assert_eq!(outline.plan.tasks[4].description, description);
}

#[rstest]
#[case::depends(
    "| Task | Title | **Depends on** |\n|---|---|---|\n| T2 | b | T1 |\n| T3 | c | T1, T2 |",
    "T2<T1 T3<T1 T3<T2"
)]
#[case::blocks("| Task | Blocks |\n|---|---|\n| **T1** | T2-T3 |", "T2<T1 T3<T1")]
#[case::chinese("| 任务 | 依赖 |\n|---|---|\n| T2 | T1 |\n| T1 | 无 |", "T2<T1")]
#[case::nothing("| Task | After that |\n|---|---|\n| T2 | T1 |", "")]
#[case::phases("| Phase | Depends on |\n|---|---|\n| Roof (T3) | Walls (T1) |", "")]
#[case::two("| Task | Requires |\n| T2 | T1 |\n\n| Task | File |\n| T3 | T1 |", "T2<T1")]
#[case::notes("## Notes\n| Task | Requires |\n| T2 | T1 |", "")]
fn tables(#[case] table: &str, #[case] expected: &str) {
    let outline = read(&five(&format!("\n\n{table}")));
    assert_eq!(edges(&outline.plan, Origin::Explicit), expected);
    assert_eq!(outline.plan.tasks.len(), 5);
}

#[rstest]
#[case::unknown("T9 blocks T1", "unknown_dependency@7")]
#[case::unknown_range("T1 → T2-T9", "unknown_dependency@7")]
#[case::itself("T1 needs T1-T2", "self_dependency@7")]
#[case::contradiction("T1 → T2 → T1", "contradicting_order@7")]
fn noticed(#[case] statement: &str, #[case] expected: &str) {
    assert_eq!(findings(&read(&five(&format!("\n\n{statement}")))), expected);
}

#[rstest]
#[case::same("- [ ] T1 a\n- [ ] T1 a", "repeated_task@2", 1)]
#[case::same_but_done("- [ ] T1 a\n- [x] T1 a", "contradicting_state@2", 1)]
#[case::heading("- [ ] T1 a\n## T1: more about it\ntext", "", 1)]
#[case::heading_first("## T1: more about it\n\n# Tasks\n- [ ] T1 a", "", 1)]
#[case::heading_done("- [ ] T1 a\n## ✅ T1", "contradicting_state@2", 1)]
#[case::heading_twice("## T1: a\n## T1: a", "repeated_task@2", 1)]
#[case::over_parts("## T1: all\ntalk\n- [ ] T1.1 a\n- [ ] T1.2 b", "heading_over_tasks@1", 2)]
#[case::over_headings("## T1: all\n### T1.1 a\n### T1.2 b\n## T2: c", "heading_over_tasks@1", 3)]
#[case::over_others("## T1: all\n- [ ] T2 a\n- [ ] T3 b", "heading_over_tasks@1", 2)]
#[case::mixed("## T1: dig\ndeep\n- [ ] T2 a\n- [ ] T3 b", "", 3)]
#[case::mixed_one("## T1: dig\n- [ ] T2 a\n## T3: b", "", 3)]
#[case::deeper("## T1: dig\n### T2: a\n## Part\n- [ ] T3 b\n- [ ] T4 c", "", 4)]
fn repeated(#[case] text: &str, #[case] expected: &str, #[case] tasks: usize) {
    let outline = read(text);
    assert_eq!(findings(&outline), expected);
    assert_eq!(outline.plan.tasks.len(), tasks);
}

#[rstest]
#[case("### T1: Dig", "Dig", "open")]
#[case("### T1 Dig ✅ COMPLETE", "Dig ✅ COMPLETE", "done")]
#[case("### ✔️ T1 - Dig", "Dig", "done")]
#[case("### [x] T1 Dig", "Dig", "done")]
#[case("### T1 [ ] Dig", "Dig", "open")]
#[case("### [~] T1 Dig", "Dig", "open")]
#[case("### ~~T1: Dig~~", "Dig", "dropped")]
#[case("# **T1** [US1] Dig ☑ #", "Dig", "done")]
#[case("###### Task T1: Dig", "Dig", "open")]
fn headings(#[case] line: &str, #[case] title: &str, #[case] state: &str) {
    let plan = read(line).plan;
    let [task] = plan.tasks.as_slice() else {
        panic!("{} tasks", plan.tasks.len());
    };
    let found = match (task.done, task.dropped) {
        (true, _) => "done",
        (_, true) => "dropped",
        _ => "open",
    };
    assert_eq!((task.key.as_deref(), task.title.as_str(), found), (Some("T1"), title, state));
}

#[test]
fn two_tasks_with_one_id_are_a_mistake() {
    let OutlineError::Invalid(found) = refusal("## T1: dig\n## T1: lay") else {
        panic!("not invalid");
    };
    assert_eq!(codes(&found), "duplicate_id@2");
}

#[test]
fn a_forgotten_backtick_hides_no_task() {
    let outline = read("- [ ] T1 a `b\n- [ ] T2 c\n- [ ] T3 d`\n");
    assert_eq!(outline.plan.tasks.len(), 3);
    let outline = read("- [ ] T1 a\n  - say `b\n\n## Part\n\nd`\n- [ ] T2 c\n");
    assert_eq!(outline.plan.tasks[1].phase, Some(0));
}
