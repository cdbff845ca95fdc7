//! Clients that are generated from the document, and small programs that use them.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result};

use super::server::Server;
use super::tools::{Tools, done};
use crate::process;

const HELP: &str = "mend the document, or the program in tests/contract";

/// # Errors
///
/// If a client cannot be generated, a program does not compile, or something is not as it expects.
pub(super) fn run(tools: &Tools, server: &Server) -> Result<String> {
    typescript(tools, server)?;
    python(tools, server)?;
    Ok("TypeScript and Python".to_owned())
}

fn typescript(tools: &Tools, server: &Server) -> Result<()> {
    let root = process::root();
    // Below the packages, so that imports find them.
    let folder = tools.npm_folder().join("client");
    fs::create_dir_all(&folder)?;
    let program = root.join("tests/contract/client.ts");
    fs::copy(&program, folder.join("client.ts"))
        .with_context(|| format!("cannot read {}", program.display()))?;
    let mut generate = tools.npm("openapi-typescript");
    generate.arg(root.join("docs/openapi.json")).args(["--output", "api.d.ts"]);
    done(generate.current_dir(&folder), HELP)?;
    let mut compile = tools.npm("tsc");
    compile.args(["--strict", "--noUncheckedIndexedAccess", "--target", "es2022", "--module", "nodenext"]);
    done(compile.args(["--outDir", "built", "client.ts"]).current_dir(&folder), HELP)?;
    done(known(tools.npm("node").arg("built/client.js").current_dir(&folder), server), HELP)
}

fn python(tools: &Tools, server: &Server) -> Result<()> {
    let root = process::root();
    let folder = tools.folder().join("python-client");
    fs::create_dir_all(&folder)?;
    let mut generate = tools.python("openapi-python-client");
    generate.args(["generate", "--meta", "none", "--overwrite", "--fail-on-warning", "--path"]);
    generate.arg(root.join("docs/openapi.json"));
    generate.args(["--output-path", "goalwright_client"]);
    done(generate.current_dir(&folder), HELP)?;
    let mut program = tools.python("python");
    program.arg(root.join("tests/contract/client.py")).env("PYTHONPATH", &folder);
    done(known(program.env("PYTHONDONTWRITEBYTECODE", "1").current_dir(&folder), server), HELP)
}

/// Tells a program where the server is.
fn known<'a>(command: &'a mut Command, server: &Server) -> &'a mut Command {
    command.env("GOALWRIGHT_URL", server.url()).env("GOALWRIGHT_TOKEN", server.token())
}
