//! The files that a task says it works on.

use std::collections::HashSet;

use crate::plan::PlannedTask;

use super::source::Fence;

/// More files than this in one task are a list, not a place of work.
const MOST_FILES: usize = 20;
/// The longest path that is taken for one, in bytes.
const LONGEST_PATH: usize = 200;

/// Words before a path that only point to it.
const POINTERS: [&str; 30] = [
    "see",
    "per",
    "from",
    "against",
    "matching",
    "like",
    "following",
    "reference",
    "references",
    "read",
    "via",
    "using",
    "with",
    "than",
    "siehe",
    "gemäß",
    "laut",
    "aus",
    "voir",
    "selon",
    "depuis",
    "véase",
    "según",
    "desde",
    "ver",
    "conforme",
    "参考",
    "参照",
    "根据",
    "依据",
];
/// What a line of a description begins with that names the files of its task, in lower case.
const LABELS: [&str; 16] = [
    "file",
    "files",
    "path",
    "paths",
    "datei",
    "dateien",
    "fichier",
    "fichiers",
    "archivo",
    "archivos",
    "arquivo",
    "arquivos",
    "文件",
    "ファイル",
    "파일",
    "файл",
];
/// Documents about a plan. Every task may name them, and nobody works on them.
const PAPERS: [&str; 8] = [
    "plan.md",
    "spec.md",
    "tasks.md",
    "research.md",
    "data-model.md",
    "quickstart.md",
    "constitution.md",
    "checklist.md",
];
/// Endings by which a name without a folder is a file. `Lamp.light` is none.
const ENDINGS: [&str; 60] = [
    "rs", "py", "js", "mjs", "cjs", "ts", "tsx", "jsx", "vue", "svelte", "go", "java", "kt", "kts", "swift",
    "rb", "php", "c", "h", "cc", "cpp", "hpp", "cs", "fs", "scala", "ex", "exs", "erl", "hs", "ml", "clj",
    "dart", "lua", "r", "jl", "sh", "bash", "ps1", "sql", "html", "css", "scss", "less", "json", "yaml",
    "yml", "toml", "ini", "cfg", "conf", "xml", "md", "rst", "txt", "tex", "csv", "proto", "graphql", "tf",
    "gradle",
];

/// The files a task works on, each once: those its title names, else those a line such as
/// `**File**: src/lamp.rs` of its description names.
pub(super) fn files_of(task: &PlannedTask) -> Vec<String> {
    let mut files = Vec::new();
    let mut seen = HashSet::new();
    collect(&task.title, &mut files, &mut seen);
    if files.is_empty() {
        labelled_lines(&task.description).for_each(|line| collect(line, &mut files, &mut seen));
    }
    if files.len() > MOST_FILES {
        files.clear();
    }
    files
}

/// The lines of a description outside code blocks that are labelled as naming files.
fn labelled_lines(description: &str) -> impl Iterator<Item = &str> {
    let mut fence: Option<Fence> = None;
    description.lines().filter_map(move |line| {
        let body = line.trim();
        if let Some(open) = fence {
            if open.is_closed_by(body) {
                fence = None;
            }
            return None;
        }
        fence = Fence::open(body, 0);
        let plain = body.trim_start_matches(['-', '*', '+', ' ', '_']);
        let (label, names) = plain.split_once([':', '：'])?;
        let label = label.trim_end_matches(['*', '_', ' ']).to_lowercase();
        LABELS.contains(&label.as_str()).then_some(names)
    })
}

fn collect(text: &str, files: &mut Vec<String>, seen: &mut HashSet<String>) {
    let mut pointer = false;
    for (word, is_code) in words(text) {
        match path(word, is_code) {
            Some(path) if !pointer => {
                if !is_paper(&path) && seen.insert(path.clone()) {
                    files.push(path);
                }
            }
            // “see a.rs and b.rs”: the pointer counts for the list.
            Some(_) => {}
            None => {
                let bare = word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
                let joins =
                    bare.is_empty() || matches!(bare.as_str(), "and" | "or" | "und" | "et" | "y" | "e");
                pointer = pointer && joins || POINTERS.iter().any(|pointer| bare == *pointer);
            }
        }
    }
}

/// The words of a text, and whether each is a code span. A span without blanks is one word; in
/// others, which are commands, nothing is a place of work.
fn words(text: &str) -> impl Iterator<Item = (&str, bool)> {
    text.split('`').enumerate().flat_map(|(position, part)| {
        let is_code = position % 2 == 1;
        let code = (is_code && !part.contains(char::is_whitespace)).then_some((part, true));
        let plain = (!is_code).then(|| part.split(is_gap).map(|word| (word, false)));
        code.into_iter().chain(plain.into_iter().flatten())
    })
}

/// What no path holds. Letters of other scripts follow paths without a blank.
fn is_gap(character: char) -> bool {
    character.is_whitespace() || "()（）,，、;；:：\"'“”<>|=*".contains(character)
}

/// The word as a path; `None` if it is none.
fn path(word: &str, is_code: bool) -> Option<String> {
    let word = word.trim_end_matches(['.', '!', '?', '。']);
    let word = word.split_once(':').map_or(word, |(path, line)| {
        if line.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') { path } else { word }
    });
    let word = word.strip_prefix("./").unwrap_or(word);
    let fits = |c: char| c.is_ascii_alphanumeric() || "._-/@+~[](){}$".contains(c);
    if word.len() > LONGEST_PATH || word.contains("//") || word.starts_with('/') || !word.chars().all(fits) {
        return None;
    }
    let (folder, name) = word.rsplit_once('/').unwrap_or(("", word));
    let (stem, ending) = name.rsplit_once('.')?;
    let is_ending = (1..=10).contains(&ending.len())
        && ending.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && ending.bytes().any(|byte| byte.is_ascii_alphabetic());
    let is_file = if folder.is_empty() { is_code && !stem.is_empty() && is_known(ending) } else { is_ending };
    is_file.then(|| word.to_owned())
}

fn is_known(ending: &str) -> bool {
    ENDINGS.iter().any(|known| known.eq_ignore_ascii_case(ending))
}

fn is_paper(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    PAPERS.contains(&name) || path.starts_with("specs/") || path.starts_with("contracts/")
}
