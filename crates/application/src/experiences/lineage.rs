//! Where an experience comes from, and what came of it.

use std::collections::{BTreeMap, BTreeSet};

use goalwright_domain::Violation;
use goalwright_domain::experience::{Experience, ExperienceType};
use serde_json::Value;
use uuid::Uuid;

use super::Experiences;
use crate::read::{Link, LinkKind};
use crate::{Context, Error};

/// The most steps away from the root.
pub const MAX_DEPTH: u32 = 20;
/// Steps away from the root unless asked otherwise.
pub const DEFAULT_DEPTH: u32 = 5;
/// The most nodes.
pub const MAX_NODES: usize = 1_000;
/// Nodes unless asked otherwise.
pub const DEFAULT_NODES: usize = 200;
/// Characters of an experience's text in its title.
const TITLE: usize = 120;

/// Which way to look from the root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// What it came from: parents and causes.
    Up,
    /// What refers to it.
    Down,
    /// Both, each from the root.
    Both,
}

/// How far to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reach {
    /// Which way.
    pub direction: Direction,
    /// Steps away from the root, 1 to [`MAX_DEPTH`].
    pub depth: u32,
    /// Nodes, 1 to [`MAX_NODES`].
    pub limit: usize,
}

impl Default for Reach {
    fn default() -> Self {
        Self { direction: Direction::Both, depth: DEFAULT_DEPTH, limit: DEFAULT_NODES }
    }
}

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeKind {
    /// An experience.
    Experience,
    /// A goal.
    Goal,
    /// A task.
    Task,
    /// Something that is not there any more, or has an id of somebody else's.
    Unknown,
}

/// Something in a lineage.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Its id.
    pub id: String,
    /// What it is.
    pub kind: NodeKind,
    /// Of an experience.
    pub experience_type: Option<ExperienceType>,
    /// Of a goal or a task its title, of an execution the task's, of another experience the beginning of its text.
    pub title: Option<String>,
    /// Of goals, tasks and executions.
    pub status: Option<String>,
    /// When an experience began.
    pub created_at: Option<goalwright_domain::Timestamp>,
    /// Steps from the root.
    pub depth: u32,
}

/// A part of the graph of experiences around one of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Lineage {
    /// The experience it is about.
    pub root: String,
    /// Near ones first, then by id; the root is the first.
    pub nodes: Vec<Node>,
    /// Among the nodes; from what refers to what is referred to.
    pub edges: Vec<Link>,
    /// Whether there is more than the depth or the number of nodes allowed.
    pub truncated: bool,
}

/// A lineage in the making.
struct Walk {
    limit: usize,
    depths: BTreeMap<String, u32>,
    edges: BTreeSet<Link>,
    known: BTreeMap<String, Experience>,
    truncated: bool,
}

impl Walk {
    /// Takes a link whose far end is `next`; gives whether that end is new. Beyond the limit it is left out.
    fn take(&mut self, link: Link, next: &str, depth: u32) -> bool {
        let new = !self.depths.contains_key(next);
        if new && self.depths.len() >= self.limit {
            self.truncated = true;
            return false;
        }
        if new {
            self.depths.insert(next.to_owned(), depth);
        }
        self.edges.insert(link);
        new
    }
}

impl Experiences {
    /// What an experience came from and what came of it, step by step. Each step costs a statement or two over at most
    /// `reach.limit` ids; a circle ends where it closes.
    ///
    /// # Errors
    /// `Invalid` naming what is out of range; `NotFound`.
    #[tracing::instrument(name = "experience.lineage", skip_all)]
    pub async fn lineage(&self, context: &Context, id: &str, reach: Reach) -> Result<Lineage, Error> {
        reach.check()?;
        let root = self.queries.experience(context.workspace(), id).await?;
        let root = root.ok_or_else(|| Error::not_found("experience", id))?;
        self.catch_up().await;
        let mut walk = Walk {
            limit: reach.limit,
            depths: BTreeMap::from([(root.id.clone(), 0)]),
            edges: BTreeSet::new(),
            known: BTreeMap::from([(root.id.clone(), root)]),
            truncated: false,
        };
        if reach.direction != Direction::Down {
            self.walk_up(context, id, reach.depth, &mut walk).await?;
        }
        if reach.direction != Direction::Up {
            self.walk_down(context, id, reach.depth, &mut walk).await?;
        }
        self.told(context, id, walk).await
    }

    async fn walk_up(&self, context: &Context, root: &str, depth: u32, walk: &mut Walk) -> Result<(), Error> {
        let mut frontier = vec![root.to_owned()];
        let mut seen = BTreeSet::from([root.to_owned()]);
        for step in 1..=depth + 1 {
            self.load(context, &frontier, walk).await?;
            let mut next = Vec::new();
            for id in &frontier {
                let links: Vec<Link> = walk.known.get(id).map(links_of).unwrap_or_default();
                for link in links {
                    if step > depth {
                        walk.truncated |= !walk.edges.contains(&link);
                        continue;
                    }
                    let to = link.to.clone();
                    walk.take(link, &to, step);
                    if walk.depths.contains_key(&to) && seen.insert(to.clone()) {
                        next.push(to);
                    }
                }
            }
            frontier = next;
            if frontier.is_empty() {
                break;
            }
        }
        Ok(())
    }

