//! Plans become goals, one by one or a folder at a time.

use crate::home::Home;

const GOOD: &str = "# Good\n\n- [x] T001 Done\n- [ ] T002 [P] Open (depends on T001)\n";

#[test]
fn a_folder_is_imported_a_line_per_file() {
    let home = Home::new();
    home.write("plans/b.md", GOOD);
    home.write("plans/a/good.md", &GOOD.replace("Good", "Better"));
    home.write("plans/cycle.md", "# C\n\n- [ ] T001 A (depends on T002)\n- [ ] T002 B (depends on T001)\n");
    home.write("plans/.hidden/x.md", GOOD);
    let dry = home.run(&["goal", "import", "plans", "--dry-run"]).has_code(2);
    let rows: Vec<Vec<&str>> = dry.stdout.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0][..6], ["FILE", "TASKS", "DONE", "PARALLEL", "EXPLICIT", "FINDINGS"], "{dry:?}");
    assert_eq!(rows.len(), 4, "{dry:?}");
    assert_eq!([rows[1][0], rows[2][0], rows[3][0]], ["plans/a/good.md", "plans/b.md", "plans/cycle.md"]);
    assert!(dry.stderr.contains("would import 2 of 3 plans"), "{dry:?}");
    assert_eq!(
        home.json(&["goal", "list"])["items"].as_array().map(Vec::len),
        Some(0),
        "nothing was written"
    );

    let ended = home.run(&["goal", "import", "plans"]).has_code(2);
    let row: Vec<&str> = ended.stdout.lines().nth(1).unwrap_or_default().split_whitespace().collect();
    assert_eq!(row[..6], ["plans/a/good.md", "2", "1", "1", "1", "0"], "{ended:?}");
    assert!(ended.stdout.contains("the plan cannot be used"), "{ended:?}");
    assert_eq!(home.json(&["goal", "list"])["items"].as_array().map(Vec::len), Some(2));

    std::fs::remove_file(home.path("plans/cycle.md")).expect("it was there");
    let all = home.run(&["goal", "import", "plans", "--dry-run", "--json"]).has_code(0).json();
    assert_eq!(all[0]["file"], "plans/a/good.md");
    assert_eq!(all[1]["imported"]["title"], "Good");
}

#[test]
fn one_plan_is_refused_with_every_reason() {
    let home = Home::new();
    home.write("plan.md", "# P\n\n- [ ] T001 A (depends on T002)\n- [ ] T002 B (depends on T001)\n- [ ] T003 C\n  use: no.tool {}\n");
    let ended = home.run(&["goal", "import", "plan.md"]).has_code(2);
    assert!(ended.stdout.is_empty(), "{ended:?}");
    for said in ["T001", "there is no tool `no`", "\nhelp: mend the plan"] {
        assert!(ended.stderr.contains(said), "{said}: {ended:?}");
    }
    for (name, content) in [("text.md", "Just words.\n"), ("empty.md", "")] {
        home.write(name, content);
        home.run(&["goal", "import", name]).has_code(2);
    }
    let missing = home.run(&["goal", "import", "missing.md"]).has_code(2);
    assert!(missing.stderr.starts_with("error: missing.md cannot be read"), "{missing:?}");
    std::fs::create_dir(home.path("empty")).expect("made");
    home.run(&["goal", "import", "empty"]).has_code(2);
    home.run(&["goal", "import", "plan.md", "text.md", "--title", "Both"]).has_code(2);
}

#[test]
fn a_goal_is_broken_down_with_a_written_plan() {
    let home = Home::new();
    home.write("plan.md", GOOD);
    let goal = home.id(&["goal", "create", "Ship"]);
    let dry = home.run(&["goal", "decompose", &goal, "--outline", "plan.md", "--dry-run"]).has_code(0);
    assert!(dry.stdout.contains("T002  Open") && dry.stdout.contains("would break down goal"), "{dry:?}");
    assert_eq!(home.json(&["goal", "progress", &goal])["total"], 0);
    let ended = home.run(&["goal", "decompose", &goal, "--outline", "plan.md"]).has_code(0);
    assert!(ended.stdout.contains("into 2 tasks with 1 dependencies"), "{ended:?}");
    assert_eq!(home.json(&["goal", "progress", &goal])["total"], 2);
    let shown = home.printed(&["goal", "show", &goal[28..]]);
    for said in ["Ship  active", "50 %  1 of 2 tasks", "Open tasks", "T002"] {
        assert!(shown.contains(said), "{said} in {shown}");
    }
}
