//! Words that say who waits for whom, in the languages plans are written in.

use std::collections::HashMap;
use std::sync::LazyLock;

/// Who waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sense {
    /// What stands before the phrase waits for what stands behind it.
    Waits,
    /// What stands behind the phrase waits for what stands before it.
    Blocks,
}

/// How much of a statement the phrase alone makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    /// Says nothing else: “depends on”.
    Strong,
    /// An ordinary word as well: “after”.
    Weak,
    /// A noun that needs a colon: “Dependencies:”.
    Label,
    /// Stands behind what is waited for, as in Japanese; otherwise strong.
    Behind,
    /// Stands behind what is waited for, and is an ordinary word as well.
    WeakBehind,
}

/// A phrase with its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Phrase {
    pub(super) sense: Sense,
    pub(super) weight: Weight,
}

use Sense::{Blocks, Waits};
use Weight::{Behind, Label, Strong, Weak, WeakBehind};

/// Phrases of words with blanks between them, in lower case.
const SPACED: &[(Sense, Weight, &[&str])] = &[
    (
        Waits,
        Strong,
        &[
            "depends on",
            "depend on",
            "depends upon",
            "dependent on",
            "depending on",
            "blocked by",
            "gated by",
            "requires",
            "require",
            "waits for",
            "wait for",
            "waits on",
            "wait on",
            "needs",
            "need",
            "hängt ab von",
            "hängen ab von",
            "hängt von",
            "hängen von",
            "abhängig von",
            "benötigt",
            "benötigen",
            "braucht",
            "brauchen",
            "erfordert",
            "erfordern",
            "wartet auf",
            "warten auf",
            "blockiert durch",
            "blockiert von",
            "setzt",
            "setzen",
            "dépend de",
            "dépendent de",
            "dépend du",
            "dépend des",
            "dépendent des",
            "dépendant de",
            "nécessite",
            "nécessitent",
            "requiert",
            "requièrent",
            "bloqué par",
            "bloquée par",
            "bloqués par",
            "attend",
            "attendent",
            "depende de",
            "dependen de",
            "dependem de",
            "depende da",
            "depende do",
            "dependem da",
            "dependem do",
            "requiere",
            "requieren",
            "necesita",
            "necesitan",
            "bloqueado por",
            "bloqueada por",
            "espera a",
            "esperan a",
            "requer",
            "requerem",
            "precisa de",
            "precisam de",
            "precisa da",
            "precisa do",
            "aguarda",
            "aguardam",
            "dipende da",
            "dipendono da",
            "richiede",
            "richiedono",
            "bloccato da",
            "bloccata da",
            "hangt af van",
            "зависит от",
            "зависят от",
            "требует",
            "требуют",
            "блокируется",
        ],
    ),
    (
        Waits,
        Weak,
        &[
            "after",
            "nach",
            "après",
            "después de",
            "tras",
            "depois de",
            "depois da",
            "depois do",
            "após",
            "dopo",
            "после",
        ],
    ),
    (
        Waits,
        Label,
        &[
            "depends",
            "dependencies",
            "dependency",
            "prerequisite",
            "prerequisites",
            "predecessor",
            "predecessors",
            "abhängigkeit",
            "abhängigkeiten",
            "voraussetzung",
            "voraussetzungen",
            "dépendance",
            "dépendances",
            "prérequis",
            "dependencia",
            "dependencias",
            "requisitos",
            "dependência",
            "dependências",
            "pré-requisitos",
            "dipendenze",
            "зависимости",
            "зависимость",
        ],
    ),
    (
        Blocks,
        Strong,
        &[
            "blocks",
            "block",
            "unblocks",
            "unblock",
            "precedes",
            "precede",
            "required by",
            "required for",
            "needed by",
            "needed for",
            "prerequisite for",
            "prerequisite of",
            "prerequisites for",
            "blockiert",
            "blockieren",
            "voraussetzung für",
            "bloque",
            "bloquent",
            "bloquea",
            "bloquean",
            "bloqueia",
            "bloqueiam",
            "blocca",
            "bloccano",
            "блокирует",
            "блокируют",
        ],
    ),
    (Blocks, Weak, &["before", "vor", "avant", "antes de", "antes da", "antes do", "prima di", "перед"]),
];

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

type Candidates = Vec<(Vec<&'static str>, Phrase)>;

/// The phrases by their first word, the longest first.
static BY_FIRST_WORD: LazyLock<HashMap<&'static str, Candidates>> = LazyLock::new(|| {
    let mut table: HashMap<&'static str, Candidates> = HashMap::new();
    for &(sense, weight, phrases) in SPACED {
        for phrase in phrases {
            let words: Vec<&str> = phrase.split(' ').collect();
            table.entry(words[0]).or_default().push((words, Phrase { sense, weight }));
        }
    }
    for candidates in table.values_mut() {
        candidates.sort_by_key(|(words, _)| std::cmp::Reverse(words.len()));
    }
    table
});

