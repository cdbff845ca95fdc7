//! Prunes with processes that are killed while they do, and looks whether what is left is whole and what is told is true.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use goalwright_tests::Patience;
use serde_json::Value;

use crate::chance::Chance;
use crate::invariants::{self, Verdict};
use crate::place::Place;
use crate::processes::Processes;
use crate::{Args, Backend};

/// How often it is looked how far a process has come.
const LOOK: Duration = Duration::from_millis(4);
/// A table and what must have a row elsewhere for each of its rows.
const BELONGS: [(&str, &str); 6] = [
    ("attempts", "SELECT 1 FROM runs r WHERE r.id = x.run_id"),
    ("tool_calls", "SELECT 1 FROM attempts a WHERE a.span_id = x.span_id"),
    ("task_executions", "SELECT 1 FROM experience_documents d WHERE d.document = x.document"),
    ("experience_documents", "SELECT 1 FROM experiences e WHERE e.id = x.experience_id"),
    ("experiences", "SELECT 1 FROM attempts a WHERE a.experience_id = x.id"),
    ("runs", "SELECT 1 FROM tasks t WHERE t.id = x.task_id"),
];

/// Whether everything held.
pub(crate) fn torture(args: &Args, place: &Place) -> anyhow::Result<bool> {
    let (name, started) = (format!("{:?}, pruning", place.backend), Instant::now());
    let (tasks, kills) = extent(args);
    println!("{name}: {tasks} tasks, --seed {}, in {}", args.seed, place.folder().display());
    let settings = vec![("GOALWRIGHT_WORKER_CONCURRENCY", "8".to_owned())];
    let processes = Processes::none(place, settings)?;
    work(place, &processes, tasks)?;
    let before = moment(place)?;
    let there = Counts::of(place)?;
    let people = place.texts(PEOPLE)?;
    println!("{name}: {there:?} after {:.1} s", started.elapsed().as_secs_f64());

    let patience = Patience { look: LOOK, limit: args.bound() };
    let chance = Chance::new(args.seed, "pruning");
    let mut pruning = Pruning { place, processes: &processes, before, chance, patience };
    let (mut broken, mut killed) = (Vec::new(), 0);
    for number in 0..kills {
        let target = there.events * i64::try_from(number)? / i64::try_from(kills)?;
        killed += pruning.kill(target)?;
        if let Some(found) = pruning.broken()? {
            broken.push(format!("after kill {killed}: {found}"));
        }
        ensure!(started.elapsed() < args.bound(), "not done after {killed} kills");
    }
    let last = pruning.command().output()?;
    let mut failed = Vec::new();
    if !last.status.success() {
        failed.push(String::from_utf8_lossy(&last.stderr).into_owned());
    }
    broken.extend(pruning.broken()?);
    let again = pruning.command().output()?;
    if !String::from_utf8_lossy(&again.stderr).contains("nothing is old enough") {
        failed.push(format!("the second time it said {}", String::from_utf8_lossy(&again.stdout)));
    }
    let kills = i64::try_from(killed)?;
    let mut verdicts = vec![
        Verdict::new("the ledger is whole after every kill", (kills, "kills"), broken),
        Verdict::new("who prunes last comes to the end", (1, "prunings"), failed),
    ];
    verdicts.extend(judge(place, &processes, (&there, &people))?);
    let hold = invariants::tell(&verdicts);
    println!(
        "{name}: {hold} of {} invariants hold; {kills} processes killed, {:.1} s in all, --seed {}",
        verdicts.len(),
        started.elapsed().as_secs_f64(),
        args.seed
    );
    Ok(hold == verdicts.len())
}

/// A moment behind everything that has happened, and before everything that is yet to come: the first one that the
/// database's clock shows after another one. What tells of the prunings is not to go with what they prune.
fn moment(place: &Place) -> anyhow::Result<String> {
    let now = match place.backend {
        Backend::Sqlite => "SELECT strftime('%Y-%m-%dT%H:%M:%fZ', 'now')",
        Backend::Postgres => "SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')",
    };
    let shown = || place.texts(now)?.pop().context("the time");
    let last = shown()?;
    let patience = Patience { look: LOOK, limit: Duration::from_secs(60) };
    let next = patience.try_until(|| Ok::<_, anyhow::Error>(Some(shown()?).filter(|now| *now > last)))?;
    next.context("the database's clock stands still")
}

