//! What a section is for, by its heading, in the languages plans are written in.

/// What a section is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// It lists tasks.
    Work,
    /// It says in which order tasks are done.
    Order,
    /// It talks about tasks: notes, examples, summaries, strategy. Nothing there is a statement.
    Talk,
}

/// Headings that begin so say in which order tasks are done.
const ORDER: [&str; 27] = [
    "dependencies",
    "dependency",
    "task dependencies",
    "phase dependencies",
    "user story dependencies",
    "story dependencies",
    "phase & story dependencies",
    "parallel opportunities",
    "execution order",
    "依赖",
    "依賴",
    "执行顺序",
    "依存",
    "実行順",
    "의존",
    "실행 순서",
    "abhängigkeit",
    "reihenfolge",
    "ausführungsreihenfolge",
    "dépendance",
    "ordre d",
    "dependencia",
    "orden de",
    "dependência",
    "ordem de",
    "dipendenze",
    "зависимости",
];

/// How many of [`ORDER`] are English.
const ENGLISH: usize = 9;

/// Headings that begin so talk about tasks.
const TALK: [&str; 45] = [
    "notes",
    "note:",
    "summary",
    "implementation strategy",
    "parallel example",
    "parallel execution",
    "parallel team",
    "format",
    "备注",
    "備註",
    "注意事项",
    "说明",
    "总结",
    "摘要",
    "实施策略",
    "实现策略",
    "格式",
    "メモ",
    "備考",
    "注意",
    "まとめ",
    "サマリー",
    "実装戦略",
    "フォーマット",
    "메모",
    "참고",
    "요약",
    "hinweise",
    "notizen",
    "anmerkungen",
    "zusammenfassung",
    "strategie",
    "umsetzungsstrategie",
    "remarques",
    "résumé",
    "stratégie",
    "notas",
    "resumen",
    "estrategia",
    "resumo",
    "estratégia",
    "observações",
    "примечани",
    "итоги",
    "заметки",
];

/// Headings of these words alone talk about tasks as well; longer ones may list work.
const TALK_ALONE: [&str; 6] =
    ["strategy", "task summary", "implementation notes", "note", "task count summary", "status"];

/// The purpose of a section from its heading in lower case, and from that of the section around it.
pub(super) fn purpose(lower: &str, around: Option<Purpose>) -> Purpose {
    // “Phase 1: Setup (Dependencies & Configuration)” and “Install dependencies” list work.
    let name = lower.trim_start_matches(|c: char| !c.is_alphabetic());
    let begins = |list: &[&str]| list.iter().any(|beginning| name.starts_with(beginning));
    if around == Some(Purpose::Talk) || begins(&TALK) || TALK_ALONE.contains(&name) {
        Purpose::Talk
    } else if around == Some(Purpose::Order) || begins(&ORDER) {
        Purpose::Order
    } else {
        Purpose::Work
    }
}

/// Whether a heading about order, in lower case, is an English one.
pub(super) fn is_english(lower: &str) -> bool {
    ORDER[..ENGLISH].iter().any(|name| lower.contains(name))
}
