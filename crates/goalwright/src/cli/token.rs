//! `goalwright token`.

use std::time::Duration;

use clap::Args;
use goalwright_application::access::LOCAL_USER;
use goalwright_application::ports::{Claims, Clock};
use goalwright_domain::workspace::SUBJECT_LIMIT;
use goalwright_infrastructure::SystemClock;
use uuid::Uuid;

use super::{duration, say};
use crate::compose;
use crate::config::Config;
use crate::failure::{Exit, Failure};

/// Mint a token for the HTTP API with the local key.
///
/// The user and its workspace are made when the token is used for the first time.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  goalwright token --user ada --expires 7d")]
pub(super) struct Token {
    /// The user that the token stands for
    #[arg(long, value_name = "ID", default_value = LOCAL_USER, value_parser = subject)]
    user: String,
    /// Bind the token to one workspace; without it, it opens each that the user is a member of
    #[arg(long, value_name = "ID")]
    workspace: Option<Uuid>,
    /// How long it holds: 45s, 15m, 1h, 7d
    #[arg(long, value_name = "SPAN", default_value = "1h", value_parser = duration::parse)]
    expires: Duration,
}

impl Token {
    pub(super) fn execute(self, config: &Config) -> Result<Exit, Failure> {
        let claims = Claims { subject: self.user, workspace: self.workspace.map(|id| id.to_string()) };
        let token = compose::tokens(config)?
            .mint(&claims, self.expires, SystemClock.now())
            .map_err(|error| Failure::new(Exit::Failed, error.to_string()))?;
        say(&token);
        Ok(Exit::Success)
    }
}

fn subject(text: &str) -> Result<String, String> {
    let length = text.chars().count();
    if length == 0 || length > SUBJECT_LIMIT {
        return Err(format!("a user is named by 1 to {SUBJECT_LIMIT} characters"));
    }
    Ok(text.to_owned())
}
