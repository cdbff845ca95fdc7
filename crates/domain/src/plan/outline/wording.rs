//! What other languages call phases, stories and their order, in the words that statements about
//! phases are read in.

use std::borrow::Cow;

/// No name or statement that people write is longer, in characters.
const MOST_CHARS: usize = 1_000;

/// Signs and words of scripts without blanks; longer ones before those they begin with.
const UNSPACED: &[(&str, &str)] = &[
    ("（", "("),
    ("）", ")"),
    ("：", ":"),
    ("，", ", "),
    ("、", ", "),
    ("。", ". "),
    ("；", "; "),
    ("～", "-"),
    ("没有依赖", " no dependencies "),
    ("無其他依賴", " no dependencies "),
    ("无其他依赖", " no dependencies "),
    ("无依赖", " no dependencies "),
    ("無依賴", " no dependencies "),
    ("不依赖", " does not depend on "),
    ("不依賴", " does not depend on "),
    ("依存関係なし", " no dependencies "),
    ("依存なし", " no dependencies "),
    ("依赖于", " depends on "),
    ("依赖", " depends on "),
    ("依賴", " depends on "),
    ("需要", " requires "),
    ("所有用户故事", " all user stories "),
    ("所有使用者故事", " all user stories "),
    ("すべてのユーザーストーリー", " all user stories "),
    ("全ユーザーストーリー", " all user stories "),
    ("用户故事", " user story "),
    ("使用者故事", " user story "),
    ("ユーザーストーリー", " user story "),
    ("所有之前的阶段", " all previous phases "),
    ("所有阶段", " all phases "),
    ("阶段", " phase "),
    ("階段", " phase "),
    ("フェーズ", " phase "),
    ("단계", " phase "),
    ("立即", " immediately "),
    ("すぐに", " immediately "),
    ("以及", " and "),
    ("和", " and "),
    ("与", " and "),
    ("と", " and "),
];

/// Words between blanks, in lower case; longer ones before those they begin with.
const SPACED: &[(&str, &str)] = &[
    ("keine abhängigkeiten", "no dependencies"),
    ("aucune dépendance", "no dependencies"),
    ("pas de dépendance", "no dependencies"),
    ("sin dependencias", "no dependencies"),
    ("sem dependências", "no dependencies"),
    ("nessuna dipendenza", "no dependencies"),
    ("без зависимостей", "no dependencies"),
    ("hängt ab von", "depends on"),
    ("hängen ab von", "depends on"),
    ("hängt von", "depends on"),
    ("hängen von", "depends on"),
    ("abhängig von", "depends on"),
    ("dépend de", "depends on"),
    ("dépend du", "depends on"),
    ("dépendent de", "depends on"),
    ("dépendent du", "depends on"),
    ("depende de", "depends on"),
    ("dependen de", "depends on"),
    ("depende da", "depends on"),
    ("depende do", "depends on"),
    ("dependem de", "depends on"),
    ("dependem da", "depends on"),
    ("dipende da", "depends on"),
    ("dipendono da", "depends on"),
    ("зависит от", "depends on"),
    ("зависят от", "depends on"),
    ("después de", "after"),
    ("depois de", "after"),
    ("depois da", "after"),
    ("benötigt", "requires"),
    ("benötigen", "requires"),
    ("braucht", "requires"),
    ("nécessite", "requires"),
    ("requiere", "requires"),
    ("requer", "requires"),
    ("nach", "after"),
    ("après", "after"),
    ("após", "after"),
    ("dopo", "after"),
    ("после", "after"),
    ("sofort", "immediately"),
    ("immédiatement", "immediately"),
    ("inmediatamente", "immediately"),
    ("imediatamente", "immediately"),
    ("alle vorherigen", "all previous"),
    ("toutes les", "all"),
    ("todas las", "all"),
    ("todas as", "all"),
    ("alle", "all"),
    ("tutte le", "all"),
    ("historias de usuario", "user stories"),
    ("historia de usuario", "user story"),
    ("histórias de usuário", "user stories"),
    ("história de usuário", "user story"),
    ("phasen", "phases"),
    ("fases", "phases"),
    ("fase", "phase"),
    ("фазы", "phase"),
    ("фаза", "phase"),
    ("этап", "phase"),
    ("étapes", "phases"),
    ("étape", "phase"),
];

/// Joints of lists. They are short words of English as well, so they count beside others only.
const JOINTS: [&str; 6] = ["und", "et", "y", "e", "и", "oder"];

/// Phrases behind which their object does not stand but before.
const BEHIND: &[(&str, &str)] = &[
    ("に依存しない", "no dependencies on"),
    ("に依存しません", "no dependencies on"),
    ("に依存", "depends on"),
    ("완료 후", "after"),
    ("完了後", "after"),
    ("完成之后", "after"),
    ("完成后", "after"),
    ("完成後", "after"),
    ("之后", "after"),
    ("之後", "after"),
    ("の後", "after"),
];

/// A text with the words about phases in English. Other words stay, and so does an English text.
pub(super) fn in_english(text: &str) -> Cow<'_, str> {
    let short: String = text.chars().take(MOST_CHARS).collect();
    let mut words = short.to_lowercase();
    let lower = words.clone();
    if !words.is_ascii() {
        words = BEHIND.iter().fold(words, |words, (from, to)| before_object(&words, from, to));
        words = UNSPACED.iter().fold(words, |words, (from, to)| words.replace(from, to));
    }
    words = SPACED.iter().fold(words, |words, (from, to)| replace_whole(&words, from, to));
    if words == lower {
        return Cow::Borrowed(text);
    }
    Cow::Owned(JOINTS.iter().fold(words, |words, from| replace_whole(&words, from, "and")))
}

/// Puts a phrase before its object: from the last sign, or the word that opens the phrase.
fn before_object(text: &str, phrase: &str, english: &str) -> String {
    let Some((before, behind)) = text.split_once(phrase) else {
        return text.to_owned();
    };
    const OPENINGS: [&str; 13] =
        ["：", ":", "。", "；", ";", "，", ",", "、", "在", "は", "依赖", "依賴", " - "];
    let opening = OPENINGS.iter().filter_map(|sign| Some((before.rfind(sign)? + sign.len(), *sign))).max();
    let (start, sign) = opening.unwrap_or((0, ""));
    let (head, object) = before.split_at(start);
    // “依赖 X 完成后” says both; once is enough.
    let english = if matches!(sign, "依赖" | "依賴") { "" } else { english };
    format!("{head} {english} {object} {behind}")
}

/// Replaces a word where no letter stands next to it.
fn replace_whole(text: &str, from: &str, to: &str) -> String {
    if !text.contains(from) {
        return text.to_owned();
    }
    let mut kept = String::with_capacity(text.len());
    let mut last = 0;
    for (at, found) in text.match_indices(from) {
        let end = at + found.len();
        let is_whole =
            !text[..at].ends_with(char::is_alphanumeric) && !text[end..].starts_with(char::is_alphanumeric);
        if is_whole {
            kept.push_str(&text[last..at]);
            kept.push_str(to);
            last = end;
        }
    }
    kept + &text[last..]
}