/// Tasks, and processes to be killed.
fn extent(args: &Args) -> (usize, usize) {
    // About 100,000 events, if nobody says otherwise.
    let tasks = args.tasks.unwrap_or(if args.short { 600 } else { 34_000 }) as usize;
    (tasks, if args.short { 4 } else { 30 })
}

/// Goals that are achieved, and one that waits for a person.
fn work(place: &Place, processes: &Processes<'_>, tasks: usize) -> anyhow::Result<()> {
    let mut plans: Vec<(String, i32)> = Vec::new();
    for goal in 0..tasks.div_ceil(1_000) {
        let own = (tasks - goal * 1_000).min(1_000);
        let lines: String = (1..=own)
            .map(|n| {
                format!("- [ ] T{n:04} [P] Task {goal} {n}\n  use: text.render {{\"template\": \"done\"}}\n")
            })
            .collect();
        plans.push((format!("# Goal {goal}\n\n{lines}"), 0));
    }
    plans.push((
        "# Open\n\n- [ ] T001 Begin\n  use: time.now\n- [ ] T002 A person (depends on T001)\n".to_owned(),
        3,
    ));
    for (number, (plan, code)) in plans.iter().enumerate() {
        let file = format!("plan-{number}.md");
        fs::write(place.folder().join(&file), plan)?;
        let ended = processes.command(&["run", &file, "--json", "--no-input"]).output()?;
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        ensure!(ended.status.code() == Some(*code), "{file} ended with {}: {said}", ended.status);
    }
    Ok(())
}

/// What people work with.
const PEOPLE: &str =
    "SELECT title || ' is ' || status || ' ' || COALESCE(CAST(result AS TEXT), '') FROM tasks ORDER BY id";

/// How much there is.
#[derive(Debug, PartialEq, Eq)]
struct Counts {
    events: i64,
    runs: i64,
    attempts: i64,
    experiences: i64,
}

impl Counts {
    fn of(place: &Place) -> anyhow::Result<Self> {
        let count = |table: &str| place.number(&format!("SELECT COUNT(*) FROM {table}"));
        Ok(Self {
            events: count("events WHERE event_type <> 'ledger.pruned'")?,
            runs: count("runs")?,
            attempts: count("attempts")?,
            experiences: count("experiences")?,
        })
    }
}

/// Processes that prune.
struct Pruning<'a> {
    place: &'a Place,
    processes: &'a Processes<'a>,
    before: String,
    chance: Chance,
    patience: Patience,
}

impl Pruning<'_> {
    fn command(&self) -> std::process::Command {
        self.processes.command(&["admin", "prune", "--before", &self.before, "--reason", "torture"])
    }

    fn spawn(&self) -> anyhow::Result<Child> {
        Ok(self.command().stdout(Stdio::null()).stderr(Stdio::null()).spawn()?)
    }

    /// Kills a process, and sometimes another one that prunes at the same time, some time after the ledger was pruned up
    /// to this position. Gives how many were killed before they came to their end.
    fn kill(&mut self, target: i64) -> anyhow::Result<usize> {
        let others = usize::from(self.chance.below(3) == 0);
        let mut pruning = (0..=others).map(|_| self.spawn()).collect::<anyhow::Result<Vec<_>>>()?;
        let delay = self.chance.millis(0, 150);
        self.patience.try_until(|| {
            let prunes = pruning.iter_mut().any(|one| matches!(one.try_wait(), Ok(None)));
            Ok::<_, anyhow::Error>((self.reached()? >= target || !prunes).then_some(()))
        })?;
        // When exactly it dies is by chance, which the seed decides: nothing is waited for.
        thread::sleep(delay);
        let mut killed = 0;
        for mut process in pruning {
            killed += usize::from(process.try_wait()?.is_none());
            process.kill()?;
            process.wait()?;
        }
        Ok(killed)
    }

    fn reached(&self) -> anyhow::Result<i64> {
        self.place.number("SELECT COALESCE(MAX(position), 0) FROM ledger_checkpoints")
    }

    /// What is wrong with the ledger, if something is.
    fn broken(&self) -> anyhow::Result<Option<String>> {
        let output = self.processes.command(&["admin", "verify-audit", "--json"]).output()?;
        let told: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        let whole = output.status.success() && told["valid"] == true;
        Ok((!whole).then(|| format!("{told} {}", String::from_utf8_lossy(&output.stderr).trim_end())))
    }
}

