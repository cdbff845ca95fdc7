//! Plans that are shown, decided and paid for, from the command line.

use crate::home::{Ended, Home};

/// The ids that a list prints.
fn ids(home: &Home, goal: &str) -> Vec<String> {
    let listed = home.printed(&["decomposition", "list", goal, "--quiet"]);
    listed.lines().map(str::to_owned).collect()
}

#[test]
fn a_plan_that_was_shown_is_applied_or_rejected() {
    let home = Home::new();
    home.write("plan.md", "- [ ] T001 Knead\n- [ ] T002 Bake (depends on T001)\n");
    let goal = home.id(&["goal", "create", "Bread"]);
    let shown = home.run(&["goal", "decompose", &goal, "--outline", "plan.md", "--dry-run"]).has_code(0);
    assert!(shown.stdout.contains("T002  Bake") && shown.stderr.contains("decomposition apply"), "{shown:?}");
    let quiet = ["goal", "decompose", &goal, "--outline", "plan.md", "--dry-run", "--quiet"];
    let second = home.printed(&quiet).trim().to_owned();
    let found = ids(&home, &goal);
    assert_eq!((found.len(), &found[0]), (2, &second), "newest first");

    let page = home.printed(&["decomposition", "show", &second]);
    for said in ["Plan  proposed", "sha256:", "T002  Bake", "outline"] {
        assert!(page.contains(said), "{said} in {page}");
    }
    let rejected = home.run(&["decomposition", "reject", &second, "--reason", "Once is enough"]).has_code(0);
    assert!(rejected.stdout.starts_with("rejected a plan for goal "), "{rejected:?}");
    let other = home.run(&["decomposition", "apply", &found[1], "--plan-hash", "sha256:00"]).has_code(2);
    assert!(other.stderr.contains("another plan"), "{other:?}");
    let applied = home.run(&["decomposition", "apply", &found[1]]).has_code(0);
    assert!(applied.stdout.starts_with("applied a plan of 2 tasks with 1 dependencies"), "{applied:?}");
    assert_eq!(home.json(&["goal", "progress", &goal])["total"], 2);
    let table = home.printed(&["decomposition", "list", &goal]);
    assert!(table.contains("applied") && table.contains("rejected"), "{table}");
    home.run(&["decomposition", "apply", &second]).has_code(2);
    home.run(&["decomposition", "show", "nothing"]).has_code(2);
}

#[test]
fn an_update_says_what_it_changes_and_what_it_takes_away() {
    let home = Home::new();
    home.write("plan.md", "- [ ] T001 Knead\n- [ ] T002 Bake\n- [ ] T003 Eat\n");
    home.write("next.md", "- [ ] T001 Knead well\n- [ ] T004 Cool\n");
    let goal = home.id(&["goal", "create", "Bread"]);
    home.run(&["goal", "decompose", &goal, "--outline", "plan.md"]).has_code(0);
    let update = ["goal", "decompose", &goal, "--outline", "next.md", "--mode", "update"];
    let shown = home.run(&[&update[..], &["--dry-run"]].concat()).has_code(0);
    for said in ["would update goal ", "1 to add, 1 to change, 2 to remove", "remove: T002", "remove: T003"] {
        assert!(shown.stdout.contains(said), "{said} in {shown:?}");
    }
    let imported =
        home.run(&["goal", "import", "next.md", "--goal", &goal, "--update", "--dry-run"]).has_code(0);
    assert!(imported.stdout.contains("remove: T002"), "{imported:?}");
    let applied = home.run(&update).has_code(0);
    assert!(
        applied.stdout.contains("updated goal ") && applied.stdout.contains("remove: T003"),
        "{applied:?}"
    );
    assert_eq!(home.json(&["goal", "progress", &goal])["total"], 2);
    // What was shown for the goal as it was is not applied any more.
    let outdated = home.run(&["decomposition", "apply", &ids(&home, &goal)[1]]).has_code(2);
    assert!(outdated.stderr.contains("goalwright goal decompose ID --dry-run"), "{outdated:?}");
    assert!(outdated.stderr.contains("goalwright task expand ID --dry-run"), "{outdated:?}");
}

#[test]
fn a_task_is_broken_down_into_parts() {
    let home = Home::new();
    home.write("plan.md", "# Bread\n\n- [ ] T001 Knead\n- [ ] T002 Bake (depends on T001)\n");
    home.write("parts.md", "- [ ] Heat the oven\n- [ ] Put it in\n");
    home.id(&["goal", "import", "plan.md"]);
    let ended = home.run(&["task", "expand", "T002", "--outline", "parts.md"]).has_code(0);
    assert!(ended.stdout.contains("broke down task ") && ended.stdout.contains("into 2 tasks"), "{ended:?}");
    assert_eq!(home.json(&["task", "show", "bake"])["blocked_by"].as_array().map(Vec::len), Some(3));
    assert_eq!(home.json(&["task", "show", "heat-the-oven"])["key"], "T002_1");

    // Without a written plan a model is asked, and here is none.
    let home_goal = home.id(&["goal", "create", "Cake"]);
    let missing = |ended: Ended| {
        assert!(ended.code == Some(1) && ended.stderr.contains("GOALWRIGHT_MODEL"), "{ended:?}");
    };
    missing(home.run(&["task", "expand", "T001", "--instructions", "In small steps"]));
    missing(home.run(&["goal", "decompose", &home_goal, "--max-tasks", "5", "--mode", "update"]));
    home.run(&["goal", "decompose", &home_goal, "--instructions", "@nowhere.md"]).has_code(2);
    home.run(&["goal", "decompose", &home_goal, "--planner", "outline"]).has_code(2);
    home.run(&["goal", "decompose", &home_goal, "--outline", "parts.md", "--model", "openai/x"]).has_code(2);
}

#[test]
fn what_models_cost_and_are_told_is_shown_and_set() {
    let home = Home::new();
    let none = home.run(&["usage", "--from", "2026-01-01", "--to", "2026-01-31"]).has_code(0);
    assert!(none.stdout.is_empty() && none.stderr.contains("from 2026-01-01 to 2026-01-31"), "{none:?}");
    assert!(home.json(&["usage", "--by", "model"])["items"].is_array());
    home.run(&["usage", "--from", "yesterday"]).has_code(2);

    assert!(home.printed(&["budget"]).contains("no limit"));
    assert!(
        home.printed(&["budget", "set", "--usd", "12.5", "--tokens", "1000"])
            .contains("$12.5000, 1000 tokens")
    );
    assert_eq!(home.json(&["budget", "show"])["monthly_usd"], 12.5);
    assert!(home.printed(&["budget", "set", "--unlimited"]).contains("no limit"));
    home.run(&["budget", "set"]).has_code(2);

    home.write("prompt.md", "\nPlan in steps of an hour.\n");
    let added = home.run(&["prompt", "add", "hours-1", "--file", "prompt.md"]).has_code(0);
    assert!(
        added.stdout == "added prompt hours-1\n" && added.stderr.contains("--prompt-version hours-1"),
        "{added:?}"
    );
    let listed = home.printed(&["prompt", "list"]);
    assert!(listed.contains("goalwright-1") && listed.contains("Plan in steps of an hour."), "{listed}");
    let taken = home.run(&["prompt", "add", "hours-1", "--file", "prompt.md"]).has_code(2);
    assert!(taken.stderr.contains("never changed"), "{taken:?}");
}