/// The phrases that begin with a word in lower case, the longest first.
pub(super) fn beginning_with(word: &str) -> &'static [(Vec<&'static str>, Phrase)] {
    BY_FIRST_WORD.get(word).map_or(&[], Vec::as_slice)
}

/// The phrase without blanks that `text` begins with, and its length in bytes.
pub(super) fn unspaced_at(text: &str) -> Option<(Phrase, usize)> {
    let found = UNSPACED.iter().find(|(phrase, ..)| text.starts_with(phrase));
    found.map(|&(phrase, sense, weight)| (Phrase { sense, weight }, phrase.len()))
}

/// What a word that is no phrase may do in a statement. A word may do several things.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Role {
    /// May stand among ids: “tasks”, “both”.
    pub(super) fills: bool,
    /// May stand between who waits and the phrase: “must only start”.
    pub(super) bridges: bool,
    /// Ids behind it are no longer what is waited for: “which”.
    pub(super) stops: bool,
    /// Turns the phrase round: “not”.
    pub(super) negates: bool,
    /// Speaks of work side by side: “parallel”.
    pub(super) is_parallel: bool,
    /// Says that something is finished: “complete”.
    pub(super) finishes: bool,
    /// Points at one certain thing: “the”.
    pub(super) points: bool,
}

/// The role of a word in lower case.
pub(super) fn role_of(word: &str) -> Role {
    let none = Role::default();
    match word {
        "the" => Role { fills: true, points: true, ..none },
        "or" | "both" | "all" | "of" | "on" | "task" | "tasks" | "only" | "also" | "plus" | "completing"
        | "aufgabe" | "aufgaben" | "tâche" | "tâches" | "tarea" | "tareas" | "tarefa" | "tarefas"
        | "then" | "beide" | "beiden" => Role { fills: true, bridges: true, ..none },
        "completion" | "complete" | "completes" | "completed" | "done" | "finish" | "finishes"
        | "finished" | "lands" | "landed" | "passes" | "passing" | "passed" | "merged" | "fertig"
        | "abgeschlossen" | "terminée" | "terminé" | "terminada" | "concluída" => {
            Role { finishes: true, bridges: true, fills: word == "completion", ..none }
        }
        "is" | "are" | "has" | "have" | "been" => Role { finishes: true, bridges: true, ..none },
        "must" | "should" | "can" | "may" | "will" | "to" | "be" | "run" | "runs" | "start" | "starts"
        | "begin" | "begins" | "come" | "comes" | "go" | "goes" | "happen" | "happens" | "directly"
        | "strictly" | "sequential" | "sequentially" | "each" | "a" | "an" | "immediately" | "right"
        | "work" | "itself" | "muss" | "müssen" | "kann" | "können" | "erst" | "darf" | "dürfen"
        | "beginnt" | "beginnen" | "startet" | "starten" | "läuft" | "laufen" | "doit" | "doivent"
        | "peut" | "peuvent" | "commence" | "commencent" | "debe" | "deben" | "puede" | "pueden"
        | "empieza" | "empiezan" | "va" | "van" | "deve" | "devem" | "pode" | "podem" | "começa"
        | "começam" | "ist" | "sind" | "est" | "sont" | "está" | "están" | "estão" | "é" | "es" => {
            Role { bridges: true, ..none }
        }
        "which" | "that" | "but" | "see" | "so" | "while" | "until" | "unless" | "blocking"
        | "superseded" | "instead" | "siehe" | "voir" | "véase" | "aber" | "mais" | "pero" | "mas" => {
            Role { stops: true, ..none }
        }
        "none" | "nothing" | "keine" | "keiner" | "aucune" | "aucun" | "ninguna" | "ninguno" | "nenhuma"
        | "nenhum" | "nobody" | "not" | "never" | "no" | "longer" | "cannot" | "without" | "nicht"
        | "kein" | "nie" | "ohne" | "pas" | "ne" | "non" | "sans" | "sin" | "nunca" | "não" | "sem"
        | "не" | "нет" | "без" => Role { stops: true, negates: true, ..none },
        "parallel"
        | "concurrently"
        | "independent"
        | "independently"
        | "simultaneously"
        | "parallèle"
        | "paralelo"
        | "параллельно"
        | "unabhängig"
        | "gleichzeitig" => Role { stops: true, is_parallel: true, ..none },
        _ if word.ends_with("n't") || word.ends_with("n’t") => Role { stops: true, negates: true, ..none },
        _ => none,
    }
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
    const PARALLEL: Role = Role { is_parallel: true, ..NONE };
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
pub(super) fn unspaced_role_at(text: &str) -> Option<(Role, usize)> {
    let found = UNSPACED_ROLES.iter().find(|(word, _)| text.starts_with(word));
    found.map(|&(word, role)| (role, word.len()))
}
