//! The document against the rules of two linters.

use anyhow::Result;

use super::tools::{Tools, done};
use crate::process;

/// # Errors
///
/// If a linter finds anything at all, were it a hint.
pub(super) fn run(tools: &Tools) -> Result<String> {
    let root = process::root();
    let (document, rules) = (root.join("docs/openapi.json"), root.join("tests/contract"));
    let help = "mend the document, or switch a rule off in tests/contract with its reason";
    let mut redocly = tools.npm("redocly");
    done(redocly.arg("lint").arg(&document).arg("--config").arg(rules.join("redocly.yaml")), help)?;
    let mut spectral = tools.npm("spectral");
    spectral.arg("lint").arg(&document).arg("--ruleset").arg(rules.join("spectral.yaml"));
    done(spectral.arg("--fail-severity=hint"), help)?;
    Ok("redocly and spectral have no remarks".to_owned())
}
