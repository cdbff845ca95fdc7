//! What the reader makes of a folder of plans: a line for each `*.md` and `*.json`, with counts, or with the reason
//! of a refusal. Run it with `cargo run -p goalwright-domain --example plans -- FOLDER`; `--edges` adds the explicit
//! edges as `A ← B` (A waits for B), `--findings` what was noticed.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use goalwright_domain::plan::{Limits, Origin, Outline, Plan, read_outline, validate};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (options, folders): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).partition(|argument| argument.starts_with("--"));
    let [folder] = folders.as_slice() else {
        return Err("name one folder: plans [--edges] [--findings] FOLDER".into());
    };
    let asks = |name: &str| options.iter().any(|option| option == name);
    for path in plans_in(Path::new(folder))? {
        let text = String::from_utf8_lossy(&fs::read(&path)?).into_owned();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        match read_outline(&text, &Limits::IMPORT) {
            Ok(outline) => {
                println!("{name}: {}", counts(&outline));
                if asks("--edges") {
                    println!("    {}", edges(&outline.plan));
                }
                if asks("--findings") {
                    outline.findings.iter().for_each(|finding| println!("    {} {finding}", finding.code));
                }
            }
            Err(error) => println!("{name}: refused, {error}"),
        }
    }
    Ok(())
}

/// The plans of a folder, by name.
fn plans_in(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    let endings = [OsStr::new("md"), OsStr::new("json")];
    paths.retain(|path| path.extension().is_some_and(|ending| endings.contains(&ending)));
    paths.sort();
    Ok(paths)
}

fn counts(outline: &Outline) -> String {
    let plan = &outline.plan;
    let of = |origin| plan.dependencies.iter().filter(|edge| edge.origin == origin).count();
    let valid = match validate(plan, &Limits::IMPORT) {
        Ok(()) => "valid".to_owned(),
        Err(problems) => format!("{} problems, the first: {}", problems.len(), problems[0].message),
    };
    format!(
        "{} tasks, {} done, {} dropped, {} parallel; {} explicit, {} structural, {} inferred; {} findings; {valid}",
        plan.tasks.len(),
        plan.tasks.iter().filter(|task| task.done).count(),
        plan.tasks.iter().filter(|task| task.dropped).count(),
        plan.tasks.iter().filter(|task| task.parallel).count(),
        of(Origin::Explicit),
        of(Origin::Structural),
        of(Origin::Inferred),
        outline.findings.len(),
    )
}

fn edges(plan: &Plan) -> String {
    let explicit = plan.dependencies.iter().filter(|edge| edge.origin == Origin::Explicit);
    let edges: Vec<String> = explicit
        .map(|edge| format!("{} ← {}", plan.name_of(edge.from_index), plan.name_of(edge.to_index)))
        .collect();
    edges.join(", ")
}
