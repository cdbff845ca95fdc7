//! Tools for files: what they find, read and write, and what they refuse.

use std::path::Path;

use serde_json::json;

use super::*;

#[test]
fn lists_files() {
    let folder = folder(&[
        ("README.md", ""),
        ("docs/a.md", ""),
        ("docs/deep/b.md", ""),
        ("docs/deep/c.txt", ""),
        (".git/config", ""),
        ("target/x.md", ""),
        ("docs/node_modules/y.md", ""),
        (".github/z.md", ""),
        (".goalwright-1-1.tmp", ""),
    ]);
    for (parameters, files) in [
        (json!({}), json!(["README.md", "docs/a.md", "docs/deep/b.md", "docs/deep/c.txt"])),
        (json!({"glob": "*.md"}), json!(["README.md"])),
        (json!({"glob": "**/*.md"}), json!(["README.md", "docs/a.md", "docs/deep/b.md"])),
        (json!({"path": "docs", "glob": "*"}), json!(["docs/a.md"])),
        (json!({"path": "./docs/", "glob": "**/*.txt"}), json!(["docs/deep/c.txt"])),
        (json!({"path": "docs/../docs/deep"}), json!(["docs/deep/b.md", "docs/deep/c.txt"])),
        (json!({"glob": ["*.md", "docs/*.md"]}), json!(["README.md", "docs/a.md"])),
        (json!({"glob": "target/*"}), json!(["target/x.md"])),
        (json!({"glob": ".github/**"}), json!([".github/z.md"])),
        (json!({"path": "target"}), json!(["target/x.md"])),
        (json!({"glob": "nothing"}), json!([])),
    ] {
        assert_eq!(
            result(folder.path(), "file.list", parameters.clone()),
            json!({"files": files}),
            "{parameters}"
        );
    }
    assert_eq!(kind(folder.path(), "file.list", json!({"path": "nope"})), "FileNotFound");
    assert_eq!(kind(folder.path(), "file.list", json!({"path": "README.md"})), "NotAFolder");
    assert_eq!(kind(folder.path(), "file.list", json!({"path": ".."})), "InvalidParameters");
    assert_eq!(kind(folder.path(), "file.list", json!({"glob": "[a"})), "InvalidParameters");
    assert_eq!(kind(Path::new("/nope"), "file.list", json!({})), "SandboxUnavailable");
}

#[test]
fn checks_paths() {
    let folder = folder(&[("docs/a.md", ""), ("docs/b c.md", ""), ("docs/x#y.md", "")]);
    let parameters = json!({"paths": ["docs/a.md", "docs/nope.md", "docs/a.md"]});
    assert_eq!(
        result(folder.path(), "file.list", parameters),
        json!({"files": ["docs/a.md"], "missing": ["docs/nope.md"], "broken": []})
    );
    let paths =
        ["a.md#part", "b%20c.md", "x#y.md", "#part", "https://example.org", "../docs/a.md", "nope.md?q"];
    assert_eq!(
        result(folder.path(), "file.list", json!({"paths": paths, "base": "docs"})),
        json!({"files": ["a.md#part", "b%20c.md", "x#y.md", "../docs/a.md"], "missing": ["nope.md?q"], "broken": []})
    );
    assert_eq!(
        kind(folder.path(), "file.list", json!({"paths": ["../../etc/passwd"]})),
        "PathOutsideSandbox"
    );
    assert_eq!(kind(folder.path(), "file.list", json!({"paths": ["/etc/passwd"]})), "PathOutsideSandbox");
    assert_eq!(kind(folder.path(), "file.list", json!({"base": "docs"})), "InvalidParameters");
}

#[test]
fn finds_broken_links_relative_to_their_file() {
    let folder = folder(&[
        ("README.md", "[a](docs/a.md) [b](docs/nope.md) [c](https://example.org) [d](#part)"),
        ("docs/a.md", "[up](../README.md#x) [root](/README.md) [gone](b.md) [out](../../x.md) [f](./)"),
    ]);
    let texts = result(folder.path(), "file.read", json!({"paths": ["README.md", "docs/a.md"]}));
    let links = result(folder.path(), "text.match", json!({"texts": texts, "pattern": r"\]\(([^)\s]+)"}));
    assert_eq!(
        result(folder.path(), "file.list", json!({"paths": links})),
        json!({
            "files": ["docs/a.md", "README.md", "docs"],
            "missing": ["docs/nope.md", "docs/b.md", "../../x.md"],
            "broken": [
                {"file": "README.md", "link": "docs/nope.md"},
                {"file": "docs/a.md", "link": "../../x.md"},
                {"file": "docs/a.md", "link": "b.md"},
            ],
        })
    );
}

