//! From a file to a goal: a new one, or the unfinished one that was made of the same file before.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use goalwright_application::Context;
use goalwright_application::planning::{ImportRequest, Imported};
use goalwright_application::read::{EventFilter, PageRequest, TaskFilter};
use goalwright_domain::canonical::sha256_hex;
use goalwright_domain::goal::{DEFAULT_QUEUE, Goal, GoalId, GoalState, GoalStatus, Origin};
use goalwright_domain::plan::{Finding, Severity};
use goalwright_domain::task::TaskId;

use super::show::label;
use crate::compose::App;
use crate::config::Config;
use crate::failure::{Exit, Failure};

/// More is not even read: far above what a plan may have, and far below what memory has.
const READ_LIMIT: u64 = 64 * 1024 * 1024;

/// A plan file, read.
pub(super) struct Source {
    path: String,
    digest: String,
    text: String,
}

/// The goal that is worked on.
pub(super) struct Begun {
    pub(super) goal: GoalId,
    pub(super) queue: String,
    /// It was begun before.
    pub(super) resumed: bool,
    /// The position of the last event before the work began.
    pub(super) position: i64,
    /// What its tasks are called on the screen.
    pub(super) names: HashMap<TaskId, String>,
    /// What the reader should know before the work begins.
    pub(super) remarks: Vec<String>,
}

/// Reads the file.
pub(super) fn read(file: &Path) -> Result<Source, Failure> {
    let shown = file.display();
    let extension =
        file.extension().and_then(|extension| extension.to_str()).unwrap_or_default().to_ascii_lowercase();
    if matches!(extension.as_str(), "yaml" | "yml") {
        return Err(Failure::usage(
            format!("{shown}: chains are not run yet"),
            "write the plan as Markdown, a checklist with lines such as `- [ ] T001 Title`, or as Task Master's tasks.json",
        ));
    }
    let unreadable = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => Failure::usage(
            format!("there is no file {shown}"),
            "name a Markdown plan; paths are relative to the current folder",
        ),
        io::ErrorKind::IsADirectory => {
            Failure::usage(format!("{shown} is a folder"), "name a Markdown plan in it")
        }
        _ => {
            Failure::usage(format!("{shown} cannot be read: {error}"), "make the file readable for this user")
        }
    };
    let path = file.canonicalize().map_err(unreadable)?;
    // A pipe would be waited for without a word, and could not be read again to resume.
    if !path.is_file() && !path.is_dir() {
        return Err(Failure::usage(
            format!("{shown} is no regular file"),
            "name a file that holds a Markdown plan",
        ));
    }
    let mut bytes = Vec::new();
    File::open(&path).and_then(|file| file.take(READ_LIMIT).read_to_end(&mut bytes)).map_err(unreadable)?;
    let digest = format!("sha256:{}", sha256_hex(&bytes));
    let text = String::from_utf8(bytes).map_err(|error| {
        let line = error.as_bytes()[..error.utf8_error().valid_up_to()]
            .iter()
            .filter(|&&byte| byte == b'\n')
            .count()
            + 1;
        Failure::usage(
            format!("{shown} looks binary: line {line} is not UTF-8"),
            "name a Markdown plan, saved as UTF-8 text",
        )
    })?;
    Ok(Source { path: path.to_string_lossy().into_owned(), digest, text })
}

/// Resumes the file's unfinished goal, or makes a new one.
pub(super) async fn begin(
    app: &App,
    config: &Config,
    context: &Context,
    source: Source,
    new: bool,
) -> Result<Begun, Failure> {
    // Two processes that start with the same file at once must not make two goals of it.
    let _turn = take_turns(config, &source.path)?;
    let unfinished = match new {
        true => None,
        false => {
            newest(app, context, &source.path).await?.filter(|goal| goal.state().status == GoalStatus::Active)
        }
    };
    match unfinished {
        Some(goal) if goal.state().origin.source_digest.as_deref() == Some(source.digest.as_str()) => {
            resume(app, context, goal.state(), Vec::new()).await
        }
        Some(goal) => reread(app, context, goal.id(), &source).await,
        None => match exported_from(app, context, &source, new).await? {
            Some(goal) => reread(app, context, goal, &source).await,
            None => import(app, context, source, new).await,
        },
    }
}

/// The goal of `run` that the file was exported from, if it is here and unfinished.
async fn exported_from(
    app: &App,
    context: &Context,
    source: &Source,
    new: bool,
) -> Result<Option<GoalId>, Failure> {
    let exported = app.services.planning.exported_from(&source.text).map_err(refused)?;
    let Some(id) = exported.filter(|_| !new) else { return Ok(None) };
    let Some(goal) = app.services.queries.goal(context.workspace(), id).await? else { return Ok(None) };
    if goal.state.origin.queue == DEFAULT_QUEUE {
        return Err(Failure::usage(
            format!(
                "{} was exported from the goal `{}`, which is worked on by the server",
                source.path, goal.state.title
            ),
            "apply the edits with `goalwright goal import`, or give --new to run the file as a goal of its own",
        ));
    }
    Ok(Some(id))
}

