//! The work: goals whose tasks form chains, fans, diamonds and random graphs, with actions of every class of effect.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::chance::Chance;

/// Tasks of one goal; the last one gets what is left.
const GOAL: usize = 60;

/// All goals of a run.
pub(crate) struct Work {
    /// The text of each goal's plan.
    pub(crate) plans: Vec<String>,
    /// What each task does, by its title.
    pub(crate) deeds: BTreeMap<String, Deed>,
}

/// What a task does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Deed {
    /// Computes something: no effect.
    Query,
    /// Waits a moment without holding a lease.
    Sleep,
    /// Asks the recorder, which fails the first time: no effect, tried again.
    Get,
    /// Writes a file of its own: idempotent.
    Write,
    /// Adds a line to a file of its own: irreversible.
    Append,
    /// Puts something to the recorder: idempotent.
    Put,
    /// As `Put`; the recorder refuses the first request, so that there is a second attempt.
    FlakyPut,
    /// Posts something to the recorder: irreversible.
    Post,
}

impl Deed {
    /// Every deed and how many of a hundred tasks have it.
    const SHARES: [(Self, usize); 8] = [
        (Self::Query, 28),
        (Self::Sleep, 12),
        (Self::Get, 4),
        (Self::Write, 14),
        (Self::Append, 16),
        (Self::Put, 10),
        (Self::FlakyPut, 4),
        (Self::Post, 12),
    ];

    fn draw(chance: &mut Chance) -> Self {
        let mut left = chance.below(100);
        for (deed, share) in Self::SHARES {
            match left.checked_sub(share) {
                Some(rest) => left = rest,
                None => return deed,
            }
        }
        Self::Query
    }

    /// Whether it must not happen twice.
    pub(crate) const fn is_irreversible(self) -> bool {
        matches!(self, Self::Append | Self::Post)
    }

    /// Whether the recorder is told of it under the key of its attempt.
    pub(crate) const fn is_recorded(self) -> bool {
        matches!(self, Self::Put | Self::FlakyPut | Self::Post)
    }

    fn action(self, title: &str, recorder: &str, input: Option<&str>, chance: &mut Chance) -> String {
        let pause = chance.between(0, 80);
        let request = |method: &str, extra: &str| {
            format!(
                "http.request {{\"method\": \"{method}\", \"url\": \"http://{recorder}/{title}?pause={pause}{extra}\"}}"
            )
        };
        match self {
            Self::Query => match input {
                Some(key) => format!(
                    "json.query {{\"value\": {{\"before\": \"{{{key}}}\"}}, \"path\": \"type(before)\"}}"
                ),
                None => "time.now {}".to_owned(),
            },
            Self::Sleep => format!("time.sleep {{\"seconds\": {}}}", 0.001 * pause as f64 + 0.001),
            Self::Get => request("GET", "&flaky=1"),
            Self::Write => format!("file.write {{\"path\": \"{title}.txt\", \"content\": \"{title}\\n\"}}"),
            Self::Append => format!("file.append {{\"path\": \"{title}.txt\", \"content\": \"{title}\\n\"}}"),
            Self::Put => request("PUT", ""),
            Self::FlakyPut => request("PUT", "&flaky=1"),
            Self::Post => request("POST", ""),
        }
    }
}

impl Work {
    /// So many tasks; `recorder` is the address of the server that records requests.
    pub(crate) fn draw(seed: u64, tasks: usize, recorder: &str) -> Self {
        let mut chance = Chance::new(seed, "graph");
        let mut work = Self { plans: Vec::new(), deeds: BTreeMap::new() };
        let mut left = tasks;
        while left > 0 {
            let size = if left < 2 * GOAL { left } else { GOAL };
            left -= size;
            work.add(size, recorder, &mut chance);
        }
        work
    }

    fn add(&mut self, size: usize, recorder: &str, chance: &mut Chance) {
        let goal = self.plans.len() + 1;
        let mut plan = format!("# Torture {goal}\n\n");
        for (place, before) in dependencies(size, chance).into_iter().enumerate() {
            let (key, title) = (key(place), format!("G{goal:03}-{}", key(place)));
            let deed = Deed::draw(chance);
            let input = before.first().map(|&before| self::key(before));
            let action = deed.action(&title, recorder, input.as_deref(), chance);
            let keys: Vec<String> = before.into_iter().map(self::key).collect();
            let after =
                if keys.is_empty() { String::new() } else { format!(" (depends on {})", keys.join(", ")) };
            let _ = write!(plan, "- [ ] {key} [P] {title}{after}\n  use: {action}\n");
            self.deeds.insert(title, deed);
        }
        self.plans.push(plan);
    }
}

fn key(place: usize) -> String {
    format!("T{:03}", place + 1)
}

/// For each task the places of those before it that it waits for.
fn dependencies(size: usize, chance: &mut Chance) -> Vec<Vec<usize>> {
    let mut graph: Vec<Vec<usize>> = Vec::with_capacity(size);
    while graph.len() < size {
        let first = graph.len();
        // A motif hangs on something that is there already, or begins anew.
        let root = (first > 0 && chance.below(3) > 0).then(|| chance.below(first));
        let length = chance.between(2, 12).min(size - first);
        let last = first + length - 1;
        for place in first..=last {
            let before = match (chance.below(8), place == first) {
                (_, true) => root.into_iter().collect(),
                // Somewhere a random edge more.
                (0, false) => vec![place - 1, chance.below(place)],
                _ => vec![],
            };
            graph.push(before);
        }
        match chance.below(3) {
            // A chain.
            0 => (first + 1..=last).for_each(|place| graph[place].push(place - 1)),
            // A fan.
            1 => (first + 1..=last).for_each(|place| graph[place].push(first)),
            // A diamond.
            _ => {
                (first + 1..last).for_each(|place| graph[place].push(first));
                if last > first {
                    graph[last].extend(if last > first + 1 { first + 1..last } else { first..last });
                }
            }
        }
    }
    for before in &mut graph {
        before.sort_unstable();
        before.dedup();
    }
    graph
}
