use clap::Args;

use crate::cli::fields::text;
use crate::cli::session::Session;
use crate::client::{Call, Noun};
use crate::failure::{Exit, Failure, printable};
use crate::terminal::{accent, note, print, read_moment};

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  goalwright task schedule say-the-time --limit 3")]
pub(super) struct Schedule {
    /// The task: its id, the beginning or end of it, its slug, or its key
    id: String,
    /// After this moment; now unless given
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// So many times, 1 to 100
    #[arg(long, value_name = "N", default_value_t = 10)]
    limit: u32,
}

impl Schedule {
    pub(super) async fn execute(self, session: &Session) -> Result<Exit, Failure> {
        let from = match &self.from {
            Some(given) => {
                let from = read_moment(given, session.now)
                    .map_err(|help| Failure::usage(format!("--from `{given}` is no moment"), help))?;
                Some(from.to_string())
            }
            None => None,
        };
        let id = session.id(Noun::Task, &self.id).await?;
        let call = Call::get(&["tasks", &id, "schedule", "preview"])
            .query(&[("from", from), ("limit", Some(self.limit.to_string()))]);
        let preview = session.client.send(call).await?;
        if session.json {
            return Ok(session.show(&preview, Vec::new));
        }
        let items = preview.value["items"].as_array().map_or(&[][..], Vec::as_slice);
        for item in items {
            print(&printable(&text(item, "at")));
        }
        let aside = &preview.value["set_aside"];
        if aside.is_object() {
            note(&format!(
                "none of these will run: the schedule was set aside at {}, since {}",
                printable(&text(aside, "at")),
                printable(&text(aside, "reason"))
            ));
            note(&format!("{} mend it and change the task, by `goalwright task update`", accent("next:")));
        }
        if items.is_empty() {
            note("there is nothing to come: the task has no schedule, or it is over");
        }
        Ok(Exit::Success)
    }
}
