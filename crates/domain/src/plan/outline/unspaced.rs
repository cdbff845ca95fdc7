//! Phrases and words of scripts that have no blanks between words.

use super::phrases::Phrase;
use super::phrases::Sense::{self, Blocks, Waits};
use super::phrases::Weight::{self, Behind, Label, Strong, WeakBehind};
use super::roles::Role;

/// Phrases of scripts without blanks between words; longer ones before those they begin with.
const UNSPACED: &[(&str, Sense, Weight)] = &[
    ("依赖关系", Waits, Label),
    ("依賴關係", Waits, Label),
    ("依赖项", Waits, Label),
    ("依存関係", Waits, Label),
    ("依存タスク", Waits, Label),
    ("前提条件", Waits, Label),
    ("前提タスク", Waits, Label),
    ("前置任务", Waits, Label),
    ("先行タスク", Waits, Label),
    ("선행 작업", Waits, Label),
    ("의존성", Waits, Label),
    ("依赖于", Waits, Strong),
    ("依赖", Waits, Strong),
    ("依賴於", Waits, Strong),
    ("依賴", Waits, Strong),
    ("取决于", Waits, Strong),
    ("需要等待", Waits, Strong),
    ("等待", Waits, Strong),
    ("需要", Waits, Strong),
    ("に依存", Waits, Behind),
    ("へ依存", Waits, Behind),
    ("を待つ", Waits, Behind),
    ("が必要", Waits, Behind),
    ("を必要", Waits, Behind),
    ("依存", Waits, Label),
    ("에 의존", Waits, Behind),
    ("の完了後", Waits, WeakBehind),
    ("完了後", Waits, WeakBehind),
    ("の後", Waits, WeakBehind),
    ("完成之后", Waits, WeakBehind),
    ("完成后", Waits, WeakBehind),
    ("完成後", Waits, WeakBehind),
    ("之后", Waits, WeakBehind),
    ("之後", Waits, WeakBehind),
    ("以后", Waits, WeakBehind),
    ("이후", Waits, WeakBehind),
    ("阻塞", Blocks, Strong),
    ("阻止", Blocks, Strong),
    ("先于", Blocks, Strong),
    ("先於", Blocks, Strong),
    ("をブロック", Blocks, Behind),
    ("之前", Blocks, WeakBehind),
    ("の前", Blocks, WeakBehind),
    ("이전", Blocks, WeakBehind),
];

/// The phrase without blanks that `text` begins with, and its length in bytes.
pub(super) fn phrase_at(text: &str) -> Option<(Phrase, usize)> {
    let found = UNSPACED.iter().find(|(phrase, ..)| text.starts_with(phrase));
    found.map(|&(phrase, sense, weight)| (Phrase { sense, weight }, phrase.len()))
}

/// Words of scripts without blanks that have a role; longer ones before those they begin with.
const UNSPACED_ROLES: &[(&str, Role)] = {
    const NONE: Role = Role {
        fills: false,
        bridges: false,
        stops: false,
        negates: false,
        is_parallel: false,
        finishes: false,
        points: false,
    };
    const BRIDGE: Role = Role { bridges: true, ..NONE };
    const NEGATION: Role = Role { negates: true, stops: true, ..NONE };
    const PARALLEL: Role = Role { is_parallel: true, bridges: true, ..NONE };
    const FINISH: Role = Role { finishes: true, bridges: true, ..NONE };
    &[
        ("并行", PARALLEL),
        ("並行", PARALLEL),
        ("並列", PARALLEL),
        ("병렬", PARALLEL),
        ("没有", NEGATION),
        ("しない", NEGATION),
        ("しません", NEGATION),
        ("なし", NEGATION),
        ("ない", NEGATION),
        ("하지 않", NEGATION),
        ("无", NEGATION),
        ("無", NEGATION),
        ("不", NEGATION),
        ("未", NEGATION),
        ("完成", FINISH),
        ("完了", FINISH),
        ("必须", BRIDGE),
        ("必須", BRIDGE),
        ("应该", BRIDGE),
        ("只能", BRIDGE),
        ("才能", BRIDGE),
        ("可以", BRIDGE),
        ("任务", Role { fills: true, ..BRIDGE }),
        ("タスク", Role { fills: true, ..BRIDGE }),
        ("在", BRIDGE),
        ("应", BRIDGE),
        ("须", BRIDGE),
        ("可", BRIDGE),
        ("都", BRIDGE),
        ("均", BRIDGE),
        ("は", BRIDGE),
        ("が", BRIDGE),
        ("も", BRIDGE),
        ("는", BRIDGE),
        ("은", BRIDGE),
    ]
};

/// The word with a role that `text` begins with, and its length in bytes.
pub(super) fn role_at(text: &str) -> Option<(Role, usize)> {
    let found = UNSPACED_ROLES.iter().find(|(word, _)| text.starts_with(word));
    found.map(|&(word, role)| (role, word.len()))
}
