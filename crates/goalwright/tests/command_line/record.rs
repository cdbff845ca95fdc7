//! What a command writes locally has its place in the ledger when the command has ended.

use crate::home::Home;

#[test]
fn every_change_has_its_position_and_its_author() {
    let home = Home::new();
    home.id(&["task", "create", "Say the time", "--use", "time.now {}"]);
    home.run(&["task", "run", "say-the-time"]).has_code(0);
    let events = home.json(&["event", "list", "--all"]);
    let events = events["items"].as_array().expect("a list");
    let mut positions: Vec<i64> = events.iter().filter_map(|event| event["position"].as_i64()).collect();
    positions.reverse();
    assert_eq!(positions, (1..=i64::try_from(events.len()).expect("few")).collect::<Vec<i64>>());
    let completed = events.iter().find(|event| event["event_type"] == "task.completed").expect("it is told");
    let trace = completed["trace_id"].as_str().expect("a trace");
    let of_run = home.json(&["event", "list", "--trace", trace]);
    assert!(of_run["items"].as_array().is_some_and(|events| events.len() > 1), "{of_run}");
    let experience = home.json(&["experience", "list", "--trace", trace])["items"][0].clone();
    assert_eq!(experience["content"]["structured"]["provenance_runner"]["name"], "cli");
    let id = experience["id"].as_str().expect("an id");
    assert_eq!(home.json(&["experience", "show", &id[id.len() - 8..]])["id"], id);
    assert!(home.printed(&["experience", "show", id]).starts_with("TASK_EXECUTION  success\n"));
}