fn judge(
    place: &Place,
    processes: &Processes<'_>,
    (there, people): (&Counts, &[String]),
) -> anyhow::Result<Vec<Verdict>> {
    let left = Counts::of(place)?;
    // The goal that is open keeps what its tasks did; everything else is over and old.
    let open = |count: &str| {
        place.number(&format!(
            "SELECT {count} FROM runs r JOIN tasks t ON t.id = r.task_id JOIN goals g ON g.id = t.goal_id \
             LEFT JOIN attempts a ON a.run_id = r.id WHERE g.status <> 'achieved'"
        ))
    };
    let expected = Counts {
        events: 0,
        runs: open("COUNT(DISTINCT r.id)")?,
        attempts: open("COUNT(a.span_id)")?,
        experiences: open("COUNT(a.experience_id)")?,
    };
    let stayed = if left == expected { vec![] } else { vec![format!("{left:?}, not {expected:?}")] };
    let (mut orphans, mut looked) = (Vec::new(), 0);
    for (table, belongs) in BELONGS {
        looked += place.number(&format!("SELECT COUNT(*) FROM {table}"))?;
        let lost = place.number(&format!("SELECT COUNT(*) FROM {table} x WHERE NOT EXISTS ({belongs})"))?;
        orphans.extend((lost > 0).then(|| format!("{lost} of {table} belong to nothing")));
    }
    for table in ["pruned_files", "pruned_words"] {
        let noted = place.number(&format!("SELECT COUNT(*) FROM {table}"))?;
        orphans.extend((noted > 0).then(|| format!("{noted} in {table}")));
    }
    let after: BTreeSet<String> = place.texts(PEOPLE)?.into_iter().collect();
    let changed: Vec<String> = people.iter().filter(|task| !after.contains(*task)).cloned().collect();
    let output = processes.command(&["admin", "rebuild", "--dry-run"]).output()?;
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    let differing = if output.status.success() { vec![] } else { said.lines().map(str::to_owned).collect() };
    let tasks = i64::try_from(people.len())?;
    Ok(vec![
        Verdict::new("what is over and old is gone", (there.runs, "runs"), stayed),
        Verdict::new("nothing is left of a part", (looked, "rows"), orphans),
        Verdict::new("what people work with is as it was", (tasks, "tasks"), changed),
        Verdict::new("rows are what is kept of their events", (tasks, "tasks"), differing),
        Verdict::new(
            "what is told to be gone is what is gone",
            (there.events, "events"),
            told(place, there, &left)?,
        ),
    ])
}

/// The sums of what `ledger.pruned` tells, against what went.
fn told(place: &Place, there: &Counts, left: &Counts) -> anyhow::Result<Vec<String>> {
    let texts =
        place.texts("SELECT CAST(metadata AS TEXT) FROM events WHERE event_type = 'ledger.pruned'")?;
    let events =
        texts.iter().map(|text| serde_json::from_str::<Value>(text)).collect::<Result<Vec<_>, _>>()?;
    let sum = |kind: &str| events.iter().filter_map(|event| event["pruned"][kind].as_i64()).sum::<i64>();
    let gone = [
        ("events", there.events - left.events),
        ("runs", there.runs - left.runs),
        ("attempts", there.attempts - left.attempts),
        ("experiences", there.experiences - left.experiences),
    ];
    let wrong = gone.into_iter().filter(|(kind, went)| sum(kind) != *went);
    Ok(wrong.map(|(kind, went)| format!("{went} {kind} went, {} are told", sum(kind))).collect())
}
