//! The root of the file: which lists of tasks it has, and under which tags.

use crate::plan::{Finding, OutlineError};

use super::foreign::{described, known_kind, known_list, refuse};
use super::node::{Json, Node};

/// What the root of a file says.
pub(super) struct Root<'a> {
    pub(super) title: Option<String>,
    /// The main tag first.
    pub(super) tags: Vec<Tag<'a>>,
    pub(super) findings: Vec<Finding>,
}

/// One list of tasks.
pub(super) struct Tag<'a> {
    /// What its keys begin with: nothing, or the tag and a colon.
    pub(super) prefix: String,
    pub(super) tasks: &'a [Node],
}

/// The name under which Task Master keeps tasks that were given no tag.
const MAIN: &str = "master";

/// Finds the lists of tasks.
///
/// # Errors
///
/// `NotAPlan` where there is none, or where the lists hold no tasks but something else.
pub(super) fn read(root: &Node) -> Result<Root<'_>, OutlineError> {
    if let Some(tasks) = root.items() {
        refuse_strangers(root, tasks, known_list(tasks))?;
        let tags = vec![Tag { prefix: String::new(), tasks }];
        return Ok(Root { title: None, tags, findings: Vec::new() });
    }
    let mut findings = Vec::new();
    let lists = lists(root, &mut findings);
    if lists.is_empty() {
        let found = match (root.member("tasks"), known_kind(root)) {
            (Some(tasks), _) => format!("`tasks` is {} and no list", tasks.kind()),
            (None, Some(kind)) => format!("this looks like {kind}"),
            (None, None) => described(root),
        };
        return Err(refuse(root, found));
    }
    let all: Vec<&Node> = lists.iter().flat_map(|(_, _, tasks)| *tasks).collect();
    if !all.is_empty() && !all.iter().any(|node| is_task(node)) {
        let found = match known_kind(root) {
            Some(kind) => format!("this looks like {kind}"),
            None => "the entries of `tasks` have no `title`".to_owned(),
        };
        return Err(refuse(all[0], found));
    }
    Ok(Root { title: title(root), tags: tags(lists, &mut findings), findings })
}

/// A list of tasks with the tag it stands under, empty for the root, and its place.
type Listed<'a> = (&'a str, u32, &'a [Node]);

fn lists<'a>(root: &'a Node, findings: &mut Vec<Finding>) -> Vec<Listed<'a>> {
    let mut lists = Vec::new();
    let mut others = Vec::new();
    for (name, node) in root.members() {
        if name == "tasks"
            && let Some(tasks) = node.items()
        {
            lists.push(("", node.line, tasks));
        } else if let Some(tasks) = node.member("tasks").and_then(Node::items) {
            lists.push((name.as_str(), node.line, tasks));
        } else if !(name.starts_with('$') || ["meta", "metadata"].contains(&name.as_str())) {
            others.push((name, node.line));
        }
    }
    for (name, line) in others {
        let message = format!("`{name}` holds no list of tasks and was left aside");
        findings.push(Finding::info("member_ignored", line, message));
    }
    lists
}

fn tags<'a>(mut lists: Vec<Listed<'a>>, findings: &mut Vec<Finding>) -> Vec<Tag<'a>> {
    for (name, line, tasks) in &lists {
        if tasks.is_empty() {
            let whole = if name.is_empty() { "the list".to_owned() } else { format!("the tag `{name}`") };
            findings.push(Finding::info("empty_tag", *line, format!("{whole} has no tasks")));
        }
    }
    let main = lists
        .iter()
        .position(|(name, _, _)| name.is_empty())
        .or_else(|| lists.iter().position(|(name, _, _)| *name == MAIN))
        .unwrap_or(0);
    lists[..=main].rotate_right(1);
    let is_other = |(position, list): &(usize, &Listed<'a>)| *position > 0 && !list.2.is_empty();
    for (_, (name, line, _)) in lists.iter().enumerate().filter(is_other) {
        let message = format!("the tags become one plan; ids of the tag `{name}` begin with `{name}:` here");
        findings.push(Finding::info("tag_prefixed", *line, message));
    }
    let prefix = |position: usize, name: &str| match position {
        0 => String::new(),
        _ => format!("{name}:"),
    };
    let tag =
        |(position, (name, _, tasks)): (usize, Listed<'a>)| Tag { prefix: prefix(position, name), tasks };
    lists.into_iter().enumerate().map(tag).collect()
}

fn refuse_strangers(root: &Node, tasks: &[Node], kind: Option<&'static str>) -> Result<(), OutlineError> {
    if let Some(kind) = kind {
        return Err(refuse(root, format!("this looks like {kind}")));
    }
    if tasks.is_empty() {
        return Err(refuse(root, "an empty list".to_owned()));
    }
    if !tasks.iter().any(is_task) {
        return Err(refuse(&tasks[0], "the entries of the list have no `title`".to_owned()));
    }
    Ok(())
}

/// Whether a value has what makes a task: rows of any table have an id, tasks of editors a command.
fn is_task(node: &Node) -> bool {
    let has = |name: &str| node.member(name).is_some();
    has("title") || has("id") && ["description", "details", "status", "subtasks"].into_iter().any(has)
}

fn title(root: &Node) -> Option<String> {
    let name = |holder: &str| root.member(holder)?.member("projectName")?.word();
    let of_main = || root.member(MAIN)?.member("metadata")?.member("projectName")?.word();
    let own = || root.member("projectName").and_then(Node::word);
    let is_text = |node: &&Node| matches!(node.value, Json::Text(_));
    let given = || root.member("title").filter(is_text).and_then(Node::word);
    name("meta").or_else(|| name("metadata")).or_else(of_main).or_else(own).or_else(given)
}
