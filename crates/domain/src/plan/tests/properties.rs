//! What holds for every plan and every text.

use proptest::prelude::*;

use super::drawn::{Drawn, NOTATIONS, drawn, drawn_edges, render, statement};
use crate::plan::graph::find_cycles;
use crate::plan::{Limits, Origin, Plan, PlannedDependency, PlannedTask, read_outline, validate};

fn of_origin(plan: &Plan, structural: bool) -> Vec<(usize, usize)> {
    let wanted = plan.dependencies.iter().filter(|edge| (edge.origin == Origin::Structural) == structural);
    wanted.map(|edge| (edge.from_index, edge.to_index)).collect()
}

/// The obvious search: follow every path, forget nothing.
fn has_cycle(nodes: usize, edges: &[(usize, usize)]) -> bool {
    fn visit(node: usize, edges: &[(usize, usize)], state: &mut [u8]) -> bool {
        state[node] = 1;
        for &(_, to) in edges.iter().filter(|edge| edge.0 == node) {
            if state[to] == 1 || state[to] == 0 && visit(to, edges, state) {
                return true;
            }
        }
        state[node] = 2;
        false
    }
    let mut state = vec![0; nodes];
    (0..nodes).any(|node| state[node] == 0 && visit(node, edges, &mut state))
}

fn reaches(from: usize, to: usize, edges: &[(usize, usize)]) -> bool {
    let mut open = vec![from];
    let mut seen = std::collections::HashSet::new();
    while let Some(node) = open.pop() {
        if node == to {
            return true;
        }
        if seen.insert(node) {
            open.extend(edges.iter().filter(|edge| edge.0 == node).map(|edge| edge.1));
        }
    }
    false
}

