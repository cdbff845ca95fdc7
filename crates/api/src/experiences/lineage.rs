use std::borrow::Cow;

use goalwright_application::Services;
use goalwright_application::experiences::{
    DEFAULT_DEPTH, DEFAULT_NODES, Direction, Lineage, MAX_DEPTH, MAX_NODES, Node, NodeKind, Reach,
};
use goalwright_application::read::{Link, LinkKind};
use goalwright_domain::experience::ExperienceType;
use poem_openapi::param::{Path, Query};
use poem_openapi::registry::{MetaSchema, MetaSchemaRef};
use poem_openapi::types::{ParseError, ParseFromParameter, ParseResult, Type};
use poem_openapi::{Object, OpenApi};

use crate::answer::Shown;
use crate::auth::{Caller, Read};
use crate::document::Chapter;
use crate::nullable::Nullable;
use crate::problem::Problem;
use crate::values::{Moment, Word, inline_type, vocabulary};

/// Tell where experiences come from.
pub(crate) struct Lineages(pub(crate) Services);

vocabulary!(Direction, "lineage direction", { Up: "up", Down: "down", Both: "both" });
vocabulary!(LinkKind, "link kind", { Parent: "parent", Cause: "cause" });
vocabulary!(NodeKind, "node kind", { Experience: "experience", Goal: "goal", Task: "task", Unknown: "unknown" });

/// The parameter `depth`.
#[derive(Debug, Clone, Copy)]
struct Depth(u32);

inline_type!([] Depth, "depth", MetaSchema {
    minimum: Some(1.0),
    maximum: Some(f64::from(MAX_DEPTH)),
    default: Some(DEFAULT_DEPTH.into()),
    ..MetaSchema::new("integer")
});

impl ParseFromParameter for Depth {
    fn parse_from_parameter(value: &str) -> ParseResult<Self> {
        let wanted = || ParseError::custom(format!("a whole number between 1 and {MAX_DEPTH}"));
        value.parse().map(Self).map_err(|_| wanted())
    }
}

/// The parameter `limit` of a graph.
#[derive(Debug, Clone, Copy)]
struct Nodes(usize);

inline_type!([] Nodes, "nodes", MetaSchema {
    minimum: Some(1.0),
    maximum: Some(MAX_NODES as f64),
    default: Some(DEFAULT_NODES.into()),
    ..MetaSchema::new("integer")
});

impl ParseFromParameter for Nodes {
    fn parse_from_parameter(value: &str) -> ParseResult<Self> {
        let wanted = || ParseError::custom(format!("a whole number between 1 and {MAX_NODES}"));
        value.parse().map(Self).map_err(|_| wanted())
    }
}

/// What an experience came from and what came of it.
#[derive(Debug, Object)]
#[oai(rename = "Lineage")]
struct LineageBody {
    /// The experience it is about.
    root: String,
    /// What belongs to it, near ones first; the root is the first.
    nodes: Vec<NodeBody>,
    /// Who refers to whom, among the nodes.
    edges: Vec<EdgeBody>,
    /// Whether there is more than `depth` and `limit` allow.
    truncated: bool,
}

/// Something in a lineage.
#[derive(Debug, Object)]
#[oai(rename = "LineageNode")]
struct NodeBody {
    /// Its id.
    id: String,
    /// What it is; `unknown` if it is not there any more.
    kind: Word<NodeKind>,
    /// The type of an experience.
    experience_type: Nullable<Word<ExperienceType>>,
    /// The title of a goal or task, the name of an execution's task, or how another experience begins.
    title: Nullable<String>,
    /// The status of a goal, a task or an execution.
    status: Nullable<String>,
    /// When an experience began.
    created_at: Nullable<Moment>,
    /// Steps from the root.
    depth: u32,
}

/// An experience refers to what it came from.
#[derive(Debug, Object)]
#[oai(rename = "LineageEdge")]
struct EdgeBody {
    /// The experience.
    from: String,
    /// What it came from: an experience, a goal or a task.
    to: String,
    /// `parent` if it was read for it, `cause` if it triggered it.
    kind: Word<LinkKind>,
}

#[OpenApi(tag = "Chapter::Experiences")]
impl Lineages {
    /// Where does an experience come from?
    ///
    /// The graph of what it came from and of what refers to it: experiences, goals and tasks.
    #[oai(path = "/v1/experiences/:id/lineage", method = "get", operation_id = "get_experience_lineage")]
    async fn lineage(
        &self,
        caller: Caller<Read>,
        /// The experience's id.
        id: Path<String>,
        /// Which way to look: `up` to what it came from, `down` to what came of it; both unless said.
        direction: Query<Option<Word<Direction>>>,
        /// The most steps away from the experience.
        depth: Query<Option<Depth>>,
        /// The most nodes.
        limit: Query<Option<Nodes>>,
    ) -> Result<Shown<LineageBody>, Problem> {
        let usual = Reach::default();
        let reach = Reach {
            direction: direction.0.map_or(usual.direction, |word| word.0),
            depth: depth.0.map_or(usual.depth, |depth| depth.0),
            limit: limit.0.map_or(usual.limit, |nodes| nodes.0),
        };
        Ok(Shown(self.0.experiences.lineage(&caller.0, &id.0, reach).await?.into()))
    }
}

impl From<Lineage> for LineageBody {
    fn from(lineage: Lineage) -> Self {
        Self {
            root: lineage.root,
            nodes: lineage.nodes.into_iter().map(NodeBody::from).collect(),
            edges: lineage.edges.into_iter().map(EdgeBody::from).collect(),
            truncated: lineage.truncated,
        }
    }
}

impl From<Node> for NodeBody {
    fn from(node: Node) -> Self {
        Self {
            id: node.id,
            kind: Word(node.kind),
            experience_type: node.experience_type.map(Word).into(),
            title: node.title.into(),
            status: node.status.into(),
            created_at: node.created_at.map(Moment).into(),
            depth: node.depth,
        }
    }
}

impl From<Link> for EdgeBody {
    fn from(link: Link) -> Self {
        Self { from: link.from, to: link.to, kind: Word(link.kind) }
    }
}
