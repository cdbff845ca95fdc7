//! An installation of its own for one test.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

pub(crate) struct Home {
    folder: TempDir,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A server over a home's database; it is killed with the test.
pub(crate) struct Server {
    pub(crate) url: String,
    pub(crate) token: String,
    process: Child,
}

impl Home {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        std::fs::create_dir(folder.path().join("work")).expect("a folder to work in");
        Self { folder }
    }

    /// A path in the folder in which commands are given.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("work").join(name)
    }

    /// A path in the data directory, which the first command makes.
    pub(crate) fn data(&self, name: &str) -> PathBuf {
        self.folder.path().join("data").join(name)
    }

    /// Writes a file in the folder in which commands are given.
    pub(crate) fn write(&self, name: &str, content: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("folders are made");
        std::fs::write(path, content).expect("a file is written");
    }

    /// This program, with nothing of the environment of the tests.
    pub(crate) fn program(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.path("")).env_clear().stdin(Stdio::null());
        command.env("HOME", self.folder.path()).env("GOALWRIGHT_DATA_DIR", self.folder.path().join("data"));
        let own = PathBuf::from(env!("CARGO_BIN_EXE_goalwright"));
        let mut folders = vec![own.parent().expect("a folder").to_path_buf()];
        folders.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
        command.env("PATH", std::env::join_paths(folders).expect("folders without colons"));
        command
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.program(env!("CARGO_BIN_EXE_goalwright"));
        command.args(arguments);
        command
    }

    /// Gives a command and waits for its end.
    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        Ended::of(&mut self.command(arguments))
    }

    /// What a command that succeeds prints.
    #[track_caller]
    pub(crate) fn printed(&self, arguments: &[&str]) -> String {
        self.run(arguments).has_code(0).stdout
    }

    /// The JSON that a command that succeeds prints.
    #[track_caller]
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let arguments: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
        self.run(&arguments).has_code(0).json()
    }

    /// The id that a command with `--quiet` prints.
    #[track_caller]
    pub(crate) fn id(&self, arguments: &[&str]) -> String {
        let arguments: Vec<&str> = arguments.iter().copied().chain(["--quiet"]).collect();
        let ended = self.run(&arguments).has_code(0).silent();
        ended.stdout.trim_end().to_owned()
    }

    /// Serves the api on a free port, without a worker: what is open stays so.
    #[track_caller]
    pub(crate) fn serve(&self) -> Server {
        let token = self.printed(&["token"]).trim_end().to_owned();
        let mut process = self
            .command(&["serve", "--bind", "127.0.0.1:0", "--roles", "api,scheduler"])
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("the server starts");
        let mut said = BufReader::new(process.stderr.take().expect("piped"));
        let mut line = String::new();
        let url = loop {
            line.clear();
            assert!(said.read_line(&mut line).expect("text") > 0, "the server ended");
            if let Some((_, rest)) = line.split_once("listening on ") {
                break rest.split(' ').next().expect("an address").to_owned();
            }
        };
        // Whoever does not listen stops the server that speaks.
        std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
        Server { url, token, process }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended long ago.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Ended {
    #[track_caller]
    pub(crate) fn of(command: &mut Command) -> Self {
        let Output { status, stdout, stderr } = command.output().expect("the command starts");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        Self { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
    }

    /// It ended with this code, and did not fall over.
    #[track_caller]
    pub(crate) fn has_code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert!(!self.stderr.contains("panicked"), "{self:?}");
        self
    }

    /// It said nothing on stderr.
    #[track_caller]
    pub(crate) fn silent(self) -> Self {
        assert_eq!(self.stderr, "", "{self:?}");
        self
    }

    /// The one JSON document on stdout.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("no single document: {error}\n{self:?}"))
    }
}
