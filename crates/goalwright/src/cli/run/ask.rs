//! Asks the person at the terminal about the tasks that wait for one.

use std::io::{self, BufRead, Write};

use goalwright_application::Context;
use goalwright_application::read::TaskView;
use goalwright_application::tasks::Completion;
use goalwright_domain::execution::WaitKind;
use goalwright_domain::goal::GoalId;
use goalwright_domain::task::TaskStatus;
use serde_json::Value;

use super::show::label;
use super::standing::Tasks;
use crate::cli::remark;
use crate::compose::App;
use crate::failure::{Exit, Failure, printable};

/// What came of asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// At least one task was completed: others may go on.
    Answered,
    /// Nothing changed.
    Declined,
}

/// Goes through the waiting tasks once.
pub(super) async fn everybody(app: &App, context: &Context, goal: GoalId) -> Result<Asked, Failure> {
    let mut asked = Asked::Declined;
    for task in Tasks::of(goal, TaskStatus::Waiting).all(app, context).await? {
        if task
            .state
            .waiting
            .as_ref()
            .is_none_or(|wait| matches!(wait.kind, WaitKind::Time | WaitKind::Model | WaitKind::Budget))
        {
            continue;
        }
        present(&task);
        match line("done? [y/N/q] ").await?.to_ascii_lowercase().as_str() {
            "y" | "yes" => {
                let result = line("result, if there is one to note: ").await?;
                let result =
                    Some(result).filter(|result| !result.is_empty()).map_or(Value::Null, Value::String);
                let completion = Completion { result, ..Completion::default() };
                match app.services.tasks.complete(context, task.state.id, &completion).await {
                    Ok(_) => asked = Asked::Answered,
                    // Somebody else may have been quicker; the others can still be asked about.
                    Err(error @ goalwright_application::Error::Rejected(_)) => {
                        remark(&printable(&error.to_string()))
                    }
                    Err(error) => return Err(error.into()),
                }
            }
            "q" | "quit" => break,
            _ => {}
        }
    }
    Ok(asked)
}

fn present(task: &TaskView) {
    remark(&format!("\n{} waits for you", label(task.state.key.as_deref(), &task.state.title)));
    let words = task.state.waiting.as_ref().map_or("", |wait| wait.message.as_str());
    if words != task.state.title {
        for line in words.lines() {
            remark(&format!("  {}", printable(line)));
        }
    }
}

/// One line from the keyboard, without blanks around it; `q` at the end of the input.
async fn line(prompt: &str) -> Result<String, Failure> {
    let _ = write!(io::stderr(), "{prompt}");
    let _ = io::stderr().flush();
    // On a thread of its own, since reading from a terminal cannot be given up when a signal comes.
    let read = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        io::stdin()
            .lock()
            .read_line(&mut line)
            .map(|count| if count == 0 { "q".to_owned() } else { line.trim().to_owned() })
    });
    let read = read.await.unwrap_or_else(|error| Err(io::Error::other(error)));
    read.map_err(|error| {
        Failure::new(Exit::Failed, format!("the keyboard cannot be read: {error}"))
            .with_help("give --no-input")
    })
}
