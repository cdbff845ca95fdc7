//! Sections that state which phase waits for which.

use rstest::rstest;

use super::{edges, findings, read};
use crate::plan::Origin;

const PHASES: &str = "## Phase 1: Setup (Shared)\n- [ ] T1 a\n## Phase 2: Foundational (Rocks)\n- [ ] T2 b\n\
    ## Phase 3: User Story 1 - Lamp\n- [ ] T3 c\n## Phase 4: User Story 2 - Log\n- [ ] T4 d\n\
    ## Phase 5: Polish & Cross-Cutting\n- [ ] T5 e\n## Dependencies\n### Phase Dependencies\n";
const CHAIN: &str = "T2<T1 T3<T2 T4<T3 T5<T4";

#[rstest]
#[case::nothing("", CHAIN, "")]
#[case::canonical(
    "- **Setup (Phase 1)**: No dependencies - can start immediately\n\
     - **Foundational (Phase 2)**: Depends on Setup completion - BLOCKS all user stories\n\
     - **User Stories (Phase 3+)**: All depend on Foundational phase completion\n  \
       - User stories can then proceed in parallel\n\
     - **Polish (Final Phase)**: Depends on all desired user stories being complete",
    "T2<T1 T3<T2 T4<T2 T5<T3 T5<T4",
    ""
)]
#[case::nested(
    "- **User Stories (Phase 3-4)**: All depend on Foundational\n  \
       - User Story 2 (P1): Depends on User Story 1 completion (needs Phase 9)",
    CHAIN,
    ""
)]
#[case::numbers(
    "- Phase 4: Depends on Phase 1 + Phase 2. No dependency on US1",
    "T2<T1 T3<T2 T4<T2 T5<T3 T5<T4",
    ""
)]
#[case::codes(
    "- **US2 (P2)**: Depends on US1 implementation (T3). Can begin after Phase 3 checkpoint.",
    CHAIN,
    ""
)]
#[case::can_start(
    "- **User Story 2 (P2)**: Can start after Foundational (Phase 2) - May integrate with US1",
    "T2<T1 T3<T2 T4<T2 T5<T3 T5<T4",
    ""
)]
#[case::no_colon("- Phase 4 depends on Phase 2", "T2<T1 T3<T2 T4<T2 T5<T3 T5<T4", "")]
#[case::immediately("- **Foundational**: can start immediately", "T3<T1 T3<T2 T4<T3 T5<T4", "")]
#[case::free_of_stories(
    "- **User Story 2**: No dependencies on other stories",
    "T2<T1 T3<T2 T4<T2 T5<T3 T5<T4",
    ""
)]
#[case::all_previous(
    "- **Polish**: Depends on all previous phases\n- **US2**: Depends on Phase 1",
    "T2<T1 T3<T2 T4<T1 T5<T3 T5<T4",
    ""
)]
#[case::list("- **Polish**: Depends on Setup, Foundational and User Story 1", "T2<T1 T3<T2 T4<T3 T5<T3", "")]
#[case::backwards("- **Setup**: Depends on Polish", "T1<T5 T2<T1 T3<T2 T4<T3", "")]
#[case::circle(
    "- Phase 1: Depends on Phase 2\n- Phase 2: Depends on Phase 1",
    "T1<T2 T3<T1 T4<T3 T5<T4",
    "phase_dependency_dropped@14"
)]
#[case::unclear("- **User Story 2**: Depends on the tide", CHAIN, "phase_dependency_unclear@13")]
#[case::unclear_beside_clear(
    "- **Polish**: Depends on Phase 4\n- **US2**: Depends on the tide",
    CHAIN,
    "phase_dependency_unclear@14"
)]
#[case::fenced("```\n- Phase 4: Depends on Phase 2\n```", CHAIN, "")]
#[case::negated("- **US2**: Does not depend on US1", CHAIN, "phase_dependency_unclear@13")]
#[case::stranger("- **Harbour**: Depends on Phase 1", CHAIN, "")]
fn stated(#[case] bullets: &str, #[case] expected: &str, #[case] noticed: &str) {
    let outline = read(&format!("{PHASES}{bullets}\n"));
    assert_eq!(edges(&outline.plan, Origin::Structural), expected);
    assert_eq!(edges(&outline.plan, Origin::Explicit), "");
    assert_eq!(findings(&outline), noticed);
}

