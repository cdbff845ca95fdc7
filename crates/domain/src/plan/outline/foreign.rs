//! Texts of other programs, told apart by how they begin and what their lines look like.

/// What a text looks like instead of a plan, with the line that shows it.
pub(super) struct Foreign {
    /// From 1.
    pub(super) line: u32,
    pub(super) found: String,
}

/// How files begin that are no text, even where somebody read them as one.
const SIGNATURES: [(&str, &str); 9] = [
    ("%PDF-", "a PDF file; export it as Markdown or copy its text"),
    ("PK\u{3}\u{4}", "a ZIP archive or an Office document; save the document as Markdown"),
    ("{\\rtf", "a rich text document; save it as Markdown"),
    ("GIF8", "a GIF image"),
    ("\u{fffd}PNG", "a PNG image"),
    ("\u{89}PNG", "a PNG image"),
    ("%!PS", "a PostScript file"),
    ("SQLite format 3", "an SQLite database"),
    ("\u{7f}ELF", "a program"),
];

/// Recognises files that are no text by how they begin.
pub(super) fn signature(text: &str) -> Option<Foreign> {
    let (_, name) = SIGNATURES.iter().find(|(start, _)| text.starts_with(start))?;
    Some(Foreign { line: 1, found: format!("the file is {name}") })
}

/// Characters that no text file holds, and what they are.
pub(super) fn no_text(text: &str) -> Option<Foreign> {
    let is_foreign = |c: char| c.is_control() && (c as u32) < 0x20 && !"\t\n\r\u{b}\u{c}".contains(c);
    // A single lost character is a slip of some editor; a text that begins with one never was one.
    let at = text.find(is_foreign).or_else(|| text.starts_with('\u{fffd}').then_some(0))?;
    let line = text[..at].bytes().filter(|&byte| byte == b'\n').count() + 1;
    let character = text[at..].chars().next().map_or(0, u32::from);
    let found = format!(
        "the control character U+{character:04X} belongs to no text file; it may be an image or a program"
    );
    let found = if character == 0xfffd { "the file is no text in UTF-8".to_owned() } else { found };
    Some(Foreign { line: u32::try_from(line).unwrap_or(u32::MAX), found })
}

/// Recognises texts without a single task. Nothing here looks further than the first few thousand
/// lines.
pub(super) fn text_without_tasks(text: &str) -> Option<Foreign> {
    const MOST_LINES: usize = 2_000;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines: Vec<(u32, &str)> =
        (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()).take(MOST_LINES).collect();
    let &(first, start) = lines.first()?;
    let begins = |prefix: &str| start.trim_start().starts_with(prefix);
    let body = start.trim_start();
    let is_json =
        begins("{") || begins("[") && !begins("[ ]") && !start.contains("](") && !is_ini_section(body);
    if is_json {
        return Some(shown(first, &body[..1], "JSON"));
    }
    if begins("<?php") {
        return Some(shown(first, body, "source code (PHP)"));
    }
    if begins("<") {
        return Some(shown(first, body, "HTML or XML"));
    }
    if begins("#!") {
        return Some(shown(first, body, "a script"));
    }
    if lines.iter().any(|(_, line)| is_heading(line)) && !lines.iter().any(|(_, line)| is_include(line)) {
        return None;
    }
    yaml(&lines).or_else(|| ini(&lines)).or_else(|| source_code(&lines)).or_else(|| table(&lines))
}

fn shown(line: u32, text: &str, what: &str) -> Foreign {
    Foreign { line, found: format!("`{}` looks like {what}", shortened(text.trim())) }
}

/// Up to forty characters of a line.
pub(super) fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(40).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

fn is_heading(line: &str) -> bool {
    super::section::Heading::parse(line.trim()).is_some_and(|(_, text)| !text.is_empty())
}

fn is_include(line: &str) -> bool {
    line.starts_with("#include") || line.starts_with("#!")
}

/// Keys at the margin. `steps:` among them makes a chain.
fn yaml(lines: &[(u32, &str)]) -> Option<Foreign> {
    let keys: Vec<(u32, &str, &str)> =
        lines.iter().filter_map(|&(number, line)| Some((number, line, key(line)?))).collect();
    if let Some(&(number, line, _)) =
        keys.iter().find(|(_, line, key)| *key == "steps" && line.trim() == "steps:")
        && keys.len() > 1
    {
        return Some(shown(number, line, "a chain in YAML, which runs by itself and is no plan"));
    }
    let belongs = |line: &str| key(line).is_some() || line.starts_with([' ', '\t', '-', '#', ']', '}']);
    let is_yaml = keys.len() > 1 && lines.iter().all(|(_, line)| belongs(line));
    is_yaml.then(|| shown(keys[0].0, keys[0].1, "YAML"))
}

/// The key of a line `key: value` without indentation.
fn key(line: &str) -> Option<&str> {
    let (key, value) = line.split_once(':')?;
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    let is_key = !key.is_empty() && key.bytes().all(fits);
    (is_key && (value.is_empty() || value.starts_with(' '))).then_some(key)
}

fn is_ini_section(line: &str) -> bool {
    let inside = line.trim().strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let fits = |c: char| c.is_ascii_alphanumeric() || "._-[]\"' ".contains(c);
    inside.is_some_and(|name| {
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '[') && name.chars().all(fits)
    })
}

/// `[section]` and `key = value`.
fn ini(lines: &[(u32, &str)]) -> Option<Foreign> {
    let &(number, line) = lines.iter().find(|(_, line)| is_ini_section(line))?;
    let sets = |line: &str| line.split_once('=').is_some_and(|(key, _)| !key.trim().contains(' '));
    lines.iter().any(|(_, line)| sets(line)).then(|| shown(number, line, "TOML or another settings file"))
}

/// Lines that only programs have, a third of all at least.
fn source_code(lines: &[(u32, &str)]) -> Option<Foreign> {
    const BEGINNINGS: [&str; 25] = [
        "import ",
        "#include",
        "package ",
        "use ",
        "fn ",
        "pub ",
        "def ",
        "class ",
        "func ",
        "function ",
        "const ",
        "let ",
        "var ",
        "public ",
        "private ",
        "using ",
        "namespace ",
        "export ",
        "impl ",
        "struct ",
        "SELECT ",
        "CREATE ",
        "//",
        "return ",
        "}",
    ];
    let is_code = |line: &str| {
        let body = line.trim();
        let is_import = body.starts_with("from ") && body.contains(" import ");
        BEGINNINGS.iter().any(|beginning| body.starts_with(beginning))
            || is_import
            || body.ends_with([';', '{', '}'])
            || body.ends_with("):")
    };
    let mut code = lines.iter().filter(|(_, line)| is_code(line));
    let &(number, line) = code.next()?;
    let count = code.count() + 1;
    (count >= 3 && count * 3 >= lines.len()).then(|| shown(number, line, "source code"))
}

/// Every line has as many separators as the first.
fn table(lines: &[(u32, &str)]) -> Option<Foreign> {
    let &(number, head) = lines.first()?;
    let is_table = |separator: char| {
        let count = |line: &str| line.matches(separator).count();
        let expected = count(head);
        // Quoted cells may hold separators, so some lines may have more of them.
        let same = lines.iter().filter(|(_, line)| count(line) == expected).count();
        expected > 0 && lines.len() > 1 && same * 3 >= lines.len() * 2 && !head.contains(". ")
    };
    [',', ';', '\t'].into_iter().any(is_table).then(|| shown(number, head, "a table (CSV)"))
}
