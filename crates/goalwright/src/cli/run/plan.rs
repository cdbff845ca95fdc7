//! From a file to a goal: a new one, or the unfinished one that was made of the same file before.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use goalwright_application::Context;
use goalwright_application::planning::{ImportRequest, Imported};
use goalwright_application::read::{EventFilter, PageRequest, TaskFilter};
use goalwright_domain::canonical::sha256_hex;
use goalwright_domain::goal::{Goal, GoalId, GoalStatus, Origin};
use goalwright_domain::plan::Severity;
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
    if matches!(extension.as_str(), "json" | "yaml" | "yml") {
        return Err(Failure::usage(
            format!("{shown}: task files in JSON and chains are not read yet"),
            "write the plan as Markdown: a checklist with lines such as `- [ ] T001 Title`",
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
            resume(app, context, &goal).await
        }
        Some(goal) => Err(Failure::usage(
            format!(
                "{} was edited since its goal `{}` was begun, and that is unfinished",
                source.path,
                goal.state().title
            ),
            "give --new to begin a new goal with the file as it is now, or undo the edit to resume the old one",
        )),
        None => import(app, context, source).await,
    }
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

async fn resume(app: &App, context: &Context, goal: &Goal) -> Result<Begun, Failure> {
    let filter = TaskFilter { goal_id: Some(goal.id()), ..TaskFilter::default() };
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
    let origin = &goal.state().origin;
    let mut remarks = vec![format!("resuming `{}`", goal.state().title)];
    if let Some(folder) = &origin.sandbox
        && std::env::current_dir().ok().as_deref() != Some(Path::new(folder))
    {
        remarks.push(format!("its work is done in {folder}, where it was begun"));
    }
    let position = newest_position(app, context).await?;
    Ok(Begun { goal: goal.id(), queue: origin.queue.clone(), resumed: true, position, names, remarks })
}

async fn import(app: &App, context: &Context, source: Source) -> Result<Begun, Failure> {
    let queue = format!("run:{}", app.ports.ids.ordered());
    let origin = Origin {
        queue: queue.clone(),
        sandbox: Some(current_folder()?),
        source_path: Some(source.path.clone()),
        source_digest: Some(source.digest),
    };
    let request = ImportRequest { content: source.text, title: None, dry_run: false, origin };
    let imported = app.services.planning.import(context, request).await.map_err(refused)?;
    let Imported { goal_id, decomposition, .. } = imported;
    let goal = goal_id.ok_or_else(|| Failure::new(Exit::Failed, "the import made no goal"))?;
    let names = decomposition.task_ids.iter().zip(&decomposition.plan.tasks);
    let names = names.map(|(id, task)| (*id, label(task.key.as_deref(), &task.title))).collect();
    let findings = decomposition.findings.iter().filter(|finding| finding.severity != Severity::Info);
    let remarks = findings.map(|finding| format!("warning: {finding}")).collect();
    let position = newest_position(app, context).await?;
    Ok(Begun { goal, queue, resumed: false, position, names, remarks })
}

fn refused(error: goalwright_application::Error) -> Failure {
    let help = match error.code() {
        "not_a_plan" => "a plan is Markdown with checklist items such as `- [ ] T001 Title`",
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