#[test]
fn story_dependencies_count_as_well() {
    let text = PHASES.replace("### Phase Dep", "### User Story Dep") + "- **US2**: After Phase 2\n";
    assert_eq!(edges(&read(&text).plan, Origin::Structural), "T2<T1 T3<T2 T4<T2 T5<T3 T5<T4");
}

#[test]
fn other_sections_state_nothing() {
    let text = PHASES.replace("### Phase Dep", "### Odd Dep") + "- **US2**: After Phase 2\n";
    assert_eq!(edges(&read(&text).plan, Origin::Structural), CHAIN);
}

#[test]
fn phases_without_numbers_are_counted() {
    let text = "## Dig\n- [ ] T1 a\n## Lay\n- [ ] T2 b\n## Roof\n- [ ] T3 c\n## Phase Dependencies\n\
                - Phase 3: depends on Phase 1\n";
    assert_eq!(edges(&read(text).plan, Origin::Structural), "T2<T1 T3<T1");
}

#[test]
fn phases_with_minor_numbers() {
    let text = "## Phase 3.1: Dig\n- [ ] T1 a\n## Phase 3.2: Lay\n- [ ] T2 b\n## Phase 3.3: Roof\n- [ ] T3 c\n\
                ## Phase Dependencies\n- Phase 3.3: depends on Phase 3.1\n";
    assert_eq!(edges(&read(text).plan, Origin::Structural), "T2<T1 T3<T1");
}

#[rstest]
#[case::chinese(
    "依赖与执行顺序",
    "- **准备（阶段 1）**：无依赖 - 立即开始\n- **阶段 2**：依赖阶段 1 完成\n- **用户故事 1**：在阶段 2 完成后可立即开始\n\
     - **用户故事 2**：依赖 阶段 2 和 阶段 1\n- **阶段 5**：依赖所有用户故事完成"
)]
#[case::japanese(
    "依存関係",
    "- **フェーズ1**：依存なし\n- **フェーズ2**：フェーズ1に依存\n- **フェーズ3**: フェーズ2に依存\n\
     - **ユーザーストーリー2**：フェーズ2完了後\n- **フェーズ5**：すべてのユーザーストーリーに依存"
)]
#[case::german(
    "Abhängigkeiten",
    "- **Phase 1**: keine Abhängigkeiten\n- **Phase 2**: hängt von Phase 1 ab\n- Phase 3: nach Phase 2\n\
     - **User Story 2**: benötigt Phase 2\n- **Phase 5**: hängt ab von Phase 3 und Phase 4"
)]
#[case::spanish(
    "Dependencias entre fases",
    "- **Fase 1**: sin dependencias\n- **Fase 2**: depende de la fase 1\n- Fase 3: después de la fase 2\n\
     - **Historia de usuario 2**: requiere la fase 2\n- **Fase 5**: depende de todas las historias de usuario"
)]
#[case::french(
    "Dépendances",
    "- **Phase 1** : aucune dépendance\n- **Phase 2** : dépend de la phase 1\n- Phase 3 : après la phase 2\n\
     - **Phase 4** : nécessite la phase 2\n- **Phase 5** : dépend de toutes les user stories"
)]
fn other_languages_state_phases(#[case] heading: &str, #[case] bullets: &str) {
    let text =
        PHASES.replace("## Dependencies\n### Phase Dependencies\n", &format!("## {heading}\n{bullets}\n"));
    let outline = read(&text);
    assert_eq!(edges(&outline.plan, Origin::Structural), "T2<T1 T3<T2 T4<T2 T5<T3 T5<T4");
    assert_eq!(findings(&outline), "");
}

#[test]
fn phases_may_be_called_otherwise() {
    let text = "## 第一阶段 1：挖\n- [ ] T1 a\n## Fase 2: techo\n- [ ] T2 b\n## フェーズ3：塔\n- [ ] T3 c\n\
                ## Dependencies\n### Phase Dependencies\n- Phase 3: depends on Phase 1\n";
    assert_eq!(edges(&read(text).plan, Origin::Structural), "T2<T1 T3<T1");
}
