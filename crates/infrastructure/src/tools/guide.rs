//! The guide to the tools says what is so.

use std::collections::BTreeSet;

use goalwright_application::ports::Tools;
use goalwright_domain::plan::{Limits, read_outline};

use super::BuiltinTools;

const GUIDE: &str = include_str!("../../../../docs/guides/tools.md");

#[test]
fn the_guide_shows_every_operation_as_it_is() {
    let tools = BuiltinTools::new().with_shell();
    let mut shown = BTreeSet::new();
    for plan in GUIDE.split("```markdown\n").skip(1).filter_map(|rest| rest.split("```").next()) {
        let outline = read_outline(plan, &Limits::IMPORT).expect("a plan");
        assert_eq!(outline.findings, [], "{plan}");
        for task in outline.plan.tasks {
            let action = task.action.expect("a `use:` line");
            let problems = tools.check(&action.tool, &action.operation, &action.parameters);
            assert_eq!(problems, [], "{}", task.title);
            shown.insert(format!("{}.{}", action.tool, action.operation));
        }
    }
    for declared in tools.all() {
        let name = format!("{}.{}", declared.tool, declared.operation);
        assert!(shown.contains(&name), "{name} has no example");
        let row = GUIDE.lines().find(|line| line.starts_with(&format!("| `{name} "))).expect(&name);
        let effect = match name.as_str() {
            "http.request" => "by the method",
            "shell.run" => "as it says",
            _ => declared.effect.as_str(),
        };
        assert!(row.ends_with(&format!("| {effect} |")), "{row}");
    }
}

#[test]
fn the_guide_explains_every_parameter_of_a_request() {
    let tools = BuiltinTools::new();
    let schema = &tools.find("http", "request").expect("registered").parameters;
    let section = GUIDE.split("\n## `http.request`").nth(1).expect("the section");
    for name in schema["properties"].as_object().expect("properties").keys() {
        let explained =
            section.lines().any(|line| line.starts_with("| `") && line.contains(&format!("`{name}`")));
        assert!(explained, "{name}");
    }
}
