use std::path::Path;
use std::sync::Arc;

use clap::Args;
use goalwright_domain::ledger::SealKey;
use goalwright_domain::workspace::Actor;
use goalwright_infrastructure::keys::{self, AUDIT_KEY_FILE, AUDIT_KEYS_FOLDER};
use goalwright_infrastructure::persistence::{Database, GoOn, WentOn};
use goalwright_infrastructure::{SystemClock, SystemIds};

use crate::compose::{audit_secret, database_settings, not_opened};
use crate::config::Config;
use crate::failure::{Exit, Failure};
use crate::terminal::{accent, note};

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  goalwright admin continue-ledger --reason 'The key may have been seen'")]
pub(super) struct ContinueLedger {
    /// Why; kept for ever
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// The key is lost: nobody can verify any more what it sealed. Takes its fingerprint, which the error without this
    /// names
    #[arg(long, value_name = "FINGERPRINT")]
    key_is_lost: Option<String>,
    /// Only tell what would be done; nothing is written
    #[arg(long)]
    dry_run: bool,
}

impl ContinueLedger {
    pub(super) async fn execute(self) -> Result<Exit, Failure> {
        let reason = self.reason.trim();
        if reason.is_empty() || reason.chars().count() > 500 {
            return Err(Failure::usage("a reason has 1 to 500 characters", "say why; it is kept for ever"));
        }
        let config = Config::load()?;
        let settings = database_settings(&config)?;
        let database =
            Database::open_whatever_key(&settings, Arc::new(SystemClock)).await.map_err(not_opened)?;
        let went_on = self.go_on(&config, &settings.audit_keys, &database).await;
        database.close().await;
        went_on
    }

    async fn go_on(
        &self,
        config: &Config,
        ring: &goalwright_domain::ledger::KeyRing,
        database: &Database,
    ) -> Result<Exit, Failure> {
        let Some(known) = database.sealed_with().await? else {
            return Err(Failure::usage("no ledger is sealed yet", "any command that writes begins one"));
        };
        let old = ring.find(&known);
        if old.is_none() && !self.dry_run && database.fitting(ring.current()).await?.0 > 0 {
            database.name_key(&ring.current().fingerprint()).await?;
            note("the key that is here fits the ledger, and the database named another one: no key was lost");
            note(&format!(
                "the database names the right key again; somebody changed that; {} `goalwright admin verify-audit`",
                accent("next:")
            ));
            return Ok(Exit::Failed);
        }
        self.agree(&known, old.is_some())?;
        if self.dry_run {
            let (_, ledgers) = database.fitting(ring.current()).await?;
            let verified = if old.is_some() { "can still be verified" } else { "can no longer be verified" };
            note(&format!(
                "{ledgers} ledgers would go on with a new key; what the key {known} sealed {verified}"
            ));
            return Ok(Exit::Success);
        }
        let folder = config.data_dir.join(AUDIT_KEYS_FOLDER);
        let secret = keys::fresh();
        let next = SealKey::from_secret(&secret);
        if let Some(old) = old.filter(|old| old.fingerprint() == ring.current().fingerprint()) {
            keep(&folder, &old.fingerprint(), &audit_secret(config)?)?;
        }
        keep(&folder, &next.fingerprint(), &secret)?;
        let how = GoOn {
            known: &known,
            old,
            next: next.clone(),
            actor: Actor::system("admin"),
            reason: self.reason.trim(),
            ids: &SystemIds,
        };
        let went_on = database.go_on(how).await?;
        keep(&config.data_dir, AUDIT_KEY_FILE, &secret)?;
        tell(config, &next, went_on);
        Ok(Exit::Success)
    }

    /// A loss is said with the fingerprint of what is lost, and never of a key that is here.
    fn agree(&self, known: &str, here: bool) -> Result<(), Failure> {
        match (&self.key_is_lost, here) {
            (None, true) => Ok(()),
            (Some(_), true) => Err(Failure::usage(
                format!("the key {known} is here and not lost"),
                "leave --key-is-lost out: then the ledger is handed over, and all of it can still be verified",
            )),
            (Some(named), false) if named == known => Ok(()),
            (_, false) => Err(Failure::usage(
                format!("the ledger is sealed with the key {known}, which is not here"),
                format!(
                    "look for it first: in `audit-key` and `audit-keys` of other machines and of backups; if it is lost, \
                     nobody can verify any more what it sealed; to go on all the same, add `--key-is-lost {known}`"
                ),
            )),
        }
    }
}

fn keep(folder: &Path, name: &str, secret: &[u8]) -> Result<(), Failure> {
    keys::replace(folder, name, secret).map_err(|error| {
        Failure::new(Exit::Failed, format!("`{name}` cannot be written into {}: {error}", folder.display()))
            .with_help("make the folder writable and start again")
    })
}

fn tell(config: &Config, next: &SealKey, WentOn { ledgers, unverifiable }: WentOn) {
    note(&format!("{ledgers} ledgers go on with the key {}", next.fingerprint()));
    if unverifiable > 0 {
        note(&format!("{unverifiable} events before that can no longer be verified with a key"));
    }
    if config.audit_key.is_some() {
        note(
            "GOALWRIGHT_AUDIT_KEY is of no use any more: give it the content of `audit-key`, or leave it out",
        );
    }
    note(&format!(
        "{} back up `audit-key`, `audit-keys` and `audit-anchors.json`, copy them to every machine that works on the \
         database, and restart its processes there",
        accent("next:")
    ));
}