    async fn walk_down(
        &self,
        context: &Context,
        root: &str,
        depth: u32,
        walk: &mut Walk,
    ) -> Result<(), Error> {
        let mut frontier = vec![root.to_owned()];
        let mut seen = BTreeSet::from([root.to_owned()]);
        for step in 1..=depth + 1 {
            // Two links may lead to each node; one more tells that there is more.
            let most = if step > depth { 1 } else { 2 * walk.limit + 1 };
            let mut links = self
                .queries
                .links_to(context.workspace(), &frontier, u64::try_from(most).unwrap_or(1))
                .await?;
            if step > depth {
                walk.truncated |= links.iter().any(|link| !walk.edges.contains(link));
                break;
            }
            walk.truncated |= links.len() >= most;
            links.sort();
            let mut next = Vec::new();
            for link in links {
                let from = link.from.clone();
                walk.take(link, &from, step);
                if walk.depths.contains_key(&from) && seen.insert(from.clone()) {
                    next.push(from);
                }
            }
            frontier = next;
            if frontier.is_empty() {
                break;
            }
        }
        Ok(())
    }

    async fn load(&self, context: &Context, ids: &[String], walk: &mut Walk) -> Result<(), Error> {
        let missing: Vec<String> = ids.iter().filter(|id| !walk.known.contains_key(*id)).cloned().collect();
        if !missing.is_empty() {
            let loaded = self.queries.experiences_of(context.workspace(), &missing).await?;
            walk.known.extend(loaded.into_iter().map(|experience| (experience.id.clone(), experience)));
        }
        Ok(())
    }

    async fn told(&self, context: &Context, root: &str, mut walk: Walk) -> Result<Lineage, Error> {
        let ids: Vec<String> = walk.depths.keys().cloned().collect();
        self.load(context, &ids, &mut walk).await?;
        let others: Vec<Uuid> =
            ids.iter().filter(|id| !walk.known.contains_key(*id)).filter_map(|id| id.parse().ok()).collect();
        let named = if others.is_empty() {
            Vec::new()
        } else {
            self.queries.named(context.workspace(), &others).await?
        };
        let mut nodes: Vec<Node> = Vec::with_capacity(ids.len());
        for (id, depth) in walk.depths {
            let node = Node {
                depth,
                kind: NodeKind::Unknown,
                experience_type: None,
                title: None,
                status: None,
                created_at: None,
                id: id.clone(),
            };
            nodes.push(if let Some(experience) = walk.known.get(&id) {
                Node {
                    kind: NodeKind::Experience,
                    experience_type: Some(experience.kind),
                    title: Some(title_of(experience)),
                    status: experience.content["structured"]["status"].as_str().map(str::to_owned),
                    created_at: Some(experience.created_at),
                    ..node
                }
            } else if let Some(found) = named.iter().find(|named| named.id.to_string() == id) {
                Node {
                    kind: if found.what == "goal" { NodeKind::Goal } else { NodeKind::Task },
                    title: Some(found.title.clone()),
                    status: Some(found.status.clone()),
                    ..node
                }
            } else {
                node
            });
        }
        nodes.sort_by(|a, b| (a.depth, &a.id).cmp(&(b.depth, &b.id)));
        Ok(Lineage {
            root: root.to_owned(),
            nodes,
            edges: walk.edges.into_iter().collect(),
            truncated: walk.truncated,
        })
    }
}

impl Reach {
    fn check(&self) -> Result<(), Error> {
        let mut violations = Vec::new();
        if !(1..=MAX_DEPTH).contains(&self.depth) {
            violations.push(Violation::new("depth", "out_of_range", format!("between 1 and {MAX_DEPTH}")));
        }
        if !(1..=MAX_NODES).contains(&self.limit) {
            violations.push(Violation::new("limit", "out_of_range", format!("between 1 and {MAX_NODES}")));
        }
        if violations.is_empty() { Ok(()) } else { Err(Error::invalid(violations)) }
    }
}

/// What an experience refers to; never itself.
fn links_of(experience: &Experience) -> Vec<Link> {
    let link = |to: &String, kind| Link { from: experience.id.clone(), to: to.clone(), kind };
    let parents = experience.parents.iter().map(|to| link(to, LinkKind::Parent));
    let causes = experience.causes.iter().map(|to| link(to, LinkKind::Cause));
    parents.chain(causes).filter(|link| link.to != link.from).collect()
}

fn title_of(experience: &Experience) -> String {
    let name = &experience.content["structured"]["task_name"];
    let text = match name {
        Value::String(name) => name.as_str(),
        _ => experience.content["text"].as_str().unwrap_or_default(),
    };
    let mut title: String = text.chars().take(TITLE).collect();
    if title.len() < text.len() {
        title.push('…');
    }
    title
}