#[test]
fn reads_text_only() {
    let folder = folder(&[("a.md", "ä\n"), ("nul", "a\0b")]);
    std::fs::write(folder.path().join("binary"), [0xFF, 0xFE]).expect("a file");
    let large = std::fs::File::create(folder.path().join("large")).expect("a file");
    large.set_len(sandbox::MAX_FILE_BYTES + 1).expect("a hole");
    assert_eq!(
        result(folder.path(), "file.read", json!({"path": "a.md"})),
        json!({"path": "a.md", "text": "ä\n"})
    );
    assert_eq!(
        result(folder.path(), "file.read", json!({"paths": ["a.md"]})),
        json!([{"path": "a.md", "text": "ä\n"}])
    );
    for (path, expected) in [
        ("nope.md", "FileNotFound"),
        ("nul", "NotText"),
        ("binary", "NotText"),
        ("large", "FileTooLarge"),
        (".", "NotAFile"),
        ("", "NotAFile"),
        ("a.md/b", "NotAFolder"),
        ("../a.md", "InvalidParameters"),
        ("/etc/passwd", "InvalidParameters"),
        ("a\0b", "InvalidParameters"),
    ] {
        assert_eq!(kind(folder.path(), "file.read", json!({"path": path})), expected, "{path}");
    }
    let missing = call(folder.path(), "file.read", json!({"path": "nope.md"})).expect_err("missing");
    assert_eq!(missing.message, "`nope.md` does not exist; `file.list` shows what does");
    assert_eq!(missing.sources.len(), 1);
    assert_eq!(kind(folder.path(), "file.read", json!({})), "InvalidParameters");
    assert_eq!(kind(folder.path(), "file.read", json!({"path": "a.md", "paths": []})), "InvalidParameters");
}

#[cfg(unix)]
#[test]
fn links_do_not_lead_out() {
    use std::os::unix::fs::symlink;

    let outside = folder(&[("secret.md", "secret")]);
    let inside = folder(&[("docs/a.md", "old")]);
    symlink(outside.path().join("secret.md"), inside.path().join("file.md")).expect("a link");
    symlink(outside.path(), inside.path().join("folder")).expect("a link");
    symlink("docs/a.md", inside.path().join("inner.md")).expect("a link");
    symlink(".", inside.path().join("docs/circle")).expect("a link");
    for (name, parameters) in [
        ("file.read", json!({"path": "file.md"})),
        ("file.read", json!({"path": "folder/secret.md"})),
        ("file.list", json!({"path": "folder"})),
        ("file.write", json!({"path": "file.md", "content": "x"})),
        ("file.write", json!({"path": "folder/new.md", "content": "x"})),
        ("file.append", json!({"path": "file.md", "content": "x"})),
        ("file.append", json!({"path": "folder/new/x.md", "content": "x"})),
    ] {
        let failure = call(inside.path(), name, parameters.clone()).expect_err("outside");
        assert_eq!(failure.kind, "PathOutsideSandbox", "{name} {parameters}: {failure:?}");
    }
    assert_eq!(std::fs::read_to_string(outside.path().join("secret.md")).expect("text"), "secret");
    assert_eq!(std::fs::read_dir(outside.path()).expect("entries").count(), 1);
    assert_eq!(result(inside.path(), "file.list", json!({})), json!({"files": ["docs/a.md", "inner.md"]}));
    result(inside.path(), "file.write", json!({"path": "inner.md", "content": "new"}));
    assert_eq!(std::fs::read_to_string(inside.path().join("docs/a.md")).expect("text"), "new");
    assert!(inside.path().join("inner.md").is_symlink());
}

#[test]
fn writes_and_appends() {
    let folder = folder(&[]);
    let written = call(folder.path(), "file.write", json!({"path": "./a/c.md", "content": "äb"}));
    let expected = json!({"path": "./a/c.md", "bytes": 3});
    assert_eq!(
        written,
        Ok(Reply::Done {
            result: expected,
            files_written: vec!["a/c.md".to_owned()],
            retrieval: None,
            script: None
        })
    );
    result(folder.path(), "file.write", json!({"path": "a/c.md", "content": "x\n"}));
    result(folder.path(), "file.append", json!({"path": "a/c.md", "content": "y\n"}));
    result(folder.path(), "file.append", json!({"path": "n/d.md", "content": {"k": 1}}));
    let text = |path: &str| std::fs::read_to_string(folder.path().join(path)).expect("text");
    assert_eq!(text("a/c.md"), "x\ny\n");
    assert_eq!(text("n/d.md"), "{\n  \"k\": 1\n}\n");
    let entries = std::fs::read_dir(folder.path().join("a")).expect("entries");
    let names: Vec<_> = entries.map(|entry| entry.expect("an entry").file_name()).collect();
    assert_eq!(names, ["c.md"], "no temporary file is left");
    for path in ["a", "a/", ".", "", "a/.."] {
        let failure =
            call(folder.path(), "file.write", json!({"path": path, "content": ""})).expect_err("a folder");
        assert_eq!(failure.kind, "NotAFile", "{path}");
    }
    assert_eq!(kind(folder.path(), "file.append", json!({"path": "a", "content": ""})), "NotAFile");
    let long = "x".repeat(300);
    assert!(call(folder.path(), "file.write", json!({"path": long, "content": ""})).is_err());
}
