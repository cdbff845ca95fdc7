//! From the answer that something was made to the operations that take its id.

use serde_json::{Map, Value, json};

/// Where the id of what was made stands in an answer, by the fields that it may have.
const IDS: [(&str, &str); 2] = [("id", "/id"), ("goal", "/goal/id")];

/// Links every 201 to the operations that take the new id.
pub(super) fn add(document: &mut Value) {
    let Some(paths) = document["paths"].as_object().cloned() else { return };
    for (path, methods) in &paths {
        let created = &methods["post"]["responses"]["201"];
        let Some(id) = place_of_id(document, created) else { continue };
        // `/v1/goals/import` makes goals, too.
        let noun = path.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
        let links = links(&paths, &format!("{noun}/{{id}}"), id);
        if !links.is_empty() {
            document["paths"][path]["post"]["responses"]["201"]["links"] = Value::Object(links);
        }
    }
}

fn place_of_id(document: &Value, created: &Value) -> Option<&'static str> {
    let reference = created.pointer("/content/application~1json/schema/$ref")?.as_str()?;
    let properties = document.pointer(reference.trim_start_matches('#'))?.get("properties")?;
    IDS.iter().find(|(field, _)| properties.get(field).is_some()).map(|(_, place)| *place)
}

fn links(paths: &Map<String, Value>, base: &str, id: &str) -> Map<String, Value> {
    let takes_it = |path: &str| {
        path.strip_prefix(base)
            .is_some_and(|rest| (rest.is_empty() || rest.starts_with('/')) && !rest.contains('{'))
    };
    let mut links = Map::new();
    for (_, methods) in paths.iter().filter(|(path, _)| takes_it(path)) {
        for operation in methods.as_object().into_iter().flat_map(Map::values) {
            let Some(name) = operation["operationId"].as_str() else { continue };
            let link = json!({
                "operationId": name,
                "parameters": {"id": format!("$response.body#{id}")},
                "description": operation["summary"],
            });
            links.insert(name.to_owned(), link);
        }
    }
    links
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_made_leads_to_what_can_be_done_with_it() {
        let document: Value = serde_json::from_str(&crate::document::text()).expect("JSON");
        let link = |path: &str, to: &str| {
            document["paths"][path]["post"]["responses"]["201"]["links"][to]["parameters"]["id"].clone()
        };
        assert_eq!(link("/v1/goals", "get_goal"), "$response.body#/id");
        assert_eq!(link("/v1/goals/import", "get_goal_progress"), "$response.body#/goal/id");
        assert_eq!(link("/v1/tasks", "complete_task"), "$response.body#/id");
        assert_eq!(link("/v1/tasks", "run_task"), Value::Null, "its path has no id");
    }
}
