//! What must hold once everything has ended.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::graph::Deed;
use crate::place::Place;
use crate::processes::Processes;
use crate::recorder::Recorder;

/// So many violations of one rule are shown.
const SHOWN: usize = 5;

/// One rule, what it was held against, and what broke it.
pub(crate) struct Verdict {
    rule: &'static str,
    /// How many things were looked at, and what they are.
    looked: (i64, &'static str),
    violations: Vec<String>,
}

impl Verdict {
    pub(crate) const fn new(
        rule: &'static str,
        looked: (i64, &'static str),
        violations: Vec<String>,
    ) -> Self {
        Self { rule, looked, violations }
    }

    const fn holds(&self) -> bool {
        self.violations.is_empty()
    }
}

/// Prints what was found; gives how many invariants hold.
pub(crate) fn tell(verdicts: &[Verdict]) -> usize {
    for verdict in verdicts {
        println!("{verdict}");
    }
    verdicts.iter().filter(|verdict| verdict.holds()).count()
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let word = if self.holds() { "holds   " } else { "VIOLATED" };
        let (count, things) = self.looked;
        write!(f, "  {word} {}: {count} {things}, {} violations", self.rule, self.violations.len())?;
        for violation in self.violations.iter().take(SHOWN) {
            write!(f, "\n             {violation}")?;
        }
        Ok(())
    }
}

/// A rule in SQL: the query gives a text for each violation. `count` names what is counted.
struct Rule {
    rule: &'static str,
    count: &'static str,
    things: &'static str,
    violations: &'static str,
}

const RULES: &[Rule] = &[
    Rule {
        rule: "every task is completed",
        count: "tasks",
        things: "tasks",
        violations: "SELECT t.title || ' is ' || t.status FROM tasks t WHERE t.status <> 'completed'",
    },
    Rule {
        rule: "every task was finished once",
        count: "tasks",
        things: "tasks",
        violations: "SELECT t.title || ' has ' || CAST(COUNT(a.span_id) AS TEXT) || ' attempts that succeeded' \
            FROM tasks t LEFT JOIN attempts a ON a.task_id = t.id AND a.status IN ('succeeded', 'partial') \
            GROUP BY t.id, t.title HAVING COUNT(a.span_id) <> 1",
    },
    Rule {
        rule: "a task is announced as completed once",
        count: "events WHERE event_type = 'task.completed'",
        things: "events",
        violations: "SELECT entity_id || ' was completed ' || CAST(COUNT(*) AS TEXT) || ' times' FROM events \
            WHERE event_type = 'task.completed' GROUP BY entity_id HAVING COUNT(*) <> 1",
    },
    Rule {
        rule: "every attempt has one experience, which tells of it",
        count: "attempts",
        things: "attempts",
        violations: "SELECT 'attempt ' || a.idempotency_key || ' (' || a.status || ')' FROM attempts a \
            LEFT JOIN experiences e ON e.id = a.experience_id AND e.idempotency_key = a.idempotency_key \
            AND e.type = 'TASK_EXECUTION' WHERE e.id IS NULL",
    },
    Rule {
        rule: "every experience of an execution has one attempt",
        count: "experiences WHERE type = 'TASK_EXECUTION'",
        things: "experiences",
        violations: "SELECT 'experience ' || e.id || ' with ' || CAST(COUNT(a.span_id) AS TEXT) || ' attempts' \
            FROM experiences e LEFT JOIN attempts a ON a.experience_id = e.id WHERE e.type = 'TASK_EXECUTION' \
            GROUP BY e.id HAVING COUNT(a.span_id) <> 1",
    },
    Rule {
        rule: "the attempts of a run are numbered without gaps",
        count: "runs",
        things: "runs",
        violations: "SELECT t.title || ': ' || CAST(COUNT(*) AS TEXT) || ' attempts up to number ' \
            || CAST(MAX(a.number) AS TEXT) || ', the run counts ' || CAST(r.attempts AS TEXT) \
            FROM runs r JOIN attempts a ON a.run_id = r.id JOIN tasks t ON t.id = r.task_id \
            GROUP BY r.id, r.attempts, t.title \
            HAVING MIN(a.number) <> 1 OR MAX(a.number) <> COUNT(*) OR r.attempts <> COUNT(*)",
    },
    Rule {
        rule: "a retry names the span of the attempt before",
        count: "attempts WHERE number > 1",
        things: "retries",
        violations: "SELECT 'attempt ' || a.idempotency_key FROM attempts a WHERE a.number > 1 AND NOT EXISTS \
            (SELECT 1 FROM attempts b WHERE b.run_id = a.run_id AND b.number = a.number - 1 AND b.span_id = a.retry_of)",
    },
    Rule {
        rule: "a fence only grows",
        count: "attempts WHERE number > 1",
        things: "retries",
        violations: "SELECT 'attempt ' || a.idempotency_key FROM attempts a JOIN attempts b \
            ON b.run_id = a.run_id AND b.number = a.number - 1 WHERE a.fence <= b.fence",
    },
    Rule {
        rule: "an attempt begins after the one before has ended",
        count: "attempts WHERE number > 1",
        things: "retries",
        violations: "SELECT 'attempt ' || a.idempotency_key FROM attempts a JOIN attempts b \
            ON b.run_id = a.run_id AND b.number = a.number - 1 WHERE a.started_at < b.ended_at",
    },
    Rule {
        rule: "a run has one trace, also in what is recorded of it",
        count: "runs",
        things: "runs",
        violations: "SELECT t.title || ' has other traces in its record' FROM tasks t JOIN \
            (SELECT a.run_id, a.task_id, COUNT(DISTINCT e.trace_id) AS traces FROM attempts a \
            JOIN experiences e ON e.id = a.experience_id GROUP BY a.run_id, a.task_id) w ON w.task_id = t.id \
            WHERE w.traces <> 1 UNION ALL \
            SELECT t.title || ' has a call with another trace' FROM tool_calls c JOIN attempts a ON a.span_id = c.span_id \
            JOIN runs r ON r.id = a.run_id JOIN tasks t ON t.id = c.task_id WHERE c.trace_id <> r.trace_id",
    },
    Rule {
        rule: "no lease is left",
        count: "attempts",
        things: "attempts",
        violations: "SELECT 'attempt ' || idempotency_key || ' is ' || status FROM attempts \
            WHERE ended_at IS NULL OR lease_token IS NOT NULL",
    },
    Rule {
        rule: "no run is left",
        count: "runs",
        things: "runs",
        violations: "SELECT t.title || ': its run is ' || r.status FROM runs r JOIN tasks t ON t.id = r.task_id \
            WHERE r.status <> 'succeeded'",
    },
    Rule {
        rule: "nothing is waited for",
        count: "task_dependencies",
        things: "dependencies",
        violations: "SELECT title || ' waits for ' || CAST(open_dependencies AS TEXT) FROM tasks \
            WHERE open_dependencies <> 0",
    },
    Rule {
        rule: "nothing began before what it depends on had ended",
        count: "task_dependencies",
        things: "dependencies",
        violations: "SELECT t.title || ' began before ' || u.title || ' had ended' FROM task_dependencies d \
            JOIN tasks t ON t.id = d.task_id JOIN tasks u ON u.id = d.depends_on_task_id \
            JOIN attempts a ON a.task_id = d.task_id JOIN attempts b ON b.task_id = d.depends_on_task_id \
            AND b.status IN ('succeeded', 'partial') WHERE a.started_at < b.ended_at",
    },
    Rule {
        rule: "positions of events have no gaps",
        count: "events",
        things: "events",
        violations: "SELECT 'positions ' || COALESCE(CAST(low AS TEXT), '?') || ' to ' || COALESCE(CAST(high AS TEXT), '?') \
            || ' of ' || CAST(n AS TEXT) || ' events' FROM (SELECT COUNT(*) AS n, MIN(position) AS low, \
            MAX(position) AS high, COUNT(DISTINCT position) AS places FROM events GROUP BY workspace_id) w \
            WHERE low IS NULL OR low <> 1 OR high <> n OR places <> n",
    },
    Rule {
        rule: "no idempotency key is there twice",
        count: "attempts",
        things: "attempts",
        violations: "SELECT idempotency_key FROM attempts GROUP BY idempotency_key HAVING COUNT(*) > 1 UNION ALL \
            SELECT idempotency_key FROM experiences WHERE idempotency_key IS NOT NULL \
            GROUP BY idempotency_key HAVING COUNT(*) > 1",
    },
    Rule {
        rule: "the outcome of every call is known, or known to be unknown",
        count: "tool_calls",
        things: "calls",
        violations: "SELECT operation || ' of ' || idempotency_key FROM tool_calls WHERE status = 'intended'",
    },
    Rule {
        rule: "an attempt makes one call",
        count: "tool_calls",
        things: "calls",
        violations: "SELECT operation || ' of ' || MAX(idempotency_key) FROM tool_calls \
            GROUP BY span_id, operation HAVING COUNT(*) > 1",
    },
    Rule {
        rule: "an irreversible call succeeded once at most",
        count: "tool_calls WHERE effect = 'irreversible'",
        things: "calls",
        violations: "SELECT t.title FROM tool_calls c JOIN tasks t ON t.id = c.task_id \
            WHERE c.effect = 'irreversible' AND c.status = 'succeeded' GROUP BY t.id, t.title HAVING COUNT(*) > 1",
    },
];

/// Everything that SQL, the command line and the recorder can tell.
pub(crate) fn judge(
    place: &Place,
    processes: &Processes<'_>,
    deeds: &BTreeMap<String, Deed>,
    recorder: &Recorder,
) -> anyhow::Result<Vec<Verdict>> {
    let mut verdicts = Vec::new();
    let tasks = place.number("SELECT COUNT(*) FROM tasks")?;
    let expected = i64::try_from(deeds.len())?;
    let missing =
        if tasks == expected { vec![] } else { vec![format!("{expected} were imported, {tasks} are there")] };
    verdicts.push(Verdict::new("every task that was acknowledged is there", (tasks, "tasks"), missing));
    for rule in RULES {
        let count = place.number(&format!("SELECT COUNT(*) FROM {}", rule.count))?;
        verdicts.push(Verdict::new(rule.rule, (count, rule.things), place.texts(rule.violations)?));
    }
    verdicts.extend(effects(place, deeds, recorder)?);
    verdicts.push(counters(place, processes)?);
    verdicts.push(ledger(processes)?);
    Ok(verdicts)
}

/// What the recorder and the files tell, against the attempts.
fn effects(
    place: &Place,
    deeds: &BTreeMap<String, Deed>,
    recorder: &Recorder,
) -> anyhow::Result<Vec<Verdict>> {
    let keys = place.texts(
        "SELECT t.title || ' ' || a.idempotency_key FROM attempts a JOIN tasks t ON t.id = a.task_id",
    )?;
    let keys: BTreeSet<&str> = keys.iter().map(String::as_str).collect();
    let (seen, lines) = (recorder.seen(), place.lines()?);
    let (mut requests, mut repeated, mut foreign) = (0, Vec::new(), Vec::new());
    for (title, told) in &seen {
        if !deeds.get(title).is_some_and(|deed| deed.is_recorded()) {
            continue;
        }
        let mut before = BTreeSet::new();
        for key in told {
            requests += 1;
            if !before.insert(key) {
                repeated.push(format!("{title} was told of twice under {key}"));
            }
            if !keys.contains(format!("{title} {key}").as_str()) {
                foreign.push(format!("{title} was told of under `{key}`, which is no attempt of it"));
            }
        }
    }
    let (mut irreversible, mut twice, mut never) = (0, Vec::new(), Vec::new());
    for (title, deed) in deeds {
        let count = match deed {
            Deed::Append | Deed::Write => lines.get(title).copied().unwrap_or(0),
            Deed::Post | Deed::Put | Deed::FlakyPut | Deed::Get => seen.get(title).map_or(0, Vec::len),
            Deed::Query | Deed::Sleep => continue,
        };
        if count == 0 {
            never.push(format!("{title} ({deed:?}) is completed and has left nothing"));
        }
        if deed.is_irreversible() {
            irreversible += 1;
            if count > 1 {
                twice.push(format!("{title} ({deed:?}) took place {count} times"));
            }
        }
    }
    let effects = i64::try_from(deeds.len())?;
    Ok(vec![
        Verdict::new("no effect was repeated without a new attempt", (requests, "requests"), repeated),
        Verdict::new("every effect belongs to an attempt of its task", (requests, "requests"), foreign),
        Verdict::new("no irreversible effect took place twice", (irreversible, "effects"), twice),
        Verdict::new("what is completed has taken place", (effects, "tasks"), never),
    ])
}

fn counters(place: &Place, processes: &Processes<'_>) -> anyhow::Result<Verdict> {
    let goals = place.number("SELECT COUNT(*) FROM goals")?;
    let output = processes.command(&["admin", "rebuild", "--dry-run"]).output()?;
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    let agrees = output.status.success() && said.contains("counters of all goals agree");
    let violations = if agrees { vec![] } else { said.lines().map(str::to_owned).collect() };
    Ok(Verdict::new("the counters of goals agree with their tasks", (goals, "goals"), violations))
}

fn ledger(processes: &Processes<'_>) -> anyhow::Result<Verdict> {
    let output = processes.command(&["admin", "verify-audit", "--json"]).output()?;
    let told: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let ledgers = told["ledgers"].as_array().cloned().unwrap_or_default();
    let events = ledgers.iter().filter_map(|ledger| ledger["events"].as_i64()).sum();
    let violations = if output.status.success() && told["valid"] == true && events > 0 {
        vec![]
    } else {
        vec![format!("{told} {}", String::from_utf8_lossy(&output.stderr).trim_end())]
    };
    Ok(Verdict::new("the ledger is as it was written", (events, "events"), violations))
}