proptest! {
    #[test]
    fn a_rendered_plan_reads_back(tasks in drawn()) {
        let edges = drawn_edges(&tasks, true);
        let plan = read_outline(&render(&tasks, &edges), &Limits::IMPORT).expect("a plan").plan;
        prop_assert_eq!(plan.tasks.len(), tasks.len());
        for (index, (task, drawn)) in plan.tasks.iter().zip(&tasks).enumerate() {
            prop_assert_eq!(&task.key, &Some(format!("T{:03}", index + 1)));
            prop_assert_eq!((task.parallel, task.done, &task.title), (drawn.1, drawn.2, &drawn.3));
        }
        prop_assert_eq!(of_origin(&plan, false), edges);
    }

    #[test]
    fn structural_edges_make_no_cycle(tasks in drawn()) {
        let edges = drawn_edges(&tasks, true);
        let plan = read_outline(&render(&tasks, &edges), &Limits::IMPORT).expect("a plan").plan;
        prop_assert_eq!(validate(&plan, &Limits::IMPORT), Ok(()));
    }

    #[test]
    fn structural_edges_make_no_further_cycle(tasks in drawn()) {
        let edges = drawn_edges(&tasks, false);
        let plan = read_outline(&render(&tasks, &edges), &Limits::IMPORT).expect("a plan").plan;
        let all = [of_origin(&plan, false), of_origin(&plan, true)].concat();
        for (from, to) in of_origin(&plan, true) {
            prop_assert!(!reaches(to, from, &all));
        }
    }

    #[test]
    fn neighbours_are_ordered_unless_that_closes_a_cycle(tasks in drawn()) {
        let edges = drawn_edges(&tasks, true);
        let plan = read_outline(&render(&tasks, &edges), &Limits::IMPORT).expect("a plan").plan;
        let all = [of_origin(&plan, false), of_origin(&plan, true)].concat();
        for task in 1..plan.tasks.len() {
            let same_phase = plan.tasks[task].phase == plan.tasks[task - 1].phase;
            let both_parallel = plan.tasks[task].parallel && plan.tasks[task - 1].parallel;
            if same_phase && !both_parallel {
                prop_assert!(reaches(task, task - 1, &all) || reaches(task - 1, task, &all));
            }
        }
    }

    #[test]
    fn a_plan_in_other_words_is_the_same_plan(tasks in drawn(), notation in 0..NOTATIONS.len()) {
        let edges = drawn_edges(&tasks, true);
        let plain = render(&tasks, &[]);
        let section: String = edges.iter().map(|&(from, to)| statement(notation, from, to)).collect();
        let canonical = read_outline(&render(&tasks, &edges), &Limits::IMPORT).expect("a plan").plan;
        let other = format!("{plain}\n## Dependencies\n\n{section}");
        let other = read_outline(&other, &Limits::IMPORT).expect("a plan").plan;
        prop_assert_eq!(other.tasks, canonical.tasks);
        let pairs = |plan: &Plan| -> Vec<(usize, usize, Origin)> {
            plan.dependencies.iter().map(|edge| (edge.from_index, edge.to_index, edge.origin)).collect()
        };
        prop_assert_eq!(pairs(&Plan { dependencies: other.dependencies, ..Plan::default() }),
            pairs(&Plan { dependencies: canonical.dependencies, ..Plan::default() }));
    }

    #[test]
    fn headings_say_what_items_say(tasks in drawn()) {
        let edges = drawn_edges(&tasks, true);
        let items = render(&tasks, &edges);
        let headings = items.replace("- [ ] ", "### ").replace("- [x] ", "### ✅ ");
        let items = read_outline(&items, &Limits::IMPORT).expect("a plan").plan;
        let headings = read_outline(&headings, &Limits::IMPORT).expect("a plan").plan;
        prop_assert_eq!(items, headings);
    }

    #[test]
    fn inferred_edges_make_no_cycle(tasks in drawn(), files in prop::collection::vec(0..3_usize, 40)) {
        let edges = drawn_edges(&tasks, true);
        let named: Vec<Drawn> = tasks.iter().zip(&files).map(|(task, file)| {
            let (phase, parallel, done, words, waits) = task.clone();
            (phase, parallel, done, format!("{words} in src/{file}.rs"), waits)
        }).collect();
        let text = render(&named, &edges) + "\n## Phase Dependencies\n- All phases: no dependencies\n";
        let plan = read_outline(&text, &Limits::IMPORT).expect("a plan").plan;
        prop_assert_eq!(validate(&plan, &Limits::IMPORT), Ok(()));
        let all = [of_origin(&plan, false), of_origin(&plan, true)].concat();
        for (one, other) in (0..named.len()).flat_map(|one| (0..one).map(move |other| (one, other))) {
            let both_parallel = named[one].1 && named[other].1;
            if files[one] == files[other] && !both_parallel {
                prop_assert!(reaches(one, other, &all) || reaches(other, one, &all));
            }
        }
    }

    #[test]
    fn no_text_panics(text in any::<String>()) {
        let _ = read_outline(&text, &Limits::IMPORT);
    }

    #[test]
    fn no_scrap_of_markdown_panics(scraps in prop::collection::vec(prop::sample::select(SCRAPS), 0..60)) {
        let text = scraps.concat();
        if let Ok(outline) = read_outline(&text, &Limits::IMPORT) {
            let lines: Vec<_> = outline.findings.iter().map(|finding| finding.line).collect();
            prop_assert!(lines.is_sorted());
        }
    }

    #[test]
    fn a_cycle_is_found_exactly_if_there_is_one(tasks in drawn()) {
        let edges = drawn_edges(&tasks, false);
        let dependency = |&(from_index, to_index): &(usize, usize)| PlannedDependency {
            from_index,
            to_index,
            origin: Origin::Explicit,
            line: None,
        };
        let task = |drawn: &Drawn| PlannedTask { title: drawn.3.clone(), ..PlannedTask::default() };
        let plan = Plan {
            goal: None,
            title: None,
            tasks: tasks.iter().map(task).collect(),
            dependencies: edges.iter().map(dependency).collect(),
        };
        prop_assert_eq!(validate(&plan, &Limits::IMPORT).is_err(), has_cycle(tasks.len(), &edges));
        for cycle in find_cycles(tasks.len(), &edges) {
            for (position, &from) in cycle.iter().enumerate() {
                prop_assert!(edges.contains(&(from, cycle[(position + 1) % cycle.len()])));
            }
        }
    }
}

const SCRAPS: &[&str] = &[
    "\n",
    "\n",
    "\n",
    "- [ ] T001 a",
    "- [x] ",
    "T002",
    "T003-T001",
    "–",
    "…",
    " (depends on ",
    ")",
    "(",
    "(after T001",
    "  ",
    "\t",
    "  use: a.b ",
    "{\"x\": ",
    "\"{T001.y}\"",
    "}",
    "\"",
    "## Phase 2: Polish",
    "### Phase Dependencies",
    "# ",
    "- **Phase 1**: ",
    "Depends on Phase 2",
    "all previous phases",
    "after US1-US3",
    "User Stories",
    "+",
    "<!--",
    "-->",
    "```",
    "~~~",
    "`",
    "``",
    "---\n",
    "title: x\n",
    "|",
    ">",
    "[P]",
    "[US1]",
    "**",
    "*",
    "[",
    "]",
    "depends on: T001",
    "estimate: 1.5h",
    "priority: 9",
    "type: x",
    "\\",
    "'",
    "ä",
    "🎯",
    "\u{a0}",
    "\r\n",
    "T999999999",
    "T001a.1",
    "tasks['",
    "- T001 → T002",
    " -> ",
    " ← ",
    " block ",
    "before ",
    "依赖 ",
    "に依存",
    "、",
    "（",
    "）",
    "：",
    "### T004 [P]: ✅ ",
    "~~",
    "- [~] ",
    "- [-] T005 ",
    "`T001`",
    "`src/a.rs`",
    "**File**: `src/a.rs`",
    "T021a–c",
    "## Dependencies\n",
    "hängt ab von ",
];
