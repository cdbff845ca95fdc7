//! Words that differ from one run to the next, made the same.

/// Ids, pieces of ids, moments, spans and numbers of milliseconds become `…`; so does what follows from their width.
pub(crate) fn settled(text: &str) -> String {
    text.lines().map(settled_line).collect::<Vec<_>>().join("\n")
}

/// What follows a number in a span of time, and what of it stays. A slow machine says `1.2 s` where a fast one says `12 ms`.
const SPANS: [(&str, &str); 6] =
    [(" s ago", ""), (" min ago", ""), (" h ago", ""), (" ms", ""), (" s)", ")"), (" s\n", "\n")];

/// So much of a word that is cut off is there in every width.
const SURELY_LEFT: usize = 16;

fn settled_line(line: &str) -> String {
    // A phrase is settled before words are looked at.
    let mut line = line.replace("just now", "…") + "\n";
    for (end, kept) in SPANS {
        while let Some(at) = line.find(end) {
            let start =
                line[..at].rfind(|c: char| !c.is_ascii_digit() && c != '.').map_or(0, |start| start + 1);
            if start == at {
                break;
            }
            line.replace_range(start..at + end.len(), &format!("…{kept}"));
        }
    }
    let word = |word: &str| match word.strip_suffix('…') {
        _ if varies(word) => "…".to_owned(),
        // How much of a cell is left depends on how wide the others are.
        Some(cut) if !cut.is_empty() => cut.chars().take(SURELY_LEFT).chain(['…']).collect(),
        _ => word.to_owned(),
    };
    line.split_whitespace().map(word).collect::<Vec<_>>().join(" ")
}

fn varies(word: &str) -> bool {
    let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
    let hex = |text: &str| text.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
    let piece = bare.len() == 8 && hex(bare) && bare.chars().any(|c| c.is_ascii_digit());
    let letters = bare.len() == 8 && hex(bare) && bare.chars().all(|c| c.is_ascii_lowercase());
    let moment = bare.len() >= 8 && bare.starts_with("20") && bare.chars().any(|c| c == '-' || c == ':');
    let clock = bare.len() == 8 && bare.matches(':').count() == 2;
    piece
        || letters
        || (bare.len() == 36 && hex(bare))
        || moment
        || clock
        || bare.starts_with("task_exec_")
        || bare.starts_with("observation_")
}

#[test]
fn what_varies_is_settled_and_nothing_else() {
    assert_eq!(
        settled("created goal 1cef10aa “Ship” 01a1fca3-d642-76f1-acec-dffb169cef10"),
        "created goal … “Ship” …"
    );
    assert_eq!(settled("T001  3 min ago  2 of 3 tasks"), "T001 … 2 of 3 tasks");
    assert_eq!(settled("2026-11-21 06:04:52 UTC (just now)"), "… … UTC (…)");
    assert_eq!(settled("[{\"characters\":34,\"lines…"), settled("[{\"characters\":34,\"lines\":1…"));
    assert_ne!(settled("[{\"characters\":34,\"li…"), settled("[{\"words\":34,\"characters\":1…"));
    assert_eq!(settled("took 12 ms"), "took …");
    assert_eq!(settled("took 1.2 s"), "took …");
    assert_eq!(settled("done (1.2 s)"), settled("done (12 ms)"));
}