/// Applies what was edited in the file, and goes on.
async fn reread(app: &App, context: &Context, id: GoalId, source: &Source) -> Result<Begun, Failure> {
    let reread = app.services.planning.reread(context, id, &source.text, Some(source.digest.clone()));
    let Imported { decomposition, .. } = reread.await.map_err(refused)?;
    let mut remarks = findings(&decomposition.findings);
    let changes = &decomposition.changes;
    if !changes.is_empty() {
        let counts = [
            ("added", changes.add.len()),
            ("changed", changes.change.len()),
            ("removed", changes.remove.len()),
            ("ticked off", changes.complete.len()),
            ("left out", changes.skip.len()),
        ];
        let told: Vec<String> = counts
            .iter()
            .filter(|(_, count)| *count > 0)
            .map(|(what, count)| format!("{count} {what}"))
            .collect();
        let told = if told.is_empty() { "the goal's own words".to_owned() } else { told.join(", ") };
        remarks.insert(0, format!("the plan was edited: {told}"));
    }
    let goal = app.services.goals.get(context, id).await?;
    resume(app, context, &goal.state, remarks).await
}

fn findings(found: &[Finding]) -> Vec<String> {
    let told = found.iter().filter(|finding| finding.severity != Severity::Info);
    told.map(|finding| format!("warning: {finding}")).collect()
}

async fn newest(app: &App, context: &Context, path: &str) -> Result<Option<Goal>, Failure> {
    let unit = app.ports.transactions.begin().await.map_err(goalwright_application::Error::from)?;
    let goal = unit.goals().newest_from(context.workspace(), path).await;
    Ok(goal.map_err(goalwright_application::Error::from)?)
}

async fn newest_position(app: &App, context: &Context) -> Result<i64, Failure> {
    let page = PageRequest::first(1);
    let newest = app.services.queries.events(context.workspace(), &EventFilter::default(), &page).await?;
    Ok(newest.items.first().map_or(0, |event| event.position))
}

async fn resume(
    app: &App,
    context: &Context,
    goal: &GoalState,
    mut more: Vec<String>,
) -> Result<Begun, Failure> {
    let filter = TaskFilter { goal_id: Some(goal.id), ..TaskFilter::default() };
    let mut page = PageRequest::first(goalwright_application::read::MAX_LIMIT);
    let mut names = HashMap::new();
    loop {
        let tasks = app.services.queries.tasks(context.workspace(), &filter, &page).await?;
        names.extend(
            tasks
                .items
                .iter()
                .map(|task| (task.state.id, label(task.state.key.as_deref(), &task.state.title))),
        );
        page.after = tasks.next;
        if page.after.is_none() {
            break;
        }
    }
    let origin = &goal.origin;
    let mut remarks = vec![format!("resuming `{}`", goal.title)];
    remarks.append(&mut more);
    if let Some(folder) = &origin.sandbox
        && std::env::current_dir().ok().as_deref() != Some(Path::new(folder))
    {
        remarks.push(format!("its work is done in {folder}, where it was begun"));
    }
    let position = newest_position(app, context).await?;
    Ok(Begun { goal: goal.id, queue: origin.queue.clone(), resumed: true, position, names, remarks })
}

async fn import(app: &App, context: &Context, source: Source, fresh: bool) -> Result<Begun, Failure> {
    let queue = format!("run:{}", app.ports.ids.ordered());
    let origin = Origin {
        queue: queue.clone(),
        sandbox: Some(current_folder()?),
        source_path: Some(source.path.clone()),
        source_digest: Some(source.digest),
    };
    let name = Path::new(&source.path).file_stem().map(|name| name.to_string_lossy().into_owned());
    let request = ImportRequest { content: source.text, name, origin, fresh, ..ImportRequest::default() };
    let imported = app.services.planning.import(context, request).await.map_err(refused)?;
    let Imported { goal_id, decomposition, .. } = imported;
    let goal = goal_id.ok_or_else(|| Failure::new(Exit::Failed, "the import made no goal"))?;
    let names = decomposition.task_ids.iter().zip(&decomposition.plan.tasks);
    let names =
        names.filter_map(|(id, task)| Some(((*id)?, label(task.key.as_deref(), &task.title)))).collect();
    let remarks = findings(&decomposition.findings);
    let position = newest_position(app, context).await?;
    Ok(Begun { goal, queue, resumed: false, position, names, remarks })
}

fn refused(error: goalwright_application::Error) -> Failure {
    let help = match error.code() {
        "not_a_plan" => {
            "a plan is Markdown with checklist items such as `- [ ] T001 Title`, or Task Master's tasks.json"
        }
        "plan_too_large" | "too_many_tasks" | "too_many_dependencies" => {
            "nothing was written; make several plans of it"
        }
        "invalid_plan" | "invalid_input" => "mend the plan and run it again; nothing was written",
        _ => return error.into(),
    };
    Failure::from(error).with_help(help)
}

fn current_folder() -> Result<String, Failure> {
    let folder = std::env::current_dir().map_err(|error| {
        Failure::usage(
            format!("the current folder cannot be used: {error}"),
            "change to a folder that exists",
        )
    })?;
    folder.into_os_string().into_string().map_err(|folder| {
        let message = format!("the current folder {} is not UTF-8", PathBuf::from(folder).display());
        Failure::usage(message, "run from a folder with another name")
    })
}

/// Held until the file's goal is found or made.
fn take_turns(config: &Config, path: &str) -> Result<File, Failure> {
    let name = format!("run-{}.lock", &sha256_hex(path.as_bytes())[..16]);
    let lock = config.data_dir.join("locks").join(name);
    let open = || {
        std::fs::create_dir_all(config.data_dir.join("locks"))?;
        let file = File::options().create(true).truncate(false).write(true).open(&lock)?;
        file.lock()?;
        Ok(file)
    };
    open().map_err(|error: io::Error| {
        Failure::usage(
            format!("{} cannot be locked: {error}", lock.display()),
            "set GOALWRIGHT_DATA_DIR to a folder that may be written",
        )
    })
}
