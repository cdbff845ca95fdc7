//! A lineage as a tree: above what the experience came from, below what came of it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::cli::fields::text;
use crate::failure::printable;
use crate::terminal::{dim, strong};

/// The graph as two trees. What was shown before is named and not unfolded again.
pub(super) fn tree(lineage: &Value) -> Vec<String> {
    let nodes: BTreeMap<String, &Value> =
        lineage["nodes"].as_array().into_iter().flatten().map(|node| (text(node, "id"), node)).collect();
    let (mut up, mut down): (Links<'_>, Links<'_>) = (BTreeMap::new(), BTreeMap::new());
    for edge in lineage["edges"].as_array().into_iter().flatten() {
        let (from, to, kind) =
            (text(edge, "from"), text(edge, "to"), edge["kind"].as_str().unwrap_or_default());
        up.entry(from.clone()).or_default().push((to.clone(), kind));
        down.entry(to).or_default().push((from, kind));
    }
    let root = text(lineage, "root");
    let mut lines = vec![strong(&named(nodes.get(&root).copied(), &root))];
    for (heading, links) in [("came from", &up), ("led to", &down)] {
        if links.contains_key(&root) {
            lines.push(format!("{heading}:"));
            unfold(&mut lines, &nodes, links, &root, "", &mut BTreeSet::from([root.clone()]));
        }
    }
    if lineage["truncated"] == true {
        lines.push(dim("… there is more; see --depth and --limit"));
    }
    lines
}

type Links<'a> = BTreeMap<String, Vec<(String, &'a str)>>;

fn unfold(
    lines: &mut Vec<String>,
    nodes: &BTreeMap<String, &Value>,
    links: &Links<'_>,
    of: &str,
    indent: &str,
    seen: &mut BTreeSet<String>,
) {
    let of = links.get(of).map(Vec::as_slice).unwrap_or_default();
    for (index, (id, kind)) in of.iter().enumerate() {
        let last = index + 1 == of.len();
        let (branch, below) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        let new = seen.insert(id.clone());
        let again = if new { "" } else { " (see above)" };
        let name = named(nodes.get(id).copied(), id);
        lines.push(format!("{indent}{branch}{} {name}{again}", dim(kind)));
        if new {
            unfold(lines, nodes, links, id, &format!("{indent}{below}"), seen);
        }
    }
}

fn named(node: Option<&Value>, id: &str) -> String {
    let Some(node) = node else { return id.to_owned() };
    let words = [text(node, "kind"), text(node, "title"), text(node, "status")];
    let told: Vec<String> =
        words.iter().filter(|word| !word.is_empty()).map(|word| printable(word)).collect();
    format!("{}  {}", told.join("  "), dim(id))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Without colors.
    fn plain(text: &str) -> String {
        let mut parts = text.split('\u{1b}');
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |told, part| told + part.split_once('m').map_or("", |(_, rest)| rest))
    }

    #[test]
    fn a_graph_becomes_two_trees_and_a_circle_ends() {
        let node =
            |id: &str, title: &str| json!({"id": id, "kind": "experience", "title": title, "status": null});
        let lineage = json!({
            "root": "b", "truncated": true,
            "nodes": [node("b", "Second"), node("a", "First"), node("g", "Aim"), node("c", "Third")],
            "edges": [
                {"from": "b", "to": "a", "kind": "cause"}, {"from": "b", "to": "g", "kind": "cause"},
                {"from": "a", "to": "g", "kind": "cause"}, {"from": "c", "to": "b", "kind": "parent"},
                {"from": "b", "to": "c", "kind": "parent"},
            ],
        });
        let told = plain(&tree(&lineage).join("\n"));
        for line in [
            "came from:",
            "├─ cause experience  First  a",
            "│  └─ cause experience  Aim  g",
            "├─ cause experience  Aim  g (see above)",
            "led to:",
            "experience  Third  c",
            "there is more",
        ] {
            assert!(told.contains(line), "{line} is not in\n{told}");
        }
    }
}
